//! From bytes to text: detection of the encoding, and validation of the decoded text.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::error::SkipReason;
use super::events::DocumentNote;

/// Decodes a whole file.
///
/// A byte order mark is decisive. Otherwise bytes with a NUL at every other position are UTF-16 and
/// valid UTF-8 is UTF-8; any other encoding is guessed and reported. Nothing is replaced: a text that
/// does not decode cleanly is rejected, since a wrong character is a wrong quotation.
pub(super) fn decode(bytes: Vec<u8>) -> Result<(String, Option<DocumentNote>), SkipReason> {
    if let Some((encoding, bom_bytes)) = Encoding::for_bom(&bytes) {
        let text = decode_as(encoding, bytes.get(bom_bytes..).unwrap_or_default())?;
        let plain = encoding == UTF_8;
        return Ok((text, (!plain).then(|| decoded_note(encoding))));
    }
    if let Some(encoding) = utf16_without_bom(&bytes) {
        return Ok((decode_as(encoding, &bytes)?, Some(decoded_note(encoding))));
    }
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return Ok((text, None)),
        Err(error) => error.into_bytes(),
    };
    if is_damaged_utf8(&bytes) {
        return Err(undecodable(UTF_8, &bytes));
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(&bytes, true);
    let encoding = detector.guess(None, Utf8Detection::Deny);
    Ok((decode_as(encoding, &bytes)?, Some(decoded_note(encoding))))
}

fn decoded_note(encoding: &'static Encoding) -> DocumentNote {
    DocumentNote::Decoded {
        encoding: encoding.name(),
    }
}

fn decode_as(encoding: &'static Encoding, bytes: &[u8]) -> Result<String, SkipReason> {
    encoding
        .decode_without_bom_handling_and_without_replacement(bytes)
        .map(std::borrow::Cow::into_owned)
        .ok_or_else(|| undecodable(encoding, bytes))
}

fn undecodable(encoding: &'static Encoding, bytes: &[u8]) -> SkipReason {
    // The standard library reports the position of an error for UTF-8 only.
    let valid_prefix = match std::str::from_utf8(bytes) {
        Err(error) if encoding == UTF_8 => bytes.get(..error.valid_up_to()),
        _ => None,
    };
    SkipReason::Undecodable {
        encoding: encoding.name(),
        line: valid_prefix.map(|valid| valid.split(|byte| *byte == b'\n').count()),
    }
}

/// Returns whether this is UTF-8 with a few invalid bytes. Decoding it as windows-1252 would garble
/// every accent. Text in another encoding rarely contains valid multi-byte sequences.
fn is_damaged_utf8(bytes: &[u8]) -> bool {
    let mut sequences = 0_usize;
    let mut invalid = 0_usize;
    for chunk in bytes.utf8_chunks() {
        sequences += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        invalid += usize::from(!chunk.invalid().is_empty());
    }
    sequences > invalid
}

/// Detects UTF-16 without a byte order mark: Western text then has a NUL at every other byte, and is
/// also valid UTF-8.
fn utf16_without_bom(bytes: &[u8]) -> Option<&'static Encoding> {
    const SAMPLE: usize = 4096;
    let sample = bytes.get(..SAMPLE).unwrap_or(bytes);
    let nuls_at = |parity: usize| {
        let bytes_at_parity = sample.iter().skip(parity).step_by(2);
        bytes_at_parity.filter(|byte| **byte == 0).count()
    };
    let (even, odd, half) = (nuls_at(0), nuls_at(1), sample.len() / 2);
    let many = |count: usize| half >= 2 && count * 2 > half;
    let few = |count: usize| count * 20 < half;
    match () {
        () if many(odd) && (few(even) || even == 0) => Some(UTF_16LE),
        () if many(even) && (few(odd) || odd == 0) => Some(UTF_16BE),
        () => None,
    }
}

/// Rejects a decoded text that is empty, too large or binary, and notes signs of damage.
pub(super) fn validate_text(text: &str, max_bytes: usize) -> Result<Vec<DocumentNote>, SkipReason> {
    if text.len() > max_bytes {
        return Err(SkipReason::TooLarge {
            limit: max_bytes,
            received: Some(text.len()),
        });
    }
    if text.trim().is_empty() {
        return Err(SkipReason::Empty);
    }
    let (mut characters, mut controls, mut replacements) = (0_usize, 0_usize, 0_usize);
    for character in text.chars() {
        characters += 1;
        controls += usize::from(is_stray_control(character));
        replacements += usize::from(character == char::REPLACEMENT_CHARACTER);
    }
    // Scans and exports leave a few; more than one in a hundred means a program, an image or another
    // encoding.
    if controls > characters / 100 && controls > 2 {
        return Err(SkipReason::Binary {
            controls,
            characters,
        });
    }
    let mut notes = Vec::new();
    if controls > 0 {
        notes.push(DocumentNote::ControlCharacters { count: controls });
    }
    if replacements > 0 {
        notes.push(DocumentNote::ReplacementCharacters {
            count: replacements,
        });
    }
    Ok(notes)
}

/// Returns whether a control character is unusual in text, unlike tabs, line ends and page breaks.
fn is_stray_control(character: char) -> bool {
    character.is_control() && !matches!(character, '\t'..='\r' | '\u{85}')
}
