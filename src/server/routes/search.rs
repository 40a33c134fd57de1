//! `/v1/search`, batches of searches, and `/v1/facets`.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use actix_web::http::header::{CACHE_CONTROL, ContentType};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::Value;

use crate::search::CacheMode;
use crate::server::extract::{self, Body};
use crate::server::middleware::charge_rate;
use crate::server::problem::{Problem, ProblemDto};
use crate::server::service::Service;
use crate::server::timing::attach_timing;
use crate::server::wire::{BatchRequest, BatchResponse, SearchParameters, SearchRequest};
use crate::wire::{FacetDto, FacetResponse, Provenance, SearchResponse};

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

/// Maximum weight of the hits of a batch, which bounds its response to about 15 MB. A single search is below it.
const MAX_BATCH_WEIGHT: usize = 10_000;

/// Names of the parameters of a search by URL.
pub(in crate::server) const SEARCH_PARAM_NAMES: &[&str] = &[
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
];

/// Parameters of a search by URL.
const SEARCH_PARAMS: RouteParams = RouteParams {
    names: SEARCH_PARAM_NAMES,
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
    // While the archive is not ready, this is said before the body is read.
    service.archive().provenance()?;
    run_search(&service, body.json()?, cache_mode(&request)).await
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
    let pairs = extract::query_pairs(&request)?;
    let parameters =
        request_from_url(&*service.archive().attribute_names()?, pairs).map_err(rename_query)?;
    run_search(&service, parameters, cache_mode(&request))
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
    let weight = searches
        .iter()
        .map(SearchRequest::weight)
        .fold(0, usize::saturating_add);
    if weight > MAX_BATCH_WEIGHT {
        let detail = format!(
            "the searches ask for too much at once: their hits weigh {weight}, expected at most {MAX_BATCH_WEIGHT} in all; a hit weighs 1, with context 3, with its embedding 4 more; lower limit, or send several batches"
        );
        return Err(Problem::parameter_out_of_range(detail).at("searches"));
    }
    // The request itself is charged already.
    charge_rate(&request, searches.len() - 1);
    let cache_mode = cache_mode(&request);
    let (mut calls, mut problems) = (Vec::new(), Vec::new());
    for search in searches {
        match search.into_call(cache_mode) {
            Ok(call) => {
                calls.push(call);
                problems.push(None);
            }
            Err(problem) => problems.push(Some(problem)),
        }
    }
    let max_wait = parse_timeout(timeout_ms)?;
    let render = move |batch, queue| {
        let body = BatchResponse::new(batch, problems, queue, start)?;
        Ok((body.timing_ms, serde_json::to_vec(&body)?))
    };
    let searched = service.archive().search_batch(calls, max_wait, render);
    let (timing, body) = searched.await?;
    let mut response = HttpResponse::Ok();
    attach_timing(timing, &mut response);
    Ok(response.content_type(ContentType::json()).body(body))
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
    let pairs = extract::query_pairs(&request)?;
    let (filter, fields) =
        url_params::parse_params(pairs, &*service.archive().attribute_names()?, &FACET_PARAMS)?;
    let FacetParameters { mut facets } = extract::from_value(&Value::Object(fields))?;
    if facets.is_empty() {
        facets = ["speaker", "country", "year"].map(str::to_owned).to_vec();
    }
    let (facets, provenance) = service.archive().facets(filter, facets).await?;
    Ok(HttpResponse::Ok().json(FacetResponse {
        facets: facets.into_iter().map(FacetDto::from).collect(),
        provenance: Provenance::from(provenance),
    }))
}

async fn run_search(
    service: &Service,
    request: SearchRequest,
    cache_mode: CacheMode,
) -> Result<HttpResponse, Problem> {
    let start = Instant::now();
    let max_wait = parse_timeout(request.timeout_ms)?;
    let call = request.into_call(cache_mode)?;
    // Serialized by the worker: a network thread serves all other connections meanwhile.
    let render = move |page, queue| {
        let body = SearchResponse::new(page, queue, start)?;
        Ok((body.timing_ms, serde_json::to_vec(&body)?))
    };
    let (timing, body) = service.archive().search(call, max_wait, render).await?;
    let mut response = HttpResponse::Ok();
    attach_timing(timing, &mut response);
    Ok(response.content_type(ContentType::json()).body(body))
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
    let parameters = request_from_url(&*service.archive().attribute_names()?, pairs)?;
    run_search(service, parameters, cache_mode(request)).await
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
    attributes: &BTreeSet<String>,
    pairs: Vec<(String, String)>,
) -> Result<SearchRequest, Problem> {
    let (filter, mut fields) = url_params::parse_params(pairs, attributes, &SEARCH_PARAMS)?;
    if let Some(query) = fields.remove("q") {
        fields.insert("query".to_owned(), query);
    }
    let mut search: SearchRequest = extract::from_value(&Value::Object(fields))?;
    search.set_filter(filter);
    Ok(search)
}
