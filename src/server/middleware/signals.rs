//! Stop and reload, as the operating system asks for them.

use std::io;
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::rt;

use super::MiddlewareState;
use crate::server::service::Service;

/// Follows the process's signals until one stops the server.
///
/// Readiness ends at once; running requests have their time; then the server stops. A second
/// signal does not wait for them.
#[cfg(unix)]
pub(in crate::server) fn obey(handle: ServerHandle, service: Arc<Service>) -> io::Result<()> {
    use rt::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // Where there is nothing to read anew, a terminal that is closed ends its program as ever.
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

/// Follows Ctrl-C, the one signal that there is everywhere.
#[cfg(not(unix))]
pub(in crate::server) fn obey(handle: ServerHandle, service: Arc<Service>) -> io::Result<()> {
    rt::spawn(async move {
        if rt::signal::ctrl_c().await.is_ok() {
            let all_done = drain(service.guard()).await;
            handle.stop(all_done).await;
        }
    });
    Ok(())
}

/// Lets no more requests in and waits for those that are; whether all of them were answered.
async fn drain(guard: &MiddlewareState) -> bool {
    guard.in_flight.begin_shutdown();
    tracing::info!("stopping; {} requests are running", guard.in_flight.count());
    let left = guard
        .in_flight
        .drained(guard.connection_limits.shutdown_grace)
        .await;
    if left > 0 {
        tracing::warn!("{left} requests were not answered in time");
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
            "read keys and certificate anew"
        ),
        Ok(Err(error)) => tracing::error!("what was read before stays in use: {error}"),
        Err(error) => tracing::error!("what was read before stays in use: {error}"),
    }
}
