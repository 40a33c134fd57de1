//! HTTP in, answers out.
//!
//! Handlers parse, call and answer; what they call lives further up. The listener is up before
//! the model is loaded: until a snapshot is published every route of the API answers 503 and
//! says what is being waited for. Work for the CPU waits in one bounded queue ([`admission`])
//! and runs off the async workers. Every error is one [`Problem`], from one table.

mod admission;
mod documents;
mod extract;
mod openai;
mod openapi;
mod problem;
mod routes;
mod service;
mod timing;
mod wire;

use std::net::TcpListener;
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::{App, HttpServer, middleware, web};

pub use openapi::document as openapi_document;
pub use problem::Problem;
pub use service::{Limits, Service};
pub use wire::search_response;

/// Threads that read requests and write answers; the work itself runs elsewhere.
const WORKERS: usize = 2;

/// Serves on a listener that is already bound, until a signal or [`Server`]'s handle stops it.
///
/// # Errors
///
/// If the listener cannot be used.
pub fn serve(listener: TcpListener, service: Arc<Service>) -> std::io::Result<Server> {
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::from(Arc::clone(&service)))
            .app_data(web::PayloadConfig::new(service.limits().max_body_bytes))
            .wrap(middleware::Compress::default())
            .configure(routes::configure)
    })
    .workers(WORKERS)
    .shutdown_timeout(10)
    .listen(listener)?;
    Ok(server.run())
}
