//! Bounds what connections may hold.
//!
//! actix limits the time for the first request header of a connection, but not for the following ones, and
//! not the time in which a client takes its response. Each connection is therefore tracked with a duplicate
//! of its socket, which is shut down after too long without a request in flight, or when the client does
//! not read.
//!
//! Connections above the maximum, or above the share of one address, are answered 503 except for the
//! probes, so that these are answered however many connections there are.

use std::any::Any;
use std::collections::HashMap;
use std::net::{IpAddr, Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::Extensions;
use actix_web::rt;

use super::ConnectionLimits;
use super::write_progress::WriteProgress;
use crate::server::service::Service;

/// Interval between two searches for idle and blocked connections.
const REAP_INTERVAL: Duration = Duration::from_secs(1);

/// Connections above the maximum that are accepted for the probes. Of more than these the oldest is closed.
pub(in crate::server) const SURPLUS_CONNECTIONS: usize = 64;

/// The open connections.
#[derive(Debug, Default)]
pub(super) struct Connections(Arc<Mutex<OpenConnections>>);

#[derive(Debug, Default)]
struct OpenConnections {
    list: Vec<Weak<TrackedConnection>>,
    /// Without those in surplus.
    admitted: usize,
    /// Admitted connections by address.
    by_address: HashMap<IpAddr, usize>,
}

/// An open connection.
#[derive(Debug)]
pub(super) struct TrackedConnection {
    socket: TcpStream,
    /// The client's address if the connection is admitted; none if it is in surplus.
    admitted: Option<IpAddr>,
    active_requests: AtomicUsize,
    idle_since: Mutex<Instant>,
    write_progress: Mutex<WriteProgress>,
    open: Arc<Mutex<OpenConnections>>,
}

/// Marks a connection as busy while a request is in flight.
#[derive(Debug)]
pub(super) struct BusyGuard(Arc<TrackedConnection>);

impl TrackedConnection {
    pub(super) fn mark_busy(self: &Arc<Self>) -> BusyGuard {
        self.active_requests.fetch_add(1, Ordering::SeqCst);
        BusyGuard(Arc::clone(self))
    }

    /// Returns whether the connection is one too many, for which only the probes are answered.
    pub(super) fn is_surplus(&self) -> bool {
        self.admitted.is_none()
    }

    fn is_idle_for(&self, timeout: Duration) -> bool {
        self.active_requests.load(Ordering::SeqCst) == 0
            && lock(&self.idle_since).elapsed() > timeout
    }

    fn close(&self) {
        // Fails if the client has closed it already.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

impl Drop for TrackedConnection {
    fn drop(&mut self) {
        let Some(address) = self.admitted else {
            return;
        };
        let mut open = lock(&self.open);
        open.admitted -= 1;
        if let Some(count) = open.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&address);
            }
        }
    }
}

impl BusyGuard {
    /// Returns how the client takes its response.
    pub(super) fn write_progress(&self) -> MutexGuard<'_, WriteProgress> {
        lock(&self.0.write_progress)
    }
}

