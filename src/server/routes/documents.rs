//! `/v1/documents`.

use actix_web::http::header::{self, ContentType};
use actix_web::{HttpRequest, HttpResponse, web};

use serde_json::Value;

use super::url_params::{self, FilterParameters, RouteParams};
use crate::archive::{DocumentPage, DocumentVersion};
use crate::corpus::DocumentId;
use crate::search::MAX_LIMIT;
use crate::server::documents::preconditions;
use crate::server::extract;
use crate::server::problem::{Problem, ProblemDto, failed};
use crate::server::service::Service;
use crate::server::wire::ListParameters;
use crate::wire::{DocumentDto, DocumentList, DocumentResponse};

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
    let pairs = extract::query_pairs(&request)?;
    let (filter, fields) =
        url_params::parse_params(pairs, &*service.archive().attribute_names()?, &LIST_PARAMS)?;
    let ListParameters { limit, after } = extract::from_value(&Value::Object(fields))?;
    if !(1..=MAX_LIMIT).contains(&limit) {
        let detail = format!("limit is {limit}; expected 1 to {MAX_LIMIT}");
        return Err(Problem::limit_out_of_range(detail).at("limit"));
    }
    let after = after
        .map(|id| parse_document_id(&id, "after"))
        .transpose()?;
    let render = |page: DocumentPage| {
        let last = page.documents.last().filter(|_| page.has_more);
        serde_json::to_vec(&DocumentList {
            total: page.total,
            next: last.map(|document| document.id.to_string()),
            documents: page
                .documents
                .iter()
                .map(|d| DocumentDto::from(&**d))
                .collect(),
        })
    };
    let listed = service.archive().documents(filter, after, limit, render);
    let list = listed.await?.map_err(|error| failed(&error))?;
    Ok(HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(list))
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
    let is_known = move |hash| preconditions::is_not_modified(&precondition, hash);
    let render = |version: DocumentVersion| {
        let document = version.document.map(DocumentResponse::from);
        let json = document.map(|document| serde_json::to_vec(&document));
        (version.content_hash, json.transpose())
    };
    let (hash, document) = service.archive().document(id, is_known, render).await?;
    let document = document.map_err(|error| failed(&error))?;
    let mut response = match document {
        Some(_) => HttpResponse::Ok(),
        None => HttpResponse::NotModified(),
    };
    response.insert_header((header::ETAG, preconditions::etag(hash)));
    Ok(match document {
        Some(document) => response.content_type(ContentType::json()).body(document),
        None => response.finish(),
    })
}

/// Parses the document id in a path or parameter.
pub(in crate::server) fn parse_document_id(text: &str, field: &str) -> Result<DocumentId, Problem> {
    text.parse()
        .map_err(|e| Problem::invalid_id(format!("invalid document id {text:?}: {e}")).at(field))
}
