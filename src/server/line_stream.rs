//! Response bodies that are streamed line by line while they are computed.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use serde::Serialize;
use tokio::sync::mpsc;

/// Creates a response body and the sender of its lines. The channel holds one batch of lines, so a sender
/// waits until the client has read the previous batch.
pub(super) fn channel() -> (mpsc::Sender<Bytes>, LineStream) {
    let (sender, receiver) = mpsc::channel(1);
    (sender, LineStream(receiver))
}

/// The response body of a stream.
pub(super) struct LineStream(mpsc::Receiver<Bytes>);

/// Appends a line of JSON.
pub(super) fn push_json_line(text: &mut Vec<u8>, value: &impl Serialize) {
    // The values are plain data, whose serialization cannot fail.
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
