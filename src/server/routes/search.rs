//! `/v1/search`, and what is searched with other words.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::Value;

use crate::engine::{Catalogue, Snapshot};
use crate::search::{self, Caching, Query, QueryEncoder};
use crate::server::extract::{self, Body};
use crate::server::problem::{Problem, ProblemBody};
use crate::server::service::Service;
use crate::server::wire::{
    BatchRequest, BatchResponse, FacetBody, FacetResponse, Provenance, SearchParameters,
    SearchRequest, SearchResponse, batch_response, search_response,
};

use super::url::{self, FilterParameters, Known};

/// Which facets are wanted.
#[derive(Deserialize)]
struct FacetParameters {
    #[serde(default)]
    facets: Vec<String>,
}

/// Longest `timeout_ms`: an hour.
const MOST_PATIENCE: u64 = 3_600_000;

/// Most searches that are answered together.
const MOST_SEARCHES: usize = 100;

/// What a search's URL has.
const KNOWN: Known = Known {
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
    lists: &["like", "unlike", "include", "facets"],
    texts: &["q", "mode", "group_by", "cursor"],
};

/// What a URL of facets has.
const KNOWN_FACETS: Known = Known {
    names: &["facets"],
    lists: &["facets"],
    texts: &[],
};

/// Passages by meaning, by words, or both.
#[utoipa::path(
    post, path = "/v1/search", tag = "search",
    request_body = SearchRequest,
    responses((status = 200, body = SearchResponse), (status = "4XX", body = ProblemBody), (status = "5XX", body = ProblemBody))
)]
pub(super) async fn by_body(
    service: web::Data<Service>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let ready = service.ready_to_search()?;
    answer(&service, ready, body.json()?, caching(&request)).await
}

/// Passages by meaning, by words, or both, as a URL.
#[utoipa::path(
    get, path = "/v1/search", tag = "search",
    params(
        ("q" = Option<String>, Query, description = "what to look for", example = "sovereignty in cyberspace"),
        ("like" = Option<Vec<String>>, Query, description = "instead of `q`, passages by id or texts that the hits should be like"),
        FilterParameters, SearchParameters,
    ),
    responses((status = 200, body = SearchResponse), (status = "4XX", body = ProblemBody), (status = "5XX", body = ProblemBody))
)]
pub(super) async fn by_url(
    service: web::Data<Service>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let named = |problem: Problem| match problem.field() {
        Some("query") => problem.at("q"),
        _ => problem,
    };
    let ready = service.ready_to_search()?;
    let parameters = from_url(extract::pairs(&request)?, ready.1.catalogue()).map_err(named)?;
    let answer = answer(&service, ready, parameters, caching(&request)).await;
    answer.map_err(named)
}

/// Several searches, answered from one snapshot.
#[utoipa::path(
    post, path = "/v1/search/batch", tag = "search",
    request_body = BatchRequest,
    responses((status = 200, body = BatchResponse), (status = "4XX", body = ProblemBody), (status = "5XX", body = ProblemBody))
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
    if !(1..=MOST_SEARCHES).contains(&searches.len()) {
        let detail = format!(
            "there are {} searches; expected 1 to {MOST_SEARCHES}",
            searches.len()
        );
        return Err(Problem::parameter_out_of_range(detail).at("searches"));
    }
    let (encoder, snapshot) = service.ready_to_search()?;
    let caching = caching(&request);
    let read = Arc::clone(&snapshot);
    let recheck = Arc::clone(service.recheck());
    let quiet = service.admission().waiting() == 0;
    let ((answers, stages), queue) = service
        .admission()
        .run_within(patience(timeout_ms)?, move || {
            let queries: Vec<Result<Query, Problem>> = searches
                .into_iter()
                .map(|search| search.query(&read))
                .collect();
            let good: Vec<&Query> = queries.iter().filter_map(|q| q.as_ref().ok()).collect();
            let (mut answers, stages) = search::search_all(&read, &encoder, &good, caching);
            for answer in answers.iter_mut().flatten() {
                if let Some(approximate) = answer.approximate.take() {
                    recheck.consider(&read, approximate, quiet);
                }
            }
            Ok((paired(queries, answers), stages))
        })
        .await?;
    let answer = batch_response(&snapshot, answers, stages, queue, start)?;
    let mut response = HttpResponse::Ok();
    answer.timing_ms.attach(&mut response);
    Ok(response.json(answer))
}

