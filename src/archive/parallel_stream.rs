//! The comparison of a corpus, passed on to the caller as it proceeds.

use serde::{Deserialize, Serialize};

use crate::engine::Provenance;
use crate::parallels::{
    ComparedDocuments, ComparisonStep, CorpusComparison, CorpusContext, CorpusMatches,
    CorpusTotals, EffectiveThresholds, FilteredCounts, PairIds, Parallel, ParallelLoader,
    ParallelsError, Scope, Thresholds,
};

use super::cursor::{CorpusScope, CursorScope};
use super::parallels::BackgroundThreads;
use super::{Archive, ArchiveError};

/// Number of documents between two reports of progress.
const PROGRESS_EVERY_DOCUMENTS: usize = 64;

/// Number of pairs that are loaded before they are passed on.
const READ_BATCH_PAIRS: usize = 32;

/// A comparison of a corpus.
#[derive(Debug, Clone)]
pub struct CorpusCall {
    /// The documents that are compared.
    pub scope: Scope,
    /// Thresholds of the pairs.
    pub thresholds: Thresholds,
    /// Compare exhaustively, so that no pair is missed.
    pub exact: bool,
    /// Maximum number of pairs.
    pub limit: usize,
    /// `next_cursor` of an earlier comparison of the same corpus, which is continued.
    pub cursor: Option<String>,
}

/// A part of the result of a comparison. The first is `Begin`, the last `End` or `Failed`.
pub enum ParallelEvent {
    /// What is compared.
    Begin {
        /// Numbers of documents.
        documents: ComparedDocuments,
        /// The thresholds.
        thresholds: EffectiveThresholds,
        /// What produces the result.
        provenance: Box<Provenance>,
    },
    /// Pairs, in the order of source documents.
    Parallels(Vec<Parallel>),
    /// Progress.
    Progress {
        /// Number of source documents that are done.
        done: usize,
        /// Number of all source documents.
        sources: usize,
        /// Continues after all pairs before this.
        cursor: String,
    },
    /// The counts.
    End(Box<CorpusTotals>),
    /// The comparison failed.
    Failed(ArchiveError),
}

/// Receives the result of a comparison, on the thread that computes it.
pub trait ParallelSink: Send + Sync {
    /// Passes on a part of the result, blocking until there is room for it.
    ///
    /// # Errors
    ///
    /// [`ParallelsError::Cancelled`] if its caller does not wait for it any more.
    fn send(&self, event: ParallelEvent) -> Result<(), ParallelsError>;

    /// Returns whether the comparison should end with a cursor, with which it can be continued later: because
    /// the service ends, or because it has held its snapshot and its place for too long.
    fn should_suspend(&self) -> bool;

    /// Returns whether the rest of the result is wanted now.
    fn should_continue(&self) -> bool;
}

/// The position at which a comparison resumes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResumePoint {
    /// Number of source documents that are done.
    done: usize,
    /// Number of pairs of the next one that were sent already.
    sent: usize,
}

impl Archive {
    /// Starts a comparison of a corpus in the background, whose result goes to `sink` as it is computed.
    ///
    /// # Errors
    ///
    /// If a parameter or the cursor is invalid, or the call is rejected; nothing is sent then.
    #[allow(clippy::unused_async)] // other calls wait; a network could make this one wait too
    pub async fn stream_parallels(
        &self,
        call: CorpusCall,
        sink: impl ParallelSink + 'static,
    ) -> Result<(), ArchiveError> {
        let snapshot = self.snapshot()?;
        let identity = CorpusScope {
            scope: &call.scope,
            thresholds: &call.thresholds,
            exact: call.exact,
        };
        let cursor_scope = CursorScope::new(&snapshot, &identity);
        let resume_from = match &call.cursor {
            Some(cursor) => cursor_scope.decode(cursor)?,
            None => ResumePoint::default(),
        };
        let context = self.contexts.context_of(&snapshot, call.exact);
        // Errors of the request are returned before the stream starts.
        CorpusComparison::new(&context, &call.scope, call.thresholds)?;
        let permit = self.comparison_limiter.acquire()?;
        let threads = self.background_threads()?;
        let request_hash = cursor_scope.into_request_hash();
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let cursor_scope = CursorScope::from_request_hash(&snapshot, request_hash);
            match run(
                &threads,
                &context,
                &call,
                (cursor_scope, resume_from),
                &sink,
            ) {
                Ok(()) | Err(ParallelsError::Cancelled) => {}
                Err(error) => {
                    let _ = sink.send(ParallelEvent::Failed(error.into()));
                }
            }
        });
        Ok(())
    }
}

