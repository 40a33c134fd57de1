//! The words of a text for comparison: without case and diacritics.

use icu_normalizer::DecomposingNormalizer;

use super::TextRange;

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordToken {
    /// The normalized word.
    pub text: String,
    /// Its range, in characters of the text.
    pub range: TextRange,
}

/// Splits a text into runs of letters and digits, without case and diacritics, like FTS5's tokenizer
/// `unicode61`.
#[must_use]
pub fn tokenize_words(text: &str) -> Vec<WordToken> {
    let mut words: Vec<WordToken> = Vec::new();
    let mut inside = false;
    for (index, character) in text.chars().enumerate() {
        // A combining diacritic belongs to the letter before it.
        let belongs = character.is_alphanumeric() || (inside && is_diacritic(character));
        if belongs && !inside {
            words.push(WordToken {
                text: String::new(),
                range: TextRange {
                    start: index,
                    end: index,
                },
            });
        }
        inside = belongs;
        if let Some(word) = words.last_mut().filter(|_| belongs) {
            push_normalized(character, &mut word.text);
            word.range.end = index + 1;
        }
    }
    words
}

/// Splits a text that starts at this character of its document; ranges are of the document.
#[must_use]
pub fn tokenize_words_from(text: &str, start: usize) -> Vec<WordToken> {
    let mut words = tokenize_words(text);
    for word in &mut words {
        word.range.start += start;
        word.range.end += start;
    }
    words
}

/// Appends a character without case and, if it is Latin, without diacritics: й and и are different
/// letters, also for FTS5.
fn push_normalized(character: char, word: &mut String) {
    if character.is_ascii() {
        word.push(character.to_ascii_lowercase());
        return;
    }
    if !is_latin(character) {
        word.extend(character.to_lowercase().filter(|c| !is_diacritic(*c)));
        return;
    }
    let lower: String = character.to_lowercase().collect();
    let parts = DecomposingNormalizer::new_nfd()
        .normalize(&lower)
        .into_owned();
    word.extend(parts.chars().filter(|part| !is_diacritic(*part)));
}

/// Returns whether a character is a precomposed Latin letter with diacritics.
fn is_latin(character: char) -> bool {
    matches!(character, '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}')
}

/// Returns whether a character is a combining diacritic.
fn is_diacritic(character: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_normalized_and_keep_their_offsets() {
        let text = "Naïveté-Test: e\u{301}lan, A1, Май …";
        let words: Vec<(String, String)> = tokenize_words(text)
            .into_iter()
            .map(|word| (word.range.slice(text, 0).to_owned(), word.text))
            .collect();
        let expected = [
            ("Naïveté", "naivete"),
            ("Test", "test"),
            ("e\u{301}lan", "elan"),
            ("A1", "a1"),
            ("Май", "май"),
        ];
        assert_eq!(
            words,
            expected.map(|(shown, normalized)| (shown.to_owned(), normalized.to_owned()))
        );
    }
}
