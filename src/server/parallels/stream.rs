//! Comparing a whole corpus for a client: answered line by line while it goes on.

use actix_web::HttpResponse;
use actix_web::web::{self, Bytes};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::engine::{Engine, Snapshot};
use crate::parallels::{
    ComparisonStep, CorpusComparison, CorpusContext, CorpusMatches, FilteredCounts, ParallelLoader,
    ParallelsError, Scope, Thresholds,
};
use crate::server::cursor::{CursorScope, SweepScope};
use crate::server::line_stream;
use crate::server::problem::Problem;
use crate::server::service::Service;
use crate::server::wire::{ParallelsRequest, StreamBegin, StreamEnd, StreamLine, StreamProgress};

/// Documents between two signs of life.
const PROGRESS_EVERY_DOCUMENTS: usize = 64;

/// Pairs that are read before they are sent.
const READ_BATCH_PAIRS: usize = 32;

/// Where a stream goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResumePoint {
    /// Source documents that are done.
    done: usize,
    /// Pairs of the next one that were given already.
    given: usize,
}

/// What is asked of a corpus, with where to begin.
struct StreamRequest {
    scope: Scope,
    thresholds: Thresholds,
    exact: bool,
    limit: usize,
    resume_from: ResumePoint,
}

impl StreamRequest {
    fn parse(request: &ParallelsRequest, snapshot: &Snapshot) -> Result<Self, Problem> {
        let (scope, thresholds) = request.parse()?;
        let mut parsed = Self {
            scope,
            thresholds,
            exact: request.is_exact(),
            limit: request.limit.unwrap_or(usize::MAX),
            resume_from: ResumePoint::default(),
        };
        if let Some(cursor) = &request.cursor {
            parsed.resume_from = parsed.cursor_scope(snapshot).decode(cursor)?;
        }
        Ok(parsed)
    }

    fn cursor_scope<'a>(&self, snapshot: &'a Snapshot) -> CursorScope<'a> {
        let request = SweepScope {
            scope: &self.scope,
            thresholds: &self.thresholds,
            exact: self.exact,
        };
        CursorScope::new(snapshot, &request)
    }
}

/// Begins to compare and to answer.
pub(in crate::server) fn stream(
    service: &web::Data<Service>,
    request: &ParallelsRequest,
) -> Result<HttpResponse, Problem> {
    let (engine, snapshot) = service.engine_and_snapshot()?;
    let stream_request = StreamRequest::parse(request, &snapshot)?;
    let survey = service.corpus_context_for(&snapshot, request.is_exact());
    // What cannot be compared is said before the stream begins.
    CorpusComparison::new(&survey, &stream_request.scope, stream_request.thresholds)?;
    let permit = service.comparison_limiter().acquire()?;
    let (lines, body) = line_stream::channel();
    let sender = LineSender {
        service: service.clone(),
        lines,
        runtime: Handle::current(),
    };
    actix_web::rt::task::spawn_blocking(move || {
        let _place = permit;
        match run(&engine, &survey, &stream_request, &sender) {
            Ok(()) | Err(ParallelsError::Cancelled) => {}
            Err(error) => {
                let problem = Problem::from(error);
                let body = serde_json::to_value(problem.body()).unwrap_or_default();
                let _ = sender.send(&[StreamLine::Error(body)]);
            }
        }
    });
    Ok(HttpResponse::Ok()
        .content_type("application/x-ndjson")
        .body(body))
}

/// Where lines go.
struct LineSender {
    service: web::Data<Service>,
    lines: mpsc::Sender<Bytes>,
    runtime: Handle,
}

impl LineSender {
    /// Waits until the client has taken them, as long as it goes on reading.
    fn send(&self, lines: &[StreamLine]) -> Result<(), ParallelsError> {
        let mut text = Vec::new();
        for line in lines {
            line_stream::push_json_line(&mut text, line);
        }
        let silence = self
            .service
            .middleware()
            .connection_limits()
            .stream_idle_timeout;
        let sent = timeout(silence, self.lines.send(text.into()));
        match self.runtime.block_on(sent) {
            Ok(Ok(())) => Ok(()),
            // It has hung up, or reads no more.
            _ => Err(ParallelsError::Cancelled),
        }
    }

    fn is_shutting_down(&self) -> bool {
        self.service.middleware().is_shutting_down()
    }

    /// Whether the client is there and the service does not stop.
    fn should_continue(&self) -> bool {
        !self.lines.is_closed() && !self.is_shutting_down()
    }
}

