//! HTTP in, answers out.
//!
//! Handlers parse, call and answer; what they call lives further up. The listener is up before
//! the model is loaded: until a snapshot is published every route of the API answers 503 and
//! says what is being waited for. Work for the CPU waits in one bounded queue ([`admission`])
//! and runs on threads of its own ([`cores`]). Before all of them stands the [`guard`]: keys, limits, logs and
//! metrics. Every error is one [`Problem`], from one table.

mod admission;
mod cursor;
mod documents;
mod extract;
mod line_stream;
mod middleware;
mod openai;
mod openapi;
mod parallels;
mod problem;
mod recall_monitor;
mod routes;
mod service;
mod timing;
mod wire;
mod worker_pool;

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
pub use wire::{
    CorpusResponse, FamiliesResponse, Jsonl, ParallelDto, ParallelsResponse, comparison_response,
    corpus_response, families_response, search_response,
};

/// Threads that read requests and write answers; the work itself runs elsewhere.
const WORKERS: usize = 2;

/// How much those threads give way to the work; background threads give way further still.
const WORKER_NICENESS: i32 = 2;

/// Seconds that connections have to close once their last request is answered.
const CLOSE_TIMEOUT_SECONDS: u64 = 1;

/// Serves on a listener that is already bound, until a signal or [`Server`]'s handle stops it.
///
/// # Errors
///
/// If the listener, the certificate or the process's signals cannot be used.
pub fn serve(listener: TcpListener, service: Arc<Service>) -> std::io::Result<Server> {
    let bounds = service.middleware().connection_limits();
    let tls = service
        .middleware()
        .tls_config()
        .map_err(std::io::Error::other)?;
    let shared = Arc::clone(&service);
    let connection_service = Arc::clone(&service);
    let server = HttpServer::new(move || {
        // Each worker makes its own, on its own thread.
        engine::lower_thread_priority(WORKER_NICENESS);
        let (inner, outer) = (Arc::clone(&shared), Arc::clone(&shared));
        // The last layer is the outermost.
        App::new()
            .app_data(web::Data::from(Arc::clone(&shared)))
            .app_data(web::PayloadConfig::new(shared.limits().max_body_bytes))
            .wrap(Compress::default())
            .wrap(from_fn(move |request, next| {
                middleware::authorize(Arc::clone(&inner), request, next)
            }))
            .wrap(middleware::cors(shared.middleware()))
            .wrap(from_fn(move |request, next| {
                middleware::outer_middleware(&outer, request, next)
            }))
            .configure(routes::configure)
    })
    .workers(WORKERS)
    // Counted by each worker for itself.
    .max_connections(bounds.max_connections.div_ceil(WORKERS))
    .on_connect(move |stream, data| middleware::on_connect(&connection_service, stream, data))
    .client_request_timeout(bounds.header_timeout)
    .keep_alive(bounds.keep_alive_timeout)
    .shutdown_timeout(CLOSE_TIMEOUT_SECONDS)
    .disable_signals();
    let server = match tls {
        None => server.listen(listener)?,
        Some(config) => server.listen_rustls_0_23(listener, config)?,
    }
    .run();
    middleware::spawn_idle_reaper(&service);
    middleware::obey(server.handle(), service)?;
    Ok(server)
}
