//! The form of a text's characters: NFC, without typographic ligatures.
//!
//! The same word must be the same characters in every document and query, or it is not found. A text is
//! normalized once, when it is read, so that all ranges are those of the normalized text.

use icu_normalizer::ComposingNormalizer;

use super::events::DocumentNote;

/// Normalizes a text, with a note if that changed it.
pub(super) fn normalize(text: String) -> (String, Option<DocumentNote>) {
    let ligatures = text.chars().filter(|&c| letters_of(c).is_some()).count();
    let normalizer = ComposingNormalizer::new_nfc();
    let is_composed = normalizer.is_normalized(&text);
    if ligatures == 0 && is_composed {
        return (text, None);
    }
    let note = DocumentNote::Normalized {
        ligatures,
        is_composed,
    };
    (normalize_text(&text), Some(note))
}

/// Returns a text in NFC, with the letters of its ligatures.
#[must_use]
pub fn normalize_text(text: &str) -> String {
    let mut spelled = String::with_capacity(text.len());
    for c in text.chars() {
        match letters_of(c) {
            Some(letters) => spelled.push_str(letters),
            None => spelled.push(c),
        }
    }
    ComposingNormalizer::new_nfc()
        .normalize(&spelled)
        .into_owned()
}

/// Returns the letters of a Latin ligature, which typesetting adds and spelling does not know.
fn letters_of(c: char) -> Option<&'static str> {
    Some(match c {
        'ﬀ' => "ff",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ﬃ' => "ffi",
        'ﬄ' => "ffl",
        'ﬅ' | 'ﬆ' => "st",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_composed_and_ligatures_are_spelled_out() {
        let (text, note) =
            normalize("caf\u{65}\u{301} и\u{306}, o\u{fb03}cer \u{fb02}ag".to_owned());
        assert_eq!(text, "café й, officer flag");
        assert_eq!(
            note,
            Some(DocumentNote::Normalized {
                ligatures: 2,
                is_composed: false
            })
        );
        let plain = "café й, officer";
        assert_eq!(normalize(plain.to_owned()), (plain.to_owned(), None));
    }
}
