//! `/v1/documents`.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

use serde_json::Value;

use super::url_params::{self, FilterParameters, RouteParams};
use crate::corpus::DocumentId;
use crate::search::MAX_LIMIT;
use crate::server::documents::preconditions;
use crate::server::extract;
use crate::server::problem::{Problem, ProblemDto};
use crate::server::service::Service;
use crate::server::wire::{DocumentDto, DocumentList, DocumentResponse, ListParameters};

/// Parameters of a list of documents.
const LIST_PARAMS: RouteParams = RouteParams {
    names: &["limit", "after"],
    repeatable: &[],
    strings: &["after"],
};

/// Documents in order of their ids, optionally filtered.
#[utoipa::path(
    get, path = "/v1/documents", tag = "documents", operation_id = "list_documents",
    params(ListParameters, FilterParameters),
    responses((status = 200, body = DocumentList), (status = "4XX", body = ProblemDto), (status = "5XX", body = ProblemDto))
)]
pub(super) async fn list(
    service: web::Data<Service>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (_, snapshot) = service.engine_and_snapshot()?;
    let pairs = extract::query_pairs(&request)?;
    let (filter, fields) =
        url_params::parse_params(pairs, snapshot.document_table(), &LIST_PARAMS)?;
    let ListParameters { limit, after } = extract::from_value(&Value::Object(fields))?;
    if !(1..=MAX_LIMIT).contains(&limit) {
        let detail = format!("limit is {limit}; expected 1 to {MAX_LIMIT}");
        return Err(Problem::limit_out_of_range(detail).at("limit"));
    }
    let after = after
        .map(|id| parse_document_id(&id, "after"))
        .transpose()?;
    filter.check_fields(snapshot.document_table())?;
    let (list, _) = service
        .admission()
        .run(move || {
            let documents = snapshot.document_table().documents();
            let matching: Vec<_> = documents.filter(|d| filter.matches(d)).collect();
            let first = after.map_or(0, |id| {
                matching.partition_point(|d| d.id.as_str() <= id.as_str())
            });
            let page = matching.get(first..).unwrap_or_default();
            let has_more = page.len() > limit;
            let page = page.get(..limit).unwrap_or(page);
            Ok(DocumentList {
                documents: page.iter().map(|d| DocumentDto::from(&***d)).collect(),
                total: matching.len(),
                next: page.last().filter(|_| has_more).map(|d| d.id.to_string()),
            })
        })
        .await?;
    Ok(HttpResponse::Ok().json(list))
}

/// A document with its clean text and the ranges of its passages.
#[utoipa::path(
    get, path = "/v1/documents/{id}", tag = "documents", operation_id = "read_document",
    params(
        ("id" = String, Path, description = "the document's id", example = "un-cyber-statement-2015"),
        ("If-None-Match" = Option<String>, Header, description = "entity tags the client has cached"),
    ),
    responses((status = 200, body = DocumentResponse), (status = 304, description = "not modified"), (status = "4XX", body = ProblemDto), (status = "5XX", body = ProblemDto))
)]
pub(super) async fn read(
    service: web::Data<Service>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = parse_document_id(&path, "id")?;
    let precondition = preconditions::from_request(&request)?;
    let (_, snapshot) = service.engine_and_snapshot()?;
    let ((hash, document), _) = service
        .admission()
        .run(move || {
            let missing =
                || Problem::document_not_found(format!("document {id} not found")).at("id");
            let summary = snapshot.view().summary(&id)?.ok_or_else(missing)?;
            let hash = summary.content_hash;
            let document = if preconditions::is_not_modified(&precondition, hash) {
                None
            } else {
                Some(snapshot.view().document(&id)?.ok_or_else(missing)?)
            };
            Ok((hash, document))
        })
        .await?;
    let mut response = match document {
        Some(_) => HttpResponse::Ok(),
        None => HttpResponse::NotModified(),
    };
    response.insert_header((header::ETAG, preconditions::etag(hash)));
    Ok(match document {
        Some(document) => response.json(DocumentResponse::from(document)),
        None => response.finish(),
    })
}

/// Parses the document id in a path or parameter.
pub(super) fn parse_document_id(text: &str, field: &str) -> Result<DocumentId, Problem> {
    text.parse()
        .map_err(|e| Problem::invalid_id(format!("invalid document id {text:?}: {e}")).at(field))
}
