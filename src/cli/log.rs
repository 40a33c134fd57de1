//! The log: lines on stderr.
//!
//! `antiphon serve` writes them on a thread of their own, so that a stderr that is not read, such as a full
//! pipe, never blocks a thread that serves. What does not fit into the queue is lost, counted, and reported
//! in the log once it can be written again. Other commands wait for stderr.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use anyhow::Context;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

use super::progress::LogWriter;

/// Lines that wait for stderr, a few megabytes.
const MAX_QUEUED_LINES: usize = 8192;

/// actix logs every malformed request as an error, so that any client could fill the log.
const ACTIX_LOG_DIRECTIVE: &str = "actix_http::h1::dispatcher=off";

/// The queue, if there is one.
static QUEUE: OnceLock<NonBlocking> = OnceLock::new();

/// Starts to log what the filter admits. If `queued`, lines are written by a thread, and lost if stderr is not
/// read; dropping the returned guard writes the lines that remain, for at most a second.
pub(super) fn start(filter: &str, queued: bool) -> anyhow::Result<Option<WorkerGuard>> {
    // Later directives override earlier ones, so the setting may enable this target.
    let filter = tracing_subscriber::EnvFilter::try_new(format!("{ACTIX_LOG_DIRECTIVE},{filter}"))
        .with_context(|| format!("setting log is {filter:?}; expected a level such as info, or a filter such as warn,antiphon=debug"))?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal());
    if !queued {
        subscriber.with_writer(LogWriter::default).init();
        return Ok(None);
    }
    let (queue, guard) = queue_to(LogWriter, lost_lines);
    let queue = QUEUE.get_or_init(|| queue);
    subscriber.with_writer(queue.clone()).init();
    Ok(Some(guard))
}

/// Creates a queue whose thread writes to `output`; `lost` returns how many lines it has lost.
fn queue_to<W: Write + Send + 'static>(
    output: W,
    lost: impl Fn() -> u64 + Send + 'static,
) -> (NonBlocking, WorkerGuard) {
    NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(MAX_QUEUED_LINES)
        .thread_name("log")
        .finish(LossReporter {
            output,
            lost,
            reported: 0,
        })
}

/// Writes complete lines to the log, without waiting for stderr if the log is queued.
pub(super) fn write_lines(lines: &[u8]) {
    // A closed stderr must not stop the service.
    let _ = match QUEUE.get() {
        Some(queue) => queue.clone().write_all(lines),
        None => LogWriter.write_all(lines),
    };
}

/// Returns how many lines were lost because stderr was not read.
pub(super) fn lost_lines() -> u64 {
    let counter = QUEUE.get().map(NonBlocking::error_counter);
    counter.as_ref().map_or(0, lost_of)
}

fn lost_of(counter: &ErrorCounter) -> u64 {
    counter.dropped_lines() as u64
}

/// Writes lines, and before them how many were lost since the last report.
struct LossReporter<W, L> {
    output: W,
    lost: L,
    reported: u64,
}

impl<W: Write, L: Fn() -> u64> Write for LossReporter<W, L> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let lost = (self.lost)();
        if lost > self.reported {
            let lines = lost - self.reported;
            self.output.write_all(
                format!("antiphon: {lines} log lines were lost, as stderr was not read\n")
                    .as_bytes(),
            )?;
            self.reported = lost;
        }
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// An output whose reader takes nothing until it is told to.
    struct Stalled {
        begin: Option<mpsc::Receiver<()>>,
        written: mpsc::Sender<Vec<u8>>,
    }

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some(begin) = self.begin.take() {
                begin.recv().unwrap();
            }
            self.written.send(bytes.to_vec()).unwrap();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_output_that_is_not_read_blocks_no_writer_and_lost_lines_are_reported() {
        static COUNTER: OnceLock<ErrorCounter> = OnceLock::new();
        let (begin, stalled) = mpsc::channel();
        let (written, lines) = mpsc::channel();
        let output = Stalled {
            begin: Some(stalled),
            written,
        };
        let lost = || COUNTER.get().map_or(0, lost_of);
        let (mut queue, guard) = queue_to(output, lost);
        let counter = COUNTER.get_or_init(|| queue.error_counter());
        // Returns although nothing is read: a writer that waited would wait forever.
        for line in 0..2 * MAX_QUEUED_LINES {
            queue.write_all(format!("{line}\n").as_bytes()).unwrap();
        }
        let lost = lost_of(counter);
        assert!(lost >= MAX_QUEUED_LINES as u64 - 1, "{lost}");
        begin.send(()).unwrap();
        drop((queue, guard));
        let all: Vec<String> = lines
            .iter()
            .map(|line| String::from_utf8(line).unwrap())
            .collect();
        let report = format!("{lost} log lines were lost");
        assert_eq!(all.iter().filter(|line| line.contains(&report)).count(), 1);
        assert_eq!(all.len() as u64, 2 * MAX_QUEUED_LINES as u64 - lost + 1);
    }
}
