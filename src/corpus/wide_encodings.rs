//! UTF-16 and UTF-32, with and without a byte order mark.

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};

/// The bytes that are looked at to recognize an encoding.
const SAMPLE_BYTES: usize = 4096;

/// Reads a unit of UTF-32 in one byte order.
type ReadUnit = fn([u8; 4]) -> u32;

/// Decodes UTF-32, if this is UTF-32: every four bytes are a character, the first of them mostly not
/// above U+FFFF.
pub(super) fn decode_utf32(bytes: &[u8]) -> Option<(String, &'static str)> {
    if bytes.len() < 8 || !bytes.len().is_multiple_of(4) {
        return None;
    }
    let readings: [(ReadUnit, &'static str); 2] = [
        (u32::from_le_bytes, "UTF-32LE"),
        (u32::from_be_bytes, "UTF-32BE"),
    ];
    readings.into_iter().find_map(|(read, name)| {
        let units = || {
            let units = bytes.chunks_exact(4);
            units.filter_map(|unit| unit.try_into().ok().map(read))
        };
        // UTF-16 of two letters would be a character far above the last one.
        let text: Option<String> = units().map(char::from_u32).collect();
        let text = text?;
        let is_text = !text.contains('\0');
        is_text.then(|| (text.trim_start_matches('\u{feff}').to_owned(), name))
    })
}

/// Detects UTF-16 without a byte order mark. Western text then has a NUL at every other byte; of other
/// text, the reading with more blanks, line ends and full stops is right.
pub(super) fn utf16_without_bom(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = bytes.get(..SAMPLE_BYTES).unwrap_or(bytes);
    let nuls_at = |parity: usize| {
        let bytes_at_parity = sample.iter().skip(parity).step_by(2);
        bytes_at_parity.filter(|byte| **byte == 0).count()
    };
    let (even, odd, half) = (nuls_at(0), nuls_at(1), sample.len() / 2);
    let many = |count: usize| half >= 2 && count * 2 > half;
    let few = |count: usize| count * 20 < half;
    match () {
        () if many(odd) && (few(even) || even == 0) => return Some(UTF_16LE),
        () if many(even) && (few(odd) || odd == 0) => return Some(UTF_16BE),
        () => {}
    }
    // Text in UTF-8 has no NULs, and other encodings no bytes that are controls in every hundred.
    let controls = sample.iter().filter(|byte| is_control(**byte)).count();
    let suspicious = even + odd > 0 || controls * 100 > sample.len();
    if !suspicious && std::str::from_utf8(bytes).is_ok() || half < 8 {
        return None;
    }
    let readings = [UTF_16LE, UTF_16BE].map(|encoding| (encoding, separators(sample, encoding)));
    readings
        .into_iter()
        .filter_map(|(encoding, separators)| separators.map(|count| (count, encoding)))
        .filter(|(count, _)| *count > 0)
        .max_by_key(|(count, _)| *count)
        .map(|(_, encoding)| encoding)
}

fn is_control(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t'..=b'\r')
}

/// Returns the number of blanks, line ends and marks of a sample in UTF-16; `None` if it has other
/// characters than those of words.
fn separators(sample: &[u8], encoding: &'static Encoding) -> Option<usize> {
    let even = sample.get(..sample.len() / 2 * 2)?;
    let (text, _) = encoding.decode_without_bom_handling(even);
    let mut characters = 0_usize;
    let mut separators = 0_usize;
    let mut implausible = 0_usize;
    for c in text.chars() {
        characters += 1;
        let separates = matches!(c, '\t'..='\r' | ' '..='@' | '。' | '、' | '，' | '\u{3000}');
        separators += usize::from(separates);
        let plausible = separates
            || c.is_alphanumeric()
            || matches!(c, '['..='~' | '\u{a0}'..='\u{bf}' | '\u{300}'..='\u{36f}')
            || matches!(c, '\u{900}'..='\u{fff}' | '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ffef}');
        implausible += usize::from(!plausible || c == char::REPLACEMENT_CHARACTER);
    }
    (implausible * 50 <= characters).then_some(separators)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn utf16_of_any_script_is_recognized() {
        for text in [
            "We ask for peace in the valley.",
            "Мы просим мира для всех, кто живёт в долине.",
            "我们希望所有人都能和平生活。我们希望大家都有面包，也有工作。",
            "평화를 원합니다. 우리는 모두 빵을 원합니다.",
        ] {
            let little = bytes(text, u16::to_le_bytes);
            assert_eq!(utf16_without_bom(&little), Some(UTF_16LE), "{text}");
            let big = bytes(text, u16::to_be_bytes);
            assert_eq!(utf16_without_bom(&big), Some(UTF_16BE), "{text}");
            assert_eq!(utf16_without_bom(text.as_bytes()), None, "{text}");
        }
        let binary: Vec<u8> = (0..=255).cycle().take(4000).collect();
        assert_eq!(utf16_without_bom(&binary), None);
    }

    #[test]
    fn utf32_is_decoded_and_utf16_is_not() {
        let text = "Peace, мир, 平和";
        for (mark, name, read) in [
            ("", "UTF-32LE", u32::to_le_bytes as fn(u32) -> [u8; 4]),
            ("\u{feff}", "UTF-32BE", u32::to_be_bytes),
        ] {
            let marked = format!("{mark}{text}");
            let bytes: Vec<u8> = marked.chars().flat_map(|c| read(u32::from(c))).collect();
            assert_eq!(decode_utf32(&bytes), Some((text.to_owned(), name)));
        }
        assert_eq!(decode_utf32(&bytes("Peace to all", u16::to_le_bytes)), None);
        assert_eq!(decode_utf32(b"Peace to all"), None);
    }
}
