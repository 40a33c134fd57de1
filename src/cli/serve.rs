//! `antiphon serve`.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};

use crate::config::Settings;
use crate::engine::{CompactionWorker, Engine, EngineError, IngestOptions};
use crate::server::{self, LogSink, MiddlewareOptions, MiddlewareState, Service, ServiceLimits};

use super::progress::GraphBar;
use super::{log, open, output, report};

/// Maximum wait for the network threads at exit.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
const CLOSE_POLL_INTERVAL: Duration = Duration::from_millis(1);

/// File descriptors besides those of `max_connections`: of the store, and of surplus connections.
#[cfg(target_os = "linux")]
const RESERVED_FILE_DESCRIPTORS: u64 = 384;

/// Serves until a signal stops it. The listener is open before the model is loaded.
pub(super) fn run(settings: Settings) -> anyhow::Result<()> {
    let middleware = build_middleware(&settings)?;
    middleware.check_listen_address(settings.listen, settings.allow_anonymous)?;
    raise_file_limit(settings.max_connections);
    let listener = bind(settings.listen)?;
    let address = listener.local_addr()?;
    let service = Service::new(ServiceLimits {
        workers: settings.worker_threads(),
        queue_capacity: settings.queue_capacity,
        recall_sample_every: settings.recall_sample_every,
        max_body_bytes: settings.max_body_bytes,
    });
    let service = Arc::new(service.with_middleware(middleware));
    let serving = Arc::clone(&service);
    let outcome = actix_web::rt::System::new().block_on(async move {
        let server = server::serve(listener, Arc::clone(&service))?;
        let handle = server.handle();
        let mut serving = actix_web::rt::spawn(server);
        let (tx, started) = tokio::sync::oneshot::channel();
        std::thread::Builder::new()
            .name("start-up".to_owned())
            .spawn(move || {
                // The receiver is dropped only if the server has stopped.
                let _ = tx.send(start_engine(&settings, &service, address));
            })
            .context("cannot start a thread")?;
        tokio::select! {
            stopped = &mut serving => Ok(stopped??),
            outcome = started => {
                match outcome.unwrap_or_else(|_| Err(anyhow!("startup failed unexpectedly"))) {
                    Ok(compactor) => {
                        let stopped = serving.await;
                        drop(compactor);
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
    wait_for_network_threads(&serving);
    outcome
}

/// Waits until the network threads, which actix does not join, have dropped their references to the
/// service: the last one closes the store, which checkpoints the WAL, and must not be lost when the
/// process exits.
fn wait_for_network_threads(service: &Arc<Service>) {
    let start = Instant::now();
    while Arc::strong_count(service) > 1 {
        if start.elapsed() > CLOSE_TIMEOUT {
            tracing::warn!("the store is still in use at exit; the next start checkpoints its WAL");
            break;
        }
        std::thread::sleep(CLOSE_POLL_INTERVAL);
    }
}

/// Builds the middleware from the settings.
fn build_middleware(settings: &Settings) -> anyhow::Result<MiddlewareState> {
    let access_log = || LogSink::new(|line| log::write_lines(format!("{line}\n").as_bytes()));
    Ok(MiddlewareState::open(MiddlewareOptions {
        keys_file: settings.keys_file.clone(),
        tls: settings.tls_files(),
        cors_origins: settings.cors_origins.clone(),
        access_log: settings.access_log.then(access_log),
        lost_log_lines: Some(log::lost_lines),
        slow_threshold: (settings.slow_request_ms > 0)
            .then(|| Duration::from_millis(settings.slow_request_ms)),
        traces: settings.trace_options(),
        connection_limits: settings.connection_limits(),
    })?)
}

/// Raises the limit of open files as far as permitted, since each connection takes two; warns if that
/// is not enough.
#[cfg(target_os = "linux")]
fn raise_file_limit(connections: usize) {
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
            "max_connections = {connections} needs {needed} open files, above this process's limit; raise it with `ulimit -n {needed}`"
        );
    }
}

/// Does nothing on other systems.
#[cfg(not(target_os = "linux"))]
fn raise_file_limit(_: usize) {}

fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).with_context(|| {
        format!(
            "cannot listen on {address}; is another program using it? choose another with --listen"
        )
    })
}

/// Opens the engine, publishes a snapshot and updates the store from the corpus. Returns the worker
/// that compacts the index until it is dropped; none if the data directory cannot be written.
fn start_engine(
    settings: &Settings,
    service: &Service,
    address: SocketAddr,
) -> anyhow::Result<Option<CompactionWorker>> {
    let report = |status: String| service.archive().set_startup_status(status);
    let engine = match open::engine(settings, &report) {
        Ok(engine) => Arc::new(engine.with_keep_boilerplate(settings.keep_boilerplate)),
        Err(error) if is_write_obstacle(&error) => {
            serve_read_only(settings, service, &report)
                .with_context(|| format!("{error:#}; it cannot be opened for reading either"))?;
            tracing::error!("read-only until the next start: {error:#}");
            let provenance = service.archive().provenance()?;
            announce(
                service.middleware().scheme(),
                address,
                provenance.documents,
                provenance.passages,
            )?;
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    service.observe_encoder(&engine);
    // Compacts the index also while the corpus is read.
    let compactor = CompactionWorker::start(Arc::clone(&engine), settings.build_options(), || {
        Box::new(GraphBar::new())
    })
    .context("cannot start a thread")?;
    if !engine.is_empty()? {
        // Stored documents can be searched while changes of the corpus are read.
        engine.publish()?;
        service.set_engine(Arc::clone(&engine));
    }
    let changed = match update_from_corpus(settings, &engine, &report) {
        Ok(changed) => changed,
        // What is stored can still be searched.
        Err(error) if is_write_obstacle(&error) && engine.snapshot().is_some() => {
            tracing::error!("the corpus was not read completely: {error:#}");
            true
        }
        Err(error) => return Err(error),
    };
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
    Ok(Some(compactor))
}

/// Opens what is stored for searches.
fn serve_read_only(
    settings: &Settings,
    service: &Service,
    report: open::StatusReporter<'_>,
) -> anyhow::Result<()> {
    let encoder = open::encoder(settings, report)?;
    let index = settings.engine_options().index;
    let archive = service.archive();
    Ok(archive.set_read_only(&settings.data_dir, index, encoder)?)
}

fn is_write_obstacle(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref::<EngineError>(),
        Some(EngineError::Store(error)) if error.write_obstacle().is_some()
    )
}

/// Updates the store from the corpus; returns whether anything changed.
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
    let corpus = open::corpus(settings, &[path])?;
    let report = open::ingest(engine, &corpus, options, report)?;
    if report.has_changes() || !report.skipped.is_empty() {
        let mut summary = anstream::StripStream::new(Vec::new());
        report::print_summary(&report, &mut summary)?;
        log::write_lines(&summary.into_inner());
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
        "Serving {documents}, {passages} on {scheme}://{address}\nTry: curl '{scheme}://{address}/v1/search?q=sovereignty+in+cyberspace&limit=3'"
    ))
}
