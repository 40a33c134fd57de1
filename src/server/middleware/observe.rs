//! The outer layer: assigns each request its id, and records it once its response is complete.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderName;
use actix_web::http::{ConnectionType, StatusCode, Version};
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, ResponseError};

use super::access::reject;
use super::access_log::RequestRecord;
use super::connections::TrackedConnection;
use super::{early_reject, request_id};
use crate::server::problem::Problem;
use crate::server::service::Service;

/// Seconds after which the next process is probably ready.
const SHUTDOWN_RETRY_SECONDS: u32 = 5;

/// Seconds after which a client may find a free connection.
const SURPLUS_RETRY_SECONDS: u32 = 2;

type ResponseFuture = Pin<Box<dyn Future<Output = Result<ServiceResponse<BoxBody>, Error>>>>;

/// Processes a request from its header to the last byte of its response, or rejects it early.
pub(in crate::server) fn outer_middleware<B: MessageBody + 'static>(
    service: &Arc<Service>,
    request: ServiceRequest,
    next: Next<B>,
) -> ResponseFuture {
    let service = Arc::clone(service);
    match early_reject::early_rejection(&service, &request) {
        Some(rejection) => Box::pin(rejection.respond(service, request)),
        None => Box::pin(request_middleware(service, request, next)),
    }
}

/// Processes a request from its header to the last byte of its response.
async fn request_middleware(
    service: Arc<Service>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let in_flight = &service.middleware().in_flight;
    let guard = in_flight.try_start();
    // During shutdown only the liveness check is still answered.
    let path = request.match_info().as_str();
    let is_rejected = guard.is_none() && path != "/livez";
    let is_surplus = !matches!(path, "/livez" | "/readyz")
        && request
            .request()
            .conn_data::<Arc<TrackedConnection>>()
            .is_some_and(|connection| connection.is_surplus());
    let id = request_id::from_headers(request.headers());
    let mut record = RequestRecord::new(service.clone(), guard, &request, id.clone());
    let outcome = if is_rejected {
        let problem = Problem::shutting_down("the service is shutting down; try again later")
            .retry_after(SHUTDOWN_RETRY_SECONDS);
        Ok(reject(request, problem))
    } else if is_surplus {
        let problem = Problem::overloaded("too many connections are open; try again later")
            .retry_after(SURPLUS_RETRY_SECONDS)
            .shed("connections_full");
        Ok(reject(request, problem))
    } else {
        next.call(request)
            .await
            .map(ServiceResponse::map_into_boxed_body)
    };
    let mut response = match outcome {
        Ok(response) => response,
        Err(error) => {
            record.record_error(&error);
            return Err(error);
        }
    };
    if response.status() == StatusCode::NOT_ACCEPTABLE {
        // The layer that compresses responses rejects with a text.
        let problem = Problem::not_acceptable(
            "no accepted encoding is supported; expected gzip, deflate or identity in Accept-Encoding",
        );
        response = response.into_response(problem.error_response());
    }
    record.record_response(&response);
    if response.request().version() < Version::HTTP_11 {
        // These clients do not know chunks: the end of the connection is the end of the body.
        let is_stream = matches!(response.response().body().size(), BodySize::Stream);
        let head = response.response_mut().head_mut();
        if is_stream {
            head.no_chunking(true);
            head.set_connection_type(ConnectionType::Close);
        }
    }
    response
        .headers_mut()
        .insert(HeaderName::from_static(request_id::HEADER), id);
    if is_surplus || in_flight.is_shutting_down() {
        let head = response.response_mut().head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
    // From now on the connection should ask for the body, unless it still writes an earlier response.
    if let Some(connection) = record.connection() {
        connection.write_progress().handed_over(0);
    }
    Ok(response.map_body(|_, body| BoxBody::new(RecordedBody { body, record })))
}

/// A response body that counts its bytes. Dropping it, complete or not, completes the request's record.
struct RecordedBody {
    body: BoxBody,
    record: RequestRecord,
}

impl MessageBody for RecordedBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        // actix asks for more once the connection has taken most of what it got before.
        if let Some(connection) = this.record.connection() {
            connection.write_progress().taken();
        }
        let chunk = Pin::new(&mut this.body).poll_next(context);
        if let Poll::Ready(Some(Ok(bytes))) = &chunk {
            this.record.add_bytes(bytes.len());
            if let Some(connection) = this.record.connection() {
                connection.write_progress().handed_over(bytes.len());
            }
        }
        chunk
    }
}