fn run(
    engine: &Engine,
    survey: &CorpusContext,
    stream_request: &StreamRequest,
    sender: &LineSender,
) -> Result<(), ParallelsError> {
    let is_awaited = || sender.should_continue();
    let sweep = CorpusComparison::new(survey, &stream_request.scope, stream_request.thresholds)?
        .with_cancellation(&is_awaited);
    let sources = sweep.sources();
    let begin = StreamBegin::new(survey, &sweep, &stream_request.thresholds);
    sender.send(&[StreamLine::Begin(Box::new(begin))])?;
    let mut parallel_stream = ParallelStream {
        engine,
        reader: ParallelLoader::new(survey, &stream_request.thresholds),
        sender,
        cursor_scope: stream_request.cursor_scope(survey.snapshot()),
        limit: stream_request.limit,
        sources: sources.len(),
        position: stream_request.resume_from,
        totals: CorpusMatches::default(),
        emitted: 0,
        next_cursor: None,
    };
    let rest = sources
        .get(stream_request.resume_from.done..)
        .unwrap_or_default();
    // Searches go first; and whoever waits for a client does not keep one of those threads.
    let compute = |work: ComparisonStep<'_>| engine.run_in_background(work);
    let outcome = sweep.run(rest, compute, |_, swept| parallel_stream.emit(&swept));
    let ended = outcome.and_then(|complete| {
        if complete && parallel_stream.totals.closest.is_none() {
            parallel_stream.totals.closest =
                engine.run_in_background(|| sweep.closest_among(&sources))?;
        }
        Ok(())
    });
    match ended {
        // The next process goes on where this one ends.
        Err(ParallelsError::Cancelled) if sender.is_shutting_down() => {
            parallel_stream.next_cursor = Some(parallel_stream.encode_cursor());
        }
        ended => ended?,
    }
    let ParallelStream {
        totals: all,
        emitted: found,
        next_cursor: next,
        ..
    } = parallel_stream;
    let end = StreamEnd::new(survey, &all, found, next);
    sender.send(&[StreamLine::End(Box::new(end))])
}

/// A stream on its way through the source documents.
struct ParallelStream<'a> {
    engine: &'a Engine,
    reader: ParallelLoader<'a>,
    sender: &'a LineSender,
    cursor_scope: CursorScope<'a>,
    /// Most pairs.
    limit: usize,
    /// All source documents.
    sources: usize,
    position: ResumePoint,
    /// What was found but the pairs.
    totals: CorpusMatches,
    /// Pairs that were given.
    emitted: usize,
    /// Where another stream goes on, if this one ends before all is done.
    next_cursor: Option<String>,
}

impl ParallelStream<'_> {
    /// Gives what one source document gave; whether the stream goes on.
    fn emit(&mut self, swept: &CorpusMatches) -> Result<bool, ParallelsError> {
        self.check_cancelled()?;
        // What is left out of a document was told by the stream that gave the first of its pairs.
        let (left_out, passages) = match self.position.given {
            0 => (swept.filtered_counts, swept.passages),
            _ => (FilteredCounts::default(), 0),
        };
        self.totals.add_counts(&left_out, passages, swept.closest);
        let pairs = swept.pairs.get(self.position.given..).unwrap_or_default();
        let page = pairs.get(..self.limit - self.emitted).unwrap_or(pairs);
        for some in page.chunks(READ_BATCH_PAIRS) {
            let parallels = self.engine.run_in_background(|| self.reader.load(some))?;
            let lines = parallels.into_iter();
            let lines = lines.map(|parallel| StreamLine::Parallel(Box::new(parallel.into())));
            self.sender.send(&lines.collect::<Vec<_>>())?;
            self.emitted += some.len();
            self.position.given += some.len();
            self.check_cancelled()?;
        }
        if page.len() == pairs.len() {
            self.position = ResumePoint {
                done: self.position.done + 1,
                given: 0,
            };
        }
        let is_full = page.len() < pairs.len() || self.emitted == self.limit;
        if is_full && self.position.done < self.sources {
            self.next_cursor = Some(self.encode_cursor());
            return Ok(false);
        }
        self.send_progress()?;
        Ok(true)
    }

    /// A sign of life, now and then.
    fn send_progress(&self) -> Result<(), ParallelsError> {
        if !self.position.done.is_multiple_of(PROGRESS_EVERY_DOCUMENTS) {
            return Ok(());
        }
        self.sender.send(&[StreamLine::Progress(StreamProgress {
            done: self.position.done,
            sources: self.sources,
            cursor: self.encode_cursor(),
        })])
    }

    fn check_cancelled(&self) -> Result<(), ParallelsError> {
        if self.sender.should_continue() {
            Ok(())
        } else {
            Err(ParallelsError::Cancelled)
        }
    }

    /// Goes on here.
    fn encode_cursor(&self) -> String {
        self.cursor_scope.encode_at(self.position)
    }
}
