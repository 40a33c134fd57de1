//! Comparisons for clients: short ones on a core of the searches, long ones in the background, a whole
//! corpus answered while it goes on.

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

/// Seconds after which a client that was turned away may try again.
const BUSY_RETRY_SECONDS: u32 = 5;

/// Runs a comparison for a client: on a core of the searches unless it is long. The first of a snapshot
/// is, as it reads the sentences of the whole corpus.
pub(super) async fn run_comparison<T: Send + 'static>(
    service: &Service,
    survey: Arc<CorpusContext>,
    is_long: bool,
    work: impl FnOnce(&CorpusContext, ShouldContinue<'_>) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    if is_long || survey.cached_sentence_index().is_none() {
        let (engine, _) = service.engine_and_snapshot()?;
        let work = move |is_awaited: ShouldContinue<'_>| work(&survey, is_awaited);
        return run_in_background(service.comparison_limiter(), engine, work).await;
    }
    let work = move || work(&survey, &|| true);
    Ok(service.admission().run(work).await?.0)
}

/// Runs something long for a client on threads that give way to searches, if there is a place.
async fn run_in_background<T: Send + 'static>(
    comparisons: &ComparisonLimiter,
    engine: Arc<Engine>,
    work: impl FnOnce(ShouldContinue<'_>) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let permit = comparisons.acquire()?;
    run_cancellable(move |is_awaited| {
        let _place = permit;
        engine.run_in_background(|| work(is_awaited))
    })
    .await
}

/// Runs something on a thread of its own; if its answer is given up, it can know.
async fn run_cancellable<T: Send + 'static>(
    work: impl FnOnce(ShouldContinue<'_>) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let (tx, rx) = oneshot::channel();
    actix_web::rt::task::spawn_blocking(move || {
        let result = work(&|| !tx.is_closed());
        // Whoever asked may be gone.
        let _ = tx.send(result);
    });
    rx.await.map_err(|error| failed(&error))?
}

/// Gathers families, off the threads of the network and of searches.
pub(super) async fn families(
    service: web::Data<Service>,
    request: FamiliesRequest,
) -> Result<HttpResponse, Problem> {
    let start = Instant::now();
    let (scope, thresholds, options) = request.parse()?;
    let (engine, snapshot): (Arc<Engine>, _) = service.engine_and_snapshot()?;
    let survey = service.corpus_context(&snapshot);
    // Sources and targets are one here.
    scope.source.check_fields(snapshot.document_table())?;
    CorpusComparison::new(&survey, &scope, thresholds)?;
    options.check_fields(snapshot.document_table())?;
    let asked_for = FamiliesScope {
        scope: &scope,
        thresholds: &thresholds,
        options: &options,
    };
    let cursor_scope = CursorScope::new(&snapshot, &asked_for);
    let offset = cursor_scope.resolve_offset(request.offset, request.cursor.as_deref())?;
    let page = (offset, request.limit);
    let next = cursor_scope.encode_after(offset.saturating_add(request.limit));
    let work = move |is_awaited: ShouldContinue<'_>| {
        let sweep = CorpusComparison::new(&survey, &scope, thresholds)?
            .with_all_match_units()
            .with_cancellation(is_awaited);
        let swept = sweep.compare_all()?;
        let families = parallels::cluster_families(&survey, &swept.pairs, &options)?;
        let parameters = (&thresholds, &options);
        let answer = families_response(&survey, &swept, &families, parameters, page, start)?;
        Ok(answer.with_next_cursor(next))
    };
    let response = run_in_background(service.comparison_limiter(), engine, work).await?;
    Ok(HttpResponse::Ok().json(response))
}

/// Lets a few long comparisons run at the same time.
pub(super) struct ComparisonLimiter(Arc<tokio::sync::Semaphore>);

/// So many: each takes all that searches leave.
const MAX_COMPARISONS: usize = 2;

impl Default for ComparisonLimiter {
    fn default() -> Self {
        Self(Arc::new(tokio::sync::Semaphore::new(MAX_COMPARISONS)))
    }
}

impl ComparisonLimiter {
    /// Lets one in until what is given back is dropped.
    fn acquire(&self) -> Result<tokio::sync::OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.0).try_acquire_owned().map_err(|_| {
            Problem::overloaded(format!(
                "{MAX_COMPARISONS} long comparisons are running already, the most that may; try again later"
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
            ParallelsError::UnknownField { parameter: at, .. } => {
                Self::unknown_field(detail).at(at)
            }
            // Nobody waits for an answer.
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
    async fn work_is_told_of_cancellation() {
        let (tell, told) = std::sync::mpsc::channel();
        let work = move |is_awaited: ShouldContinue<'_>| {
            let _ = tell.send(is_awaited());
            while is_awaited() {
                std::thread::yield_now();
            }
            let _ = tell.send(is_awaited());
            Ok(())
        };
        let hung_up = timeout(Duration::from_millis(20), run_cancellable(work)).await;
        assert!(hung_up.is_err());
        // It ends, or this waits for ever.
        assert_eq!(told.iter().last(), Some(false));
        assert_eq!(run_cancellable(|_| Ok(3)).await.unwrap(), 3);
    }
}
