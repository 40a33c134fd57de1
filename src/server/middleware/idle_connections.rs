//! Closes idle connections.
//!
//! actix limits the time for the first request header of a connection, but not for the following ones: a
//! client that sends a byte of one now and then could hold its connection forever. Each connection is
//! therefore tracked with a duplicate of its socket, and closed after too long without a request in flight.

use std::any::Any;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::Extensions;
use actix_web::rt;

use crate::server::service::Service;

/// Interval between two searches for idle connections.
const REAP_INTERVAL: Duration = Duration::from_secs(1);

/// The open connections.
#[derive(Debug, Default)]
pub(super) struct IdleTracker(Mutex<Vec<Weak<TrackedConnection>>>);

/// An open connection.
#[derive(Debug)]
pub(super) struct TrackedConnection {
    socket: TcpStream,
    active_requests: AtomicUsize,
    idle_since: Mutex<Instant>,
}

/// Marks a connection as busy while a request is in flight.
#[derive(Debug)]
pub(super) struct BusyGuard(Arc<TrackedConnection>);

impl TrackedConnection {
    pub(super) fn mark_busy(self: &Arc<Self>) -> BusyGuard {
        self.active_requests.fetch_add(1, Ordering::SeqCst);
        BusyGuard(Arc::clone(self))
    }

    fn idle_since(&self) -> std::sync::MutexGuard<'_, Instant> {
        self.idle_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for BusyGuard {
    fn drop(&mut self) {
        *self.0.idle_since() = Instant::now();
        self.0.active_requests.fetch_sub(1, Ordering::SeqCst);
    }
}

impl IdleTracker {
    fn add(&self, socket: TcpStream) -> Arc<TrackedConnection> {
        let connection = Arc::new(TrackedConnection {
            socket,
            active_requests: AtomicUsize::new(0),
            idle_since: Mutex::new(Instant::now()),
        });
        self.lock().push(Arc::downgrade(&connection));
        connection
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Weak<TrackedConnection>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes connections that have been idle for longer than `timeout`, and forgets closed ones.
    fn reap_idle(&self, timeout: Duration) {
        self.lock().retain(|weak| {
            let Some(connection) = weak.upgrade() else {
                return false;
            };
            let idle = connection.active_requests.load(Ordering::SeqCst) == 0
                && connection.idle_since().elapsed() > timeout;
            if idle {
                // Fails if the client has closed it already.
                let _ = connection.socket.shutdown(Shutdown::Both);
            }
            !idle
        });
    }
}

/// Starts to track a new connection.
pub(in crate::server) fn on_connect(service: &Service, stream: &dyn Any, data: &mut Extensions) {
    let plain = stream.downcast_ref::<rt::net::TcpStream>();
    let secure = stream.downcast_ref::<TlsStream<rt::net::TcpStream>>();
    let Some(stream) = plain.or_else(|| Some(secure?.get_ref().0)) else {
        return;
    };
    match duplicate_socket(stream) {
        Ok(socket) => {
            data.insert(service.middleware().connections.add(socket));
        }
        // The connection is served nevertheless, without this limit.
        Err(error) => tracing::debug!("connection idle timeout not tracked: {error}"),
    }
}

#[cfg(unix)]
fn duplicate_socket(stream: &rt::net::TcpStream) -> std::io::Result<TcpStream> {
    use std::os::fd::AsFd;
    Ok(stream.as_fd().try_clone_to_owned()?.into())
}

#[cfg(windows)]
fn duplicate_socket(stream: &rt::net::TcpStream) -> std::io::Result<TcpStream> {
    use std::os::windows::io::AsSocket;
    Ok(stream.as_socket().try_clone_to_owned()?.into())
}

/// Starts a task that closes idle connections while the service exists.
pub(in crate::server) fn spawn_idle_reaper(service: &Arc<Service>) {
    let service = Arc::downgrade(service);
    rt::spawn(async move {
        while let Some(service) = service.upgrade() {
            let limits = service.middleware().connection_limits();
            let connections = &service.middleware().connections;
            connections.reap_idle(limits.keep_alive_timeout + limits.header_timeout);
            drop(service);
            rt::time::sleep(REAP_INTERVAL).await;
        }
    });
}
