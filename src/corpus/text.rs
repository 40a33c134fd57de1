//! The reader for plain text: the file is the text, without metadata.

use super::CorpusLimits;
use super::decode::{DecodedText, decode};
use super::parsed::{CountingReader, ParseIssue, ParsedDocument};

pub(super) fn read(
    file: CountingReader,
    limits: CorpusLimits,
) -> Result<ParsedDocument, ParseIssue> {
    let (text, notes) = read_decoded(file, limits)?;
    Ok(ParsedDocument {
        text,
        notes,
        ..ParsedDocument::default()
    })
}

/// Reads and decodes a whole file, for formats with one document per file.
pub(super) fn read_decoded(
    file: CountingReader,
    limits: CorpusLimits,
) -> Result<DecodedText, ParseIssue> {
    // UTF-16 takes up to twice the bytes of UTF-8; the text itself is validated later.
    let max_file_bytes = limits.max_text_bytes.saturating_mul(2).saturating_add(4);
    Ok(decode(file.read_to_limit(max_file_bytes)?)?)
}
