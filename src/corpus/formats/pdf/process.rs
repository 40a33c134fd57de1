//! The process that reads a PDF file, seen from outside.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::{FORMAT, Message};
use crate::corpus::error::SkipReason;

/// The time that a file may take. A book of a thousand pages takes seconds.
const MAX_TIME: Duration = Duration::from_mins(2);

/// All that the process may write.
const MAX_OUTPUT_BYTES: u64 = 128 * 1024 * 1024;

/// Reads a file in a process of its own.
pub(super) fn run(program: &Path, bytes: Vec<u8>) -> Result<Vec<Message>, SkipReason> {
    let mut child = Command::new(program)
        .arg("extract-pdf")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(&format!("its process cannot be started: {error}")))?;
    let result = exchange(&mut child, bytes);
    // Also one that has answered may hang at its end.
    let _ = child.kill();
    let status = child.wait();
    let messages = result?;
    if messages.is_empty() {
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        return Err(failed(&format!(
            "its process ended early ({status}), for lack of memory or by an error"
        )));
    }
    Ok(messages)
}

fn failed(problem: &str) -> SkipReason {
    SkipReason::Malformed {
        format: FORMAT,
        problem: problem.to_owned(),
    }
}

/// Sends the file, and receives the messages until the time is up.
fn exchange(child: &mut Child, bytes: Vec<u8>) -> Result<Vec<Message>, SkipReason> {
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (Some(mut stdin), Some(stdout)) = (stdin, stdout) else {
        return Err(failed("its process has no pipes"));
    };
    // The threads end when the process does.
    thread::spawn(move || {
        let _ = stdin.write_all(&bytes);
    });
    let (sender, receiver) = mpsc::sync_channel(16);
    thread::spawn(move || {
        for line in BufReader::new(stdout.take(MAX_OUTPUT_BYTES)).split(b'\n') {
            let Ok(line) = line else {
                break;
            };
            // What a library prints is no message.
            if let Ok(message) = serde_json::from_slice::<Message>(&line)
                && sender.send(message).is_err()
            {
                break;
            }
        }
    });
    let start = Instant::now();
    let mut messages = Vec::new();
    loop {
        let remaining = MAX_TIME.saturating_sub(start.elapsed());
        match receiver.recv_timeout(remaining) {
            Ok(message) => messages.push(message),
            Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(messages),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                return Err(SkipReason::LimitExceeded {
                    problem: format!("reading its page {} takes too long", messages.len().max(1)),
                    limit: format!("{} seconds", MAX_TIME.as_secs()),
                });
            }
        }
    }
}
