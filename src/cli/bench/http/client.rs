//! A persistent connection that sends one request at a time.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use actix_web::http::Uri;
use actix_web::http::header::{self, HeaderValue};
use anyhow::{Context, bail, ensure};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::response::{ResponseHead, ResponseReader};
use super::tls::{self, CertificateTrust};

/// The measured route.
const ROUTE: &str = "/v1/search";

/// The service, and how to send requests to it.
pub(super) struct ServiceTarget {
    address: String,
    tls: Option<TlsTarget>,
    host: HeaderValue,
    path: String,
    key: Option<HeaderValue>,
    no_store: bool,
    timeout: Duration,
}

/// TLS settings of the service.
struct TlsTarget {
    connector: TlsConnector,
    name: ServerName<'static>,
}

#[derive(Debug)]
pub(super) enum RequestOutcome {
    /// A response with any status.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The `Server-Timing` header.
        timing: Option<HeaderValue>,
    },
    /// No response within the timeout.
    TimedOut,
    /// The connection could not be established, or was lost.
    ConnectionFailed(String),
}

impl ServiceTarget {
    /// Parses the address of a service.
    pub(super) fn new(
        url: &str,
        trust: CertificateTrust<'_>,
        key: Option<&str>,
        no_store: bool,
        timeout: Duration,
    ) -> anyhow::Result<Self> {
        let uri: Uri = url
            .parse()
            .with_context(|| format!("--url {url:?} is not a URL"))?;
        let secured = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => bail!("--url is {url:?}; expected http://HOST:PORT or https://HOST:PORT"),
        };
        let authority = uri
            .authority()
            .with_context(|| format!("--url {url:?} has no host"))?;
        ensure!(
            secured || trust == CertificateTrust::WebPkiRoots,
            "--url is {url:?}; certificate options require https"
        );
        let tls = secured.then(|| TlsTarget::new(authority.host(), trust));
        let key = key
            .map(|key| HeaderValue::try_from(format!("Bearer {key}")))
            .transpose()
            .context("--key contains characters not allowed in a header")?;
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

    /// Serializes a request, once per query rather than once per request.
    pub(super) fn request(&self, body: &[u8]) -> Vec<u8> {
        let mut request = format!("POST {} HTTP/1.1\r\n", self.path).into_bytes();
        let length = HeaderValue::from(body.len());
        let json = HeaderValue::from_static("application/json");
        let no_store = HeaderValue::from_static("no-store");
        for (name, value) in [
            (header::HOST, Some(&self.host)),
            (header::CONTENT_TYPE, Some(&json)),
            (header::CONTENT_LENGTH, Some(&length)),
            (header::AUTHORIZATION, self.key.as_ref()),
            (header::CACHE_CONTROL, self.no_store.then_some(&no_store)),
        ] {
            let Some(value) = value else { continue };
            request.extend_from_slice(name.as_str().as_bytes());
            request.extend_from_slice(b": ");
            request.extend_from_slice(value.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        request.extend_from_slice(body);
        request
    }
}

impl TlsTarget {
    fn new(host: &str, trust: CertificateTrust<'_>) -> anyhow::Result<Self> {
        // IPv6 addresses are in brackets in URLs.
        let bare = host.trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(bare)
            .with_context(|| format!("{host:?} is not a valid TLS server name"))?;
        let connector = TlsConnector::from(Arc::new(tls::client_config(trust)?));
        Ok(Self { connector, name })
    }
}

/// A TCP or TLS stream.
trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// A connection that is established when it is needed.
pub(super) struct LoadConnection {
    target: Rc<ServiceTarget>,
    open: Option<OpenConnection>,
}

/// An established connection.
struct OpenConnection {
    stream: Box<dyn Stream>,
    reader: ResponseReader,
}

impl LoadConnection {
    pub(super) fn new(target: Rc<ServiceTarget>) -> Self {
        Self { target, open: None }
    }

    /// Sends a request and reads the response to its last byte.
    pub(super) async fn send(&mut self, request: &[u8]) -> RequestOutcome {
        let timeout = self.target.timeout;
        // Taken, so that a connection abandoned within a response is not reused.
        let open = self.open.take();
        match tokio::time::timeout(timeout, self.exchange(open, request)).await {
            Ok(Ok((response, open))) => {
                // Surplus bytes would be read as the next response.
                self.open = (response.keep_alive && open.reader.is_empty()).then_some(open);
                RequestOutcome::Answered {
                    status: response.status,
                    timing: response.timing,
                }
            }
            Ok(Err(error)) => RequestOutcome::ConnectionFailed(format!("{error:#}")),
            Err(_) => RequestOutcome::TimedOut,
        }
    }

    async fn exchange(
        &self,
        open: Option<OpenConnection>,
        request: &[u8],
    ) -> anyhow::Result<(ResponseHead, OpenConnection)> {
        let open = match open {
            Some(mut open) => (!open.was_closed().await).then_some(open),
            None => None,
        };
        let mut open = match open {
            Some(open) => open,
            None => self.connect().await?,
        };
        open.stream.write_all(request).await?;
        open.stream.flush().await?;
        let response = open.reader.read_response(&mut open.stream).await?;
        Ok((response, open))
    }

    async fn connect(&self) -> anyhow::Result<OpenConnection> {
        let stream = TcpStream::connect(&self.target.address).await?;
        stream.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match &self.target.tls {
            None => Box::new(stream),
            Some(TlsTarget { connector, name }) => {
                let secured = connector.connect(name.clone(), stream).await;
                Box::new(secured.context("TLS handshake failed")?)
            }
        };
        Ok(OpenConnection {
            stream,
            reader: ResponseReader::default(),
        })
    }
}

impl OpenConnection {
    /// Returns whether the service has closed the idle connection, which is not an error. No request is
    /// in flight, so anything readable means that it was closed.
    async fn was_closed(&mut self) -> bool {
        let mut byte = [0];
        let mut buffer = ReadBuf::new(&mut byte);
        poll_fn(|context| {
            let read = Pin::new(&mut self.stream).poll_read(context, &mut buffer);
            Poll::Ready(read.is_ready())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> anyhow::Result<ServiceTarget> {
        target_trusting(CertificateTrust::WebPkiRoots, url)
    }

    fn target_trusting(trust: CertificateTrust<'_>, url: &str) -> anyhow::Result<ServiceTarget> {
        ServiceTarget::new(url, trust, Some("secret"), true, Duration::from_secs(1))
    }

    #[test]
    fn urls_may_have_a_path_and_no_port() {
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
            let request = String::from_utf8(target.request(b"[1]")).unwrap();
            assert!(request.starts_with("POST /antiphon/v1/search HTTP/1.1\r\nhost: "));
            assert!(request.contains("\r\nauthorization: Bearer secret\r\n"));
            assert!(request.contains("\r\ncache-control: no-store\r\n"));
            assert!(request.contains("\r\ncontent-length: 3\r\n"));
            assert!(request.ends_with("\r\n\r\n[1]"));
        }
    }

    #[test]
    fn invalid_urls_are_rejected() {
        for url in [
            "ftp://example.org",
            "example.org:8080",
            "/v1",
            "",
            "http://",
        ] {
            assert!(target(url).is_err(), "{url}");
        }
        assert!(target_trusting(CertificateTrust::SkipVerification, "https://example.org").is_ok());
        assert!(target_trusting(CertificateTrust::SkipVerification, "http://example.org").is_err());
    }
}
