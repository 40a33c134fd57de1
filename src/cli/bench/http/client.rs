//! One connection that asks one question at a time and is kept alive.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{self, HeaderValue};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::tls::{self, Trust};

/// The route that is measured.
const ROUTE: &str = "/v1/search";

/// Where and how to ask.
pub(super) struct Target {
    address: String,
    tls: Option<Secured>,
    host: HeaderValue,
    path: String,
    key: Option<HeaderValue>,
    no_store: bool,
    timeout: Duration,
}

/// How to speak TLS, and to whom.
struct Secured {
    connector: TlsConnector,
    name: ServerName<'static>,
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
        trust: Trust<'_>,
        key: Option<&str>,
        no_store: bool,
        timeout: Duration,
    ) -> anyhow::Result<Self> {
        let uri: Uri = url
            .parse()
            .with_context(|| format!("--url {url:?} is no URL"))?;
        let secured = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => bail!("--url is {url:?}; expected http://HOST:PORT or https://HOST:PORT"),
        };
        let authority = uri
            .authority()
            .with_context(|| format!("--url {url:?} names no host"))?;
        ensure!(
            secured || trust == Trust::Authorities,
            "--url is {url:?}; there are certificates with https only"
        );
        let tls = secured.then(|| Secured::new(authority.host(), trust));
        let key = key
            .map(|key| HeaderValue::try_from(format!("Bearer {key}")))
            .transpose()
            .context("--key holds characters that a header must not")?;
        Ok(Self {
            address: format!(
                "{}:{}",
                authority.host(),
                authority
                    .port_u16()
                    .unwrap_or(if secured { 443 } else { 80 })
            ),
            tls: tls.transpose()?,
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

impl Secured {
    fn new(host: &str, trust: Trust<'_>) -> anyhow::Result<Self> {
        // An address of IPv6 stands in brackets in a URL.
        let bare = host.trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(bare)
            .with_context(|| format!("no certificate can be for the host {host:?} of --url"))?;
        let connector = TlsConnector::from(Arc::new(tls::config(trust)?));
        Ok(Self { connector, name })
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
        match &self.target.tls {
            None => speak(stream).await,
            Some(Secured { connector, name }) => {
                let secured = connector.connect(name.clone(), stream).await;
                speak(secured.context("no secure connection can be made")?).await
            }
        }
    }
}

/// Speaks HTTP over a stream for as long as its sender is held.
async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // Its error reaches the request that meets it.
    tokio::task::spawn_local(async move { drop(connection.await) });
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> anyhow::Result<Target> {
        believing(Trust::Authorities, url)
    }

    fn believing(trust: Trust<'_>, url: &str) -> anyhow::Result<Target> {
        Target::new(url, trust, Some("secret"), true, Duration::from_secs(1))
    }

    #[test]
    fn an_address_may_have_a_path_and_lack_a_port() {
        for (url, address, secured) in [
            ("http://example.org/antiphon/", "example.org:80", false),
            ("https://example.org/antiphon/", "example.org:443", true),
            ("http://[::1]:8080/antiphon", "[::1]:8080", false),
            ("https://[::1]/antiphon", "[::1]:443", true),
        ] {
            let target = target(url).unwrap();
            assert_eq!(target.address, address);
            assert_eq!(target.tls.is_some(), secured);
            assert_eq!(target.path, "/antiphon/v1/search");
            let request = target.request(Bytes::new()).unwrap();
            assert_eq!(request.headers()["authorization"], "Bearer secret");
            assert_eq!(request.headers()["cache-control"], "no-store");
        }
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        for url in [
            "ftp://example.org",
            "example.org:8080",
            "/v1",
            "",
            "http://",
        ] {
            assert!(target(url).is_err(), "{url}");
        }
        assert!(believing(Trust::Anybody, "https://example.org").is_ok());
        assert!(believing(Trust::Anybody, "http://example.org").is_err());
    }
}
