//! Answers that are written line by line while they are made.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use serde::Serialize;
use tokio::sync::mpsc;

/// Where lines go, and the body that they become. Whoever writes waits for the client to read: one
/// batch of lines is on its way at a time.
pub(super) fn channel() -> (mpsc::Sender<Bytes>, LineStream) {
    let (lines, read) = mpsc::channel(1);
    (lines, LineStream(read))
}

/// A body of lines.
pub(super) struct LineStream(mpsc::Receiver<Bytes>);

/// Appends a line of JSON. Plain data, whose JSON cannot fail.
pub(super) fn push_json_line(text: &mut Vec<u8>, value: &impl Serialize) {
    text.extend(serde_json::to_vec(value).unwrap_or_default());
    text.push(b'\n');
}

impl MessageBody for LineStream {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        self.0.poll_recv(context).map(|lines| lines.map(Ok))
    }
}
