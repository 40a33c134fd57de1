//! The reader for plain text: the file is the text, but for a frame or markup that says what it is.

use super::CorpusLimits;
use super::anchors::Anchors;
use super::decode::{DecodedText, decode};
use super::metadata::Metadata;
use super::parsed::{CountingReader, ParseIssue, ParsedDocument};
use super::{gutenberg, text_markup};

pub(super) fn read(
    file: CountingReader,
    limits: CorpusLimits,
) -> Result<ParsedDocument, ParseIssue> {
    let (text, mut notes) = read_decoded(file, limits)?;
    let mut metadata = Metadata::default();
    let characters = text.len();
    let text = gutenberg::take(text, &mut metadata, &mut notes);
    let text = text_markup::take(text, &mut metadata, &mut notes);
    // Lines are counted from the beginning of the file, so all of it must still be there.
    let is_whole = text.len() == characters;
    let anchors = if is_whole {
        Anchors::Lines(1)
    } else {
        Anchors::default()
    };
    Ok(ParsedDocument {
        text,
        anchors,
        metadata,
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
