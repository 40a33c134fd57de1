//! Encodings that write other scripts in ASCII: ISO-2022, HZ and UTF-7. Their bytes are also valid
//! UTF-8.

use encoding_rs::{EUC_KR, Encoding, GBK, ISO_2022_JP};

/// Decodes a text in one of these encodings; returns its encoding's name, too.
pub(super) fn decode(bytes: &[u8]) -> Option<(String, &'static str)> {
    if !bytes.is_ascii() {
        return None;
    }
    decode_iso_2022(bytes)
        .or_else(|| decode_hz(bytes))
        .or_else(|| decode_utf7(bytes))
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The escape sequence that switches to Korean.
const KOREAN: &[u8] = b"\x1b$)C";

fn decode_iso_2022(bytes: &[u8]) -> Option<(String, &'static str)> {
    let japanese: [&[u8]; 3] = [b"\x1b$B", b"\x1b$@", b"\x1b(I"];
    if japanese.iter().any(|escape| contains(bytes, escape)) {
        let text = decode_strictly(ISO_2022_JP, bytes)?;
        return Some((text, "ISO-2022-JP"));
    }
    if !contains(bytes, KOREAN) {
        return None;
    }
    // Between "shift out" and "shift in", these are the bytes of EUC-KR without their high bit.
    let mut plain = Vec::with_capacity(bytes.len());
    let mut shifted = false;
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(KOREAN) {
            rest = after;
            continue;
        }
        match byte {
            0x0e => shifted = true,
            0x0f => shifted = false,
            0x21..=0x7e if shifted => plain.push(byte | 0x80),
            _ => plain.push(byte),
        }
        rest = tail;
    }
    Some((decode_strictly(EUC_KR, &plain)?, "ISO-2022-KR"))
}

/// Decodes HZ: `~{` and `~}` enclose the bytes of GB 2312 without their high bit.
fn decode_hz(bytes: &[u8]) -> Option<(String, &'static str)> {
    if !contains(bytes, b"~{") {
        return None;
    }
    let mut plain = Vec::with_capacity(bytes.len());
    let mut shifted = false;
    let mut characters = 0_usize;
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        let (skipped, turns) = match rest {
            [b'~', b'{', ..] if !shifted => (2, Some(true)),
            [b'~', b'}', ..] if shifted => (2, Some(false)),
            [b'~', b'~', ..] if !shifted => {
                plain.push(b'~');
                (2, None)
            }
            [b'~', b'\n', ..] if !shifted => (2, None),
            [high @ 0x21..=0x77, low @ 0x21..=0x7e, ..] if shifted => {
                plain.extend([high | 0x80, low | 0x80]);
                characters += 1;
                (2, None)
            }
            // Lines end in ASCII; anything else is no HZ.
            _ if shifted && byte != b'\n' && byte != b'\r' => return None,
            _ => {
                plain.push(byte);
                (1, (byte == b'\n').then_some(false))
            }
        };
        shifted = turns.unwrap_or(shifted);
        rest = rest.get(skipped..).unwrap_or(tail);
    }
    if characters < 2 {
        return None;
    }
    Some((decode_strictly(GBK, &plain)?, "HZ-GB-2312"))
}

fn decode_strictly(encoding: &'static Encoding, bytes: &[u8]) -> Option<String> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
    Some(text.into_owned())
}

/// Fewer sequences may be chance: a telephone number after a plus.
const MIN_UTF7_SEQUENCES: usize = 2;

/// Decodes UTF-7: `+` and `-` enclose UTF-16 in base64.
fn decode_utf7(bytes: &[u8]) -> Option<(String, &'static str)> {
    let source = std::str::from_utf8(bytes).ok()?;
    let mut text = String::with_capacity(source.len());
    let mut sequences = 0_usize;
    let mut rest = source;
    while let Some(plus) = rest.find('+') {
        text.push_str(rest.get(..plus)?);
        let tail = rest.get(plus + 1..)?;
        let length = tail
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '/'))
            .unwrap_or(tail.len());
        let encoded = tail.get(..length)?;
        let after = tail.get(length..)?;
        let closed = after.starts_with('-');
        match decode_utf16_base64(encoded) {
            Some(decoded) if closed => {
                sequences += 1;
                text.push_str(&decoded);
                rest = after.get(1..)?;
            }
            _ if closed && length == 0 => {
                text.push('+');
                rest = after.get(1..)?;
            }
            _ => {
                text.push('+');
                rest = tail;
            }
        }
    }
    text.push_str(rest);
    (sequences >= MIN_UTF7_SEQUENCES).then_some((text, "UTF-7"))
}

/// Decodes letters and quotes of UTF-16 in base64 without padding; `None` if this is something else.
fn decode_utf16_base64(encoded: &str) -> Option<String> {
    let mut units = Vec::new();
    let (mut buffer, mut bits) = (0_u32, 0_u32);
    for byte in encoded.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        buffer = (buffer << 6 | u32::from(value)) & 0x3f_ffff;
        bits += 6;
        if bits >= 16 {
            bits -= 16;
            units.push(u16::try_from(buffer >> bits & 0xffff).ok()?);
        }
    }
    let padding = buffer & ((1 << bits) - 1);
    if units.is_empty() || bits >= 6 || padding != 0 {
        return None;
    }
    let text = String::from_utf16(&units).ok()?;
    let is_text = text.chars().all(|c| {
        !c.is_ascii_alphanumeric()
            && (c.is_alphanumeric()
                || c.is_ascii_punctuation()
                || matches!(c, ' ' | '\u{a0}'..='\u{bf}' | '\u{2010}'..='\u{203a}' | '\u{20ac}' | '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ffef}'))
    });
    is_text.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_encoding_is_decoded_and_named() {
        let (japanese, _, _) = ISO_2022_JP.encode("私たちは平和を願う。\nAnd bread.");
        assert_eq!(
            decode(&japanese),
            Some(("私たちは平和を願う。\nAnd bread.".to_owned(), "ISO-2022-JP"))
        );
        let (korean, _, _) = EUC_KR.encode("평화");
        let low: Vec<u8> = korean.iter().map(|byte| byte & 0x7f).collect();
        let korean = [KOREAN, b"\n\x0e", &low, b"\x0f yes"].concat();
        assert_eq!(
            decode(&korean),
            Some(("\n평화 yes".to_owned(), "ISO-2022-KR"))
        );
        let (chinese, _, _) = GBK.encode("世界和平");
        let low: Vec<u8> = chinese.iter().map(|byte| byte & 0x7f).collect();
        let chinese = [b"1948 ~~ ~{", low.as_slice(), b"~}.\n"].concat();
        assert_eq!(
            decode(&chinese),
            Some(("1948 ~ 世界和平.\n".to_owned(), "HZ-GB-2312"))
        );
        assert_eq!(
            decode(b"M+AOQ-nner, 1 +- 2, \"V+APY-gel\""),
            Some(("Männer, 1 + 2, \"Vögel\"".to_owned(), "UTF-7"))
        );
    }

    #[test]
    fn ascii_is_not_decoded() {
        for text in [
            "We ask for peace.",
            "Call +4930-123 or +1-202-555-0100 or +44-20.",
            "a ~{ b ~} c",
            "C++ and A+B- and x+y-z",
            "1+1-1",
            "~{",
        ] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }
}
