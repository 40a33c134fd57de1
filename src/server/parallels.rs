//! Comparisons for clients: short ones in the worker pool, long ones in the background pool, those of a
//! corpus streamed.

mod stream;

use std::sync::Arc;
use std::time::Instant;

use actix_web::{HttpResponse, web};
use tokio::sync::oneshot;

use crate::engine::Engine;
use crate::parallels::{self, CorpusComparison, CorpusContext, ParallelsError};

pub(super) use crate::parallels::ShouldContinue;
pub(super) use stream::stream;

use super::cursor::{CursorScope, FamiliesScope};
use super::problem::{Problem, failed};
use super::service::Service;
use super::wire::{FamiliesRequest, families_response};

/// Seconds after which a rejected client may retry.
const BUSY_RETRY_SECONDS: u32 = 5;

/// Runs a comparison for a client in the worker pool unless it is long. The first one of a snapshot is,
/// as it reads the sentences of the whole corpus.
pub(super) async fn run_comparison<T: Send + 'static>(
    service: &Service,
    context: Arc<CorpusContext>,
    is_long: bool,
    work: impl FnOnce(&CorpusContext, ShouldContinue<'_>) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    if is_long || context.cached_sentence_index().is_none() {
        let (engine, _) = service.engine_and_snapshot()?;
        let work = move |should_continue: ShouldContinue<'_>| work(&context, should_continue);
        return run_in_background(service.comparison_limiter(), engine, work).await;
    }
    let work = move || work(&context, &|| true);
    Ok(service.admission().run(work).await?.0)
}

/// Runs a long comparison in the low-priority pool, if a permit is available.
async fn run_in_background<T: Send + 'static>(
    comparisons: &ComparisonLimiter,
    engine: Arc<Engine>,
    work: impl FnOnce(ShouldContinue<'_>) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let permit = comparisons.acquire()?;
    run_cancellable(move |should_continue| {
        let _permit = permit;
        engine.run_in_background(|| work(should_continue))
    })
    .await
}

/// Runs work on a blocking thread; it can check whether its client has disconnected.
async fn run_cancellable<T: Send + 'static>(
    work: impl FnOnce(ShouldContinue<'_>) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let (tx, rx) = oneshot::channel();
    actix_web::rt::task::spawn_blocking(move || {
        let result = work(&|| !tx.is_closed());
        // The client may have disconnected.
        let _ = tx.send(result);
    });
    rx.await.map_err(|error| failed(&error))?
}

/// Computes families in the background.
pub(super) async fn families(
    service: web::Data<Service>,
    request: FamiliesRequest,
) -> Result<HttpResponse, Problem> {
    let start = Instant::now();
    let (scope, thresholds, options) = request.parse()?;
    let (engine, snapshot): (Arc<Engine>, _) = service.engine_and_snapshot()?;
    let context = service.corpus_context(&snapshot);
    // Sources and targets are the same filter here.
    scope.source.check_fields(snapshot.document_table())?;
    CorpusComparison::new(&context, &scope, thresholds)?;
    options.check_fields(snapshot.document_table())?;
    let families_scope = FamiliesScope {
        scope: &scope,
        thresholds: &thresholds,
        options: &options,
    };
    let cursor_scope = CursorScope::new(&snapshot, &families_scope);
    let offset = cursor_scope.resolve_offset(request.offset, request.cursor.as_deref())?;
    let page = (offset, request.limit);
    let next = cursor_scope.encode_after(offset.saturating_add(request.limit));
    let work = move |should_continue: ShouldContinue<'_>| {
        let comparison = CorpusComparison::new(&context, &scope, thresholds)?
            .with_all_match_units()
            .with_cancellation(should_continue);
        let matches = comparison.compare_all()?;
        let families = parallels::cluster_families(&context, &matches.pairs, &options)?;
        let parameters = (&thresholds, &options);
        let response = families_response(&context, &matches, &families, parameters, page, start)?;
        Ok(response.with_next_cursor(next))
    };
    let response = run_in_background(service.comparison_limiter(), engine, work).await?;
    Ok(HttpResponse::Ok().json(response))
}

/// Limits the number of concurrent long comparisons.
pub(super) struct ComparisonLimiter(Arc<tokio::sync::Semaphore>);

/// Maximum number of concurrent long comparisons; each uses all idle cores.
const MAX_COMPARISONS: usize = 2;

impl Default for ComparisonLimiter {
    fn default() -> Self {
        Self(Arc::new(tokio::sync::Semaphore::new(MAX_COMPARISONS)))
    }
}

impl ComparisonLimiter {
    /// Acquires a permit, held until it is dropped.
    fn acquire(&self) -> Result<tokio::sync::OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.0).try_acquire_owned().map_err(|_| {
            Problem::overloaded(format!(
                "{MAX_COMPARISONS} long comparisons are running, the maximum; try again later"
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
            ParallelsError::OutOfRange { name, .. } => {
                Self::parameter_out_of_range(detail).at(name)
            }
            ParallelsError::Filter(error) => error.into(),
            ParallelsError::UnknownField { parameter, .. } => {
                Self::unknown_field(detail).at(parameter)
            }
            // The client has disconnected.
            ParallelsError::Cancelled => Self::internal(detail),
            ParallelsError::SnapshotMismatch | ParallelsError::Index(_) => failed(&error),
            ParallelsError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[actix_web::test]
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
