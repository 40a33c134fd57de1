//! A list of English words, to tell a compound from a broken word.

use random_word::Lang;

/// At least this share of a document's different words must be in the list, in percent. English has
/// about ninety, French and German about thirty.
const MIN_ENGLISH_PERCENT: usize = 65;

/// Frequent words that the list lacks: it begins at "abreact".
const UNLISTED: [&str; 17] = [
    "abandon",
    "abandoned",
    "abandoning",
    "abandonment",
    "abate",
    "abdicate",
    "abet",
    "abide",
    "abiding",
    "abilities",
    "ability",
    "able",
    "aboard",
    "abolish",
    "abolition",
    "about",
    "above",
];

/// Returns whether this is an English word, in lower case.
///
/// The first call unpacks the list, which takes a tenth of a second and four megabytes.
pub(super) fn is_english_word(word: &str) -> bool {
    random_word::all(Lang::En)
        .binary_search_by(|candidate| (*candidate).cmp(word))
        .is_ok()
        || UNLISTED.contains(&word)
}

/// Returns whether the different words of a document are English.
pub(super) fn is_english_vocabulary<'a>(words: impl Iterator<Item = &'a str>) -> bool {
    let mut total = 0_usize;
    let mut english = 0_usize;
    for word in words {
        // Numbers and single letters prove nothing.
        if word.chars().count() > 1 && word.chars().all(char::is_alphabetic) {
            total += 1;
            english += usize::from(is_english_word(word));
        }
    }
    total > 0 && english * 100 >= total * MIN_ENGLISH_PERCENT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_and_fragments_are_not() {
        for word in [
            "about",
            "abreact",
            "friendly",
            "weapon",
            "cooperation",
            "zyzzyvas",
        ] {
            assert!(is_english_word(word), "{word}");
        }
        for fragment in ["", "tion", "zation", "marketfriendly", "über"] {
            assert!(!is_english_word(fragment), "{fragment}");
        }
    }

    #[test]
    fn a_vocabulary_is_english_or_not() {
        let english = "the people of this land ask for bread";
        let german = "das Volk dieses Landes bittet um Brot";
        assert!(is_english_vocabulary(english.split(' ')));
        assert!(!is_english_vocabulary(german.split(' ')));
        assert!(!is_english_vocabulary(["1", "a"].into_iter()));
    }
}
