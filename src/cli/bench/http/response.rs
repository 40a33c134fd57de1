//! Answers as they come from a stream, as far as a measurement needs to read them.

use actix_web::http::header::HeaderValue;
use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Most bytes of an answer's head.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Most headers of an answer.
const MAX_HEADERS: usize = 100;

/// What an answer tells.
#[derive(Debug)]
pub(super) struct ResponseHead {
    /// The HTTP status.
    pub(super) status: u16,
    /// The `Server-Timing` header.
    pub(super) timing: Option<HeaderValue>,
    /// Whether the connection may be asked again.
    pub(super) keep_alive: bool,
    body_end: BodyEnd,
}

/// Where the body of an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyEnd {
    Length(usize),
    LastChunk,
    ConnectionClose,
}

/// What was read and not yet used.
#[derive(Debug, Default)]
pub(super) struct ResponseReader {
    bytes: Vec<u8>,
    consumed: usize,
}

impl ResponseReader {
    /// Reads an answer to its last byte.
    pub(super) async fn read_response(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
    ) -> anyhow::Result<ResponseHead> {
        let answer = loop {
            match parse_head(self.unread())? {
                // Only says that there is more to come.
                Some((ResponseHead { status: ..200, .. }, length)) => self.consumed += length,
                Some((answer, length)) => {
                    self.consumed += length;
                    break answer;
                }
                None => {
                    ensure!(
                        self.unread().len() < MAX_HEAD_BYTES,
                        "the answer's head is endless"
                    );
                    ensure!(self.fill(stream).await?, "the service hung up");
                }
            }
        };
        match answer.body_end {
            BodyEnd::Length(length) => self.skip_bytes(stream, length).await?,
            BodyEnd::LastChunk => self.skip_chunks(stream).await?,
            BodyEnd::ConnectionClose => {
                while self.fill(stream).await? {
                    self.consumed = self.bytes.len();
                }
            }
        }
        Ok(answer)
    }

    /// Whether all that was read is used.
    pub(super) fn is_empty(&self) -> bool {
        self.unread().is_empty()
    }

    fn unread(&self) -> &[u8] {
        &self.bytes[self.consumed..]
    }

    /// Reads on; whether there was more.
    async fn fill(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> anyhow::Result<bool> {
        self.bytes.drain(..self.consumed);
        self.consumed = 0;
        // It stays as large as the largest answer so far.
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
                "the service hung up within an answer"
            );
        }
    }

    /// What follows the last chunk: headers perhaps, and an empty line.
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
                "the answer's trailers are endless"
            );
            ensure!(
                self.fill(stream).await?,
                "the service hung up within an answer"
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
                    // With the end of its line.
                    let length = usize::try_from(size)?.checked_add(2);
                    let length = length.context("an answer's chunk is endless")?;
                    self.skip_bytes(stream, length).await?;
                }
                Ok(httparse::Status::Partial) => {
                    ensure!(
                        self.unread().len() < MAX_HEAD_BYTES,
                        "a chunk's head is endless"
                    );
                    ensure!(
                        self.fill(stream).await?,
                        "the service hung up within an answer"
                    );
                }
                Err(_) => bail!("the answer's chunks cannot be read"),
            }
        }
    }
}

/// The head of an answer and its length, once it is there.
fn parse_head(bytes: &[u8]) -> anyhow::Result<Option<(ResponseHead, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = parsed.parse(bytes)? else {
        return Ok(None);
    };
    let status = parsed.code.context("the answer has no status")?;
    let mut answer = ResponseHead {
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
        let holds = |word: &str| {
            let text = header.value.to_ascii_lowercase();
            text.windows(word.len()).any(|part| part == word.as_bytes())
        };
        if is("server-timing") {
            answer.timing = HeaderValue::from_bytes(header.value).ok();
        } else if is("connection") && holds("close") {
            answer.keep_alive = false;
        } else if answer.body_end == BodyEnd::Length(0) {
            // It has no body, whatever else it says.
        } else if is("transfer-encoding") && holds("chunked") {
            answer.body_end = BodyEnd::LastChunk;
        } else if is("content-length") && answer.body_end == BodyEnd::ConnectionClose {
            let text = std::str::from_utf8(header.value)?;
            answer.body_end =
                BodyEnd::Length(text.trim().parse().context("an answer's length is none")?);
        }
    }
    answer.keep_alive &= answer.body_end != BodyEnd::ConnectionClose;
    Ok(Some((answer, length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads all answers of bytes that come so many at a time.
    fn read(bytes: &str, at_once: usize) -> Vec<(u16, bool)> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (mut inbox, mut read) = (ResponseReader::default(), Vec::new());
            let (mut here, mut there) = tokio::io::duplex(at_once);
            let sent = bytes.as_bytes().to_vec();
            let sending = async move {
                tokio::io::AsyncWriteExt::write_all(&mut there, &sent)
                    .await
                    .unwrap();
            };
            let reading = async {
                while let Ok(answer) = inbox.read_response(&mut here).await {
                    read.push((answer.status, answer.keep_alive));
                }
            };
            tokio::join!(sending, reading);
            read
        })
    }

    #[test]
    fn answers_end_where_they_say() {
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
    fn what_is_cut_off_or_no_answer_is_none() {
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
