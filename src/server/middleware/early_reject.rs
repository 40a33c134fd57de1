//! Rejection of searches by the outer layer when the queue is full.
//!
//! Under overload most requests end here, so this does only what all layers together would do for such a
//! request: check its key, discard its body, assign its id, count it, and log it if enabled. Requests that
//! need more, such as CORS, are left to the layers.

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
use super::connections::TrackedConnection;
use super::in_flight::RequestGuard;
use super::{load_shedding, request_id};
use crate::archive::QueueFull;
use crate::server::problem::{MEDIA_TYPE, Problem, ProblemCode, ShedReason};
use crate::server::service::Service;

thread_local! {
    /// The last response body with its reason, as consecutive rejections are mostly equal.
    static LAST_BODY: RefCell<Option<(QueueFull, Bytes)>> = const { RefCell::new(None) };
}

/// A search that is rejected because the queue is full.
pub(super) struct Rejection {
    full: QueueFull,
    start: Instant,
    route: &'static str,
    /// The last field, and so dropped last: the shutdown waits for requests including their records.
    _in_flight: RequestGuard,
}

/// Returns the rejection of a search if the queue is full. Without overload this costs one look at the
/// queue. Requests that are not authorized are rejected by the inner layer.
pub(super) fn early_rejection(service: &Service, request: &ServiceRequest) -> Option<Rejection> {
    let route = load_shedding::search_route(request.match_info().as_str())?;
    let full = service.archive().queue_full()?;
    let middleware = service.middleware();
    if !middleware.cors_origins.is_empty() {
        return None;
    }
    let in_flight = middleware.in_flight.try_start()?;
    let Verdict::QueueFull(full) = decide(middleware, request, Some(full)) else {
        return None;
    };
    Some(Rejection {
        full,
        start: Instant::now(),
        route,
        _in_flight: in_flight,
    })
}

impl Rejection {
    /// Responds 503.
    pub(super) async fn respond(
        self,
        service: Arc<Service>,
        mut request: ServiceRequest,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        let connection = request.request().conn_data::<Arc<TrackedConnection>>();
        let _busy = connection.map(TrackedConnection::mark_busy);
        let id = request_id::from_headers(request.headers());
        let mut body = load_shedding::DrainedBody::new(&service, &mut request);
        let mut record = None;
        if !body.body_already_buffered().await {
            // Created before the wait, so that a client that disconnects meanwhile is recorded, too.
            record = Some(self.record(&service, &request, &id));
            body.skip(&service).await;
        }
        let mut response = response(self.full, id.clone());
        let (middleware, duration) = (service.middleware(), self.start.elapsed());
        let is_logged = middleware.access_log.is_enabled(duration);
        if record.is_none() && middleware.traces.is_none() && !is_logged {
            middleware.metrics().record_rejected(
                request.method(),
                self.route,
                self.full.which_limit(),
                duration,
            );
            return Ok(request.into_response(response));
        }
        let mut record = record.unwrap_or_else(|| self.record(&service, &request, &id));
        response.extensions_mut().insert(ProblemCode("overloaded"));
        response
            .extensions_mut()
            .insert(ShedReason(self.full.which_limit()));
        record.add_bytes(problem_body(self.full).len());
        let response = request.into_response(response);
        record.record_response(&response);
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

fn response(full: QueueFull, id: HeaderValue) -> HttpResponse {
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

/// Returns the body of the response.
fn problem_body(full: QueueFull) -> Bytes {
    LAST_BODY.with_borrow_mut(|last| match last {
        Some((reason, body)) if *reason == full => body.clone(),
        _ => {
            // Strings and numbers, whose serialization cannot fail.
            let body = serde_json::to_vec(&Problem::from(full).body()).unwrap_or_default();
            let body = Bytes::from(body);
            *last = Some((full, body.clone()));
            body
        }
    })
}
