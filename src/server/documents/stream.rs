//! A body of any length, answered while it is read.
//!
//! Lines are gathered into a batch until there is enough for one turn, or the client says nothing
//! for a moment. The batch is written and answered before more is read: so a fast client is held
//! back by TCP, and never more than a batch and a line of its body are in memory. One that hangs up
//! loses nothing that was answered; its task ends with the batch that it is at.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::time::timeout;
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use futures_core::Stream as _;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::corpus::SubmittedDocument;
use crate::engine::Engine;
use crate::server::line_stream as answers;
use crate::server::problem::Problem;
use crate::server::service::Service;

use super::batch::{self, BATCH_BYTES, BATCH_DOCUMENTS, BatchItem};
use super::dto::{DocumentError, DocumentResult, WriteSummary, WriteSummaryLine};
use super::line_splitter::{BodyLine, LineSplitter};

/// Media types of lines of JSON.
const MEDIA_TYPES: &[&str] = &[
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonlines",
    "application/json-lines",
];

/// A client that says nothing for so long wants to be answered first.
const CHUNK_TIMEOUT: Duration = Duration::from_millis(50);

/// Seconds after which another process may take what this one, which stops, does not.
const SHUTDOWN_RETRY_SECONDS: u32 = 5;

/// Whether the body is lines of JSON.
pub(in crate::server) fn is_json_lines(request: &HttpRequest) -> bool {
    let value = request.headers().get("content-type");
    let text = value.and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = text.split(';').next().unwrap_or("").trim();
    MEDIA_TYPES
        .iter()
        .any(|known| essence.eq_ignore_ascii_case(known))
}

/// Begins to read and to answer.
pub(in crate::server) fn respond(
    service: web::Data<Service>,
    request: &HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, Problem> {
    if let Some(encoding) = request.headers().get("content-encoding") {
        return Err(Problem::unsupported_media_type(format!(
            "the body is encoded ({encoding:?}); expected lines that are not compressed"
        )));
    }
    let (engine, _) = service.engine_and_snapshot()?;
    let permit = service.write_queue().acquire_stream()?;
    let (responses, response_body) = answers::channel();
    let limit = service.limits().max_body_bytes;
    let silence = service.middleware().connection_limits().stream_idle_timeout;
    let reader = UploadReader {
        service,
        engine,
        body: Box::pin(body),
        lines: LineSplitter::new(limit),
        limit,
        idle_timeout: silence,
        end: None,
        responses,
        summary: WriteSummary::default(),
        _permit: permit,
    };
    actix_web::rt::spawn(reader.run());
    Ok(HttpResponse::Ok()
        .content_type("application/x-ndjson")
        .body(response_body))
}

struct UploadReader {
    service: web::Data<Service>,
    engine: Arc<Engine>,
    body: Pin<Box<web::Payload>>,
    lines: LineSplitter,
    limit: usize,
    /// A client that neither sends nor reads for so long is given up.
    idle_timeout: Duration,
    /// How the body ended, once it has.
    end: Option<Result<(), Problem>>,
    responses: mpsc::Sender<Bytes>,
    summary: WriteSummary,
    _permit: OwnedSemaphorePermit,
}

/// Nobody reads the answers any more.
struct ClientDisconnected;

impl UploadReader {
    async fn run(mut self) {
        if let Err(ClientDisconnected) = self.process().await {
            tracing::debug!(
                lines = self.lines.line_count(),
                "a client hung up on its stream"
            );
        }
    }

    async fn process(&mut self) -> Result<(), ClientDisconnected> {
        loop {
            let batch = self.next_batch().await;
            if batch.is_empty() {
                break;
            }
            match self.write_batch(batch).await {
                Ok(results) => {
                    let mut text = Vec::new();
                    for result in &results {
                        self.summary.record(result);
                        answers::push_json_line(&mut text, result);
                    }
                    self.send(text).await?;
                }
                // None of the batch is answered: it may be stored, and can be sent again.
                Err(problem) => {
                    self.end = Some(Err(problem));
                    break;
                }
            }
        }
        self.summary.lines = self.lines.line_count();
        match &self.end {
            Some(Err(problem)) => self.summary.error = Some(DocumentError::from(problem)),
            _ => self.summary.complete = true,
        }
        let mut text = Vec::new();
        let summary = &self.summary;
        answers::push_json_line(&mut text, &WriteSummaryLine { summary });
        self.send(text).await
    }

    /// The lines of the next turn; none at the end.
    async fn next_batch(&mut self) -> Vec<BodyLine> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while bytes < BATCH_BYTES && batch.len() < BATCH_DOCUMENTS {
            if let Some(line) = self.lines.next_line() {
                bytes += line.bytes.as_ref().map_or(0, Vec::len);
                batch.push(line);
                continue;
            }
            if self.end.is_some() {
                break;
            }
            let wait = if batch.is_empty() {
                self.idle_timeout
            } else {
                CHUNK_TIMEOUT
            };
            let service = self.service.clone();
            let next = tokio::select! {
                next = timeout(wait, self.next_chunk()) => next,
                () = service.middleware().shutdown_begun() => {
                    let detail = "the service stops; what is answered is stored, send the rest again";
                    let problem = Problem::shutting_down(detail).retry_after(SHUTDOWN_RETRY_SECONDS);
                    self.end = Some(Err(problem));
                    continue;
                }
            };
            match next {
                Ok(Some(Ok(piece))) => self.lines.push(&piece),
                Ok(Some(Err(error))) => {
                    let detail = format!("the body broke off: {error}");
                    self.end = Some(Err(Problem::bad_request(detail)));
                }
                Ok(None) => {
                    self.lines.finish();
                    self.end = Some(Ok(()));
                }
                Err(_) if batch.is_empty() => {
                    let detail = format!(
                        "nothing came for {} seconds",
                        self.idle_timeout.as_secs_f64()
                    );
                    self.end = Some(Err(Problem::bad_request(detail)));
                }
                Err(_) => break,
            }
        }
        batch
    }

    async fn next_chunk(&mut self) -> Option<Result<Bytes, actix_web::error::PayloadError>> {
        std::future::poll_fn(|context| self.body.as_mut().poll_next(context)).await
    }

    async fn write_batch(&self, batch: Vec<BodyLine>) -> Result<Vec<DocumentResult>, Problem> {
        let (engine, limit) = (Arc::clone(&self.engine), self.limit);
        let work = move || {
            let items = batch
                .into_iter()
                .map(|line| parse_line(&line, limit))
                .collect();
            batch::write_batch(&engine, items)
        };
        self.service.write_queue().run_admitted(work).await
    }

    async fn send(&self, text: Vec<u8>) -> Result<(), ClientDisconnected> {
        let sent = timeout(self.idle_timeout, self.responses.send(text.into())).await;
        sent.map_err(|_| ClientDisconnected)?
            .map_err(|_| ClientDisconnected)
    }
}

fn parse_line(line: &BodyLine, limit: usize) -> BatchItem {
    let Some(bytes) = &line.bytes else {
        let detail = format!("the line is longer than {limit} bytes");
        return BatchItem::rejected(line.number, Problem::body_too_large(detail));
    };
    BatchItem::new(
        line.number,
        SubmittedDocument::parse(bytes.trim_ascii(), limit),
    )
}
