//! The reader for plain text: the file is the text, and nothing in it is metadata.

use super::CorpusLimits;
use super::decode::decode;
use super::format::{CountingReader, ParseIssue, ParsedDocument};

pub(super) fn read(
    file: CountingReader,
    limits: CorpusLimits,
) -> Result<ParsedDocument, ParseIssue> {
    let (text, note) = read_decoded(file, limits)?;
    Ok(ParsedDocument {
        text,
        notes: note.into_iter().collect(),
        ..ParsedDocument::default()
    })
}

/// The whole file as text, for every format that has one document a file.
pub(super) fn read_decoded(
    file: CountingReader,
    limits: CorpusLimits,
) -> Result<(String, Option<super::DocumentNote>), ParseIssue> {
    // In UTF-16 a text takes up to twice its bytes in UTF-8; the text itself is measured later.
    let max_file_bytes = limits.max_text_bytes.saturating_mul(2).saturating_add(4);
    Ok(decode(file.read_to_limit(max_file_bytes)?)?)
}
