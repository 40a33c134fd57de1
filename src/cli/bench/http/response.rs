//! Reads HTTP responses from a stream, as far as measurements need them.

use actix_web::http::header::HeaderValue;
use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Maximum size of a response header.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Maximum number of header fields.
const MAX_HEADERS: usize = 100;

/// The parsed header of a response.
#[derive(Debug)]
pub(super) struct ResponseHead {
    /// The HTTP status.
    pub(super) status: u16,
    /// The `Server-Timing` header.
    pub(super) timing: Option<HeaderValue>,
    /// Whether the connection can be reused.
    pub(super) keep_alive: bool,
    body_end: BodyEnd,
}

/// How the end of a response's body is determined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyEnd {
    Length(usize),
    LastChunk,
    ConnectionClose,
}

/// A buffered reader of responses.
#[derive(Debug, Default)]
pub(super) struct ResponseReader {
    bytes: Vec<u8>,
    consumed: usize,
}

impl ResponseReader {
    /// Reads a response to its last byte.
    pub(super) async fn read_response(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
    ) -> anyhow::Result<ResponseHead> {
        let response = loop {
            match parse_head(self.unread())? {
                // An interim response.
                Some((ResponseHead { status: ..200, .. }, length)) => self.consumed += length,
                Some((response, length)) => {
                    self.consumed += length;
                    break response;
                }
                None => {
                    ensure!(
                        self.unread().len() < MAX_HEAD_BYTES,
                        "response header too large"
                    );
                    ensure!(
                        self.fill(stream).await?,
                        "the service closed the connection"
                    );
                }
            }
        };
        match response.body_end {
            BodyEnd::Length(length) => self.skip_bytes(stream, length).await?,
            BodyEnd::LastChunk => self.skip_chunks(stream).await?,
            BodyEnd::ConnectionClose => {
                while self.fill(stream).await? {
                    self.consumed = self.bytes.len();
                }
            }
        }
        Ok(response)
    }

    /// Returns whether all bytes read have been consumed.
    pub(super) fn is_empty(&self) -> bool {
        self.unread().is_empty()
    }

    fn unread(&self) -> &[u8] {
        &self.bytes[self.consumed..]
    }

    /// Reads more bytes; returns false at the end of the stream.
    async fn fill(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> anyhow::Result<bool> {
        self.bytes.drain(..self.consumed);
        self.consumed = 0;
        // The buffer keeps its capacity.
        self.bytes.reserve(4096);
        Ok(stream.read_buf(&mut self.bytes).await? > 0)
    }

    async fn skip_bytes(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        mut length: usize,
    ) -> anyhow::Result<()> {
        loop {
            let available = length.min(self.unread().len());
            self.consumed += available;
            length -= available;
            if length == 0 {
                return Ok(());
            }
            ensure!(
                self.fill(stream).await?,
                "the service closed the connection during a response"
            );
        }
    }

    /// Skips the trailers after the last chunk, and the empty line.
    async fn skip_trailers(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> anyhow::Result<()> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
            let length = match httparse::parse_headers(self.unread(), &mut headers)? {
                httparse::Status::Complete((length, _)) => Some(length),
                httparse::Status::Partial => None,
            };
            if let Some(length) = length {
                self.consumed += length;
                return Ok(());
            }
            ensure!(
                self.unread().len() < MAX_HEAD_BYTES,
                "response trailers too large"
            );
            ensure!(
                self.fill(stream).await?,
                "the service closed the connection during a response"
            );
        }
    }

    async fn skip_chunks(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> anyhow::Result<()> {
        loop {
            match httparse::parse_chunk_size(self.unread()) {
                Ok(httparse::Status::Complete((line, size))) => {
                    self.consumed += line;
                    if size == 0 {
                        return self.skip_trailers(stream).await;
                    }
                    // Including the line end.
                    let length = usize::try_from(size)?.checked_add(2);
                    let length = length.context("chunk size too large")?;
                    self.skip_bytes(stream, length).await?;
                }
                Ok(httparse::Status::Partial) => {
                    ensure!(
                        self.unread().len() < MAX_HEAD_BYTES,
                        "chunk header too large"
                    );
                    ensure!(
                        self.fill(stream).await?,
                        "the service closed the connection during a response"
                    );
                }
                Err(_) => bail!("invalid chunked encoding"),
            }
        }
    }
}

/// Parses the header of a response; returns it with its length, or `None` if it is incomplete.
fn parse_head(bytes: &[u8]) -> anyhow::Result<Option<(ResponseHead, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = parsed.parse(bytes)? else {
        return Ok(None);
    };
    let status = parsed.code.context("response without a status")?;
    let mut response = ResponseHead {
        status,
        timing: None,
        keep_alive: parsed.version == Some(1),
        body_end: match status {
            ..200 | 204 | 304 => BodyEnd::Length(0),
            _ => BodyEnd::ConnectionClose,
        },
    };
    for header in parsed.headers.iter() {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        let contains = |word: &str| {
            let text = header.value.to_ascii_lowercase();
            text.windows(word.len()).any(|part| part == word.as_bytes())
        };
        if is("server-timing") {
            response.timing = HeaderValue::from_bytes(header.value).ok();
        } else if is("connection") && contains("close") {
            response.keep_alive = false;
        } else if response.body_end == BodyEnd::Length(0) {
            // Such a response has no body, whatever its header says.
        } else if is("transfer-encoding") && contains("chunked") {
            response.body_end = BodyEnd::LastChunk;
        } else if is("content-length") && response.body_end == BodyEnd::ConnectionClose {
            let text = std::str::from_utf8(header.value)?;
            response.body_end =
                BodyEnd::Length(text.trim().parse().context("invalid Content-Length")?);
        }
    }
    response.keep_alive &= response.body_end != BodyEnd::ConnectionClose;
    Ok(Some((response, length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads all responses from bytes that arrive in pieces of `at_once`.
    fn read(bytes: &str, at_once: usize) -> Vec<(u16, bool)> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (mut reader, mut read) = (ResponseReader::default(), Vec::new());
            let (mut here, mut there) = tokio::io::duplex(at_once);
            let sent = bytes.as_bytes().to_vec();
            let sending = async move {
                tokio::io::AsyncWriteExt::write_all(&mut there, &sent)
                    .await
                    .unwrap();
            };
            let reading = async {
                while let Ok(response) = reader.read_response(&mut here).await {
                    read.push((response.status, response.keep_alive));
                }
            };
            tokio::join!(sending, reading);
            read
        })
    }

    #[test]
    fn responses_end_as_declared() {
        let many = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc\
            HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\nSum: 4\r\n\r\n\
            HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 Empty\r\n\r\n\
            HTTP/1.1 500 No\r\ncontent-length: 0\r\nConnection: Close\r\n\r\n\
            HTTP/1.1 400 No\r\n\r\nto the end";
        let expected = [
            (200, true),
            (503, true),
            (204, true),
            (500, false),
            (400, false),
        ];
        for at_once in [1, 7, 1000] {
            assert_eq!(read(many, at_once), expected, "{at_once}");
        }
    }

    #[test]
    fn truncated_and_invalid_responses_are_errors() {
        for text in [
            "",
            "HTTP/1.1 200",
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab",
            "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\nab",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nno header\r\n\r\n",
            "no answer\r\n\r\n",
        ] {
            assert_eq!(read(text, 100), [], "{text}");
        }
    }
}
