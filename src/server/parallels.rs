//! Comparing a whole corpus for a client: long work, in the background, answered while it goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::web::{self, Bytes};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::engine::{Engine, Snapshot};
use crate::parallels::{
    self, LeftOut, ParallelsError, Reader, Scope, Step, Survey, Sweep, Swept, Thresholds,
};

use super::cursor::Asked;
use super::lines;
use super::problem::{Problem, failed};
use super::service::Service;
use super::wire::{
    BeginBody, EndBody, FamiliesRequest, ParallelsRequest, ProgressBody, StreamLine,
    families_response,
};

/// Seconds after which a client that was turned away may try again.
const BUSY_RETRY_SECONDS: u32 = 5;

/// Documents between two signs of life.
const PROGRESS: usize = 64;

/// Where a stream goes on.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    /// Source documents that are done.
    done: usize,
    /// Pairs of the next one that were given already.
    given: usize,
}

/// What is asked of a corpus, with where to begin.
struct Wanted {
    scope: Scope,
    thresholds: Thresholds,
    exact: bool,
    limit: usize,
    begin: Place,
}

impl Wanted {
    fn read(request: &ParallelsRequest, snapshot: &Snapshot) -> Result<Self, Problem> {
        let (scope, thresholds) = request.read()?;
        let mut wanted = Self {
            scope,
            thresholds,
            exact: request.is_exact(),
            limit: request.limit.unwrap_or(usize::MAX),
            begin: Place::default(),
        };
        if let Some(cursor) = &request.cursor {
            wanted.begin = wanted.asked(snapshot).read(cursor)?;
        }
        Ok(wanted)
    }

    fn asked<'a>(&self, snapshot: &'a Snapshot) -> Asked<'a> {
        Asked::new(snapshot, &(&self.scope, &self.thresholds, self.exact))
    }
}

