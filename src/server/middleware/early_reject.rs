//! Searches that meet a full queue, turned away by the outer layer already.
//!
//! Under overload most requests end here, so this does what all layers together would do for such a
//! request, and nothing else: its key is looked at, its body is read past, it has its id and is counted,
//! and written down where that is wanted. What needs more, such as CORS, is left to the layers.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Instant;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{Error, HttpResponse};

use super::access::{Verdict, decide};
use super::access_log::RequestRecord;
use super::idle_connections::TrackedConnection;
use super::in_flight::RequestGuard;
use super::{load_shedding, request_id};
use crate::server::admission::QueueFull;
use crate::server::problem::{Code, MEDIA_TYPE, Shed};
use crate::server::service::Service;

thread_local! {
    /// The last body, and what it says: mostly that is what the next one says, too.
    static LAST: RefCell<Option<(QueueFull, Bytes)>> = const { RefCell::new(None) };
}

/// A request that is turned away.
pub(super) struct Rejection {
    full: QueueFull,
    start: Instant,
    route: &'static str,
    /// Given up last: who waits for the last request waits for its record.
    _place: RequestGuard,
}

/// Whether a request is turned away here, for want of room. Nearly all others are let through by a look at
/// the queue; who is not allowed in at all is told so by the inner layer.
pub(super) fn early_rejection(service: &Service, request: &ServiceRequest) -> Option<Rejection> {
    let route = load_shedding::search_route(request.match_info().as_str())?;
    let full = service.admission().queue_full()?;
    let guard = service.middleware();
    if !guard.cors_origins.is_empty() {
        return None;
    }
    let place = guard.in_flight.try_start()?;
    let Verdict::NoRoom(full) = decide(guard, request, Some(full)) else {
        return None;
    };
    Some(Rejection {
        full,
        start: Instant::now(),
        route,
        _place: place,
    })
}

impl Rejection {
    /// Answers the request.
    pub(super) async fn respond(
        self,
        service: Arc<Service>,
        mut request: ServiceRequest,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        let connection = request.request().conn_data::<Arc<TrackedConnection>>();
        let _in_use = connection.map(TrackedConnection::mark_busy);
        let id = request_id::from_headers(request.headers());
        let mut body = load_shedding::DrainedBody::of(&service, &mut request);
        let mut record = None;
        if !body.body_already_buffered().await {
            // Its client may hang up meanwhile, which is written down, too.
            record = Some(self.record(&service, &request, &id));
            body.skip(&service).await;
        }
        let mut response = answer(self.full, id.clone());
        let (guard, took) = (service.middleware(), self.start.elapsed());
        if record.is_none() && guard.traces.is_none() && !guard.access_log.is_enabled(took) {
            guard.metrics().turned_away(
                request.method(),
                self.route,
                self.full.which_limit(),
                took,
            );
            return Ok(request.into_response(response));
        }
        let mut record = record.unwrap_or_else(|| self.record(&service, &request, &id));
        response.extensions_mut().insert(Code("overloaded"));
        response
            .extensions_mut()
            .insert(Shed(self.full.which_limit()));
        record.add_bytes(problem_body(self.full).len());
        let response = request.into_response(response);
        record.answered(&response);
        Ok(response)
    }

    fn record(
        &self,
        service: &Arc<Service>,
        request: &ServiceRequest,
        id: &HeaderValue,
    ) -> RequestRecord {
        let mut record = RequestRecord::new(Arc::clone(service), None, request, id.clone());
        record.start_at(self.start);
        record
    }
}

fn answer(full: QueueFull, id: HeaderValue) -> HttpResponse {
    let mut response = HttpResponse::with_body(StatusCode::SERVICE_UNAVAILABLE, problem_body(full));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers.insert(
        header::RETRY_AFTER,
        HeaderValue::from(full.retry_after_seconds()),
    );
    headers.insert(HeaderName::from_static(request_id::HEADER), id);
    response.map_into_boxed_body()
}

/// The body of the answer.
fn problem_body(full: QueueFull) -> Bytes {
    LAST.with_borrow_mut(|last| match last {
        Some((said, body)) if *said == full => body.clone(),
        _ => {
            // Texts and numbers can always be written as JSON.
            let body = serde_json::to_vec(&full.problem().body()).unwrap_or_default();
            let body = Bytes::from(body);
            *last = Some((full, body.clone()));
            body
        }
    })
}
