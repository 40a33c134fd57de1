//! `/v1/search`.

use std::sync::Arc;
use std::time::Instant;

use actix_web::{HttpRequest, HttpResponse, web};

use crate::search::{self, Query};
use crate::server::extract::{self, Body};
use crate::server::problem::{Problem, ProblemBody};
use crate::server::service::Service;
use crate::server::wire::{Mode, SearchParameters, SearchRequest, SearchResponse, search_response};

/// Passages nearest in meaning to a query.
#[utoipa::path(
    post, path = "/v1/search", tag = "search",
    request_body = SearchRequest,
    responses((status = 200, body = SearchResponse), (status = "4XX", body = ProblemBody), (status = "5XX", body = ProblemBody))
)]
pub(super) async fn by_body(
    service: web::Data<Service>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    answer(&service, body.json()?).await
}

/// Passages nearest in meaning to a query, as a URL.
#[utoipa::path(
    get, path = "/v1/search", tag = "search",
    params(SearchParameters),
    responses((status = 200, body = SearchResponse), (status = "4XX", body = ProblemBody), (status = "5XX", body = ProblemBody))
)]
pub(super) async fn by_url(
    service: web::Data<Service>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let parameters: SearchParameters = extract::query(&request)?;
    answer(&service, parameters.into())
        .await
        .map_err(|problem| match problem.field() {
            Some("query") => problem.at("q"),
            _ => problem,
        })
}

async fn answer(service: &Service, request: SearchRequest) -> Result<HttpResponse, Problem> {
    let start = Instant::now();
    let query = Query::new(&request.query, request.limit, request.offset)?
        .searched(request.ef, request.exact)?;
    let (engine, snapshot) = service.ready()?;
    let mode = request.mode;
    let read = Arc::clone(&snapshot);
    let (answer, queue) = service
        .admission()
        .run(move || match mode {
            Mode::Semantic => Ok(search::semantic(&read, engine.encoder(), &query)?),
        })
        .await?;
    let answer = search_response(&snapshot, answer, queue, start);
    let mut response = HttpResponse::Ok();
    answer.timing_ms.describe(&mut response);
    Ok(response.json(answer))
}
