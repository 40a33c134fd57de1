//! The stream of the parallels of a corpus.

use actix_web::web::{self, Bytes};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::archive::{ParallelEvent, ParallelSink};
use crate::parallels::ParallelsError;
use crate::wire::{StreamBegin, StreamEnd, StreamLine, StreamProgress};

use super::line_stream;
use super::problem::Problem;
use super::service::Service;

/// Sends the result of a comparison to the client, as lines.
pub(super) struct LineSender {
    service: web::Data<Service>,
    lines: mpsc::Sender<Bytes>,
    runtime: Handle,
}

impl LineSender {
    /// Creates a sender on the runtime of the caller.
    pub(super) fn new(service: web::Data<Service>, lines: mpsc::Sender<Bytes>) -> Self {
        Self {
            service,
            lines,
            runtime: Handle::current(),
        }
    }
}

impl ParallelSink for LineSender {
    /// Sends lines, waiting for the client to read them as long as it keeps reading.
    fn send(&self, event: ParallelEvent) -> Result<(), ParallelsError> {
        let text = to_lines(event);
        let limits = self.service.middleware().connection_limits();
        let sent = timeout(limits.stream_idle_timeout, self.lines.send(text.into()));
        match self.runtime.block_on(sent) {
            Ok(Ok(())) => Ok(()),
            // The client disconnected or stopped reading.
            _ => Err(ParallelsError::Cancelled),
        }
    }

    fn is_shutting_down(&self) -> bool {
        self.service.middleware().is_shutting_down()
    }

    fn should_continue(&self) -> bool {
        !self.lines.is_closed() && !self.is_shutting_down()
    }
}

fn to_lines(event: ParallelEvent) -> Vec<u8> {
    let mut text = Vec::new();
    let mut push = |line: &StreamLine| line_stream::push_json_line(&mut text, line);
    match event {
        ParallelEvent::Begin {
            documents,
            thresholds,
            provenance,
        } => {
            let begin = StreamBegin::new(&documents, &thresholds, *provenance);
            push(&StreamLine::Begin(Box::new(begin)));
        }
        ParallelEvent::Parallels(parallels) => {
            for parallel in parallels {
                push(&StreamLine::Parallel(Box::new(parallel.into())));
            }
        }
        ParallelEvent::Progress {
            done,
            sources,
            cursor,
        } => push(&StreamLine::Progress(StreamProgress {
            done,
            sources,
            cursor,
        })),
        ParallelEvent::End(totals) => push(&StreamLine::End(Box::new(StreamEnd::from(&*totals)))),
        ParallelEvent::Failed(error) => {
            let problem = Problem::from(error);
            let body = serde_json::to_value(problem.body()).unwrap_or_default();
            push(&StreamLine::Error(body));
        }
    }
    text
}
