//! HTTP in, answers out.
//!
//! Handlers parse, call and answer; what they call lives further up. The listener is up before
//! the model is loaded: until a snapshot is published every route of the API answers 503 and
//! says what is being waited for. Work for the CPU waits in one bounded queue ([`admission`])
//! and runs on threads of its own ([`cores`]). Before all of them stands the [`guard`]: keys, limits, logs and
//! metrics. Every error is one [`Problem`], from one table.

mod admission;
mod cores;
mod cursor;
mod documents;
mod extract;
mod guard;
mod lines;
mod openai;
mod openapi;
mod parallels;
mod problem;
mod recheck;
mod routes;
mod service;
mod timing;
mod wire;

use std::net::TcpListener;
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::{App, HttpServer, middleware, web};

use crate::engine;

pub use guard::{
    Bounds, Guard, GuardError, GuardOptions, KeyEntry, LogSink, Minted, Reloaded, Scope, TlsFiles,
    TraceOptions,
};
pub use openapi::document as openapi_document;
pub use problem::Problem;
pub use service::{Limits, Service};
pub use wire::{
    CorpusResponse, FamiliesResponse, Jsonl, ParallelBody, ParallelsResponse, comparison_response,
    corpus_response, families_response, search_response,
};

/// Threads that read requests and write answers; the work itself runs elsewhere.
const WORKERS: usize = 2;

/// How much those threads give way to the work; background threads give way further still.
const NICENESS: i32 = 2;

/// Seconds that connections have to close once their last request is answered.
const CLOSING_SECONDS: u64 = 1;

/// Serves on a listener that is already bound, until a signal or [`Server`]'s handle stops it.
///
/// # Errors
///
/// If the listener, the certificate or the process's signals cannot be used.
pub fn serve(listener: TcpListener, service: Arc<Service>) -> std::io::Result<Server> {
    let bounds = service.guard().bounds();
    let tls = service
        .guard()
        .tls_config()
        .map_err(std::io::Error::other)?;
    let shared = Arc::clone(&service);
    let known = Arc::clone(&service);
    let server = HttpServer::new(move || {
        // Each worker makes its own, on its own thread.
        engine::give_way(NICENESS);
        let (inner, outer) = (Arc::clone(&shared), Arc::clone(&shared));
        // The last layer is the outermost.
        App::new()
            .app_data(web::Data::from(Arc::clone(&shared)))
            .app_data(web::PayloadConfig::new(shared.limits().max_body_bytes))
            .wrap(middleware::Compress::default())
            .wrap(middleware::from_fn(move |request, next| {
                guard::admit(Arc::clone(&inner), request, next)
            }))
            .wrap(guard::cors(shared.guard()))
            .wrap(middleware::from_fn(move |request, next| {
                guard::receive(&outer, request, next)
            }))
            .configure(routes::configure)
    })
    .workers(WORKERS)
    // Counted by each worker for itself.
    .max_connections(bounds.connections.div_ceil(WORKERS))
    .on_connect(move |stream, data| guard::opened(&known, stream, data))
    .client_request_timeout(bounds.head)
    .keep_alive(bounds.keep_alive)
    .shutdown_timeout(CLOSING_SECONDS)
    .disable_signals();
    let server = match tls {
        None => server.listen(listener)?,
        Some(config) => server.listen_rustls_0_23(listener, config)?,
    }
    .run();
    guard::watch(&service);
    guard::obey(server.handle(), service)?;
    Ok(server)
}
