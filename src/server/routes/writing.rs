//! `/v1/documents`, written.

use std::sync::Arc;

use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};

use super::documents::parse_id;
use crate::corpus::json::{self, FaultKind, JsonError};
use crate::corpus::{DocumentId, Sent, Unfit};
use crate::engine::{Condition, Deleted};
use crate::server::documents::batch::{self, Item};
use crate::server::documents::conditions;
use crate::server::documents::shapes::{
    DocumentAnswer, DocumentRequest, DocumentResult, DocumentResults, DocumentsRequest, Status,
};
use crate::server::documents::stream;
use crate::server::extract::Body;
use crate::server::problem::{Problem, ProblemBody, failed};
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
            (DocumentAnswer = "application/json"),
            (DocumentResult = "application/x-ndjson"),
        )),
        (status = 201, description = "one document, which is new", body = DocumentResult),
        (status = "4XX", body = ProblemBody), (status = "5XX", body = ProblemBody)
    )
)]
pub(super) async fn post(
    service: web::Data<Service>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    conditions::refuse(&request)?;
    if stream::is_meant(&request) {
        return stream::answer(service, &request, payload);
    }
    let body = Body::from_request(&request, &mut payload.into_inner()).await?;
    let limit = service.limits().max_body_bytes;
    let is_list = body.bytes().trim_ascii_start().first() == Some(&b'[');
    if is_list {
        let sent = Sent::read_list(body.bytes(), limit).map_err(|e| not_a_list(&e))?;
        return several(&service, sent).await;
    }
    let sent = one(&body, limit)?;
    write(&service, sent, None, Condition::default()).await
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
        (status = 412, description = "the condition does not hold", body = ProblemBody),
        (status = "4XX", body = ProblemBody), (status = "5XX", body = ProblemBody)
    )
)]
pub(super) async fn put(
    service: web::Data<Service>,
    request: HttpRequest,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let id = parse_id(&path, "id")?;
    let condition = conditions::of(&request)?;
    let sent = one(&body, service.limits().max_body_bytes)?;
    write(&service, sent, Some(id), condition).await
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
        (status = 412, description = "the condition does not hold", body = ProblemBody),
        (status = "4XX", body = ProblemBody), (status = "5XX", body = ProblemBody)
    )
)]
pub(super) async fn delete(
    service: web::Data<Service>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = parse_id(&path, "id")?;
    let condition = conditions::of(&request)?;
    let (engine, _) = service.ready()?;
    let work = move || match engine.delete_document(&id, &condition) {
        Ok(Deleted::Gone) => Ok(()),
        Ok(Deleted::Absent) => {
            Err(Problem::document_not_found(format!("there is no document {id}")).at("id"))
        }
        Ok(Deleted::Refused(stored)) => Err(Problem::precondition_failed(format!(
            "the condition does not hold: stored is the version {stored}"
        ))),
        Err(error) => Err(failed(&error)),
    };
    service.writers().run(work).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A body that is one document.
fn one(body: &Body, limit: usize) -> Result<Sent, Problem> {
    // Several lines have a place in the body: here the parser can tell it.
    json::check(body.bytes()).map_err(|error| {
        Problem::bad_json(format!(
            "the body is not one JSON value: {error}; lines of JSON are sent as application/x-ndjson"
        ))
    })?;
    Sent::read(body.bytes(), limit).map_err(|unfit| unfit.fault.into())
}

fn not_a_list(error: &JsonError) -> Problem {
    let detail = format!("the body is not an array of documents: {error}");
    match error {
        JsonError::Fault(fault) if matches!(fault.kind(), FaultKind::WrongType { .. }) => {
            Problem::wrong_type(detail)
        }
        _ => Problem::bad_json(detail),
    }
}

async fn write(
    service: &Service,
    sent: Sent,
    sent_to: Option<DocumentId>,
    condition: Condition,
) -> Result<HttpResponse, Problem> {
    let (engine, _) = service.ready()?;
    let work = move || batch::store_one(&engine, sent, sent_to.as_ref(), condition);
    let result = service.writers().run(work).await?;
    let created = result.status == Status::Created;
    let status = if created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let mut response = HttpResponse::build(status);
    if let Some(hash) = &result.content_hash {
        response.insert_header((header::ETAG, conditions::etag(hash)));
    }
    if let (true, Some(id)) = (created, &result.id) {
        response.insert_header((header::LOCATION, conditions::url(id)));
    }
    Ok(response.json(result))
}

async fn several(
    service: &Service,
    sent: Vec<Result<Sent, Unfit>>,
) -> Result<HttpResponse, Problem> {
    let (engine, _) = service.ready()?;
    let places = (1..).zip(sent);
    let items = places.map(|(place, sent)| Item::new(place, sent));
    let mut answer = DocumentResults::default();
    for turn in batch::turns(items.collect()) {
        let engine = Arc::clone(&engine);
        let work = move || batch::store(&engine, turn);
        let results = if answer.results.is_empty() {
            service.writers().run(work).await?
        } else {
            service.writers().go_on(work).await?
        };
        for result in &results {
            answer.summary.count(result);
        }
        answer.results.extend(results);
    }
    answer.summary.lines = answer.results.len();
    answer.summary.complete = true;
    Ok(HttpResponse::Ok().json(answer))
}
