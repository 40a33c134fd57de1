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
use super::connections::Connection;
use super::journal::Record;
use super::running::Place;
use super::{request_id, shed};
use crate::server::admission::Full;
use crate::server::problem::{Code, MEDIA_TYPE, Shed};
use crate::server::service::Service;

thread_local! {
    /// The last body, and what it says: mostly that is what the next one says, too.
    static LAST: RefCell<Option<(Full, Bytes)>> = const { RefCell::new(None) };
}

/// A request that is turned away.
pub(super) struct Refusal {
    full: Full,
    start: Instant,
    route: &'static str,
    /// Given up last: who waits for the last request waits for its record.
    _place: Place,
}

/// Whether a request is turned away here, for want of room. Nearly all others are let through by a look at
/// the queue; who is not allowed in at all is told so by the inner layer.
pub(super) fn of(service: &Service, request: &ServiceRequest) -> Option<Refusal> {
    let route = shed::search_route(request.match_info().as_str())?;
    let full = service.admission().full()?;
    let guard = service.guard();
    if !guard.cors_origins.is_empty() {
        return None;
    }
    let place = guard.running.enter()?;
    let Verdict::NoRoom(full) = decide(guard, request, Some(full)) else {
        return None;
    };
    Some(Refusal {
        full,
        start: Instant::now(),
        route,
        _place: place,
    })
}

impl Refusal {
    /// Answers the request.
    pub(super) async fn give(
        self,
        service: Arc<Service>,
        mut request: ServiceRequest,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        let connection = request.request().conn_data::<Arc<Connection>>();
        let _in_use = connection.map(Connection::in_use);
        let id = request_id::of(request.headers());
        let mut body = shed::Skipped::of(&service, &mut request);
        let mut record = None;
        if !body.came_with_its_head().await {
            // Its client may hang up meanwhile, which is written down, too.
            record = Some(self.record(&service, &request, &id));
            body.skip(&service).await;
        }
        let mut response = answer(self.full, id.clone());
        let (guard, took) = (service.guard(), self.start.elapsed());
        if record.is_none() && guard.traces.is_none() && !guard.journal.wants(took) {
            guard
                .metrics()
                .turned_away(request.method(), self.route, self.full.bound(), took);
            return Ok(request.into_response(response));
        }
        let mut record = record.unwrap_or_else(|| self.record(&service, &request, &id));
        response.extensions_mut().insert(Code("overloaded"));
        response.extensions_mut().insert(Shed(self.full.bound()));
        record.wrote(words(self.full).len());
        let response = request.into_response(response);
        record.answered(&response);
        Ok(response)
    }

    fn record(&self, service: &Arc<Service>, request: &ServiceRequest, id: &HeaderValue) -> Record {
        let mut record = Record::new(Arc::clone(service), None, request, id.clone());
        record.began(self.start);
        record
    }
}

fn answer(full: Full, id: HeaderValue) -> HttpResponse {
    let mut response = HttpResponse::with_body(StatusCode::SERVICE_UNAVAILABLE, words(full));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers.insert(header::RETRY_AFTER, HeaderValue::from(full.retry_after()));
    headers.insert(HeaderName::from_static(request_id::HEADER), id);
    response.map_into_boxed_body()
}

/// The body of the answer.
fn words(full: Full) -> Bytes {
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
