//! The stream of the parallels of a corpus.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

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

/// Maximum time of a stream. Its snapshot keeps the WAL from being truncated, and it holds one of few places.
const MAX_STREAM_TIME: Duration = Duration::from_hours(1);

/// Sends the result of a comparison to the client, as lines.
pub(super) struct LineSender {
    service: web::Data<Service>,
    lines: mpsc::Sender<Bytes>,
    runtime: Handle,
    start: Instant,
    /// The time in which lines waited for the client.
    waited: Mutex<Duration>,
}

impl LineSender {
    /// Creates a sender on the runtime of the caller.
    pub(super) fn new(service: web::Data<Service>, lines: mpsc::Sender<Bytes>) -> Self {
        Self {
            service,
            lines,
            runtime: Handle::current(),
            start: Instant::now(),
            waited: Mutex::default(),
        }
    }
}

impl ParallelSink for LineSender {
    /// Sends lines, waiting for the client to read them.
    fn send(&self, event: ParallelEvent) -> Result<(), ParallelsError> {
        let text = to_lines(event);
        let limits = self.service.middleware().connection_limits();
        let sent = timeout(limits.stream_idle_timeout, self.lines.send(text.into()));
        let waiting = Instant::now();
        let sent = self.runtime.block_on(sent);
        *self.waited.lock().unwrap_or_else(PoisonError::into_inner) += waiting.elapsed();
        match sent {
            Ok(Ok(())) => Ok(()),
            // The client disconnected or stopped reading.
            _ => Err(ParallelsError::Cancelled),
        }
    }

    /// The client may make the comparison wait for `stream_idle_timeout` in all.
    fn should_suspend(&self) -> bool {
        let middleware = self.service.middleware();
        let waited = *self.waited.lock().unwrap_or_else(PoisonError::into_inner);
        middleware.is_shutting_down()
            || waited > middleware.connection_limits().stream_idle_timeout
            || self.start.elapsed() > MAX_STREAM_TIME
    }

    fn should_continue(&self) -> bool {
        !self.lines.is_closed() && !self.should_suspend()
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::server::middleware::{ConnectionLimits, MiddlewareOptions, MiddlewareState};
    use crate::server::service::ServiceLimits;

    #[actix_web::test]
    async fn a_slow_reader_ends_the_stream_with_a_cursor() {
        let middleware = MiddlewareState::open(MiddlewareOptions {
            connection_limits: ConnectionLimits {
                stream_idle_timeout: Duration::from_millis(400),
                ..ConnectionLimits::default()
            },
            ..MiddlewareOptions::default()
        })
        .unwrap();
        let service = Service::new(ServiceLimits {
            workers: 1,
            queue_capacity: 1,
            recall_sample_every: 0,
            max_body_bytes: 1024,
        });
        let service = Arc::new(service.with_middleware(middleware));
        let (lines, mut reader) = mpsc::channel(1);
        let sender = LineSender::new(service.into(), lines);
        let progress = || ParallelEvent::Progress {
            done: 1,
            sources: 2,
            cursor: String::new(),
        };
        let comparison = tokio::task::spawn_blocking(move || {
            assert!(sender.should_continue());
            let mut sent = 0;
            while sender.should_continue() {
                sender.send(progress()).unwrap();
                sent += 1;
                assert!(sent < 100, "the stream does not end");
            }
            assert!(sender.should_suspend());
            // The last line, with the cursor, is still sent.
            sender.send(progress()).unwrap();
            sent + 1
        });
        let mut read = 0;
        loop {
            // Each line is read, but only after a while.
            tokio::time::sleep(Duration::from_millis(100)).await;
            if reader.recv().await.is_none() {
                break;
            }
            read += 1;
        }
        assert_eq!(comparison.await.unwrap(), read);
    }
}
