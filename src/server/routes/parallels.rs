//! The routes of parallels and families.

use std::time::Instant;

use actix_web::http::header::ContentType;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::documents::parse_document_id;
use super::passages::parse_passage_id;
use super::url_params::{self, RouteParams};
use crate::archive::{Archive, ArchiveError, FamiliesPage};
use crate::server::extract::{self, Body};
use crate::server::line_stream;
use crate::server::parallels::LineSender;
use crate::server::problem::{Problem, ProblemDto};
use crate::server::service::Service;
use crate::server::wire::{
    ComparisonParameters, FamiliesRequest, ParallelsRequest, PassageParameters,
};
use crate::wire::{FamiliesResponse, ParallelsResponse, StreamLine};

const COMPARISON_PARAMS: RouteParams = RouteParams {
    names: &[
        "min_confidence",
        "min_alignment_score",
        "many_to_many",
        "limit",
    ],
    repeatable: &[],
    strings: &[],
};

const PASSAGE_PARAMS: RouteParams = RouteParams {
    names: &["min_confidence", "limit"],
    repeatable: &[],
    strings: &[],
};

/// The parallels of two documents: every passage of one compared with every passage of the other.
#[utoipa::path(
    get, path = "/v1/documents/{a}/parallels/{b}", tag = "parallels", operation_id = "compare_documents",
    params(
        ("a" = String, Path, description = "a document's id", example = "un-cyber-statement-2015"),
        ("b" = String, Path, description = "another document's id", example = "chatham-house-cyber-2016"),
        ComparisonParameters,
    ),
    responses((status = 200, body = ParallelsResponse), (status = "4XX", body = ProblemDto), (status = "5XX", body = ProblemDto))
)]
pub(super) async fn of_documents(
    service: web::Data<Service>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let start = Instant::now();
    let (a, b) = (
        parse_document_id(&path.0, "a")?,
        parse_document_id(&path.1, "b")?,
    );
    let archive = service.archive();
    let params: ComparisonParameters = parse_params(&request, archive, &COMPARISON_PARAMS)?;
    let comparison = params.comparison(a, b.clone())?;
    let render = move |found| {
        let response = ParallelsResponse::load(&found, params.limit, start)?;
        Ok(serde_json::to_vec(&response)?)
    };
    let compared = archive.compare_documents(comparison, render).await;
    let response = compared.map_err(|error| match &error {
        ArchiveError::DocumentNotFound { id } => {
            let at = if *id == b { "b" } else { "a" };
            Problem::from(error).at(at)
        }
        _ => error.into(),
    })?;
    Ok(HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(response))
}

/// The parallels of one passage in all other documents.
#[utoipa::path(
    get, path = "/v1/passages/{id}/parallels", tag = "parallels", operation_id = "passage_parallels",
    params(
        ("id" = String, Path, description = "the passage's id, `{document}#p{ordinal}`, with `#` as `%23`", example = "un-cyber-statement-2015#p4"),
        super::url_params::FilterParameters, PassageParameters,
    ),
    responses((status = 200, body = ParallelsResponse), (status = "4XX", body = ProblemDto), (status = "5XX", body = ProblemDto))
)]
pub(super) async fn of_passage(
    service: web::Data<Service>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let start = Instant::now();
    let passage = parse_passage_id(&path)?;
    let archive = service.archive();
    let pairs = extract::query_pairs(&request)?;
    let (target, fields) =
        url_params::parse_params(pairs, &*archive.attribute_names()?, &PASSAGE_PARAMS)?;
    let params: PassageParameters = extract::from_value(&Value::Object(fields))?;
    let comparison = params.comparison(passage, target)?;
    let render = move |found| {
        let response = ParallelsResponse::load(&found, params.limit, start)?;
        Ok(serde_json::to_vec(&response)?)
    };
    let response = archive.passage_parallels(comparison, render).await?;
    Ok(HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(response))
}

/// The parallels of a corpus, as a stream of lines.
#[utoipa::path(
    post, path = "/v1/parallels", tag = "parallels", operation_id = "corpus_parallels",
    request_body = ParallelsRequest,
    responses(
        (status = 200, body = StreamLine, content_type = "application/x-ndjson", description = "one JSON object per line: `begin`, `parallel`s and `progress`, `end`"),
        (status = "4XX", body = ProblemDto), (status = "5XX", body = ProblemDto)
    )
)]
pub(super) async fn of_corpus(
    service: web::Data<Service>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let request: ParallelsRequest = body.json()?;
    let call = request.into_call()?;
    let (lines, body) = line_stream::channel();
    let sender = LineSender::new(service.clone(), lines);
    service.archive().stream_parallels(call, sender).await?;
    Ok(HttpResponse::Ok()
        .content_type("application/x-ndjson")
        .body(body))
}

/// The families of a corpus: clusters of restatements of one statement.
#[utoipa::path(
    post, path = "/v1/families", tag = "parallels",
    request_body = FamiliesRequest,
    responses((status = 200, body = FamiliesResponse), (status = "4XX", body = ProblemDto), (status = "5XX", body = ProblemDto))
)]
pub(super) async fn families(
    service: web::Data<Service>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let start = Instant::now();
    let request: FamiliesRequest = body.json()?;
    let call = request.into_call()?;
    let limit = call.limit;
    let render = move |page: FamiliesPage| {
        let (range, next) = ((page.offset, limit), Some(page.next_cursor));
        let response = FamiliesResponse::load(&page.found, range, next, start)?;
        Ok(serde_json::to_vec(&response)?)
    };
    let response = service.archive().families(call, |_| (), render).await?;
    Ok(HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(response))
}

/// Parses the query parameters of a route without filters.
fn parse_params<T: DeserializeOwned>(
    request: &HttpRequest,
    archive: &Archive,
    params: &RouteParams,
) -> Result<T, Problem> {
    let pairs = extract::query_pairs(request)?;
    let (filter, fields) = url_params::parse_params(pairs, &*archive.attribute_names()?, params)?;
    if !matches!(&filter, crate::search::Filter::All(filters) if filters.is_empty()) {
        let detail = "whole documents are compared; expected no filter";
        return Err(Problem::unknown_field(detail).at("filter"));
    }
    extract::from_value(&Value::Object(fields))
}
