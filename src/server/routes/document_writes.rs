//! `/v1/documents`, written.

use std::sync::Arc;

use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};

use super::documents::parse_document_id;
use crate::corpus::json::{self, FaultKind, JsonError};
use crate::corpus::{DocumentId, InvalidDocument, SubmittedDocument};
use crate::engine::{DeleteOutcome, Precondition};
use crate::server::documents::batch::{self, BatchItem};
use crate::server::documents::dto::{
    DocumentRequest, DocumentResult, DocumentResults, DocumentStatus, DocumentsRequest,
    WriteResponse,
};
use crate::server::documents::preconditions;
use crate::server::documents::stream;
use crate::server::extract::Body;
use crate::server::problem::{Problem, ProblemDto, failed};
use crate::server::service::Service;

/// Create or replace documents: one, a list, or a stream of lines.
///
/// What is answered is on disk and found by the next search. One document is answered by its
/// result or a problem; a list by `DocumentResults`, each document on its own. A stream
/// (`application/x-ndjson`, `application/jsonl` or `application/json-lines`) may be of any length
/// and is answered line by line while it is read, in its order; the last line is the summary. A
/// client reads while it sends: one that does not is held back, and given up after a minute.
#[utoipa::path(
    post, path = "/v1/documents", tag = "documents", operation_id = "post_documents",
    request_body(content(
        (DocumentsRequest = "application/json"),
        (DocumentRequest = "application/x-ndjson"),
    )),
    responses(
        (status = 200, description = "what became of them", content(
            (WriteResponse = "application/json"),
            (DocumentResult = "application/x-ndjson"),
        )),
        (status = 201, description = "one document, which is new", body = DocumentResult),
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
    let limit = service.limits().max_body_bytes;
    let is_list = body.bytes().trim_ascii_start().first() == Some(&b'[');
    if is_list {
        let sent =
            SubmittedDocument::parse_list(body.bytes(), limit).map_err(|e| invalid_list(&e))?;
        return write_list(&service, sent).await;
    }
    let sent = parse_single(&body, limit)?;
    write_one(&service, sent, None, Precondition::default()).await
}

/// Create or replace a document.
///
/// `If-Match` with the content hash of the document that was read guards against overwriting what
/// somebody else has written since; `If-None-Match: *` only creates.
#[utoipa::path(
    put, path = "/v1/documents/{id}", tag = "documents", operation_id = "put_document",
    params(
        ("id" = String, Path, description = "the document's id"),
        ("If-Match" = Option<String>, Header, description = "content hashes in quotation marks, or `*`"),
        ("If-None-Match" = Option<String>, Header, description = "`*`: only if there is none yet"),
    ),
    request_body = DocumentRequest,
    responses(
        (status = 200, description = "replaced, or unchanged", body = DocumentResult),
        (status = 201, description = "created", body = DocumentResult),
        (status = 412, description = "the condition does not hold", body = ProblemDto),
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
    let condition = preconditions::from_request(&request)?;
    let sent = parse_single(&body, service.limits().max_body_bytes)?;
    write_one(&service, sent, Some(id), condition).await
}

/// Remove a document. It is not found by the next search.
#[utoipa::path(
    delete, path = "/v1/documents/{id}", tag = "documents", operation_id = "delete_document",
    params(
        ("id" = String, Path, description = "the document's id"),
        ("If-Match" = Option<String>, Header, description = "content hashes in quotation marks, or `*`"),
    ),
    responses(
        (status = 204, description = "it is gone"),
        (status = 412, description = "the condition does not hold", body = ProblemDto),
        (status = "4XX", body = ProblemDto), (status = "5XX", body = ProblemDto)
    )
)]
pub(super) async fn delete(
    service: web::Data<Service>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = parse_document_id(&path, "id")?;
    let condition = preconditions::from_request(&request)?;
    let (engine, _) = service.engine_and_snapshot()?;
    let work = move || match engine.delete_document(&id, &condition) {
        Ok(DeleteOutcome::Deleted) => Ok(()),
        Ok(DeleteOutcome::NotFound) => {
            Err(Problem::document_not_found(format!("there is no document {id}")).at("id"))
        }
        Ok(DeleteOutcome::PreconditionFailed(stored)) => Err(Problem::precondition_failed(
            format!("the condition does not hold: stored is the version {stored}"),
        )),
        Err(error) => Err(failed(&error)),
    };
    service.write_queue().run(work).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A body that is one document.
fn parse_single(body: &Body, limit: usize) -> Result<SubmittedDocument, Problem> {
    // Several lines have a place in the body: here the parser can tell it.
    json::check(body.bytes()).map_err(|error| {
        Problem::bad_json(format!(
            "the body is not one JSON value: {error}; lines of JSON are sent as application/x-ndjson"
        ))
    })?;
    SubmittedDocument::parse(body.bytes(), limit).map_err(|unfit| unfit.error.into())
}

fn invalid_list(error: &JsonError) -> Problem {
    let detail = format!("the body is not an array of documents: {error}");
    match error {
        JsonError::Fault(fault) if matches!(fault.kind(), FaultKind::WrongType { .. }) => {
            Problem::wrong_type(detail)
        }
        _ => Problem::bad_json(detail),
    }
}

async fn write_one(
    service: &Service,
    sent: SubmittedDocument,
    sent_to: Option<DocumentId>,
    condition: Precondition,
) -> Result<HttpResponse, Problem> {
    let (engine, _) = service.engine_and_snapshot()?;
    let work = move || batch::write_one(&engine, sent, sent_to.as_ref(), condition);
    let result = service.write_queue().run(work).await?;
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
    sent: Vec<Result<SubmittedDocument, InvalidDocument>>,
) -> Result<HttpResponse, Problem> {
    let (engine, _) = service.engine_and_snapshot()?;
    let numbered = (1..).zip(sent);
    let items = numbered.map(|(line, sent)| BatchItem::new(line, sent));
    let mut answer = DocumentResults::default();
    for batch_items in batch::split_into_batches(items.collect()) {
        let engine = Arc::clone(&engine);
        let work = move || batch::write_batch(&engine, batch_items);
        let results = if answer.results.is_empty() {
            service.write_queue().run(work).await?
        } else {
            service.write_queue().run_admitted(work).await?
        };
        for result in &results {
            answer.summary.record(result);
        }
        answer.results.extend(results);
    }
    answer.summary.lines = answer.results.len();
    answer.summary.complete = true;
    Ok(HttpResponse::Ok().json(answer))
}