fn run(
    threads: &BackgroundThreads,
    context: &CorpusContext,
    call: &CorpusCall,
    (cursor_scope, resume_from): (CursorScope<'_>, ResumePoint),
    sink: &dyn ParallelSink,
) -> Result<(), ParallelsError> {
    let should_continue = || sink.should_continue();
    let comparison = CorpusComparison::new(context, &call.scope, call.thresholds)?
        .with_cancellation(&should_continue);
    let sources = comparison.sources();
    sink.send(ParallelEvent::Begin {
        documents: ComparedDocuments::of(&comparison),
        thresholds: EffectiveThresholds::new(context, &call.thresholds),
        provenance: Box::new(context.snapshot().provenance()),
    })?;
    let mut stream = ParallelStream {
        threads,
        loader: ParallelLoader::new(context, &call.thresholds),
        sink,
        cursor_scope,
        limit: call.limit,
        sources: sources.len(),
        position: resume_from,
        totals: CorpusMatches::default(),
        emitted: 0,
        next_cursor: None,
    };
    let remaining = sources.get(resume_from.done..).unwrap_or_default();
    // Only the computation runs on the low-priority threads: waiting for the caller must not occupy
    // them.
    let compute = |step: ComparisonStep<'_>| threads.run(step);
    let outcome = comparison.run(remaining, compute, |_, matches| stream.emit(&matches));
    let ended = outcome.and_then(|complete| {
        if complete && stream.totals.closest.is_none() {
            stream.totals.closest = threads.run(|| comparison.closest_among(&sources))?;
        }
        Ok(())
    });
    match ended {
        // The caller can resume here, at the next process or the next time.
        Err(ParallelsError::Cancelled) if sink.should_suspend() => {
            stream.next_cursor = Some(stream.encode_cursor());
        }
        ended => ended?,
    }
    let closest = stream.totals.closest;
    let closest = closest
        .map(|pair| PairIds::new(context, pair))
        .transpose()?;
    sink.send(ParallelEvent::End(Box::new(CorpusTotals {
        found: stream.emitted,
        filtered_counts: stream.totals.filtered_counts,
        passages: stream.totals.passages,
        closest,
        next_cursor: stream.next_cursor,
    })))
}

/// The state of a stream on its way through the source documents.
struct ParallelStream<'a> {
    threads: &'a BackgroundThreads,
    loader: ParallelLoader<'a>,
    sink: &'a dyn ParallelSink,
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
    /// Passes on the pairs of one source document; returns whether the stream continues.
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
            let parallels = self.threads.run(|| self.loader.load(batch))?;
            self.sink.send(ParallelEvent::Parallels(parallels))?;
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
        self.report_progress()?;
        Ok(true)
    }

    /// Reports progress every few documents.
    fn report_progress(&self) -> Result<(), ParallelsError> {
        if !self.position.done.is_multiple_of(PROGRESS_EVERY_DOCUMENTS) {
            return Ok(());
        }
        self.sink.send(ParallelEvent::Progress {
            done: self.position.done,
            sources: self.sources,
            cursor: self.encode_cursor(),
        })
    }

    fn check_cancelled(&self) -> Result<(), ParallelsError> {
        if self.sink.should_continue() {
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
