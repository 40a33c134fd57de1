//! Comparisons: short ones in the worker pool, long ones on low-priority threads.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::corpus::DocumentId;
use crate::engine::{Engine, Snapshot};
use crate::parallels::{
    CorpusObserver, CorpusProgress, DocumentComparison, FamilyOptions, FoundFamilies, FoundPairs,
    PassageComparison, Scope, ShouldContinue, Thresholds,
};

use super::cursor::{CursorScope, FamiliesScope};
use super::error::Rejection;
use super::{Archive, ArchiveError, Source};

/// Number of pairs of passages that are compared in the worker pool; more are compared in the
/// background, so that no search waits for them.
const MAX_FOREGROUND_PAIRS: usize = 4_000;

/// Maximum number of concurrent long comparisons; each uses all idle cores.
const MAX_COMPARISONS: usize = 2;

/// Seconds after which a caller may try again to start a long comparison.
const BUSY_RETRY_SECONDS: u32 = 5;

/// A request for the families of a corpus.
#[derive(Debug, Clone)]
pub struct FamiliesCall {
    /// The documents that are compared.
    pub scope: Scope,
    /// Thresholds of the pairs.
    pub thresholds: Thresholds,
    /// Options of the clustering.
    pub options: FamilyOptions,
    /// Number of families to skip.
    pub offset: usize,
    /// Number of families per page, for the cursor.
    pub limit: usize,
    /// `next_cursor` of the page before, instead of an offset.
    pub cursor: Option<String>,
}

/// The families of a corpus and the position of a page in them.
pub struct FamiliesPage {
    /// All families.
    pub found: FoundFamilies,
    /// Number of families before the page.
    pub offset: usize,
    /// Cursor of the next page, valid if there are further families.
    pub next_cursor: String,
}

impl Archive {
    /// Compares every passage of one document with every passage of another.
    ///
    /// # Errors
    ///
    /// If a document does not exist, a parameter is invalid, or the call is rejected or fails.
    pub async fn compare_documents<T: Send + 'static>(
        &self,
        comparison: DocumentComparison,
        render: impl FnOnce(FoundPairs) -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, ArchiveError> {
        let snapshot = self.snapshot()?;
        let source = passage_count(&snapshot, &comparison.source)?;
        let pairs = source.saturating_mul(passage_count(&snapshot, &comparison.target)?);
        let context = self.contexts.context_of(&snapshot, comparison.exact);
        // The first comparison of a snapshot is long: it reads the sentences of the whole corpus.
        let is_long = pairs > MAX_FOREGROUND_PAIRS || context.cached_sentence_index().is_none();
        self.run_comparison(is_long, move |should_continue| {
            let found = FoundPairs::of_documents(context, &comparison, should_continue)?;
            render(found)
        })
        .await
    }

    /// Compares a passage with all documents but its own.
    ///
    /// # Errors
    ///
    /// If the passage or a field does not exist, a parameter is invalid, or the call is rejected or fails.
    pub async fn passage_parallels<T: Send + 'static>(
        &self,
        comparison: PassageComparison,
        render: impl FnOnce(FoundPairs) -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, ArchiveError> {
        let snapshot = self.snapshot()?;
        let table = snapshot.document_table();
        comparison.target.check_fields(table)?;
        let PassageComparison {
            document, ordinal, ..
        } = &comparison;
        if table.row_at(document.as_str(), *ordinal).is_none() {
            let id = format!("{document}#p{ordinal}");
            return Err(ArchiveError::PassageNotFound { id });
        }
        let context = self.contexts.context_of(&snapshot, false);
        let is_long = context.cached_sentence_index().is_none();
        self.run_comparison(is_long, move |_| {
            render(FoundPairs::of_passage(context, &comparison)?)
        })
        .await
    }

    /// Compares two passages of different documents, each given by its document and ordinal, however little
    /// they have in common.
    ///
    /// # Errors
    ///
    /// If a passage does not exist, both are in one document, or the call is rejected or fails.
    pub async fn compare_passages<T: Send + 'static>(
        &self,
        source: (DocumentId, u32),
        target: (DocumentId, u32),
        render: impl FnOnce(FoundPairs) -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, ArchiveError> {
        let snapshot = self.snapshot()?;
        let context = self.contexts.context_of(&snapshot, false);
        let is_long = context.cached_sentence_index().is_none();
        self.run_comparison(is_long, move |_| {
            render(FoundPairs::of_two_passages(context, &source, &target)?)
        })
        .await
    }

    /// Compares a corpus; returns all pairs, without their texts. `progress` is called after each
    /// document.
    ///
    /// # Errors
    ///
    /// If a parameter is invalid, or the call is rejected or fails.
    pub async fn compare_corpus(
        &self,
        scope: Scope,
        thresholds: Thresholds,
        exact: bool,
        progress: impl Fn(CorpusProgress) + Send + Sync + 'static,
    ) -> Result<FoundPairs, ArchiveError> {
        let snapshot = self.snapshot()?;
        let context = self.contexts.context_of(&snapshot, exact);
        self.run_comparison(true, move |should_continue| {
            let observer = Observer {
                progress: &progress,
                should_continue,
            };
            let found = FoundPairs::of_corpus(context, &scope, thresholds, &observer)?;
            Ok(found)
        })
        .await
    }

