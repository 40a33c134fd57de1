//! The comparison of a corpus, streamed to the client as it proceeds.

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
use crate::server::cursor::{ComparisonScope, CursorScope};
use crate::server::line_stream;
use crate::server::problem::Problem;
use crate::server::service::Service;
use crate::server::wire::{ParallelsRequest, StreamBegin, StreamEnd, StreamLine, StreamProgress};

/// Number of documents between two progress lines.
const PROGRESS_EVERY_DOCUMENTS: usize = 64;

/// Number of pairs that are loaded before they are sent.
const READ_BATCH_PAIRS: usize = 32;

/// The position at which a stream resumes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResumePoint {
    /// Number of source documents that are done.
    done: usize,
    /// Number of pairs of the next one that were sent already.
    sent: usize,
}

/// A parsed request, with the position to start from.
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
        let request = ComparisonScope {
            scope: &self.scope,
            thresholds: &self.thresholds,
            exact: self.exact,
        };
        CursorScope::new(snapshot, &request)
    }
}

/// Starts a comparison and returns the response that streams it.
pub(in crate::server) fn stream(
    service: &web::Data<Service>,
    request: &ParallelsRequest,
) -> Result<HttpResponse, Problem> {
    let (engine, snapshot) = service.engine_and_snapshot()?;
    let stream_request = StreamRequest::parse(request, &snapshot)?;
    let context = service.corpus_context_for(&snapshot, request.is_exact());
    // Errors of the request are returned before the stream starts.
    CorpusComparison::new(&context, &stream_request.scope, stream_request.thresholds)?;
    let permit = service.comparison_limiter().acquire()?;
    let (lines, body) = line_stream::channel();
    let sender = LineSender {
        service: service.clone(),
        lines,
        runtime: Handle::current(),
    };
    actix_web::rt::task::spawn_blocking(move || {
        let _permit = permit;
        match run(&engine, &context, &stream_request, &sender) {
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

/// Sends lines to the client.
struct LineSender {
    service: web::Data<Service>,
    lines: mpsc::Sender<Bytes>,
    runtime: Handle,
}

impl LineSender {
    /// Sends lines, waiting for the client to read them as long as it keeps reading.
    fn send(&self, lines: &[StreamLine]) -> Result<(), ParallelsError> {
        let mut text = Vec::new();
        for line in lines {
            line_stream::push_json_line(&mut text, line);
        }
        let idle_timeout = self
            .service
            .middleware()
            .connection_limits()
            .stream_idle_timeout;
        let sent = timeout(idle_timeout, self.lines.send(text.into()));
        match self.runtime.block_on(sent) {
            Ok(Ok(())) => Ok(()),
            // The client disconnected or stopped reading.
            _ => Err(ParallelsError::Cancelled),
        }
    }

    fn is_shutting_down(&self) -> bool {
        self.service.middleware().is_shutting_down()
    }

    /// Returns whether the client is connected and the service is not shutting down.
    fn should_continue(&self) -> bool {
        !self.lines.is_closed() && !self.is_shutting_down()
    }
}

fn run(
    engine: &Engine,
    context: &CorpusContext,
    stream_request: &StreamRequest,
    sender: &LineSender,
) -> Result<(), ParallelsError> {
    let should_continue = || sender.should_continue();
    let comparison =
        CorpusComparison::new(context, &stream_request.scope, stream_request.thresholds)?
            .with_cancellation(&should_continue);
    let sources = comparison.sources();
    let begin = StreamBegin::new(context, &comparison, &stream_request.thresholds);
    sender.send(&[StreamLine::Begin(Box::new(begin))])?;
    let mut parallel_stream = ParallelStream {
        engine,
        reader: ParallelLoader::new(context, &stream_request.thresholds),
        sender,
        cursor_scope: stream_request.cursor_scope(context.snapshot()),
        limit: stream_request.limit,
        sources: sources.len(),
        position: stream_request.resume_from,
        totals: CorpusMatches::default(),
        emitted: 0,
        next_cursor: None,
    };
    let remaining = sources
        .get(stream_request.resume_from.done..)
        .unwrap_or_default();
    // Only the computation runs in the low-priority pool: waiting for the client must not occupy its
    // threads.
    let compute = |work: ComparisonStep<'_>| engine.run_in_background(work);
    let outcome = comparison.run(remaining, compute, |_, matches| {
        parallel_stream.emit(&matches)
    });
    let ended = outcome.and_then(|complete| {
        if complete && parallel_stream.totals.closest.is_none() {
            parallel_stream.totals.closest =
                engine.run_in_background(|| comparison.closest_among(&sources))?;
        }
        Ok(())
    });
    match ended {
        // A client can resume here at the next process.
        Err(ParallelsError::Cancelled) if sender.is_shutting_down() => {
            parallel_stream.next_cursor = Some(parallel_stream.encode_cursor());
        }
        ended => ended?,
    }
    let ParallelStream {
        totals,
        emitted,
        next_cursor,
        ..
    } = parallel_stream;
    let end = StreamEnd::new(context, &totals, emitted, next_cursor);
    sender.send(&[StreamLine::End(Box::new(end))])
}

/// The state of a stream on its way through the source documents.
struct ParallelStream<'a> {
    engine: &'a Engine,
    reader: ParallelLoader<'a>,
    sender: &'a LineSender,
    cursor_scope: CursorScope<'a>,
    /// Maximum number of pairs.
    limit: usize,
    /// Number of all source documents.
    sources: usize,
    position: ResumePoint,
    /// Totals without the pairs.
    totals: CorpusMatches,
    /// Number of pairs sent.
    emitted: usize,
    /// Position at which another stream resumes, if this one ends early.
    next_cursor: Option<String>,
}

impl ParallelStream<'_> {
    /// Sends the pairs of one source document; returns whether the stream continues.
    fn emit(&mut self, matches: &CorpusMatches) -> Result<bool, ParallelsError> {
        self.check_cancelled()?;
        // The counts of a document were reported by the stream that sent the first of its pairs.
        let (filtered_counts, passages) = match self.position.sent {
            0 => (matches.filtered_counts, matches.passages),
            _ => (FilteredCounts::default(), 0),
        };
        self.totals
            .add_counts(&filtered_counts, passages, matches.closest);
        let pairs = matches.pairs.get(self.position.sent..).unwrap_or_default();
        let page = pairs.get(..self.limit - self.emitted).unwrap_or(pairs);
        for batch in page.chunks(READ_BATCH_PAIRS) {
            let parallels = self.engine.run_in_background(|| self.reader.load(batch))?;
            let lines = parallels.into_iter();
            let lines = lines.map(|parallel| StreamLine::Parallel(Box::new(parallel.into())));
            self.sender.send(&lines.collect::<Vec<_>>())?;
            self.emitted += batch.len();
            self.position.sent += batch.len();
            self.check_cancelled()?;
        }
        if page.len() == pairs.len() {
            self.position = ResumePoint {
                done: self.position.done + 1,
                sent: 0,
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

    /// Sends a progress line every few documents.
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

    /// Returns a cursor that resumes here.
    fn encode_cursor(&self) -> String {
        self.cursor_scope.encode_at(self.position)
    }
}
