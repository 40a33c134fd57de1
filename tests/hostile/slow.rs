//! Headers and bodies that arrive slowly, or never end.

use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use antiphon::server::{ConnectionLimits, MiddlewareOptions, MiddlewareState, Service};

use super::{READERS, ROUTES, ROUTES_WITH_IDS, code, head};
use crate::support;
use crate::support::raw_http::{RawResponse, connect};

#[test]
fn slow_senders_time_out_on_every_route() {
    let (engine, _data) = support::sample_engine();
    let middleware = MiddlewareState::open(MiddlewareOptions {
        connection_limits: ConnectionLimits {
            header_timeout: Duration::from_secs(1),
            body_timeout: Duration::from_secs(1),
            ..ConnectionLimits::default()
        },
        ..MiddlewareOptions::default()
    });
    let service = Arc::new(Service::new(support::LIMITS).with_middleware(middleware.unwrap()));
    service.set_engine(engine);
    let server = support::start_server(service);
    let routes = ROUTES.iter().chain(ROUTES_WITH_IDS);
    let begun_heads = routes.map(|(method, path, _)| {
        let begun = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nX-A: ");
        (begun.into_bytes(), "")
    });
    let begun_bodies = READERS.iter().flat_map(|(method, path)| {
        let line = format!("{method} {path}");
        let chunked = head(
            &line,
            "Content-Type: application/json\r\nTransfer-Encoding: chunked",
        );
        [
            (
                head(
                    &line,
                    "Content-Type: application/json\r\nContent-Length: 1000",
                ),
                "body_too_slow",
            ),
            // A chunk that never ends.
            (
                [chunked.as_slice(), b"ffffffff\r\n"].concat(),
                "body_too_slow",
            ),
        ]
    });
    let clients: Vec<_> = begun_heads
        .chain(begun_bodies)
        .map(|(begun, expected)| {
            thread::spawn(move || {
                let mut stream = connect(server);
                stream.write_all(&begun).unwrap();
                let mut sender = stream.try_clone().unwrap();
                let trickle = thread::spawn(move || {
                    while sender.write_all(b" ").is_ok() {
                        thread::sleep(Duration::from_millis(50));
                    }
                });
                let reply = RawResponse::read(&mut stream);
                let shown = String::from_utf8_lossy(&begun).into_owned();
                assert_eq!(
                    (reply.status, code(&reply).as_str()),
                    (408, expected),
                    "{shown}"
                );
                let _ = stream.shutdown(std::net::Shutdown::Both);
                trickle.join().unwrap();
            })
        })
        .collect();
    // Meanwhile other clients are served.
    let mut others = connect(server);
    others
        .write_all(&head("GET /v1/search?q=peace&limit=1", ""))
        .unwrap();
    assert_eq!(RawResponse::read(&mut others).status, 200);
    assert_eq!(
        clients.len(),
        ROUTES.len() + ROUTES_WITH_IDS.len() + 2 * READERS.len()
    );
    for client in clients {
        client.join().unwrap();
    }
}
