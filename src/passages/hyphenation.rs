//! Words hyphenated at the end of a line.

use std::collections::HashMap;

use super::lines::SourceLine;

/// The word counts of a document, to distinguish a broken word from a compound.
pub(super) struct WordCounts {
    counts: HashMap<String, u32>,
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

/// First parts of English compounds that are written with a hyphen.
const COMPOUND_STARTS: [&str; 18] = [
    "all", "anti", "cross", "ex", "far", "half", "high", "ill", "long", "low", "mid", "new", "non",
    "post", "self", "short", "so", "well",
];

impl WordCounts {
    /// Counts the words of a document, if any of its lines ends in a hyphen.
    pub(super) fn collect(lines: &[SourceLine]) -> Self {
        let mut counts = HashMap::new();
        if lines.iter().any(|line| broken_stem(&line.text).is_some()) {
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
                            *counts.entry(part.to_lowercase()).or_default() += 1;
                        }
                    }
                    *counts.entry(word.to_lowercase()).or_default() += 1;
                }
                skip_first = is_broken;
            }
        }
        Self { counts }
    }

    fn count(&self, word: &str) -> u32 {
        self.counts.get(word).copied().unwrap_or(0)
    }

    /// Decides how to join `text` with the next line.
    pub(super) fn join_with(&self, text: &str, next: &str) -> LineJoin {
        let Some(stem) = broken_stem(text) else {
            return LineJoin::Space;
        };
        let rest: String = next.chars().take_while(|c| c.is_alphanumeric()).collect();
        if rest.is_empty() {
            return LineJoin::Space;
        }
        if !rest.chars().all(char::is_lowercase) || !stem.chars().all(char::is_alphabetic) {
            // "Indo-" and "Pacific", "COVID-" and "19"; in capitals the counts decide.
            let all_caps = stem.chars().chain(rest.chars()).all(char::is_uppercase);
            if !all_caps || stem.chars().count() < 2 {
                return LineJoin::NoSpace;
            }
        }
        let (stem, rest) = (stem.to_lowercase(), rest.to_lowercase());
        let whole = self.count(&format!("{stem}{rest}"));
        let compound = self.count(&format!("{stem}-{rest}"));
        if whole != compound {
            return if whole > compound {
                LineJoin::Dehyphenated
            } else {
                LineJoin::NoSpace
            };
        }
        let both_occur = self.count(&stem) > 0 && self.count(&rest) > 0;
        if both_occur || COMPOUND_STARTS.contains(&stem.as_str()) {
            LineJoin::NoSpace
        } else {
            LineJoin::Dehyphenated
        }
    }
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
