//! Routes of `/v1/documents` that write.

use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};

use super::documents::parse_document_id;
use crate::archive::ArchiveError;
use crate::corpus::json::{self, FaultKind, JsonError};
use crate::corpus::{DocumentId, InvalidDocument, SubmittedDocument};
use crate::engine::{DeleteOutcome, Precondition};
use crate::server::documents::batch::{self, BatchItem};
use crate::server::documents::preconditions;
use crate::server::documents::stream;
use crate::server::extract::Body;
use crate::server::problem::{Problem, ProblemDto};
use crate::server::service::Service;
use crate::server::wire::{
    DocumentRequest, DocumentResult, DocumentResults, DocumentStatus, DocumentsRequest,
    WriteResponse,
};

/// Create or replace documents: one, a list, or a stream of lines.
///
/// A document with a result is on disk and found by the next search. The response to one document is its
/// result or a problem; that to an array is `DocumentResults`, with an independent result per document. A
/// stream (`application/x-ndjson`, `application/jsonl` or `application/json-lines`) may be of any length;
/// its results are sent line by line, in order, while it is read, and the last line is the summary. A
/// client should read while it sends: otherwise it is held back, and disconnected after a minute.
#[utoipa::path(
    post, path = "/v1/documents", tag = "documents", operation_id = "post_documents",
    request_body(content(
        (DocumentsRequest = "application/json"),
        (DocumentRequest = "application/x-ndjson"),
    )),
    responses(
        (status = 200, description = "a result for each document", content(
            (WriteResponse = "application/json"),
            (DocumentResult = "application/x-ndjson"),
        )),
        (status = 201, description = "one document, created", body = DocumentResult),
        (status = "4XX", body = ProblemDto), (status = "5XX", body = ProblemDto)
    )
)]
pub(super) async fn post(
    service: web::Data<Service>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    preconditions::reject_preconditions(&request)?;
    if stream::is_json_lines(&request) {
        return stream::respond(service, &request, payload);
    }
    let body = Body::from_request(&request, &mut payload.into_inner()).await?;
    let limit = service.max_body_bytes();
    let is_list = body.bytes().trim_ascii_start().first() == Some(&b'[');
    if is_list {
        let submitted =
            SubmittedDocument::parse_list(body.bytes(), limit).map_err(|e| invalid_list(&e))?;
        return write_list(&service, submitted).await;
    }
    let submitted = parse_single(&body, limit)?;
    write_one(&service, submitted, None, Precondition::default()).await
}

/// Create or replace a document.
///
/// `If-Match` with the entity tag of the document that was read prevents overwriting concurrent changes;
/// `If-None-Match: *` only creates.
#[utoipa::path(
    put, path = "/v1/documents/{id}", tag = "documents", operation_id = "put_document",
    params(
        ("id" = String, Path, description = "the document's id"),
        ("If-Match" = Option<String>, Header, description = "entity tags, or `*`"),
        ("If-None-Match" = Option<String>, Header, description = "`*`: only create"),
    ),
    request_body = DocumentRequest,
    responses(
        (status = 200, description = "replaced or unchanged", body = DocumentResult),
        (status = 201, description = "created", body = DocumentResult),
        (status = 412, description = "precondition failed", body = ProblemDto),
        (status = "4XX", body = ProblemDto), (status = "5XX", body = ProblemDto)
    )
)]
pub(super) async fn put(
    service: web::Data<Service>,
    request: HttpRequest,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let id = parse_document_id(&path, "id")?;
    let precondition = preconditions::from_request(&request)?;
    let submitted = parse_single(&body, service.max_body_bytes())?;
    write_one(&service, submitted, Some(id), precondition).await
}

/// Delete a document. The next search does not find it.
#[utoipa::path(
    delete, path = "/v1/documents/{id}", tag = "documents", operation_id = "delete_document",
    params(
        ("id" = String, Path, description = "the document's id"),
        ("If-Match" = Option<String>, Header, description = "entity tags, or `*`"),
    ),
    responses(
        (status = 204, description = "deleted"),
        (status = 412, description = "precondition failed", body = ProblemDto),
        (status = "4XX", body = ProblemDto), (status = "5XX", body = ProblemDto)
    )
)]
pub(super) async fn delete(
    service: web::Data<Service>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = parse_document_id(&path, "id")?;
    let precondition = preconditions::from_request(&request)?;
    match service.archive().delete(id.clone(), precondition).await? {
        DeleteOutcome::Deleted => Ok(HttpResponse::NoContent().finish()),
        DeleteOutcome::NotFound => Err(ArchiveError::DocumentNotFound { id }.into()),
        DeleteOutcome::PreconditionFailed(stored) => Err(Problem::precondition_failed(format!(
            "precondition failed: the stored version is {stored}"
        ))),
    }
}

/// Parses a body that is one document.
fn parse_single(body: &Body, limit: usize) -> Result<SubmittedDocument, Problem> {
    // Checked as a whole first, so that a syntax error has its line and column in the body.
    json::check(body.bytes()).map_err(|error| {
        Problem::invalid_json(format!(
            "the body is not one JSON value: {error}; send JSON lines as application/x-ndjson"
        ))
    })?;
    SubmittedDocument::parse(body.bytes(), limit).map_err(|invalid| invalid.error.into())
}

fn invalid_list(error: &JsonError) -> Problem {
    let detail = format!("the body is not an array of documents: {error}");
    match error {
        JsonError::Fault(fault) if matches!(fault.kind(), FaultKind::WrongType { .. }) => {
            Problem::wrong_type(detail)
        }
        _ => Problem::invalid_json(detail),
    }
}

async fn write_one(
    service: &Service,
    submitted: SubmittedDocument,
    path_id: Option<DocumentId>,
    precondition: Precondition,
) -> Result<HttpResponse, Problem> {
    let archive = service.archive();
    let result = batch::write_one(archive, submitted, path_id.as_ref(), precondition).await?;
    let created = result.status == DocumentStatus::Created;
    let status = if created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let mut response = HttpResponse::build(status);
    if let Some(hash) = &result.content_hash {
        response.insert_header((header::ETAG, preconditions::etag(hash)));
    }
    if let (true, Some(id)) = (created, &result.id) {
        response.insert_header((header::LOCATION, preconditions::document_url(id)));
    }
    Ok(response.json(result))
}

async fn write_list(
    service: &Service,
    submitted: Vec<Result<SubmittedDocument, InvalidDocument>>,
) -> Result<HttpResponse, Problem> {
    let numbered = (1..).zip(submitted);
    let items = numbered.map(|(line, document)| BatchItem::new(line, document));
    let mut response = DocumentResults::default();
    for batch_items in batch::split_into_batches(items.collect()) {
        let is_first = response.results.is_empty();
        let results = batch::write_batch(service.archive(), batch_items, is_first).await?;
        for result in &results {
            response.summary.record(result);
        }
        response.results.extend(results);
    }
    response.summary.lines = response.results.len();
    response.summary.complete = true;
    Ok(HttpResponse::Ok().json(response))
}
