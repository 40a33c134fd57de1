//! `antiphon serve`.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};

use crate::config::Settings;
use crate::engine::{CompactionWorker, Engine, IngestOptions};
use crate::server::{self, LogSink, MiddlewareOptions, MiddlewareState, Service, ServiceLimits};

use super::progress::{GraphBar, LogWriter};
use super::{open, output, report};

/// Files that are open beside those of connections: the store's, mostly.
#[cfg(target_os = "linux")]
const RESERVED_FILE_DESCRIPTORS: u64 = 128;

/// Serves until a signal stops it; the listener is up before the model is loaded.
pub(super) fn run(settings: Settings) -> anyhow::Result<()> {
    let guard = build_middleware(&settings)?;
    guard.check_listen_address(settings.listen, settings.allow_anonymous)?;
    allow_files(settings.max_connections);
    let listener = bind(settings.listen)?;
    let address = listener.local_addr()?;
    let service = Service::new(ServiceLimits {
        workers: settings.worker_threads(),
        queue_capacity: settings.queue_capacity,
        max_body_bytes: settings.max_body_bytes,
    });
    let service = Arc::new(
        service
            .with_middleware(guard)
            .with_recall_monitor(settings.recall_sample_every),
    );
    let serving = Arc::clone(&service);
    let outcome = actix_web::rt::System::new().block_on(async move {
        let server = server::serve(listener, Arc::clone(&service))?;
        let handle = server.handle();
        let mut serving = actix_web::rt::spawn(server);
        let (tx, started) = tokio::sync::oneshot::channel();
        std::thread::Builder::new()
            .name("start-up".to_owned())
            .spawn(move || {
                // The receiver is gone only if the server has stopped; then nobody waits.
                let _ = tx.send(start_engine(&settings, &service, address));
            })
            .context("cannot start a thread")?;
        tokio::select! {
            stopped = &mut serving => Ok(stopped??),
            outcome = started => {
                match outcome.unwrap_or_else(|_| Err(anyhow!("start-up broke off"))) {
                    Ok(upkeep) => {
                        let stopped = serving.await;
                        drop(upkeep);
                        Ok(stopped??)
                    }
                    Err(error) => {
                        handle.stop(false).await;
                        Err(error)
                    }
                }
            }
        }
    });
    serving.middleware().flush_traces();
    outcome
}

/// Keys, TLS, logs and bounds as they are set.
fn build_middleware(settings: &Settings) -> anyhow::Result<MiddlewareState> {
    let access_log = || {
        LogSink::new(|line| {
            // A log that nobody reads any more is no reason to stop answering.
            let _ = LogWriter.write_all(format!("{line}\n").as_bytes());
        })
    };
    Ok(MiddlewareState::open(MiddlewareOptions {
        keys_file: settings.keys_file.clone(),
        tls: settings.tls_files(),
        cors_origins: settings.cors_origins.clone(),
        access_log: settings.access_log.then(access_log),
        slow_threshold: (settings.slow_request_ms > 0)
            .then(|| Duration::from_millis(settings.slow_request_ms)),
        traces: settings.trace_options(),
        connection_limits: settings.connection_limits(),
    })?)
}

/// Lets the process open as many files as it may, as each connection takes two; says so where
/// that is too few.
#[cfg(target_os = "linux")]
fn allow_files(connections: usize) {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let needed = 2 * connections as u64 + RESERVED_FILE_DESCRIPTORS;
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return;
    }
    limit.current = Some(limit.maximum.map_or(needed, |maximum| maximum.min(needed)));
    let raised = setrlimit(Resource::Nofile, limit).is_ok();
    if !raised || limit.current < Some(needed) {
        tracing::warn!(
            "max_connections is {connections}, for which this process may not open enough files; allow {needed} with ulimit -n"
        );
    }
}

/// Elsewhere the limit is left as it is.
#[cfg(not(target_os = "linux"))]
fn allow_files(_: usize) {}

fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).with_context(|| {
        format!(
            "cannot listen on {address}; is another program using it? choose another with --listen"
        )
    })
}

/// Everything between an open listener and a service that is ready; what is given back keeps its
/// index in shape.
fn start_engine(
    settings: &Settings,
    service: &Service,
    address: SocketAddr,
) -> anyhow::Result<CompactionWorker> {
    let report = |what: String| service.set_startup_status(what);
    let engine =
        Arc::new(open::engine(settings, &report)?.with_keep_boilerplate(settings.keep_boilerplate));
    service.observe_encoder(&engine);
    // What changes in the corpus is folded in while it is read.
    let upkeep = CompactionWorker::start(Arc::clone(&engine), settings.build_options(), || {
        Box::new(GraphBar::new())
    })
    .context("cannot start a thread")?;
    if !engine.is_empty()? {
        // What is stored can be searched while changes to the corpus are read.
        engine.publish()?;
        service.set_engine(Arc::clone(&engine));
    }
    let changed = update_from_corpus(settings, &engine, &report)?;
    let snapshot = match engine.snapshot() {
        Some(snapshot) if !changed => snapshot,
        _ => engine.publish()?,
    };
    service.set_engine(Arc::clone(&engine));
    announce(
        service.middleware().scheme(),
        address,
        snapshot.info().documents,
        snapshot.info().passages,
    )?;
    Ok(upkeep)
}

/// Brings the store up to date with the corpus folder; whether anything changed.
fn update_from_corpus(
    settings: &Settings,
    engine: &Engine,
    report: open::StatusReporter<'_>,
) -> anyhow::Result<bool> {
    let Some(path) = open::corpus_path(settings, engine)? else {
        return Ok(false);
    };
    let options = IngestOptions {
        keep_boilerplate: settings.keep_boilerplate,
        prune: false,
    };
    let corpus = open::corpus(&[path])?;
    let report = open::ingest(engine, &corpus, options, report)?;
    if report.has_changes() || !report.skipped.is_empty() {
        report::print_summary(&report, &mut anstream::stderr().lock())?;
    }
    Ok(report.has_changes())
}

fn announce(
    scheme: &str,
    address: SocketAddr,
    documents: usize,
    passages: usize,
) -> anyhow::Result<()> {
    let documents = output::count_of(documents, "document");
    let passages = output::count_of(passages, "passage");
    output::print_line(format_args!(
        "Antiphon serves {documents}, {passages} on {scheme}://{address}\nTry: curl '{scheme}://{address}/v1/search?q=sovereignty+in+cyberspace&limit=3'"
    ))
}
