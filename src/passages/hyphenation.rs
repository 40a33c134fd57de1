//! Words torn in two by the end of a line.

use std::collections::HashMap;

use super::lines::SourceLine;

/// The words of a document, to tell a torn word from a compound.
pub(super) struct WordCounts {
    counts: HashMap<String, u32>,
}

/// How two lines that belong together are to be put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineJoin {
    /// With a blank between.
    Space,
    /// With nothing between: the hyphen belongs to the word.
    NoSpace,
    /// With nothing between and without the hyphen, which belonged to the line.
    Dehyphenated,
}

/// First parts that English joins by a hyphen even where both parts are rare.
const COMPOUND_STARTS: [&str; 18] = [
    "all", "anti", "cross", "ex", "far", "half", "high", "ill", "long", "low", "mid", "new", "non",
    "post", "self", "short", "so", "well",
];

impl WordCounts {
    /// Collects the words of a document, if any of its lines ends in a hyphen.
    pub fn collect(lines: &[SourceLine]) -> Self {
        let mut counts = HashMap::new();
        if lines.iter().any(|line| broken_stem(&line.text).is_some()) {
            let mut skip_first = false;
            for line in lines {
                let is_broken = broken_stem(&line.text).is_some();
                // Halves of torn words are no witnesses.
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

    /// How `next` continues `text`.
    pub fn join_with(&self, text: &str, next: &str) -> LineJoin {
        let Some(stem) = broken_stem(text) else {
            return LineJoin::Space;
        };
        let rest: String = next.chars().take_while(|c| c.is_alphanumeric()).collect();
        if rest.is_empty() {
            return LineJoin::Space;
        }
        if !rest.chars().all(char::is_lowercase) || !stem.chars().all(char::is_alphabetic) {
            // "Indo-" and "Pacific", "COVID-" and "19"; in capitals nothing tells, so the word is asked.
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
        let both_known = self.count(&stem) > 0 && self.count(&rest) > 0;
        if both_known || COMPOUND_STARTS.contains(&stem.as_str()) {
            LineJoin::NoSpace
        } else {
            LineJoin::Dehyphenated
        }
    }
}

/// No word is longer, and looking further would cost too much in a text of nothing but torn words.
const MAX_STEM_CHARS: usize = 40;

/// The beginning of the word that a line's last hyphen tears, if it tears one.
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
