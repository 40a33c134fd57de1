//! Words hyphenated at the end of a line: broken words are mended, compounds keep their hyphen.
//!
//! The document is the first witness: a spelling that it uses elsewhere decides. In English a word list
//! decides next, and the document's habit: a text in which no line ends in a fragment of a word does not
//! break words, so its hyphens are the author's. Elsewhere a hyphen is taken for a break, except after
//! and before parts of speech that are always written with one.

use std::collections::HashMap;

use super::lines::SourceLine;
use super::word_list::{is_english_vocabulary, is_english_word};

/// The word counts of a document, to distinguish a broken word from a compound.
pub(super) struct WordCounts {
    counts: HashMap<String, u32>,
    /// Whether the document is in English, so that the word list applies.
    english: bool,
    /// Whether lines of an English document end in fragments of words.
    breaks_words: bool,
}

/// How two lines are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineJoin {
    /// With a blank.
    Space,
    /// Without a blank: the hyphen belongs to the word.
    NoSpace,
    /// Without a blank and without the hyphen, which only broke the word.
    Dehyphenated,
}

/// First parts of English compounds that are written with a hyphen, unless the whole is a word of its
/// own, such as "nonsense".
const COMPOUND_STARTS: [&str; 22] = [
    "all", "anti", "co", "counter", "cross", "ex", "far", "half", "high", "ill", "inter", "long",
    "low", "mid", "new", "non", "post", "pre", "self", "short", "so", "well",
];

/// First parts that keep their hyphen even where a spelling without one exists.
const ALWAYS_HYPHENATED_STARTS: [&str; 4] = ["socio", "quasi", "vice", "pseudo"];

/// Second parts of compounds with a name: "Moscow-based", "Africa-wide".
const COMPOUND_ENDS: [&str; 12] = [
    "backed",
    "based",
    "born",
    "controlled",
    "financed",
    "led",
    "like",
    "made",
    "occupied",
    "sponsored",
    "style",
    "wide",
];

/// Parts after a hyphen in other languages: Russian particles, French pronouns and adverbs.
const HYPHENATED_PARTICLES: [&str; 12] = [
    "либо",
    "нибудь",
    "таки",
    "то",
    "moi",
    "nous",
    "vous",
    "même",
    "mêmes",
    "être",
    "delà",
    "là",
];

/// Words between parts that share what follows: "short- and long-term", "Vor- und Nachteile".
const CONJUNCTIONS: [&str; 32] = [
    "and", "as", "but", "nor", "or", "through", "to", "versus", "bis", "bzw", "oder", "sowie",
    "und", "et", "ou", "e", "ed", "o", "u", "y", "en", "of", "och", "eller", "og", "i", "lub",
    "oraz", "и", "или", "та", "чи",
];

impl WordCounts {
    /// Counts the words of a document, if any of its lines ends in a hyphen.
    pub(super) fn collect(lines: &[SourceLine]) -> Self {
        let mut words = Self {
            counts: HashMap::new(),
            english: false,
            breaks_words: false,
        };
        if lines.iter().any(|line| broken_stem(&line.text).is_some()) {
            words.count_all(lines);
            words.english = is_english_vocabulary(words.counts.keys().map(String::as_str));
            words.breaks_words = words.english
                && lines.windows(2).any(|pair| {
                    broken_stem(&pair[0].text)
                        .is_some_and(|stem| breaks_word(stem, &first_word(&pair[1].text)))
                });
        }
        words
    }

    fn count_all(&mut self, lines: &[SourceLine]) {
        let mut skip_first = false;
        for line in lines {
            let is_broken = broken_stem(&line.text).is_some();
            // Halves of broken words are not counted.
            let words = line.text.split(' ').skip(usize::from(skip_first));
            let mut words: Vec<&str> = words.collect();
            if is_broken {
                words.pop();
            }
            for word in words {
                let word = word.trim_matches(|c: char| !c.is_alphanumeric());
                if word.contains(is_hyphen) {
                    for part in word.split(is_hyphen) {
                        *self.counts.entry(part.to_lowercase()).or_default() += 1;
                    }
                }
                *self.counts.entry(word.to_lowercase()).or_default() += 1;
            }
            skip_first = is_broken;
        }
    }

    fn count(&self, word: &str) -> u32 {
        self.counts.get(word).copied().unwrap_or(0)
    }

