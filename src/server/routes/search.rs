//! `/v1/search`, and what is searched with other words.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::Value;

use crate::engine::{DocumentTable, Snapshot};
use crate::search::{self, CacheMode, Query, QueryEncoder};
use crate::server::extract::{self, Body};
use crate::server::problem::{Problem, ProblemDto};
use crate::server::service::Service;
use crate::server::wire::{
    BatchRequest, BatchResponse, FacetDto, FacetResponse, Provenance, SearchParameters,
    SearchRequest, SearchResponse, batch_response, search_response,
};

use super::url_params::{self, FilterParameters, RouteParams};

/// Which facets are wanted.
#[derive(Deserialize)]
struct FacetParameters {
    #[serde(default)]
    facets: Vec<String>,
}

/// Longest `timeout_ms`: an hour.
const MAX_TIMEOUT_MS: u64 = 3_600_000;

/// Most searches that are answered together.
const MAX_BATCH_SEARCHES: usize = 100;

/// What a search's URL has.
const SEARCH_PARAMS: RouteParams = RouteParams {
    names: &[
        "q",
        "like",
        "unlike",
        "mode",
        "limit",
        "offset",
        "cursor",
        "min_score",
        "semantic_weight",
        "group_by",
        "group_size",
        "diversity",
        "ef",
        "exact",
        "include",
        "facets",
        "timeout_ms",
    ],
    repeatable: &["like", "unlike", "include", "facets"],
    strings: &["q", "mode", "group_by", "cursor"],
};

/// What a URL of facets has.
const FACET_PARAMS: RouteParams = RouteParams {
    names: &["facets"],
    repeatable: &["facets"],
    strings: &[],
};

/// Passages by meaning, by words, or both.
#[utoipa::path(
    post, path = "/v1/search", tag = "search",
    request_body = SearchRequest,
    responses((status = 200, body = SearchResponse), (status = "4XX", body = ProblemDto), (status = "5XX", body = ProblemDto))
)]
pub(super) async fn by_body(
    service: web::Data<Service>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let ready = service.encoder_and_snapshot()?;
    run_search(&service, ready, body.json()?, cache_mode(&request)).await
}

/// Passages by meaning, by words, or both, as a URL.
#[utoipa::path(
    get, path = "/v1/search", tag = "search",
    params(
        ("q" = Option<String>, Query, description = "what to look for", example = "sovereignty in cyberspace"),
        ("like" = Option<Vec<String>>, Query, description = "instead of `q`, passages by id or texts that the hits should be like"),
        FilterParameters, SearchParameters,
    ),
    responses((status = 200, body = SearchResponse), (status = "4XX", body = ProblemDto), (status = "5XX", body = ProblemDto))
)]
pub(super) async fn by_url(
    service: web::Data<Service>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let named = |problem: Problem| match problem.field() {
        Some("query") => problem.at("q"),
        _ => problem,
    };
    let ready = service.encoder_and_snapshot()?;
    let parameters = request_from_url(extract::query_pairs(&request)?, ready.1.document_table())
        .map_err(named)?;
    let answer = run_search(&service, ready, parameters, cache_mode(&request)).await;
    answer.map_err(named)
}

/// Several searches, answered from one snapshot.
#[utoipa::path(
    post, path = "/v1/search/batch", tag = "search",
    request_body = BatchRequest,
    responses((status = 200, body = BatchResponse), (status = "4XX", body = ProblemDto), (status = "5XX", body = ProblemDto))
)]
pub(super) async fn batch(
    service: web::Data<Service>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let start = Instant::now();
    let BatchRequest {
        searches,
        timeout_ms,
    } = body.json()?;
    if !(1..=MAX_BATCH_SEARCHES).contains(&searches.len()) {
        let detail = format!(
            "there are {} searches; expected 1 to {MAX_BATCH_SEARCHES}",
            searches.len()
        );
        return Err(Problem::parameter_out_of_range(detail).at("searches"));
    }
    let (encoder, snapshot) = service.encoder_and_snapshot()?;
    let caching = cache_mode(&request);
    let read = Arc::clone(&snapshot);
    let recheck = Arc::clone(service.recall_monitor());
    let idle = service.admission().waiting() == 0;
    let ((answers, stages), queue) = service
        .admission()
        .run_within(parse_timeout(timeout_ms)?, move || {
            let queries: Vec<Result<Query, Problem>> = searches
                .into_iter()
                .map(|search| search.query(&read))
                .collect();
            let good: Vec<&Query> = queries.iter().filter_map(|q| q.as_ref().ok()).collect();
            let (mut answers, stages) = search::search_all(&read, &encoder, &good, caching);
            for answer in answers.iter_mut().flatten() {
                if let Some(approximate) = answer.approximate.take() {
                    recheck.maybe_sample(&read, approximate, idle);
                }
            }
            Ok((zip_results(queries, answers), stages))
        })
        .await?;
    let answer = batch_response(&snapshot, answers, stages, queue, start)?;
    let mut response = HttpResponse::Ok();
    answer.timing_ms.attach(&mut response);
    Ok(response.json(answer))
}

