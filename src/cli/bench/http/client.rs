//! One connection that asks one question at a time and is kept alive.

use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, bail};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{self, HeaderValue};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// The route that is measured.
const ROUTE: &str = "/v1/search";

/// Where and how to ask.
#[derive(Debug)]
pub(super) struct Target {
    address: String,
    host: HeaderValue,
    path: String,
    key: Option<HeaderValue>,
    no_store: bool,
    timeout: Duration,
}

/// What came of a request.
#[derive(Debug)]
pub(super) enum Outcome {
    /// An answer, whatever it says.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The `Server-Timing` header.
        timing: Option<HeaderValue>,
    },
    /// No answer within the time that was given.
    TimedOut,
    /// The connection could not be made, or broke.
    Broken(String),
}

impl Target {
    /// Reads the address of a service.
    pub(super) fn new(
        url: &str,
        key: Option<&str>,
        no_store: bool,
        timeout: Duration,
    ) -> anyhow::Result<Self> {
        let uri: Uri = url
            .parse()
            .with_context(|| format!("--url {url:?} is no URL"))?;
        if uri.scheme_str() != Some("http") {
            bail!("--url is {url:?}; expected http://HOST:PORT, for TLS is not spoken here");
        }
        let authority = uri
            .authority()
            .with_context(|| format!("--url {url:?} names no host"))?;
        let key = key
            .map(|key| HeaderValue::try_from(format!("Bearer {key}")))
            .transpose()
            .context("--key holds characters that a header must not")?;
        Ok(Self {
            address: format!(
                "{}:{}",
                authority.host(),
                authority.port_u16().unwrap_or(80)
            ),
            host: HeaderValue::try_from(authority.as_str())?,
            path: format!("{}{ROUTE}", uri.path().trim_end_matches('/')),
            key,
            no_store,
            timeout,
        })
    }

    fn request(&self, body: Bytes) -> anyhow::Result<Request<Full<Bytes>>> {
        let mut request = Request::post(&self.path)
            .header(header::HOST, &self.host)
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = &self.key {
            request = request.header(header::AUTHORIZATION, key);
        }
        if self.no_store {
            request = request.header(header::CACHE_CONTROL, "no-store");
        }
        Ok(request.body(Full::new(body))?)
    }
}

/// A connection, made when it is needed.
pub(super) struct Connection {
    target: Rc<Target>,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    pub(super) fn new(target: Rc<Target>) -> Self {
        Self {
            target,
            sender: None,
        }
    }

    /// Sends a body and reads the answer to its last byte.
    pub(super) async fn ask(&mut self, body: Bytes) -> Outcome {
        let timeout = self.target.timeout;
        match tokio::time::timeout(timeout, self.exchange(body)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => {
                self.sender = None;
                Outcome::Broken(format!("{error:#}"))
            }
            // The answer may still come; nobody must take it for that of the next request.
            Err(_) => {
                self.sender = None;
                Outcome::TimedOut
            }
        }
    }

    async fn exchange(&mut self, body: Bytes) -> anyhow::Result<Outcome> {
        // A server closes what is idle for long; that is no fault.
        let idle_closed = match &mut self.sender {
            Some(sender) => sender.ready().await.is_err(),
            None => true,
        };
        if idle_closed {
            self.sender = Some(self.connect().await?);
        }
        let request = self.target.request(body)?;
        let sender = self.sender.as_mut().context("there is no connection")?;
        let answer = sender.send_request(request).await?;
        let (head, mut body) = answer.into_parts();
        while let Some(frame) = body.frame().await {
            frame?;
        }
        Ok(Outcome::Answered {
            status: head.status.as_u16(),
            timing: head.headers.get("server-timing").cloned(),
        })
    }

    async fn connect(&self) -> anyhow::Result<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect(&self.target.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // Its error reaches the request that meets it.
        tokio::task::spawn_local(async move { drop(connection.await) });
        Ok(sender)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> anyhow::Result<Target> {
        Target::new(url, Some("secret"), true, Duration::from_secs(1))
    }

    #[test]
    fn an_address_may_have_a_path_and_lack_a_port() {
        let target = target("http://example.org/antiphon/").unwrap();
        assert_eq!(target.address, "example.org:80");
        assert_eq!(target.path, "/antiphon/v1/search");
        let request = target.request(Bytes::new()).unwrap();
        assert_eq!(request.headers()["authorization"], "Bearer secret");
        assert_eq!(request.headers()["cache-control"], "no-store");
        assert_eq!(
            super::Target::new("http://[::1]:80", None, false, Duration::ZERO)
                .unwrap()
                .address,
            "[::1]:80"
        );
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        for url in [
            "https://example.org",
            "example.org:8080",
            "/v1",
            "",
            "http://",
        ] {
            assert!(target(url).is_err(), "{url}");
        }
    }
}
