//! Comparing a whole corpus for a client: long work, in the background, answered while it goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::web::{self, Bytes};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::engine::{Engine, Snapshot};
use crate::parallels::{
    self, ParallelsError, Reader, Scope, Step, Survey, Sweep, Swept, Thresholds,
};

use super::lines;
use super::problem::{Problem, failed};
use super::service::Service;
use super::wire::{
    self, BeginBody, EndBody, FamiliesRequest, ParallelsRequest, ProgressBody, StreamLine,
    families_response,
};
use crate::store::ContentHash;

/// Seconds after which a client that was turned away may try again.
const BUSY_RETRY_SECONDS: u32 = 5;

/// Documents between two signs of life.
const PROGRESS: usize = 64;

/// Where a stream goes on.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    snapshot: String,
    /// Of everything that is asked for, but the limit.
    request: String,
    /// Source documents that are done.
    done: usize,
    /// Pairs of the next one that were given already.
    given: usize,
}

impl Cursor {
    fn write(&self) -> String {
        // A few plain strings and numbers, which cannot fail.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    fn read(text: &str) -> Result<Self, Problem> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let cursor = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        cursor.ok_or_else(|| {
            let detail = "this is no cursor; expected one of an earlier stream as it was given";
            Problem::bad_cursor(detail).at("cursor")
        })
    }
}

/// What is asked of a corpus, with where to begin.
struct Asked {
    scope: Scope,
    thresholds: Thresholds,
    limit: usize,
    /// Hash of the request.
    hash: String,
    cursor: Option<Cursor>,
}

impl Asked {
    fn read(request: &ParallelsRequest, snapshot: &Snapshot) -> Result<Self, Problem> {
        let (scope, thresholds) = request.read()?;
        let asked = format!("{scope:?} {thresholds:?} {}", request.is_exact());
        let hash = ContentHash::of_parts([asked.as_bytes()]).to_string();
        let hash: String = hash.chars().take(16).collect();
        let cursor = request.cursor.as_deref().map(Cursor::read).transpose()?;
        if let Some(cursor) = &cursor {
            if cursor.request != hash {
                let detail = "this cursor is from another request; expected the same as before, but for limit";
                return Err(Problem::bad_cursor(detail).at("cursor"));
            }
            let newest = &snapshot.facts().id;
            if cursor.snapshot != *newest {
                return Err(Problem::cursor_expired(format!(
                    "this cursor is from the snapshot {}, the corpus has changed since and is {newest} now; begin again without a cursor",
                    cursor.snapshot
                ))
                .at("cursor"));
            }
        }
        Ok(Self {
            scope,
            thresholds,
            limit: request.limit.unwrap_or(usize::MAX),
            hash,
            cursor,
        })
    }

    fn cursor(&self, snapshot: &Snapshot, done: usize, given: usize) -> String {
        let cursor = Cursor {
            snapshot: snapshot.facts().id.clone(),
            request: self.hash.clone(),
            done,
            given,
        };
        cursor.write()
    }
}

/// Begins to compare and to answer.
pub(super) fn stream(
    service: &web::Data<Service>,
    request: &ParallelsRequest,
) -> Result<HttpResponse, Problem> {
    let (engine, snapshot) = service.ready()?;
    let asked = Asked::read(request, &snapshot)?;
    let survey = service.survey_for(&snapshot, request.is_exact());
    // What cannot be compared is said before the stream begins.
    Sweep::new(&survey, &asked.scope, asked.thresholds)?;
    let place = service.comparisons().let_in()?;
    let (lines, body) = lines::channel();
    let runtime = Handle::current();
    let silence = service.guard().bounds().silence;
    actix_web::rt::task::spawn_blocking(move || {
        let _place = place;
        let talk = Talk {
            silence,
            lines,
            runtime,
        };
        match run(&engine, &survey, &asked, &talk) {
            Ok(()) | Err(ParallelsError::Cancelled) => {}
            Err(error) => {
                let problem = Problem::from(error);
                let body = serde_json::to_value(problem.body()).unwrap_or_default();
                let _ = talk.say(&[StreamLine::Error(body)]);
            }
        }
    });
    Ok(HttpResponse::Ok()
        .content_type("application/x-ndjson")
        .body(body))
}

/// Where lines go.
struct Talk {
    /// A client that reads nothing for so long is given up.
    silence: Duration,
    lines: mpsc::Sender<Bytes>,
    runtime: Handle,
}

impl Talk {
    /// Waits until the client has taken them, as long as it goes on reading.
    fn say(&self, lines: &[StreamLine]) -> Result<(), ParallelsError> {
        let mut text = Vec::new();
        for line in lines {
            lines::line(&mut text, line);
        }
        let sent = timeout(self.silence, self.lines.send(text.into()));
        match self.runtime.block_on(sent) {
            Ok(Ok(())) => Ok(()),
            // It has hung up, or reads no more.
            _ => Err(ParallelsError::Cancelled),
        }
    }
}

