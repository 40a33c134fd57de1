//! The reader for plain text: the file is the text, and nothing in it is metadata.

use super::Limits;
use super::decode::decode;
use super::format::{Counted, Draft, Fault};

pub(super) fn read(file: Counted, limits: Limits) -> Result<Draft, Fault> {
    let (text, note) = read_decoded(file, limits)?;
    Ok(Draft {
        text,
        notes: note.into_iter().collect(),
        ..Draft::default()
    })
}

/// The whole file as text, for every format that has one document a file.
pub(super) fn read_decoded(
    file: Counted,
    limits: Limits,
) -> Result<(String, Option<super::Note>), Fault> {
    // In UTF-16 a text takes up to twice its bytes in UTF-8; the text itself is measured later.
    let max_file_bytes = limits.max_text_bytes.saturating_mul(2).saturating_add(4);
    Ok(decode(file.read_whole(max_file_bytes)?)?)
}
