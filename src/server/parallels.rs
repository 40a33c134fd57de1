//! Comparisons for clients: short ones on a core of the searches, long ones in the background, a whole
//! corpus answered while it goes on.

mod stream;

use std::sync::Arc;
use std::time::Instant;

use actix_web::{HttpResponse, web};
use tokio::sync::oneshot;

use crate::engine::Engine;
use crate::parallels::{self, ParallelsError, Survey, Sweep};

pub(super) use crate::parallels::IsAwaited;
pub(super) use stream::stream;

use super::cursor::{Asked, FamiliesScope};
use super::problem::{Problem, failed};
use super::service::Service;
use super::wire::{FamiliesRequest, families_response};

/// Seconds after which a client that was turned away may try again.
const BUSY_RETRY_SECONDS: u32 = 5;

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
    let asked_for = FamiliesScope {
        scope: &scope,
        thresholds: &thresholds,
        options: &options,
    };
    let asked = Asked::new(&snapshot, &asked_for);
    let offset = asked.offset(request.offset, request.cursor.as_deref())?;
    let page = (offset, request.limit);
    let next = asked.after(offset.saturating_add(request.limit));
    let work = move |is_awaited: IsAwaited<'_>| {
        let sweep = Sweep::new(&survey, &scope, thresholds)?
            .with_every_carrier()
            .while_awaited(is_awaited);
        let swept = sweep.all()?;
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
            // Nobody waits for an answer.
            ParallelsError::Cancelled => Self::internal(detail),
            ParallelsError::OtherSnapshot | ParallelsError::Index(_) => failed(&error),
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
