//! Shutdown and reload on signals of the operating system.

use std::io;
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::rt;

use super::MiddlewareState;
use crate::server::service::Service;

/// Handles the process's signals until one stops the server.
///
/// New requests are rejected at once, requests in flight are completed within the grace period, then the
/// server stops. A second signal stops it immediately.
#[cfg(unix)]
pub(in crate::server) fn handle_signals(
    handle: ServerHandle,
    service: Arc<Service>,
) -> io::Result<()> {
    use rt::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // With nothing to reload, SIGHUP keeps its default action: closing the terminal ends the program.
    let hang_up = service.middleware().can_reload();
    let mut hang_up = hang_up.then(|| signal(SignalKind::hangup())).transpose()?;
    rt::spawn(async move {
        loop {
            let reload = async {
                match &mut hang_up {
                    Some(signal) => signal.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = reload => reload_off_the_runtime(&service).await,
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
            }
        }
        let all_done = tokio::select! {
            all_done = drain(service.middleware()) => all_done,
            _ = terminate.recv() => false,
            _ = interrupt.recv() => false,
        };
        handle.stop(all_done).await;
    });
    Ok(())
}

/// Handles Ctrl-C, the one signal of every platform.
#[cfg(not(unix))]
pub(in crate::server) fn handle_signals(
    handle: ServerHandle,
    service: Arc<Service>,
) -> io::Result<()> {
    rt::spawn(async move {
        if rt::signal::ctrl_c().await.is_ok() {
            let all_done = drain(service.middleware()).await;
            handle.stop(all_done).await;
        }
    });
    Ok(())
}

/// Begins the shutdown and waits for requests in flight; returns whether all of them were completed.
async fn drain(middleware: &MiddlewareState) -> bool {
    middleware.in_flight.begin_shutdown();
    tracing::info!(
        "shutting down; {} requests in flight",
        middleware.in_flight.count()
    );
    let left = middleware
        .in_flight
        .drained(middleware.connection_limits.shutdown_grace)
        .await;
    if left > 0 {
        tracing::warn!("{left} requests still in flight after the grace period");
    }
    left == 0
}

#[cfg(unix)]
async fn reload_off_the_runtime(service: &Arc<Service>) {
    let service = Arc::clone(service);
    let outcome = rt::task::spawn_blocking(move || service.middleware().reload()).await;
    match outcome {
        Ok(Ok(reloaded)) => tracing::info!(
            keys = reloaded.keys,
            tls = reloaded.tls,
            "reloaded keys and certificate"
        ),
        Ok(Err(error)) => {
            tracing::error!("reload failed; keeping previous keys and certificate: {error}");
        }
        Err(error) => {
            tracing::error!("reload failed; keeping previous keys and certificate: {error}");
        }
    }
}
