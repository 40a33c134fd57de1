//! `antiphon serve`.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};

use crate::config::Settings;
use crate::engine::{Engine, IngestOptions, Upkeep};
use crate::server::{self, Guard, GuardOptions, Limits, LogSink, Service};

use super::progress::{GraphBar, LogWriter};
use super::{open, output, report};

/// Files that are open beside those of connections: the store's, mostly.
#[cfg(target_os = "linux")]
const OTHER_FILES: u64 = 128;

/// Serves until a signal stops it; the listener is up before the model is loaded.
pub(super) fn run(settings: Settings) -> anyhow::Result<()> {
    let guard = guard(&settings)?;
    guard.may_listen(settings.listen, settings.insecure)?;
    allow_files(settings.max_connections);
    let listener = bind(settings.listen)?;
    let address = listener.local_addr()?;
    let service = Service::new(Limits {
        cores: settings.cores(),
        queue: settings.queue,
        max_body_bytes: settings.max_body_bytes,
    });
    let service = Arc::new(service.guarded(guard).rechecking(settings.recall_every));
    let serving = Arc::clone(&service);
    let outcome = actix_web::rt::System::new().block_on(async move {
        let server = server::serve(listener, Arc::clone(&service))?;
        let handle = server.handle();
        let mut serving = actix_web::rt::spawn(server);
        let (tell, started) = tokio::sync::oneshot::channel();
        std::thread::Builder::new()
            .name("start-up".to_owned())
            .spawn(move || {
                // The receiver is gone only if the server has stopped; then nobody waits.
                let _ = tell.send(start(&settings, &service, address));
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
    serving.guard().close();
    outcome
}

/// Keys, TLS, logs and bounds as they are set.
fn guard(settings: &Settings) -> anyhow::Result<Guard> {
    let access_log = || {
        LogSink::new(|line| {
            // A log that nobody reads any more is no reason to stop answering.
            let _ = LogWriter.write_all(format!("{line}\n").as_bytes());
        })
    };
    Ok(Guard::open(GuardOptions {
        keys_file: settings.keys_file.clone(),
        tls: settings.tls(),
        cors_origins: settings.cors_origins.clone(),
        access_log: settings.access_log.then(access_log),
        slow: (settings.slow_ms > 0).then(|| Duration::from_millis(settings.slow_ms)),
        traces: settings.traces(),
        bounds: settings.bounds(),
    })?)
}

/// Lets the process open as many files as it may, as each connection takes two; says so where
/// that is too few.
#[cfg(target_os = "linux")]
fn allow_files(connections: usize) {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let needed = 2 * connections as u64 + OTHER_FILES;
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
fn start(settings: &Settings, service: &Service, address: SocketAddr) -> anyhow::Result<Upkeep> {
    let say = |what: String| service.waiting_for(what);
    let engine = Arc::new(open::engine(settings, &say)?.keeping_all(settings.keep_all));
    service.watch(&engine);
    // What changes in the corpus is folded in while it is read.
    let upkeep = Upkeep::start(Arc::clone(&engine), settings.build_options(), || {
        Box::new(GraphBar::new())
    })
    .context("cannot start a thread")?;
    if !engine.is_empty()? {
        // What is stored can be searched while changes to the corpus are read.
        engine.publish()?;
        service.attach(Arc::clone(&engine));
    }
    let changed = read_corpus(settings, &engine, &say)?;
    let snapshot = match engine.snapshot() {
        Some(snapshot) if !changed => snapshot,
        _ => engine.publish()?,
    };
    service.attach(Arc::clone(&engine));
    announce(
        service.guard().scheme(),
        address,
        snapshot.facts().documents,
        snapshot.facts().passages,
    )?;
    Ok(upkeep)
}

/// Brings the store up to date with the corpus folder; whether anything changed.
fn read_corpus(settings: &Settings, engine: &Engine, say: open::Say<'_>) -> anyhow::Result<bool> {
    let Some(path) = open::corpus_for(settings, engine)? else {
        return Ok(false);
    };
    let options = IngestOptions {
        keep_all: settings.keep_all,
        prune: false,
    };
    let corpus = open::corpus(&[path])?;
    let report = open::ingest(engine, &corpus, options, say)?;
    if report.changed_anything() || !report.skipped.is_empty() {
        report::summarise(&report, &mut anstream::stderr().lock())?;
    }
    Ok(report.changed_anything())
}

fn announce(
    scheme: &str,
    address: SocketAddr,
    documents: usize,
    passages: usize,
) -> anyhow::Result<()> {
    let documents = output::counted(documents, "document");
    let passages = output::counted(passages, "passage");
    output::line(format_args!(
        "Antiphon serves {documents}, {passages} on {scheme}://{address}\nTry: curl '{scheme}://{address}/v1/search?q=sovereignty+in+cyberspace&limit=3'"
    ))
}