/// Each query that could be checked with its answer.
fn zip_results(
    queries: Vec<Result<Query, Problem>>,
    answers: Vec<Result<search::SearchResults, search::SearchError>>,
) -> Vec<Result<(Query, search::SearchResults), Problem>> {
    let mut answers = answers.into_iter();
    let one = |query: Result<Query, Problem>| {
        let query = query?;
        match answers.next() {
            Some(answer) => Ok((query, answer?)),
            None => Err(Problem::internal("a search was left without an answer")),
        }
    };
    queries.into_iter().map(one).collect()
}

/// Counts of documents and passages by the values of fields: `facets`, by default speaker, country
/// and year; filtered as a search.
#[utoipa::path(
    get, path = "/v1/facets", tag = "search",
    params(
        ("facets" = Option<Vec<String>>, Query, description = "fields whose values are counted; those of a filter"),
        FilterParameters,
    ),
    responses((status = 200, body = FacetResponse), (status = "4XX", body = ProblemDto), (status = "5XX", body = ProblemDto))
)]
pub(super) async fn facets(
    service: web::Data<Service>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (_, snapshot) = service.engine_and_snapshot()?;
    let pairs = extract::query_pairs(&request)?;
    let (filter, fields) =
        url_params::parse_params(pairs, snapshot.document_table(), &FACET_PARAMS)?;
    let FacetParameters { mut facets } = extract::from_value(&Value::Object(fields))?;
    if facets.is_empty() {
        facets = ["speaker", "country", "year"].map(str::to_owned).to_vec();
    }
    let provenance = Provenance::from_snapshot(&snapshot);
    let (facets, _) = service
        .admission()
        .run(move || {
            Ok(search::count_facets(
                snapshot.document_table(),
                &filter,
                &facets,
            )?)
        })
        .await?;
    Ok(HttpResponse::Ok().json(FacetResponse {
        facets: facets.into_iter().map(FacetDto::from).collect(),
        provenance,
    }))
}

async fn run_search(
    service: &Service,
    (encoder, snapshot): (Arc<QueryEncoder>, Arc<Snapshot>),
    request: SearchRequest,
    caching: CacheMode,
) -> Result<HttpResponse, Problem> {
    let start = Instant::now();
    let max_wait = parse_timeout(request.timeout_ms)?;
    let query = request.query(&snapshot)?;
    let recheck = Arc::clone(service.recall_monitor());
    let idle = service.admission().waiting() == 0;
    let admitted = Instant::now();
    let (answer, _) = service
        .admission()
        .run_within(max_wait, move || {
            let queue = admitted.elapsed();
            let mut answer = search::search(&snapshot, &encoder, &query, caching)?;
            if let Some(approximate) = answer.approximate.take() {
                recheck.maybe_sample(&snapshot, approximate, idle);
            }
            search_response(&snapshot, &query, answer, queue, start)
        })
        .await?;
    let mut response = HttpResponse::Ok();
    answer.timing_ms.attach(&mut response);
    Ok(response.json(answer))
}

/// Passages like one.
pub(super) async fn search_like(
    service: &Service,
    id: &str,
    request: &HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut pairs = extract::query_pairs(request)?;
    if let Some((name, _)) = pairs.iter().find(|(name, _)| name == "q" || name == "like") {
        let detail = format!("{name} is given as well as a passage; expected one or the other");
        return Err(Problem::unknown_field(detail).at(name.clone()));
    }
    pairs.push(("like".to_owned(), id.to_owned()));
    let ready = service.encoder_and_snapshot()?;
    let parameters = request_from_url(pairs, ready.1.document_table())?;
    run_search(service, ready, parameters, cache_mode(request)).await
}

/// How long a client waits.
fn parse_timeout(timeout_ms: Option<u64>) -> Result<Option<Duration>, Problem> {
    match timeout_ms {
        Some(received) if !(1..=MAX_TIMEOUT_MS).contains(&received) => {
            let detail = format!("timeout_ms is {received}; expected 1 to {MAX_TIMEOUT_MS}");
            Err(Problem::parameter_out_of_range(detail).at("timeout_ms"))
        }
        patience => Ok(patience.map(Duration::from_millis)),
    }
}

/// A client that wants no answer from memory says so (RFC 9111, 5.2.1.5).
fn cache_mode(request: &HttpRequest) -> CacheMode {
    let no_store = request.headers().get_all(CACHE_CONTROL).any(|value| {
        let value = value.to_str().unwrap_or_default().to_ascii_lowercase();
        value
            .split(',')
            .any(|directive| directive.trim() == "no-store")
    });
    if no_store {
        CacheMode::Bypass
    } else {
        CacheMode::ReadWrite
    }
}

/// A search from the parameters of a URL.
fn request_from_url(
    pairs: Vec<(String, String)>,
    catalogue: &DocumentTable,
) -> Result<SearchRequest, Problem> {
    let (filter, mut fields) = url_params::parse_params(pairs, catalogue, &SEARCH_PARAMS)?;
    if let Some(query) = fields.remove("q") {
        fields.insert("query".to_owned(), query);
    }
    let mut search: SearchRequest = extract::from_value(&Value::Object(fields))?;
    search.set_filter(filter);
    Ok(search)
}