    /// Compares a corpus and clusters its pairs into families. `progress` is called after each document
    /// that is compared.
    ///
    /// # Errors
    ///
    /// If a parameter or the cursor is invalid, or the call is rejected or fails.
    pub async fn families<T: Send + 'static>(
        &self,
        call: FamiliesCall,
        progress: impl Fn(CorpusProgress) + Send + Sync + 'static,
        render: impl FnOnce(FamiliesPage) -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, ArchiveError> {
        let FamiliesCall {
            scope,
            thresholds,
            options,
            offset,
            limit,
            cursor,
        } = call;
        let snapshot = self.snapshot()?;
        let context = self.contexts.context_of(&snapshot, false);
        // Sources and targets are the same filter here.
        scope.source.check_fields(snapshot.document_table())?;
        FoundFamilies::check(&context, &scope, thresholds, &options)?;
        let identity = FamiliesScope {
            scope: &scope,
            thresholds: &thresholds,
            options: &options,
        };
        let cursor_scope = CursorScope::new(&snapshot, &identity);
        let offset = cursor_scope.resolve_offset(offset, cursor.as_deref())?;
        let next_cursor = cursor_scope.encode_after(offset.saturating_add(limit));
        self.run_comparison(true, move |should_continue| {
            let observer = Observer {
                progress: &progress,
                should_continue,
            };
            let found = FoundFamilies::of_corpus(context, &scope, thresholds, options, &observer)?;
            render(FamiliesPage {
                found,
                offset,
                next_cursor,
            })
        })
        .await
    }

    /// Runs a comparison in the worker pool, or in the background if it is long and a permit is available.
    async fn run_comparison<T: Send + 'static>(
        &self,
        is_long: bool,
        work: impl FnOnce(ShouldContinue<'_>) -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, ArchiveError> {
        if !is_long {
            return self.admission.run(move || work(&|| true)).await;
        }
        let permit = self.comparison_limiter.acquire()?;
        let threads = self.background_threads()?;
        run_cancellable(move |should_continue| {
            let _permit = permit;
            threads.run(|| work(should_continue))
        })
        .await
    }

    pub(super) fn background_threads(&self) -> Result<BackgroundThreads, ArchiveError> {
        match self.source.get() {
            Some(Source::Engine(engine)) => Ok(BackgroundThreads(Some(Arc::clone(engine)))),
            Some(Source::ReadOnly { .. }) => Ok(BackgroundThreads(None)),
            None => Err(self.not_ready()),
        }
    }
}

/// The threads of long work: low-priority ones of the engine, or those of a command that does nothing
/// else.
pub(super) struct BackgroundThreads(Option<Arc<Engine>>);

impl BackgroundThreads {
    /// Runs work on them and waits for it.
    pub(super) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match &self.0 {
            Some(engine) => engine.run_in_background(work),
            None => work(),
        }
    }
}

/// Runs work on a blocking thread; it can check whether its caller still waits.
async fn run_cancellable<T: Send + 'static>(
    work: impl FnOnce(ShouldContinue<'_>) -> Result<T, ArchiveError> + Send + 'static,
) -> Result<T, ArchiveError> {
    let (tx, rx) = oneshot::channel();
    tokio::task::spawn_blocking(move || {
        let result = work(&|| !tx.is_closed());
        // The caller may have given up.
        let _ = tx.send(result);
    });
    rx.await.map_err(|_| ArchiveError::Aborted)?
}

fn passage_count(snapshot: &Snapshot, id: &DocumentId) -> Result<usize, ArchiveError> {
    let table = snapshot.document_table();
    let missing = || ArchiveError::DocumentNotFound { id: id.clone() };
    let document = table.document_index_of(id.as_str()).ok_or_else(missing)?;
    Ok(table.rows_of_document(document).len())
}

/// Passes progress on, and ends the comparison when its caller gives up.
struct Observer<'a, P> {
    progress: &'a P,
    should_continue: ShouldContinue<'a>,
}

impl<P: Fn(CorpusProgress) + Sync> CorpusObserver for Observer<'_, P> {
    fn progress(&self, progress: CorpusProgress) {
        (self.progress)(progress);
    }

    fn should_continue(&self) -> bool {
        (self.should_continue)()
    }
}

/// Limits the number of concurrent long comparisons.
pub(super) struct ComparisonLimiter(Arc<Semaphore>);

impl Default for ComparisonLimiter {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_COMPARISONS)))
    }
}

impl ComparisonLimiter {
    /// Acquires a permit, held until it is dropped.
    pub(super) fn acquire(&self) -> Result<OwnedSemaphorePermit, Rejection> {
        let permit = Arc::clone(&self.0).try_acquire_owned();
        permit.map_err(|_| Rejection::ComparisonsFull {
            maximum: MAX_COMPARISONS,
            retry_after_seconds: BUSY_RETRY_SECONDS,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn work_is_notified_of_cancellation() {
        let (tx, rx) = std::sync::mpsc::channel();
        let work = move |should_continue: ShouldContinue<'_>| {
            let _ = tx.send(should_continue());
            while should_continue() {
                std::thread::yield_now();
            }
            let _ = tx.send(should_continue());
            Ok(())
        };
        let disconnected = timeout(Duration::from_millis(20), run_cancellable(work)).await;
        assert!(disconnected.is_err());
        // Blocks forever if the work does not end.
        assert_eq!(rx.iter().last(), Some(false));
        assert_eq!(run_cancellable(|_| Ok(3)).await.unwrap(), 3);
    }
}
