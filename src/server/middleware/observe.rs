//! The outer layer: an id for each request, and a record of it once it is over.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderName;
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, http::ConnectionType};

use super::access::refuse;
use super::access_log::RequestRecord;
use super::{early_reject, request_id};
use crate::server::problem::Problem;
use crate::server::service::Service;

/// Seconds after which another process may answer in the place of one that stops.
const STOPPING_RETRY_SECONDS: u32 = 5;

/// An answer that is being made.
type Answering = Pin<Box<dyn Future<Output = Result<ServiceResponse<BoxBody>, Error>>>>;

/// Sees a request from its head to the last byte of its answer, or turns it away here already.
pub(in crate::server) fn outer_middleware<B: MessageBody + 'static>(
    service: &Arc<Service>,
    request: ServiceRequest,
    next: Next<B>,
) -> Answering {
    let service = Arc::clone(service);
    match early_reject::early_rejection(&service, &request) {
        Some(refusal) => Box::pin(refusal.respond(service, request)),
        None => Box::pin(request_middleware(service, request, next)),
    }
}

/// Sees a request from its head to the last byte of its answer.
async fn request_middleware(
    service: Arc<Service>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let running = &service.middleware().in_flight;
    let place = running.try_start();
    // Once the service stops, only the question whether it lives is answered.
    let turned_away = place.is_none() && request.match_info().as_str() != "/livez";
    let id = request_id::from_headers(request.headers());
    let mut record = RequestRecord::new(service.clone(), place, &request, id.clone());
    let outcome = if turned_away {
        let problem = Problem::shutting_down("the service stops; ask again later")
            .retry_after(STOPPING_RETRY_SECONDS);
        Ok(refuse(request, problem))
    } else {
        next.call(request)
            .await
            .map(ServiceResponse::map_into_boxed_body)
    };
    let mut response = match outcome {
        Ok(response) => response,
        Err(error) => {
            record.failed(&error);
            return Err(error);
        }
    };
    record.answered(&response);
    response
        .headers_mut()
        .insert(HeaderName::from_static(request_id::HEADER), id);
    if running.is_shutting_down() {
        let head = response.response_mut().head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
    Ok(response.map_body(|_, body| BoxBody::new(Watched { body, record })))
}

/// A body that counts its bytes, and ends its request's record when it is written or given up.
struct Watched {
    body: BoxBody,
    record: RequestRecord,
}

impl MessageBody for Watched {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        let chunk = Pin::new(&mut this.body).poll_next(context);
        if let Poll::Ready(Some(Ok(bytes))) = &chunk {
            this.record.add_bytes(bytes.len());
        }
        chunk
    }
}
