//! Stop and reload, as the operating system asks for them.

use std::io;
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::rt;

use super::Guard;
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
    let hang_up = service.guard().reads_files();
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
                _ = reload => reload_on_a_thread(&service).await,
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
            }
        }
        let all_done = tokio::select! {
            all_done = drain(service.guard()) => all_done,
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
async fn drain(guard: &Guard) -> bool {
    guard.running.stop();
    tracing::info!("stopping; {} requests are running", guard.running.count());
    let left = guard.running.done(guard.bounds.shutdown).await;
    if left > 0 {
        tracing::warn!("{left} requests were not answered in time");
    }
    left == 0
}

#[cfg(unix)]
async fn reload_on_a_thread(service: &Arc<Service>) {
    let service = Arc::clone(service);
    let outcome = rt::task::spawn_blocking(move || service.guard().reload()).await;
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
