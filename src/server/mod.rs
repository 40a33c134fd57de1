//! The HTTP API.
//!
//! Handlers parse a request, call the [`Archive`](crate::archive::Archive), and write the response. The
//! listener is open before the model is loaded: until the archive is ready, API routes respond 503 with the
//! current start-up step. All handlers are wrapped by [`middleware`]: keys, limits, logs and metrics. Every
//! error is a [`Problem`] from one table.

mod archive_problem;
mod documents;
mod extract;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod line_stream;
mod links;
mod middleware;
mod openai;
mod openapi;
mod page;
mod parallels;
mod problem;
mod recent_timings;
mod routes;
mod service;
mod timing;
mod wire;

use std::net::TcpListener;
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App, HttpServer, web};

use crate::engine;

pub use middleware::{
    ConnectionLimits, GeneratedKey, KeyEntry, KeyScope, LogSink, MiddlewareOptions,
    MiddlewareState, ReloadOutcome, ServerSetupError, TlsFiles, TraceOptions,
};
pub use openapi::document as openapi_document;
pub use problem::Problem;
pub use service::{Service, ServiceLimits};

/// Threads that read requests and write responses; CPU work runs on the worker pool.
const NETWORK_THREADS: usize = 2;

/// Niceness of these threads: below the worker pool's priority, above the background threads'.
const NETWORK_NICENESS: i32 = 2;

/// Seconds that connections have to close after their last response.
const CLOSE_TIMEOUT_SECONDS: u64 = 1;

/// Serves on a listener that is already bound, until a signal or [`Server`]'s handle stops it.
///
/// # Errors
///
/// If the listener, the certificate or the process's signals cannot be used.
pub fn serve(listener: TcpListener, service: Arc<Service>) -> std::io::Result<Server> {
    let limits = service.middleware().connection_limits();
    let tls = service
        .middleware()
        .tls_config()
        .map_err(std::io::Error::other)?;
    let shared = Arc::clone(&service);
    let connection_service = Arc::clone(&service);
    let server = HttpServer::new(move || {
        // Called once on each network thread.
        engine::lower_thread_priority(NETWORK_NICENESS);
        let (innermost, inner) = (Arc::clone(&shared), Arc::clone(&shared));
        let outer = Arc::clone(&shared);
        // The last layer is the outermost.
        App::new()
            .app_data(web::Data::from(Arc::clone(&shared)))
            .app_data(web::PayloadConfig::new(shared.max_body_bytes()))
            .wrap(from_fn(move |request, next| {
                middleware::bound_response(Arc::clone(&innermost), request, next)
            }))
            .wrap(Compress::default())
            .wrap(from_fn(move |request, next| {
                middleware::authorize(Arc::clone(&inner), request, next)
            }))
            .wrap(middleware::cors(shared.middleware()))
            .wrap(from_fn(move |request, next| {
                middleware::outer_middleware(&outer, request, next)
            }))
            .configure(page::configure)
            .configure(routes::configure)
    })
    .workers(NETWORK_THREADS)
    // actix's limit applies to each network thread separately, and connections above it would wait. It is
    // therefore above ours: connections are distributed evenly only while they are equally busy.
    .max_connections(limits.max_connections + 2 * middleware::SURPLUS_CONNECTIONS)
    .on_connect(move |stream, data| middleware::on_connect(&connection_service, stream, data))
    .client_request_timeout(limits.header_timeout)
    .keep_alive(limits.keep_alive_timeout)
    .shutdown_timeout(CLOSE_TIMEOUT_SECONDS)
    .disable_signals();
    let server = match tls {
        None => server.listen(listener)?,
        Some(config) => server.listen_rustls_0_23(listener, config)?,
    }
    .run();
    middleware::spawn_connection_reaper(&service);
    middleware::handle_signals(server.handle(), service)?;
    Ok(server)
}