/// Begins to compare and to answer.
pub(super) fn stream(
    service: &web::Data<Service>,
    request: &ParallelsRequest,
) -> Result<HttpResponse, Problem> {
    let (engine, snapshot) = service.ready()?;
    let asked = Wanted::read(request, &snapshot)?;
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

fn run(
    engine: &Engine,
    survey: &Survey,
    asked: &Wanted,
    talk: &Talk,
) -> Result<(), ParallelsError> {
    let sweep = Sweep::new(survey, &asked.scope, asked.thresholds)?;
    let snapshot = survey.snapshot();
    let sources = sweep.sources();
    let begin = BeginBody::of(survey, &sweep, &asked.thresholds);
    talk.say(&[StreamLine::Begin(Box::new(begin))])?;
    let reader = Reader::new(survey, &asked.thresholds);
    let Place {
        mut done,
        mut given,
    } = asked.begin;
    let here = asked.asked(snapshot);
    let rest = sources.get(done..).unwrap_or_default();
    let (mut all, mut found) = (Swept::default(), 0);
    let mut next = None;
    // Searches go first; and whoever waits for a client does not keep one of those threads.
    let compute = |work: Step<'_>| engine.in_background(work);
    let complete = sweep.run(rest, compute, |_, swept| {
        // What is left out of a document was told by the stream that gave the first of its pairs.
        let (left_out, passages) = match given {
            0 => (swept.left_out, swept.passages),
            _ => (LeftOut::default(), 0),
        };
        all.count(&left_out, passages, swept.closest);
        let pairs = swept.pairs.get(given..).unwrap_or_default();
        let wanted = pairs.get(..asked.limit - found).unwrap_or(pairs);
        let parallels = engine.in_background(|| reader.read(wanted))?.into_iter();
        let mut lines: Vec<StreamLine> = parallels
            .map(|parallel| StreamLine::Parallel(Box::new(parallel.into())))
            .collect();
        found += wanted.len();
        if wanted.len() < pairs.len() {
            let given = given + wanted.len();
            next = Some(here.at(Place { done, given }));
        }
        if next.is_none() {
            (done, given) = (done + 1, 0);
            if found == asked.limit && done < sources.len() {
                next = Some(here.at(Place { done, given }));
            } else if done.is_multiple_of(PROGRESS) {
                lines.push(StreamLine::Progress(ProgressBody {
                    done,
                    sources: sources.len(),
                    cursor: here.at(Place { done, given }),
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

/// Says whether anybody still waits for what is being done.
pub(super) type IsAwaited<'a> = &'a (dyn Fn() -> bool + Sync);

/// Runs a comparison for a client: on a core of the searches unless it is long. The first of a snapshot
/// is, as it reads the sentences of the whole corpus.
pub(super) async fn answer<T: Send + 'static>(
    service: &Service,
    survey: Arc<Survey>,
    is_long: bool,
    work: impl FnOnce(&Survey, IsAwaited<'_>) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    if is_long || survey.known_sentences().is_none() {
        let (engine, _) = service.ready()?;
        let work = move |is_awaited: IsAwaited<'_>| work(&survey, is_awaited);
        return long(service.comparisons(), engine, work).await;
    }
    let work = move || work(&survey, &|| true);
    Ok(service.admission().run(work).await?.0)
}

/// Runs something long for a client on threads that give way to searches, if there is a place.
async fn long<T: Send + 'static>(
    comparisons: &Comparisons,
    engine: Arc<Engine>,
    work: impl FnOnce(IsAwaited<'_>) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let place = comparisons.let_in()?;
    while_awaited(move |is_awaited| {
        let _place = place;
        engine.in_background(|| work(is_awaited))
    })
    .await
}

/// Runs something on a thread of its own; if its answer is given up, it can know.
async fn while_awaited<T: Send + 'static>(
    work: impl FnOnce(IsAwaited<'_>) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let (tell, told) = oneshot::channel();
    actix_web::rt::task::spawn_blocking(move || {
        let result = work(&|| !tell.is_closed());
        // Whoever asked may be gone.
        let _ = tell.send(result);
    });
    told.await.map_err(|error| failed(&error))?
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
    // Sources and targets are one here.
    scope.source.check(snapshot.catalogue())?;
    Sweep::new(&survey, &scope, thresholds)?;
    options.check_fields(snapshot.catalogue())?;
    let asked = Asked::new(&snapshot, &(&scope, &thresholds, &options));
    let offset = asked.offset(request.offset, request.cursor.as_deref())?;
    let page = (offset, request.limit);
    let next = asked.after(offset.saturating_add(request.limit));
    let work = move |_: IsAwaited<'_>| {
        let swept = Sweep::new(&survey, &scope, thresholds)?.all()?;
        let families = parallels::families(&survey, &swept.pairs, &options)?;
        let asked = (&thresholds, &options);
        let answer = families_response(&survey, &swept, &families, asked, page, start)?;
        Ok(answer.going_on(next))
    };
    let response = long(service.comparisons(), engine, work).await?;
    Ok(HttpResponse::Ok().json(response))
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
                "{MOST_COMPARISONS} long comparisons are running already, the most that may; try again later"
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
            ParallelsError::Filter(error) => error.into(),
            ParallelsError::UnknownField { at, .. } => Self::unknown_field(detail).at(at),
            ParallelsError::OtherSnapshot
            | ParallelsError::Cancelled
            | ParallelsError::Index(_) => failed(&error),
            ParallelsError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn work_learns_that_nobody_waits_for_it() {
        let (tell, told) = std::sync::mpsc::channel();
        let work = move |is_awaited: IsAwaited<'_>| {
            let _ = tell.send(is_awaited());
            while is_awaited() {
                std::thread::yield_now();
            }
            let _ = tell.send(is_awaited());
            Ok(())
        };
        let hung_up = timeout(Duration::from_millis(20), while_awaited(work)).await;
        assert!(hung_up.is_err());
        // It ends, or this waits for ever.
        assert_eq!(told.iter().last(), Some(false));
        assert_eq!(while_awaited(|_| Ok(3)).await.unwrap(), 3);
    }
}
