//! From bytes to text: detection of the encoding, and validation of the decoded text.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use super::error::SkipReason;
use super::events::DocumentNote;
use super::{seven_bit_encodings, wide_encodings};

/// A text and remarks on how it was decoded.
pub(super) type DecodedText = (String, Vec<DocumentNote>);

/// Decodes a whole file.
///
/// A byte order mark is decisive. Otherwise the bytes tell UTF-32 and UTF-16, and escape sequences the
/// encodings in seven bits; valid UTF-8 is UTF-8; any other encoding is guessed and reported. Nothing is
/// replaced: a text that does not decode cleanly is rejected, since a wrong character is a wrong
/// quotation.
pub(super) fn decode(bytes: Vec<u8>) -> Result<DecodedText, SkipReason> {
    if let Some((text, encoding)) = wide_encodings::decode_utf32(&bytes) {
        return Ok((text, vec![DocumentNote::Decoded { encoding }]));
    }
    if let Some((encoding, bom_bytes)) = Encoding::for_bom(&bytes) {
        let bytes = bytes.get(bom_bytes..).unwrap_or_default();
        return if encoding == UTF_8 {
            Ok((decode_as(encoding, bytes)?, Vec::new()))
        } else {
            decode_utf16(encoding, bytes)
        };
    }
    if let Some(encoding) = wide_encodings::utf16_without_bom(&bytes) {
        return decode_utf16(encoding, &bytes);
    }
    if let Some((text, encoding)) = seven_bit_encodings::decode(&bytes) {
        return Ok((text, vec![DocumentNote::Decoded { encoding }]));
    }
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return Ok((text, Vec::new())),
        Err(error) => error.into_bytes(),
    };
    if is_damaged_utf8(&bytes) {
        return Err(undecodable(UTF_8, &bytes));
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(&bytes, true);
    let encoding = detector.guess(None, Utf8Detection::Deny);
    let above = bytes.iter().filter(|byte| !byte.is_ascii()).count();
    // Typographic quotes of a Chinese or Japanese program come in pairs of bytes that fit no other
    // encoding; a few bytes prove nothing.
    let may_be_western = encoding.is_single_byte() || above < MIN_PAIRED_BYTES;
    if may_be_western && let Some(text) = decode_sparse_western(&bytes, above) {
        let note = if above < MIN_EVIDENCE_BYTES {
            DocumentNote::Guessed {
                encoding: WINDOWS_1252.name(),
                bytes: above,
            }
        } else {
            decoded_note(WINDOWS_1252)
        };
        return Ok((text, vec![note]));
    }
    Ok((decode_as(encoding, &bytes)?, vec![decoded_note(encoding)]))
}

/// Decodes UTF-16; half a character at the end, of a file that was cut, is left out with a note.
fn decode_utf16(encoding: &'static Encoding, bytes: &[u8]) -> Result<DecodedText, SkipReason> {
    let whole = bytes.get(..bytes.len() / 2 * 2).unwrap_or(bytes);
    let mut notes = vec![decoded_note(encoding)];
    if whole.len() < bytes.len() {
        notes.push(DocumentNote::CutCharacter {
            encoding: encoding.name(),
        });
    }
    Ok((decode_as(encoding, whole)?, notes))
}

/// Fewer bytes above ASCII do not show that they come in pairs.
const MIN_PAIRED_BYTES: usize = 6;
/// Fewer bytes above ASCII are a guess.
const MIN_EVIDENCE_BYTES: usize = 20;
/// At most this share of an English text is above ASCII, in percent.
const MAX_SPARSE_PERCENT: usize = 6;
/// At least this share of the words of English is among the most frequent, in percent.
const MIN_FREQUENT_PERCENT: usize = 15;
/// The most frequent words of English.
const FREQUENT_WORDS: [&str; 20] = [
    "the", "of", "and", "to", "in", "that", "is", "was", "for", "it", "we", "be", "with", "as",
    "our", "this", "are", "have", "not", "by",
];

/// Decodes English with a few bytes above ASCII as windows-1252. They are too few to guess an encoding
/// from, and mostly quotation marks, pounds and halves.
fn decode_sparse_western(bytes: &[u8], above: usize) -> Option<String> {
    if above * 100 > bytes.len() * MAX_SPARSE_PERCENT {
        return None;
    }
    let (mut words, mut frequent) = (0_usize, 0_usize);
    for word in bytes.split(|byte| !byte.is_ascii_alphabetic() && byte.is_ascii()) {
        if !word.is_empty() {
            words += 1;
            frequent += usize::from(
                FREQUENT_WORDS
                    .iter()
                    .any(|known| word.eq_ignore_ascii_case(known.as_bytes())),
            );
        }
    }
    if frequent * 100 < words * MIN_FREQUENT_PERCENT {
        return None;
    }
    let text = decode_as(WINDOWS_1252, bytes).ok()?;
    // The bytes without a character become C1 controls.
    (!text.chars().any(is_stray_control)).then_some(text)
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
    let misread = misread_sequences(text);
    if controls > 0 && misread == 0 {
        notes.push(DocumentNote::ControlCharacters { count: controls });
    }
    if misread > 0 {
        notes.push(DocumentNote::Misread { count: misread });
    }
    if replacements > 0 {
        notes.push(DocumentNote::ReplacementCharacters {
            count: replacements,
        });
    }
    Ok(notes)
}

/// Counts sequences such as `Ã©` and `â€œ`: characters of UTF-8 that were read as windows-1252.
fn misread_sequences(text: &str) -> usize {
    let mut count = 0;
    let mut before = ' ';
    for c in text.chars() {
        let continues = matches!(
            c,
            '\u{80}'..='\u{bf}' | '€' | '‚' | '„' | '™' | '‰' | 'š' | 'œ' | 'ž'
        );
        count += usize::from(match before {
            'Ã' | 'Ð' | 'Ñ' => continues,
            'Â' => matches!(c, '\u{a0}'..='\u{bf}'),
            'â' => matches!(c, '€' | '\u{80}'..='\u{84}'),
            _ => false,
        });
        before = c;
    }
    count
}

/// Returns whether a control character is unusual in text, unlike tabs, line ends and page breaks.
fn is_stray_control(character: char) -> bool {
    character.is_control() && !matches!(character, '\t'..='\r' | '\u{85}')
}