impl Drop for BusyGuard {
    fn drop(&mut self) {
        *self.write_progress() = WriteProgress::default();
        *lock(&self.0.idle_since) = Instant::now();
        self.0.active_requests.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Connections {
    /// Tracks a connection, in surplus if there are too many.
    fn add(
        &self,
        socket: TcpStream,
        address: IpAddr,
        max_connections: usize,
    ) -> Arc<TrackedConnection> {
        let mut open = lock(&self.0);
        let of_address = open.by_address.get(&address).copied().unwrap_or(0);
        let is_admitted =
            open.admitted < max_connections && of_address < max_per_address(max_connections);
        if is_admitted {
            open.admitted += 1;
            *open.by_address.entry(address).or_default() += 1;
        }
        let connection = Arc::new(TrackedConnection {
            socket,
            admitted: is_admitted.then_some(address),
            active_requests: AtomicUsize::new(0),
            idle_since: Mutex::new(Instant::now()),
            write_progress: Mutex::default(),
            open: Arc::clone(&self.0),
        });
        open.list.push(Arc::downgrade(&connection));
        let upgraded = if is_admitted {
            Vec::new()
        } else {
            live(&mut open)
        };
        // Unlocked before connections may be dropped, which locks.
        drop(open);
        let surplus = upgraded.iter().filter(|open| open.is_surplus());
        let too_many = surplus.clone().count().saturating_sub(SURPLUS_CONNECTIONS);
        surplus.take(too_many).for_each(|oldest| oldest.close());
        connection
    }

    /// Closes connections that are idle or whose client does not read, and forgets closed ones.
    fn reap(&self, limits: &ConnectionLimits) {
        let connections = live(&mut lock(&self.0));
        for connection in connections {
            let idle_timeout = if connection.is_surplus() {
                limits.header_timeout
            } else {
                limits.keep_alive_timeout + limits.header_timeout
            };
            if connection.is_idle_for(idle_timeout) {
                connection.close();
            } else if lock(&connection.write_progress).is_too_slow(limits.body_timeout) {
                tracing::debug!(address = ?connection.admitted, "closed a connection whose client does not read its response");
                connection.close();
            }
        }
    }
}

/// Returns the connections that are still open, oldest first, and forgets the others.
fn live(open: &mut OpenConnections) -> Vec<Arc<TrackedConnection>> {
    let mut upgraded = Vec::with_capacity(open.list.len());
    open.list.retain(|weak| match weak.upgrade() {
        Some(connection) => {
            upgraded.push(connection);
            true
        }
        None => false,
    });
    upgraded
}

/// Returns the connections that one address may hold: three quarters of all, as a proxy may be the only client.
fn max_per_address(max_connections: usize) -> usize {
    max_connections - max_connections / 4
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts to track a new connection.
pub(in crate::server) fn on_connect(service: &Service, stream: &dyn Any, data: &mut Extensions) {
    let plain = stream.downcast_ref::<rt::net::TcpStream>();
    let secure = stream.downcast_ref::<TlsStream<rt::net::TcpStream>>();
    let Some(stream) = plain.or_else(|| Some(secure?.get_ref().0)) else {
        return;
    };
    let tracked = stream
        .peer_addr()
        .and_then(|peer| Ok((duplicate_socket(stream)?, peer.ip().to_canonical())));
    match tracked {
        Ok((socket, address)) => {
            let middleware = service.middleware();
            let max_connections = middleware.connection_limits().max_connections;
            data.insert(middleware.connections.add(socket, address, max_connections));
        }
        // The connection is served nevertheless, without these limits.
        Err(error) => tracing::debug!("connection not tracked: {error}"),
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

/// Starts a task that closes idle and blocked connections while the service exists.
pub(in crate::server) fn spawn_connection_reaper(service: &Arc<Service>) {
    let service = Arc::downgrade(service);
    rt::spawn(async move {
        while let Some(service) = service.upgrade() {
            let middleware = service.middleware();
            middleware.connections.reap(&middleware.connection_limits());
            drop(service);
            rt::time::sleep(REAP_INTERVAL).await;
        }
    });
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn an_address_has_a_share_and_the_oldest_surplus_connection_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = || TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let connections = Connections::default();
        let address = |last: u8| IpAddr::from([10, 0, 0, last]);
        let add = |last: u8| connections.add(socket(), address(last), 8);
        let first: Vec<_> = (0..6).map(|_| add(1)).collect();
        assert!(first.iter().all(|connection| !connection.is_surplus()));
        let above_share = add(1);
        assert!(above_share.is_surplus());
        let others = [add(2), add(3)];
        assert!(others.iter().all(|connection| !connection.is_surplus()));
        assert!(add(4).is_surplus(), "all are taken");
        drop(first);
        assert!(!add(1).is_surplus(), "a closed connection makes room");
        // Surplus connections make room for newer ones.
        let full: Vec<_> = (0..6).map(|_| add(1)).collect();
        let is_closed = |connection: &Arc<TrackedConnection>| {
            std::io::Write::write(&mut &connection.socket, b"a").is_err()
        };
        let surplus: Vec<_> = (0..SURPLUS_CONNECTIONS).map(|_| add(1)).collect();
        assert!(is_closed(&above_share));
        assert!(!surplus.iter().any(is_closed) && !full.iter().any(is_closed));
    }
}