    /// Decides how to join `text` with the next line.
    pub(super) fn join_with(&self, text: &str, next: &str) -> LineJoin {
        let Some(stem) = broken_stem(text) else {
            return LineJoin::Space;
        };
        let rest = first_word(next);
        if rest.is_empty() {
            return LineJoin::Space;
        }
        let is_name = stem.starts_with(char::is_uppercase);
        let (lower_stem, lower_rest) = (stem.to_lowercase(), rest.to_lowercase());
        let whole = format!("{lower_stem}{lower_rest}");
        let whole_count = self.count(&whole);
        if whole_count == 0
            && CONJUNCTIONS.contains(&lower_rest.as_str())
            && next[rest.len()..].starts_with(' ')
            && !(self.english && is_english_word(&whole))
        {
            return LineJoin::Space;
        }
        if !rest.chars().all(char::is_lowercase) || !stem.chars().all(char::is_alphabetic) {
            // "Indo-" and "Pacific", "COVID-" and "19"; in capitals the counts decide.
            let all_caps = stem.chars().chain(rest.chars()).all(char::is_uppercase);
            if !all_caps || stem.chars().count() < 2 {
                return LineJoin::NoSpace;
            }
        }
        let compound_count = self.count(&format!("{lower_stem}-{lower_rest}"));
        let keeps_hyphen = if whole_count == compound_count {
            self.is_compound(&lower_stem, &lower_rest, &whole, is_name)
        } else {
            compound_count > whole_count
        };
        if keeps_hyphen {
            LineJoin::NoSpace
        } else {
            LineJoin::Dehyphenated
        }
    }

    /// Decides without a witness in the document.
    fn is_compound(&self, stem: &str, rest: &str, whole: &str, is_name: bool) -> bool {
        let both_occur = self.count(stem) > 0 && self.count(rest) > 0;
        if ALWAYS_HYPHENATED_STARTS.contains(&stem) {
            return true;
        }
        if !self.english {
            return both_occur
                || COMPOUND_STARTS.contains(&stem)
                || HYPHENATED_PARTICLES.contains(&rest)
                || is_russian_compound(stem, rest);
        }
        let are_words = is_english_word(stem) && is_english_word(rest);
        if is_english_word(whole) {
            // "thous-" and "and" are words too.
            let is_conjunction = CONJUNCTIONS.contains(&rest);
            return are_words && !self.breaks_words && !is_name && !is_conjunction;
        }
        both_occur
            || COMPOUND_STARTS.contains(&stem)
            || if is_name {
                self.count(stem) > 0 && is_english_word(rest) || COMPOUND_ENDS.contains(&rest)
            } else {
                are_words
            }
    }
}

/// Returns whether the hyphen between these parts certainly breaks an English word.
fn breaks_word(stem: &str, rest: &str) -> bool {
    let is_lower = |word: &str| !word.is_empty() && word.chars().all(char::is_lowercase);
    is_lower(rest)
        && is_lower(stem)
        && !(is_english_word(stem) && is_english_word(rest))
        && is_english_word(&format!("{stem}{rest}"))
        && !COMPOUND_STARTS.contains(&stem)
        && !ALWAYS_HYPHENATED_STARTS.contains(&stem)
}

/// Recognizes a Russian adverb before an adjective: "социально-" and "экономический".
fn is_russian_compound(stem: &str, rest: &str) -> bool {
    const ADVERB_ENDS: [&str; 3] = ["но", "ски", "во"];
    const ADJECTIVE_ENDS: [&str; 20] = [
        "ый", "ий", "ой", "ая", "яя", "ое", "ее", "ые", "ие", "ого", "его", "ому", "ему", "ым",
        "им", "ыми", "ими", "ую", "ых", "их",
    ];
    const NOUN_ENDS: [&str; 3] = ["ние", "ений", "аний"];
    stem.chars().count() >= 6
        && rest.chars().count() >= 6
        && ADVERB_ENDS.iter().any(|end| stem.ends_with(end))
        && ADJECTIVE_ENDS.iter().any(|end| rest.ends_with(end))
        && !NOUN_ENDS.iter().any(|end| rest.ends_with(end))
}

/// Returns the letters and digits that a line starts with.
fn first_word(line: &str) -> String {
    line.chars().take_while(|c| c.is_alphanumeric()).collect()
}

/// Words are not longer; searching further would take quadratic time in a text of broken words.
const MAX_STEM_CHARS: usize = 40;

/// Returns the part of the word before a hyphen at the end of the line, if there is one.
fn broken_stem(text: &str) -> Option<&str> {
    let body = text.strip_suffix(is_hyphen)?;
    let start = body
        .char_indices()
        .rev()
        .take(MAX_STEM_CHARS)
        .take_while(|(_, c)| c.is_alphanumeric())
        .last()?
        .0;
    Some(&body[start..])
}

fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '\u{2010}')
}
