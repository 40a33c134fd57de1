//! `antiphon serve`.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::{Context, anyhow};

use crate::config::Settings;
use crate::engine::{Engine, IngestOptions, Upkeep};
use crate::server::{self, Limits, Service};

use super::progress::GraphBar;
use super::{open, output, report};

/// Serves until a signal stops it; the listener is up before the model is loaded.
pub(super) fn run(settings: Settings) -> anyhow::Result<()> {
    let listener = bind(settings.listen)?;
    let address = listener.local_addr()?;
    let service = Arc::new(Service::new(Limits {
        cores: settings.cores(),
        queue: settings.queue,
        max_body_bytes: settings.max_body_bytes,
    }));
    actix_web::rt::System::new().block_on(async move {
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
    })
}

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
        address,
        snapshot.facts().documents,
        snapshot.facts().passages,
    )?;
    Upkeep::start(engine, || Box::new(GraphBar::new())).context("cannot start a thread")
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

fn announce(address: SocketAddr, documents: usize, passages: usize) -> anyhow::Result<()> {
    let documents = output::counted(documents, "document");
    let passages = output::counted(passages, "passage");
    output::line(format_args!(
        "Antiphon serves {documents}, {passages} on http://{address}\nTry: curl 'http://{address}/v1/search?q=sovereignty+in+cyberspace&limit=3'"
    ))
}