/// Each query that could be checked with its answer.
fn paired(
    queries: Vec<Result<Query, Problem>>,
    answers: Vec<Result<search::Answer, search::SearchError>>,
) -> Vec<Result<(Query, search::Answer), Problem>> {
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
    responses((status = 200, body = FacetResponse), (status = "4XX", body = ProblemBody), (status = "5XX", body = ProblemBody))
)]
pub(super) async fn facets(
    service: web::Data<Service>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (_, snapshot) = service.ready()?;
    let pairs = extract::pairs(&request)?;
    let (filter, given) = url::read(pairs, snapshot.catalogue(), &KNOWN_FACETS)?;
    let FacetParameters { mut facets } = extract::from_value(&Value::Object(given))?;
    if facets.is_empty() {
        facets = ["speaker", "country", "year"].map(str::to_owned).to_vec();
    }
    let provenance = Provenance::of(&snapshot);
    let (facets, _) = service
        .admission()
        .run(move || Ok(search::facets(snapshot.catalogue(), &filter, &facets)?))
        .await?;
    Ok(HttpResponse::Ok().json(FacetResponse {
        facets: facets.into_iter().map(FacetBody::from).collect(),
        provenance,
    }))
}

async fn answer(
    service: &Service,
    (encoder, snapshot): (Arc<QueryEncoder>, Arc<Snapshot>),
    request: SearchRequest,
    caching: Caching,
) -> Result<HttpResponse, Problem> {
    let start = Instant::now();
    let patience = patience(request.timeout_ms)?;
    let query = request.query(&snapshot)?;
    let recheck = Arc::clone(service.recheck());
    let quiet = service.admission().waiting() == 0;
    let admitted = Instant::now();
    let (answer, _) = service
        .admission()
        .run_within(patience, move || {
            let queue = admitted.elapsed();
            let mut answer = search::search(&snapshot, &encoder, &query, caching)?;
            if let Some(approximate) = answer.approximate.take() {
                recheck.consider(&snapshot, approximate, quiet);
            }
            search_response(&snapshot, &query, answer, queue, start)
        })
        .await?;
    let mut response = HttpResponse::Ok();
    answer.timing_ms.attach(&mut response);
    Ok(response.json(answer))
}

/// Passages like one.
pub(super) async fn like(
    service: &Service,
    id: &str,
    request: &HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut pairs = extract::pairs(request)?;
    if let Some((name, _)) = pairs.iter().find(|(name, _)| name == "q" || name == "like") {
        let detail = format!("{name} is given as well as a passage; expected one or the other");
        return Err(Problem::unknown_field(detail).at(name.clone()));
    }
    pairs.push(("like".to_owned(), id.to_owned()));
    let ready = service.ready_to_search()?;
    let parameters = from_url(pairs, ready.1.catalogue())?;
    answer(service, ready, parameters, caching(request)).await
}

/// How long a client waits.
fn patience(timeout_ms: Option<u64>) -> Result<Option<Duration>, Problem> {
    match timeout_ms {
        Some(received) if !(1..=MOST_PATIENCE).contains(&received) => {
            let detail = format!("timeout_ms is {received}; expected 1 to {MOST_PATIENCE}");
            Err(Problem::parameter_out_of_range(detail).at("timeout_ms"))
        }
        patience => Ok(patience.map(Duration::from_millis)),
    }
}

/// A client that wants no answer from memory says so (RFC 9111, 5.2.1.5).
fn caching(request: &HttpRequest) -> Caching {
    let no_store = request.headers().get_all(CACHE_CONTROL).any(|value| {
        let value = value.to_str().unwrap_or_default().to_ascii_lowercase();
        value
            .split(',')
            .any(|directive| directive.trim() == "no-store")
    });
    if no_store {
        Caching::Bypassed
    } else {
        Caching::Allowed
    }
}

/// A search from the parameters of a URL.
fn from_url(pairs: Vec<(String, String)>, catalogue: &Catalogue) -> Result<SearchRequest, Problem> {
    let (filter, mut fields) = url::read(pairs, catalogue, &KNOWN)?;
    if let Some(query) = fields.remove("q") {
        fields.insert("query".to_owned(), query);
    }
    let mut search: SearchRequest = extract::from_value(&Value::Object(fields))?;
    search.restrict(filter);
    Ok(search)
}
