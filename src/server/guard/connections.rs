//! Connections that are held and not used.
//!
//! actix bounds the time of the first head on a connection, but not that of the next ones: whoever
//! sends one byte of it now and then could hold the connection for ever. So each connection is
//! known here by a second handle of its socket, and one on which nothing has been answered for too
//! long is closed.

use std::any::Any;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::Extensions;
use actix_web::rt;

use crate::server::service::Service;

/// How often it is looked for connections to close.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The connections that are open.
#[derive(Debug, Default)]
pub(super) struct Connections(Mutex<Vec<Weak<Connection>>>);

/// An open connection.
#[derive(Debug)]
pub(super) struct Connection {
    socket: TcpStream,
    answering: AtomicUsize,
    idle_since: Mutex<Instant>,
}

/// A request that is being answered on a connection, which is not idle until then.
#[derive(Debug)]
pub(super) struct Use(Arc<Connection>);

impl Connection {
    pub(super) fn in_use(self: &Arc<Self>) -> Use {
        self.answering.fetch_add(1, Ordering::SeqCst);
        Use(Arc::clone(self))
    }

    fn idle_since(&self) -> std::sync::MutexGuard<'_, Instant> {
        self.idle_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        *self.0.idle_since() = Instant::now();
        self.0.answering.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Connections {
    fn add(&self, socket: TcpStream) -> Arc<Connection> {
        let connection = Arc::new(Connection {
            socket,
            answering: AtomicUsize::new(0),
            idle_since: Mutex::new(Instant::now()),
        });
        self.known().push(Arc::downgrade(&connection));
        connection
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Connection>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes what has been idle for longer, and forgets what is closed.
    fn close_idle(&self, longer: Duration) {
        self.known().retain(|known| {
            let Some(connection) = known.upgrade() else {
                return false;
            };
            let idle = connection.answering.load(Ordering::SeqCst) == 0
                && connection.idle_since().elapsed() > longer;
            if idle {
                // It fails where the client has closed it already.
                let _ = connection.socket.shutdown(Shutdown::Both);
            }
            !idle
        });
    }
}

/// Takes note of a new connection.
pub(in crate::server) fn opened(service: &Service, stream: &dyn Any, data: &mut Extensions) {
    let plain = stream.downcast_ref::<rt::net::TcpStream>();
    let secure = stream.downcast_ref::<TlsStream<rt::net::TcpStream>>();
    let Some(stream) = plain.or_else(|| Some(secure?.get_ref().0)) else {
        return;
    };
    match second_handle(stream) {
        Ok(socket) => {
            data.insert(service.guard().connections.add(socket));
        }
        // The connection is served all the same, without this bound.
        Err(error) => tracing::debug!("a connection is not watched: {error}"),
    }
}

#[cfg(unix)]
fn second_handle(stream: &rt::net::TcpStream) -> std::io::Result<TcpStream> {
    use std::os::fd::AsFd;
    Ok(stream.as_fd().try_clone_to_owned()?.into())
}

#[cfg(windows)]
fn second_handle(stream: &rt::net::TcpStream) -> std::io::Result<TcpStream> {
    use std::os::windows::io::AsSocket;
    Ok(stream.as_socket().try_clone_to_owned()?.into())
}

/// Closes idle connections as long as the service is there.
pub(in crate::server) fn watch(service: &Arc<Service>) {
    let service = Arc::downgrade(service);
    rt::spawn(async move {
        while let Some(service) = service.upgrade() {
            let bounds = service.guard().bounds();
            let connections = &service.guard().connections;
            connections.close_idle(bounds.keep_alive + bounds.head);
            drop(service);
            rt::time::sleep(LOOK_EVERY).await;
        }
    });
}
