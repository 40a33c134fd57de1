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

use crate::corpus::Sent;
use crate::engine::Engine;
use crate::server::lines as answers;
use crate::server::problem::Problem;
use crate::server::service::Service;

use super::batch::{self, BATCH_BYTES, BATCH_DOCUMENTS, Item};
use super::lines::{Line, Lines};
use super::shapes::{DocumentResult, ErrorBody, Summary, SummaryLine};

/// Media types of lines of JSON.
const MEDIA_TYPES: &[&str] = &[
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonlines",
    "application/json-lines",
];

/// A client that says nothing for so long wants to be answered first.
const PAUSE: Duration = Duration::from_millis(50);

/// Seconds after which another process may take what this one, which stops, does not.
const STOPPING_RETRY_SECONDS: u32 = 5;

/// Whether the body is lines of JSON.
pub(in crate::server) fn is_meant(request: &HttpRequest) -> bool {
    let value = request.headers().get("content-type");
    let text = value.and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = text.split(';').next().unwrap_or("").trim();
    MEDIA_TYPES
        .iter()
        .any(|known| essence.eq_ignore_ascii_case(known))
}

/// Begins to read and to answer.
pub(in crate::server) fn answer(
    service: web::Data<Service>,
    request: &HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, Problem> {
    if let Some(encoding) = request.headers().get("content-encoding") {
        return Err(Problem::unsupported_media_type(format!(
            "the body is encoded ({encoding:?}); expected lines that are not compressed"
        )));
    }
    let (engine, _) = service.ready()?;
    let place = service.writers().let_in()?;
    let (answers, answered) = answers::channel();
    let limit = service.limits().max_body_bytes;
    let silence = service.guard().bounds().silence;
    let reader = Reader {
        service,
        engine,
        body: Box::pin(body),
        lines: Lines::new(limit),
        limit,
        silence,
        ended: None,
        answers,
        summary: Summary::default(),
        _place: place,
    };
    actix_web::rt::spawn(reader.run());
    Ok(HttpResponse::Ok()
        .content_type("application/x-ndjson")
        .body(answered))
}

struct Reader {
    service: web::Data<Service>,
    engine: Arc<Engine>,
    body: Pin<Box<web::Payload>>,
    lines: Lines,
    limit: usize,
    /// A client that neither sends nor reads for so long is given up.
    silence: Duration,
    /// How the body ended, once it has.
    ended: Option<Result<(), Problem>>,
    answers: mpsc::Sender<Bytes>,
    summary: Summary,
    _place: OwnedSemaphorePermit,
}

/// Nobody reads the answers any more.
struct HungUp;

impl Reader {
    async fn run(mut self) {
        if let Err(HungUp) = self.read().await {
            tracing::debug!(lines = self.lines.count(), "a client hung up on its stream");
        }
    }

    async fn read(&mut self) -> Result<(), HungUp> {
        loop {
            let batch = self.gather().await;
            if batch.is_empty() {
                break;
            }
            match self.write(batch).await {
                Ok(results) => {
                    let mut text = Vec::new();
                    for result in &results {
                        self.summary.count(result);
                        answers::line(&mut text, result);
                    }
                    self.say(text).await?;
                }
                // None of the batch is answered: it may be stored, and can be sent again.
                Err(problem) => {
                    self.ended = Some(Err(problem));
                    break;
                }
            }
        }
        self.summary.lines = self.lines.count();
        match &self.ended {
            Some(Err(problem)) => self.summary.error = Some(ErrorBody::from(problem)),
            _ => self.summary.complete = true,
        }
        let mut text = Vec::new();
        let summary = &self.summary;
        answers::line(&mut text, &SummaryLine { summary });
        self.say(text).await
    }

    /// The lines of the next turn; none at the end.
    async fn gather(&mut self) -> Vec<Line> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while bytes < BATCH_BYTES && batch.len() < BATCH_DOCUMENTS {
            if let Some(line) = self.lines.next() {
                bytes += line.bytes.as_ref().map_or(0, Vec::len);
                batch.push(line);
                continue;
            }
            if self.ended.is_some() {
                break;
            }
            let patience = if batch.is_empty() {
                self.silence
            } else {
                PAUSE
            };
            let service = self.service.clone();
            let next = tokio::select! {
                next = timeout(patience, self.piece()) => next,
                () = service.guard().stopped() => {
                    let detail = "the service stops; what is answered is stored, send the rest again";
                    let problem = Problem::stopping(detail).retry_after(STOPPING_RETRY_SECONDS);
                    self.ended = Some(Err(problem));
                    continue;
                }
            };
            match next {
                Ok(Some(Ok(piece))) => self.lines.push(&piece),
                Ok(Some(Err(error))) => {
                    let detail = format!("the body broke off: {error}");
                    self.ended = Some(Err(Problem::bad_request(detail)));
                }
                Ok(None) => {
                    self.lines.end();
                    self.ended = Some(Ok(()));
                }
                Err(_) if batch.is_empty() => {
                    let detail = format!("nothing came for {} seconds", self.silence.as_secs_f64());
                    self.ended = Some(Err(Problem::bad_request(detail)));
                }
                Err(_) => break,
            }
        }
        batch
    }

    async fn piece(&mut self) -> Option<Result<Bytes, actix_web::error::PayloadError>> {
        std::future::poll_fn(|context| self.body.as_mut().poll_next(context)).await
    }

    async fn write(&self, batch: Vec<Line>) -> Result<Vec<DocumentResult>, Problem> {
        let (engine, limit) = (Arc::clone(&self.engine), self.limit);
        let work = move || {
            let items = batch.into_iter().map(|line| read(&line, limit)).collect();
            batch::store(&engine, items)
        };
        self.service.writers().go_on(work).await
    }

    async fn say(&self, text: Vec<u8>) -> Result<(), HungUp> {
        let sent = timeout(self.silence, self.answers.send(text.into())).await;
        sent.map_err(|_| HungUp)?.map_err(|_| HungUp)
    }
}

fn read(line: &Line, limit: usize) -> Item {
    let Some(bytes) = &line.bytes else {
        let detail = format!("the line is longer than {limit} bytes");
        return Item::unread(line.number, Problem::body_too_large(detail));
    };
    Item::new(line.number, Sent::read(bytes.trim_ascii(), limit))
}