fn run(engine: &Engine, survey: &Survey, asked: &Asked, talk: &Talk) -> Result<(), ParallelsError> {
    let sweep = Sweep::new(survey, &asked.scope, asked.thresholds)?;
    let snapshot = survey.snapshot();
    let sources = sweep.sources();
    let begin = BeginBody::of(survey, &sweep, &asked.thresholds);
    talk.say(&[StreamLine::Begin(Box::new(begin))])?;
    let reader = Reader::new(survey, &asked.thresholds);
    let (mut done, mut given) = match &asked.cursor {
        Some(cursor) => (cursor.done, cursor.given),
        None => (0, 0),
    };
    let rest = sources.get(done..).unwrap_or_default();
    let (mut all, mut found) = (Swept::default(), 0);
    let mut next = None;
    // Searches go first; and whoever waits for a client does not keep one of those threads.
    let compute = |work: Step<'_>| engine.in_background(work);
    let complete = sweep.run(rest, compute, |_, swept| {
        all.count(&swept.left_out, swept.passages, swept.closest);
        let pairs = swept.pairs.get(given..).unwrap_or_default();
        let wanted = pairs.get(..asked.limit - found).unwrap_or(pairs);
        let parallels = engine.in_background(|| reader.read(wanted))?.into_iter();
        let mut lines: Vec<StreamLine> = parallels
            .map(|parallel| StreamLine::Parallel(Box::new(parallel.into())))
            .collect();
        found += wanted.len();
        if wanted.len() < pairs.len() {
            next = Some(asked.cursor(snapshot, done, given + wanted.len()));
        }
        if next.is_none() {
            (done, given) = (done + 1, 0);
            if found == asked.limit && done < sources.len() {
                next = Some(asked.cursor(snapshot, done, 0));
            } else if done.is_multiple_of(PROGRESS) {
                lines.push(StreamLine::Progress(ProgressBody {
                    done,
                    sources: sources.len(),
                    cursor: asked.cursor(snapshot, done, 0),
                }));
            }
        }
        // A document without parallels is no reason to look for the client; a sign of life is.
        if !lines.is_empty() {
            talk.say(&lines)?;
        } else if talk.lines.is_closed() {
            return Err(ParallelsError::Cancelled);
        }
        Ok(next.is_none())
    })?;
    if complete && all.closest.is_none() {
        all.closest = engine.in_background(|| sweep.closest_of(&sources))?;
    }
    let end = EndBody::of(survey, &all, found, next);
    talk.say(&[StreamLine::End(Box::new(end))])
}

/// Gathers families, off the threads of the network and of searches.
pub(super) async fn families(
    service: web::Data<Service>,
    request: FamiliesRequest,
) -> Result<HttpResponse, Problem> {
    let start = Instant::now();
    let (scope, thresholds, options) = request.read()?;
    let (engine, snapshot): (Arc<Engine>, _) = service.ready()?;
    let survey = service.survey(&snapshot);
    Sweep::new(&survey, &scope, thresholds).map_err(|error| match error {
        // Sources and targets are one here.
        ParallelsError::Filter { error, .. } => wire::at_filter(error, "filter"),
        error => error.into(),
    })?;
    options.check_fields(snapshot.catalogue())?;
    let place = service.comparisons().let_in()?;
    let work = move || {
        let _place = place;
        engine.in_background(|| {
            let swept = Sweep::new(&survey, &scope, thresholds)?.all()?;
            let families = parallels::families(&survey, &swept.pairs, &options)?;
            let asked = (&thresholds, &options);
            families_response(&survey, &swept, &families, asked, request.limit, start)
        })
    };
    let response = web::block(work).await.map_err(|error| failed(&error))?;
    Ok(HttpResponse::Ok().json(response?))
}

/// Lets a few long comparisons run at the same time.
pub(super) struct Comparisons(Arc<tokio::sync::Semaphore>);

/// So many: each takes all that searches leave.
const MOST_COMPARISONS: usize = 2;

impl Default for Comparisons {
    fn default() -> Self {
        Self(Arc::new(tokio::sync::Semaphore::new(MOST_COMPARISONS)))
    }
}

impl Comparisons {
    /// Lets one in until what is given back is dropped.
    fn let_in(&self) -> Result<tokio::sync::OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.0).try_acquire_owned().map_err(|_| {
            Problem::overloaded(format!(
                "{MOST_COMPARISONS} corpora are being compared already, the most that may; try again later"
            ))
            .retry_after(BUSY_RETRY_SECONDS)
        })
    }
}

impl From<ParallelsError> for Problem {
    fn from(error: ParallelsError) -> Self {
        let detail = error.to_string();
        match error {
            ParallelsError::NoSuchDocument { .. } => Self::document_not_found(detail),
            ParallelsError::NoSuchPassage { .. } => Self::passage_not_found(detail),
            ParallelsError::SameDocument { .. } => Self::same_document(detail).at("b"),
            ParallelsError::Parameter { name, .. } => Self::parameter_out_of_range(detail).at(name),
            ParallelsError::Filter { filter, error } => wire::at_filter(error, filter),
            ParallelsError::UnknownField { at, .. } => Self::unknown_field(detail).at(at),
            ParallelsError::OtherSnapshot
            | ParallelsError::Cancelled
            | ParallelsError::Index(_) => failed(&error),
            ParallelsError::Store(error) => error.into(),
        }
    }
}
