//! Bounds the memory of responses that are being written.
//!
//! A response is handed to its connection in small chunks, each after the previous one was taken, so that
//! what a connection buffers is small. The whole responses are in memory until their last chunk was taken;
//! they share a budget, and one that exceeds it is answered 503.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, ResponseError};

use crate::server::problem::Problem;
use crate::server::service::Service;

/// Maximum size of the part of a response that is handed to its connection at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// Maximum size of all responses above [`CHUNK_BYTES`] that are being written.
const MAX_RESPONSE_BYTES: usize = 256 << 20;

/// Seconds after which a client may retry: others have taken their responses by then.
const RETRY_SECONDS: u32 = 2;

/// The size of the large responses that are being written.
#[derive(Debug, Default)]
pub(super) struct ResponseBudget(Arc<AtomicUsize>);

/// A part of the budget, until it is dropped.
#[derive(Debug)]
struct Reservation {
    budget: Arc<AtomicUsize>,
    bytes: usize,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.fetch_sub(self.bytes, Ordering::SeqCst);
    }
}

impl ResponseBudget {
    /// Reserves a part, if it is left. A response that is larger than the budget is written alone.
    fn reserve(&self, bytes: usize) -> Option<Reservation> {
        let reserved = |used: usize| {
            let all = used.saturating_add(bytes);
            (used == 0 || all <= MAX_RESPONSE_BYTES).then_some(all)
        };
        self.0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, reserved)
            .ok()?;
        Some(Reservation {
            budget: Arc::clone(&self.0),
            bytes,
        })
    }
}

/// Splits the response into chunks, or rejects it if too much is being written already.
pub(in crate::server) async fn bound_response(
    service: Arc<Service>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = next.call(request).await?.map_into_boxed_body();
    let BodySize::Sized(bytes) = response.response().body().size() else {
        return Ok(response);
    };
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    if bytes <= CHUNK_BYTES {
        return Ok(response);
    }
    let Some(reservation) = service.middleware().response_budget.reserve(bytes) else {
        let problem = Problem::overloaded(format!(
            "the response has {bytes} bytes, and the responses that clients have not read yet take the {MAX_RESPONSE_BYTES} bytes for them; try again later, or ask for less"
        ));
        let problem = problem.retry_after(RETRY_SECONDS).shed("responses_full");
        return Ok(response.into_response(problem.error_response()));
    };
    Ok(response.map_body(|_, body| {
        BoxBody::new(ChunkedBody {
            body,
            rest: Bytes::new(),
            _reservation: reservation,
        })
    }))
}

/// A response body in chunks of at most [`CHUNK_BYTES`].
struct ChunkedBody {
    body: BoxBody,
    rest: Bytes,
    _reservation: Reservation,
}

impl MessageBody for ChunkedBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_next(context)) {
                Some(Ok(bytes)) => this.rest = bytes,
                end => return Poll::Ready(end),
            }
        }
        let length = this.rest.len().min(CHUNK_BYTES);
        Poll::Ready(Some(Ok(this.rest.split_to(length))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn a_body_is_split_and_nothing_is_lost() {
        let text: Vec<u8> = (0..=250u8).cycle().take(CHUNK_BYTES * 2 + 17).collect();
        let budget = ResponseBudget::default();
        let mut body = ChunkedBody {
            body: BoxBody::new(text.clone()),
            rest: Bytes::new(),
            _reservation: budget.reserve(text.len()).unwrap(),
        };
        assert_eq!(body.size(), BodySize::Sized(text.len() as u64));
        let mut chunks = Vec::new();
        while let Some(chunk) =
            std::future::poll_fn(|context| Pin::new(&mut body).poll_next(context)).await
        {
            chunks.push(chunk.unwrap());
        }
        let lengths: Vec<usize> = chunks.iter().map(Bytes::len).collect();
        assert_eq!(lengths, [CHUNK_BYTES, CHUNK_BYTES, 17]);
        assert_eq!(chunks.concat(), text);
        drop(body);
        assert_eq!(budget.0.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn the_budget_is_shared_and_one_response_always_fits() {
        let budget = ResponseBudget::default();
        let huge = budget.reserve(MAX_RESPONSE_BYTES * 2).unwrap();
        assert!(budget.reserve(1).is_none());
        drop(huge);
        let half = budget.reserve(MAX_RESPONSE_BYTES / 2).unwrap();
        let other = budget.reserve(MAX_RESPONSE_BYTES / 2).unwrap();
        assert!(budget.reserve(1).is_none());
        drop((half, other));
        assert!(budget.reserve(1).is_some());
    }
}
