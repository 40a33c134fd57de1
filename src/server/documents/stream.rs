//! Upload streams: bodies of any length, with results while they are read.
//!
//! Lines are collected into a batch until it is full or the client pauses. The batch is written and its
//! results are sent before more is read: TCP holds back a fast client, and at most a batch and a line of
//! the body are in memory. If the client disconnects, the task ends with the current batch; everything
//! that was reported is stored.

use std::pin::Pin;
use std::time::{Duration, Instant};

use actix_web::rt::time::timeout;
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use futures_core::Stream as _;
use tokio::sync::mpsc;

use crate::archive::UploadPermit;
use crate::corpus::SubmittedDocument;
use crate::server::line_stream;
use crate::server::problem::{Problem, failed};
use crate::server::service::Service;
use crate::server::wire::{DocumentError, DocumentResult, WriteSummary, WriteSummaryLine};

use super::batch::{self, BATCH_BYTES, BATCH_DOCUMENTS, BatchItem};
use super::line_splitter::{BodyLine, LineSplitter};

/// Media types of JSON lines.
const MEDIA_TYPES: &[&str] = &[
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonlines",
    "application/json-lines",
];

/// A client that pauses for this long is probably waiting for results: the batch is written.
const CHUNK_TIMEOUT: Duration = Duration::from_millis(50);

/// A stream that sends less than this on average gives way while no other could be admitted.
const MIN_BYTES_PER_SECOND: u64 = 1024;

/// Seconds after which the next process is probably ready to accept the remaining documents.
const SHUTDOWN_RETRY_SECONDS: u32 = 5;

/// Returns whether the body is declared as JSON lines.
pub(in crate::server) fn is_json_lines(request: &HttpRequest) -> bool {
    let value = request.headers().get("content-type");
    let text = value.and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = text.split(';').next().unwrap_or("").trim();
    MEDIA_TYPES
        .iter()
        .any(|media_type| essence.eq_ignore_ascii_case(media_type))
}

/// Starts a task that reads the body, and responds with its results.
pub(in crate::server) fn respond(
    service: web::Data<Service>,
    request: &HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, Problem> {
    if let Some(encoding) = request.headers().get("content-encoding") {
        return Err(Problem::unsupported_media_type(format!(
            "content-encoding {encoding:?} is not supported for streams; send uncompressed lines"
        )));
    }
    let permit = service.archive().begin_upload()?;
    let (results, response_body) = line_stream::channel();
    let max_line_bytes = service.max_body_bytes();
    let idle_timeout = service.middleware().connection_limits().stream_idle_timeout;
    let reader = UploadReader {
        service,
        body: Box::pin(body),
        lines: LineSplitter::new(max_line_bytes),
        max_line_bytes,
        idle_timeout,
        waited: Duration::ZERO,
        received_bytes: 0,
        end: None,
        results,
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
    body: Pin<Box<web::Payload>>,
    lines: LineSplitter,
    max_line_bytes: usize,
    /// The stream ends if the client neither sends nor reads for this long.
    idle_timeout: Duration,
    /// The time in which the client was waited for.
    waited: Duration,
    received_bytes: u64,
    /// Set once no more is read from the body: at its end or at an error.
    end: Option<Result<(), Problem>>,
    results: mpsc::Sender<Bytes>,
    summary: WriteSummary,
    _permit: UploadPermit,
}

/// The client has disconnected, or no longer reads the response.
struct ClientDisconnected;

impl UploadReader {
    async fn run(mut self) {
        if let Err(ClientDisconnected) = self.process().await {
            tracing::debug!(
                lines = self.lines.line_count(),
                "client disconnected during stream"
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
                        line_stream::push_json_line(&mut text, result);
                    }
                    self.send(text).await?;
                }
                // No result of this batch is sent: it may be stored, and can safely be sent again.
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
        line_stream::push_json_line(&mut text, &WriteSummaryLine { summary });
        self.send(text).await
    }

    /// Returns the lines of the next batch, which is empty at the end of the stream.
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
            let waiting = Instant::now();
            let next = tokio::select! {
                next = timeout(wait, self.next_chunk()) => next,
                () = service.middleware().shutdown_begun() => {
                    let detail = "the service is shutting down; documents already reported are stored, send the rest again";
                    let problem = Problem::shutting_down(detail).retry_after(SHUTDOWN_RETRY_SECONDS);
                    self.end = Some(Err(problem));
                    continue;
                }
            };
            self.waited += waiting.elapsed();
            match next {
                Ok(Some(Ok(chunk))) => {
                    self.received_bytes += chunk.len() as u64;
                    self.lines.push(&chunk);
                    if self.is_too_slow() && service.archive().uploads_are_full() {
                        let detail = format!(
                            "the stream has sent less than {MIN_BYTES_PER_SECOND} bytes per second, and others wait for its place; documents already reported are stored, send the rest again"
                        );
                        self.end = Some(Err(Problem::body_too_slow(detail)));
                    }
                }
                Ok(Some(Err(error))) => {
                    let detail = format!("the request body ended early: {error}");
                    self.end = Some(Err(Problem::bad_request(detail)));
                }
                Ok(None) => {
                    self.lines.finish();
                    self.end = Some(Ok(()));
                }
                Err(_) if batch.is_empty() => {
                    let detail = format!(
                        "no data received for {} seconds",
                        self.idle_timeout.as_secs_f64()
                    );
                    self.end = Some(Err(Problem::bad_request(detail)));
                }
                Err(_) => break,
            }
        }
        batch
    }

    /// Returns whether the client was waited for longer than the timeout in all, and has sent too little.
    fn is_too_slow(&self) -> bool {
        self.waited > self.idle_timeout
            && self.received_bytes < MIN_BYTES_PER_SECOND.saturating_mul(self.waited.as_secs())
    }

    async fn next_chunk(&mut self) -> Option<Result<Bytes, actix_web::error::PayloadError>> {
        std::future::poll_fn(|context| self.body.as_mut().poll_next(context)).await
    }

    async fn write_batch(&self, batch: Vec<BodyLine>) -> Result<Vec<DocumentResult>, Problem> {
        let max_line_bytes = self.max_line_bytes;
        let parse = move || {
            let lines = batch.iter();
            lines.map(|line| parse_line(line, max_line_bytes)).collect()
        };
        let items = web::block(parse).await.map_err(|e| failed(&e))?;
        batch::write_batch(self.service.archive(), items, false).await
    }

    async fn send(&self, text: Vec<u8>) -> Result<(), ClientDisconnected> {
        let sent = timeout(self.idle_timeout, self.results.send(text.into())).await;
        sent.map_err(|_| ClientDisconnected)?
            .map_err(|_| ClientDisconnected)
    }
}

fn parse_line(line: &BodyLine, max_line_bytes: usize) -> BatchItem {
    let Some(bytes) = &line.bytes else {
        let detail = format!("the line is longer than {max_line_bytes} bytes");
        return BatchItem::rejected(line.number, Problem::body_too_large(detail));
    };
    BatchItem::new(
        line.number,
        SubmittedDocument::parse(bytes.trim_ascii(), max_line_bytes),
    )
}
