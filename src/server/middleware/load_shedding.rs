//! Requests that wait for a core are turned away before they are read where none more may wait.
//!
//! Under overload that is what most requests meet, and what it costs is taken from those that are
//! answered. Keys and shares come before it, as a stranger need not know how busy the service is.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::HttpMessage;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::rt::time::timeout;
use futures_core::Stream;

use crate::server::admission::QueueFull;
use crate::server::service::Service;

/// Why a request is turned away unread, if it is.
pub(super) fn shed(service: &Service, request: &ServiceRequest) -> Option<QueueFull> {
    if waits_for_a_core(request.match_info().as_str()) {
        service.admission().queue_full()
    } else {
        None
    }
}

/// Whether every good request of this route waits for a core. A bad one is told that the service is
/// busy before it is told what is wrong with it.
fn waits_for_a_core(path: &str) -> bool {
    path == "/v1/embeddings" || search_route(path).is_some()
}

/// The route of those that are told so in our own words. Embeddings have other words for it.
pub(super) fn search_route(path: &str) -> Option<&'static str> {
    const ROUTES: [&str; 3] = ["/v1/search", "/v1/search/batch", "/v1/facets"];
    ROUTES.into_iter().find(|route| *route == path)
}

/// Reads past the body of a request that is turned away.
pub(super) async fn skip_body(service: &Service, request: &mut ServiceRequest) {
    let mut body = DrainedBody::of(service, request);
    if !body.body_already_buffered().await {
        body.skip(service).await;
    }
}

/// A body that nobody will read. With a part of it unread, its connection would have to be closed.
pub(super) struct DrainedBody {
    payload: Payload,
    room: usize,
}

impl DrainedBody {
    pub(super) fn of(service: &Service, request: &mut ServiceRequest) -> Self {
        Self {
            payload: request.take_payload(),
            room: service.limits().max_body_bytes,
        }
    }

    /// Reads past it. What is too large or too slow is left unread.
    pub(super) async fn skip(&mut self, service: &Service) {
        let patience: Duration = service.middleware().connection_limits().body_timeout;
        // The answer is the same, whether it came to an end or not.
        let _ = timeout(patience, poll_fn(|context| self.poll_end(context))).await;
    }

    /// Whether it is over at the second look: the first comes before what arrived with the head is
    /// handed over. Most bodies are short, and a timer for each would cost more than they do.
    pub(super) async fn body_already_buffered(&mut self) -> bool {
        let mut looked = false;
        poll_fn(|context| {
            let end = self.poll_end(context);
            if end.is_pending() && !std::mem::replace(&mut looked, true) {
                // Also where nothing arrives any more.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(end.is_ready())
        })
        .await
    }

    /// Ready at the end of the body, or of what is read of it.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while let Some(Ok(chunk)) = ready!(Pin::new(&mut self.payload).poll_next(context)) {
            match self.room.checked_sub(chunk.len()) {
                Some(room) => self.room = room,
                None => break,
            }
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests;
