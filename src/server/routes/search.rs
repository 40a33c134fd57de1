//! `/v1/search`, batches of searches, and `/v1/facets`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::Value;

use crate::engine::{DocumentTable, Snapshot};
use crate::search::{self, CacheMode, Query, QueryEncoder};
use crate::server::extract::{self, Body};
use crate::server::problem::{Problem, ProblemDto, failed};
use crate::server::service::Service;
use crate::server::wire::{
    BatchRequest, BatchResponse, FacetDto, FacetResponse, Provenance, SearchParameters,
    SearchRequest, SearchResponse, batch_response, search_response,
};

use super::url_params::{self, FilterParameters, RouteParams};

#[derive(Deserialize)]
struct FacetParameters {
    #[serde(default)]
    facets: Vec<String>,
}

/// Maximum `timeout_ms`: one hour.
const MAX_TIMEOUT_MS: u64 = 3_600_000;

/// Maximum number of searches in a batch.
const MAX_BATCH_SEARCHES: usize = 100;

/// Parameters of a search by URL.
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

/// Parameters of a request for facets.
const FACET_PARAMS: RouteParams = RouteParams {
    names: &["facets"],
    repeatable: &["facets"],
    strings: &[],
};

/// Semantic, keyword or hybrid search for passages.
#[utoipa::path(
    post, path = "/v1/search", tag = "search", operation_id = "search",
    request_body = SearchRequest,
    responses((status = 200, body = SearchResponse), (status = "4XX", body = ProblemDto), (status = "5XX", body = ProblemDto))
)]
pub(super) async fn search_by_body(
    service: web::Data<Service>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let ready = service.encoder_and_snapshot()?;
    run_search(&service, ready, body.json()?, cache_mode(&request)).await
}

/// Semantic, keyword or hybrid search for passages, as a URL.
#[utoipa::path(
    get, path = "/v1/search", tag = "search", operation_id = "search_by_url",
    params(
        ("q" = Option<String>, Query, description = "the query", example = "sovereignty in cyberspace"),
        ("like" = Option<Vec<String>>, Query, description = "positive examples instead of `q`: passage ids or texts"),
        FilterParameters, SearchParameters,
    ),
    responses((status = 200, body = SearchResponse), (status = "4XX", body = ProblemDto), (status = "5XX", body = ProblemDto))
)]
pub(super) async fn search_by_url(
    service: web::Data<Service>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let rename_query = |problem: Problem| match problem.field() {
        Some("query") => problem.at("q"),
        _ => problem,
    };
    let ready = service.encoder_and_snapshot()?;
    let parameters = request_from_url(extract::query_pairs(&request)?, ready.1.document_table())
        .map_err(rename_query)?;
    run_search(&service, ready, parameters, cache_mode(&request))
        .await
        .map_err(rename_query)
}

/// Several searches on one snapshot.
#[utoipa::path(
    post, path = "/v1/search/batch", tag = "search", operation_id = "search_batch",
    request_body = BatchRequest,
    responses((status = 200, body = BatchResponse), (status = "4XX", body = ProblemDto), (status = "5XX", body = ProblemDto))
)]
pub(super) async fn search_batch(
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
            "searches has {} items; expected 1 to {MAX_BATCH_SEARCHES}",
            searches.len()
        );
        return Err(Problem::parameter_out_of_range(detail).at("searches"));
    }
    let (encoder, snapshot) = service.encoder_and_snapshot()?;
    let cache_mode = cache_mode(&request);
    let searched = Arc::clone(&snapshot);
    let recall_monitor = Arc::clone(service.recall_monitor());
    let idle = service.admission().waiting() == 0;
    let ((results, stages), queue) = service
        .admission()
        .run_within(parse_timeout(timeout_ms)?, move || {
            let queries: Vec<Result<Query, Problem>> = searches
                .into_iter()
                .map(|search| search.query(&searched))
                .collect();
            let valid: Vec<&Query> = queries.iter().filter_map(|q| q.as_ref().ok()).collect();
            let (mut results, stages) = search::search_all(&searched, &encoder, &valid, cache_mode);
            for result in results.iter_mut().flatten() {
                if let Some(approximate) = result.approximate.take() {
                    recall_monitor.maybe_sample(&searched, approximate, idle);
                }
            }
            Ok((zip_results(queries, results), stages))
        })
        .await?;
    let body = batch_response(&snapshot, results, stages, queue, start).map_err(|e| failed(&e))?;
    let mut response = HttpResponse::Ok();
    body.timing_ms.attach(&mut response);
    Ok(response.json(body))
}

