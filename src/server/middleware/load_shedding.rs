//! Load shedding: requests that need a worker are rejected before they are read if the queue is full.
//!
//! Under overload most requests end here, and the cost of rejecting them is taken from those that are
//! admitted. Keys and rate limits are checked first, so that only clients with a key learn how busy the
//! service is.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::HttpMessage;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::rt::time::timeout;
use futures_core::Stream;

use crate::archive::QueueFull;
use crate::server::service::Service;

/// Returns the reason to reject a request unread, if there is one.
pub(super) fn rejection_reason(service: &Service, request: &ServiceRequest) -> Option<QueueFull> {
    if needs_worker(request.match_info().as_str()) {
        service.archive().queue_full()
    } else {
        None
    }
}

/// Returns whether every valid request of this route needs a worker. Under overload an invalid one is
/// rejected as overloaded before it is validated.
fn needs_worker(path: &str) -> bool {
    path == "/v1/embeddings" || search_route(path).is_some()
}

/// Returns the route of a search. Embeddings are not among them, as their errors have `OpenAI`'s format.
pub(super) fn search_route(path: &str) -> Option<&'static str> {
    const ROUTES: [&str; 3] = ["/v1/search", "/v1/search/batch", "/v1/facets"];
    ROUTES.into_iter().find(|route| *route == path)
}

/// Reads and discards the body of a rejected request.
pub(super) async fn skip_body(service: &Service, request: &mut ServiceRequest) {
    let mut body = DrainedBody::new(service, request);
    if !body.body_already_buffered().await {
        body.skip(service).await;
    }
}

/// A body that is read and discarded, as its connection could not be reused with a part of it unread.
pub(super) struct DrainedBody {
    payload: Payload,
    bytes_left: usize,
}

impl DrainedBody {
    pub(super) fn new(service: &Service, request: &mut ServiceRequest) -> Self {
        Self {
            payload: request.take_payload(),
            bytes_left: service.max_body_bytes(),
        }
    }

    /// Reads the body up to the limits of size and time.
    pub(super) async fn skip(&mut self, service: &Service) {
        let body_timeout: Duration = service.middleware().connection_limits().body_timeout;
        // The response is the same whether or not the end was reached.
        let _ = timeout(body_timeout, poll_fn(|context| self.poll_end(context))).await;
    }

    /// Returns whether the body ends within what has arrived. It is polled twice, as the first poll comes
    /// before actix passes on what arrived with the header. Most bodies are short, so this saves a timer,
    /// which would cost more than reading them.
    pub(super) async fn body_already_buffered(&mut self) -> bool {
        let mut is_second_poll = false;
        poll_fn(|context| {
            let end = self.poll_end(context);
            if end.is_pending() && !std::mem::replace(&mut is_second_poll, true) {
                // Ensures the second poll even if nothing more arrives.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(end.is_ready())
        })
        .await
    }

    /// Is ready at the end of the body, at an error, or at the limit of its size.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while let Some(Ok(chunk)) = ready!(Pin::new(&mut self.payload).poll_next(context)) {
            match self.bytes_left.checked_sub(chunk.len()) {
                Some(bytes_left) => self.bytes_left = bytes_left,
                None => break,
            }
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests;
