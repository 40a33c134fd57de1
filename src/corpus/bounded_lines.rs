//! Reading lines of bounded length, so that a file without line ends cannot exhaust memory.

use std::io::{self, BufRead};

/// The outcome of reading one line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LineRead {
    /// The line is in the buffer, without its line end.
    Complete,
    /// The line was longer than the limit and has been skipped.
    TooLong,
    /// End of input.
    End,
}

/// Reads the next line into `buffer`, keeping at most `limit` bytes of it.
///
/// `consumed` is increased by every byte that was read, even if an error follows.
pub(super) fn read_bounded_line(
    input: &mut impl BufRead,
    buffer: &mut Vec<u8>,
    limit: usize,
    consumed: &mut u64,
) -> io::Result<LineRead> {
    buffer.clear();
    let mut read_any = false;
    let mut too_long = false;
    loop {
        let available = match input.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if available.is_empty() {
            break;
        }
        read_any = true;
        let end = available.iter().position(|byte| *byte == b'\n');
        let part = available.get(..end.unwrap_or(available.len()));
        let part = part.unwrap_or_default();
        too_long = too_long || buffer.len() + part.len() > limit;
        if !too_long {
            buffer.extend_from_slice(part);
        }
        let line_bytes = part.len() + usize::from(end.is_some());
        input.consume(line_bytes);
        *consumed += u64::try_from(line_bytes).unwrap_or(u64::MAX);
        if end.is_some() {
            break;
        }
    }
    Ok(match (read_any, too_long) {
        (false, _) => LineRead::End,
        (true, true) => LineRead::TooLong,
        (true, false) => LineRead::Complete,
    })
}