/// Pairs each valid query with its results.
fn zip_results(
    queries: Vec<Result<Query, Problem>>,
    results: Vec<Result<search::SearchResults, search::SearchError>>,
) -> Vec<Result<(Query, search::SearchResults), Problem>> {
    let mut results = results.into_iter();
    let pair = |query: Result<Query, Problem>| {
        let query = query?;
        match results.next() {
            Some(result) => Ok((query, result?)),
            None => Err(Problem::internal("internal error: no result for a search")),
        }
    };
    queries.into_iter().map(pair).collect()
}

/// Counts of documents and passages by field value.
///
/// `facets` names the fields, by default speaker, country and year. Documents can be filtered as in a
/// search.
#[utoipa::path(
    get, path = "/v1/facets", tag = "search",
    params(
        ("facets" = Option<Vec<String>>, Query, description = "fields to count values of"),
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
    cache_mode: CacheMode,
) -> Result<HttpResponse, Problem> {
    let start = Instant::now();
    let max_wait = parse_timeout(request.timeout_ms)?;
    let query = request.query(&snapshot)?;
    let recall_monitor = Arc::clone(service.recall_monitor());
    let idle = service.admission().waiting() == 0;
    let queued = Instant::now();
    let (body, _) = service
        .admission()
        .run_within(max_wait, move || {
            let queue = queued.elapsed();
            let mut results = search::search(&snapshot, &encoder, &query, cache_mode)?;
            if let Some(approximate) = results.approximate.take() {
                recall_monitor.maybe_sample(&snapshot, approximate, idle);
            }
            search_response(&snapshot, &query, results, queue, start).map_err(|e| failed(&e))
        })
        .await?;
    let mut response = HttpResponse::Ok();
    body.timing_ms.attach(&mut response);
    Ok(response.json(body))
}

/// Searches with a passage as the positive example.
pub(super) async fn search_like(
    service: &Service,
    id: &str,
    request: &HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut pairs = extract::query_pairs(request)?;
    if let Some((name, _)) = pairs.iter().find(|(name, _)| name == "q" || name == "like") {
        let detail = format!("{name} cannot be combined with a passage id in the path");
        return Err(Problem::unknown_field(detail).at(name.clone()));
    }
    pairs.push(("like".to_owned(), id.to_owned()));
    let ready = service.encoder_and_snapshot()?;
    let parameters = request_from_url(pairs, ready.1.document_table())?;
    run_search(service, ready, parameters, cache_mode(request)).await
}

/// Validates the client's timeout.
fn parse_timeout(timeout_ms: Option<u64>) -> Result<Option<Duration>, Problem> {
    match timeout_ms {
        Some(received) if !(1..=MAX_TIMEOUT_MS).contains(&received) => {
            let detail = format!("timeout_ms is {received}; expected 1 to {MAX_TIMEOUT_MS}");
            Err(Problem::parameter_out_of_range(detail).at("timeout_ms"))
        }
        timeout_ms => Ok(timeout_ms.map(Duration::from_millis)),
    }
}

/// Bypasses the cache for `Cache-Control: no-store` (RFC 9111, section 5.2.1.5).
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

/// Converts the parameters of a URL to a search.
pub(in crate::server) fn request_from_url(
    pairs: Vec<(String, String)>,
    documents: &DocumentTable,
) -> Result<SearchRequest, Problem> {
    let (filter, mut fields) = url_params::parse_params(pairs, documents, &SEARCH_PARAMS)?;
    if let Some(query) = fields.remove("q") {
        fields.insert("query".to_owned(), query);
    }
    let mut search: SearchRequest = extract::from_value(&Value::Object(fields))?;
    search.set_filter(filter);
    Ok(search)
}
