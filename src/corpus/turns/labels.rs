//! Lines that begin with the name of a speaker, and lines that are remarks rather than speech.

/// The beginning of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label<'a> {
    /// The speaker as printed, without colon and time.
    pub(super) name: &'a str,
    /// Whether it has the form of a name in minutes: a form of address, capitals, or a number.
    pub(super) is_formal: bool,
}

impl Label<'_> {
    /// Returns the name as it is compared.
    pub(super) fn key(&self) -> String {
        let letters = self.name.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    }
}

/// The longest label: a name with an office and a country.
const MAX_CHARS: usize = 80;
const MAX_WORDS: usize = 10;

/// Forms of address and offices that a name in minutes begins with.
const TITLES: [&str; 44] = [
    "mr",
    "mrs",
    "ms",
    "miss",
    "dr",
    "sir",
    "dame",
    "lord",
    "lady",
    "baroness",
    "the",
    "hon",
    "president",
    "chairman",
    "chairperson",
    "chair",
    "speaker",
    "senator",
    "representative",
    "prof",
    "professor",
    "judge",
    "justice",
    "question",
    "answer",
    "interviewer",
    "moderator",
    "secretary",
    "minister",
    "ambassador",
    "general",
    "admiral",
    "m",
    "mme",
    "señor",
    "señora",
    "sr",
    "sra",
    "herr",
    "frau",
    "q",
    "a",
    "rev",
    "deputy",
];

/// Words that stand before a colon and name no one.
const NO_NAMES: [&str; 24] = [
    "note", "source", "date", "time", "place", "subject", "re", "from", "to", "cc", "title",
    "abstract", "summary", "http", "https", "example", "chapter", "section", "article", "part",
    "agenda", "present", "contents", "figure",
];

/// Returns the label at the beginning of a line, and the length of the line up to the words after it.
pub(super) fn label(line: &str) -> Option<(Label<'_>, usize)> {
    let indent = line.len() - line.trim_start().len();
    // Markdown and flattened pages set names in bold.
    let start = line.get(indent..)?;
    let marks = start.len() - start.trim_start_matches(['*', '_']).len();
    let body = start.get(marks..)?;
    with_colon(body)
        .or_else(|| with_time(body))
        .map(|(label, length)| {
            let after = body.get(length..).unwrap_or_default();
            let closing = after.len() - after.trim_start_matches(['*', '_']).len();
            (label, indent + marks + length + closing)
        })
}

/// A name with a colon: `MR. SMITH:`, `The President (spoke in French):`.
fn with_colon(body: &str) -> Option<(Label<'_>, usize)> {
    let window = body
        .char_indices()
        .nth(MAX_CHARS)
        .map_or(body, |(end, _)| body.get(..end).unwrap_or_default());
    let colon = window.find([':', '：'])?;
    let end = colon + window.get(colon..)?.chars().next()?.len_utf8();
    // A time of day, a ratio or an address.
    if window
        .get(end..)?
        .starts_with(|c: char| c.is_ascii_digit() || c == '/')
    {
        return None;
    }
    let printed = window.get(..colon)?.trim().trim_end_matches(['*', '_']);
    let name =
        printed.split_once(" (").map_or(
            printed,
            |(name, aside)| if aside.ends_with(')') { name } else { printed },
        );
    is_name(name).map(|is_formal| (Label { name, is_formal }, end))
}

/// A name with a time, alone on its line: `Speaker 1  6:41`, `Ada Low (00:06:41)`.
fn with_time(body: &str) -> Option<(Label<'_>, usize)> {
    let line = body.trim_end();
    let (name, time) = line.rsplit_once([' ', '\t', '('])?;
    let time = time.trim_matches(['[', ']', '(', ')']);
    let is_time = (4..=8).contains(&time.len())
        && time.contains(':')
        && time.split(':').all(|part| {
            !part.is_empty() && part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit())
        });
    let name = name.trim_end_matches([' ', '\t', '(', '[', '-', '–']);
    (is_time && line.len() <= MAX_CHARS && is_name(name).is_some()).then_some((
        Label {
            name,
            is_formal: true,
        },
        line.len(),
    ))
}

/// Returns whether text may be the name of a speaker, and whether it has the form of one in minutes.
fn is_name(name: &str) -> Option<bool> {
    let words: Vec<&str> = name.split_whitespace().collect();
    let first = words.first()?;
    let bare: String = first
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    if words.len() > MAX_WORDS
        || NO_NAMES.contains(&bare.as_str())
        || name.contains(['?', '!', ';', '"', '“', '=', '/'])
    {
        return None;
    }
    // A sentence before the colon is not a name, though abbreviations have full stops.
    if name
        .split(". ")
        .any(|part| part.split_whitespace().count() > 6)
    {
        return None;
    }
    let starts_upper = first.starts_with(|c: char| c.is_uppercase() || is_unicased(c));
    if !starts_upper || !name.chars().any(char::is_alphabetic) {
        return None;
    }
    let particle = |word: &str| {
        matches!(
            word,
            "of" | "the"
                | "de"
                | "la"
                | "van"
                | "von"
                | "da"
                | "del"
                | "for"
                | "and"
                | "y"
                | "du"
                | "di"
                | "al"
                | "bin"
                | "und"
        )
    };
    let capitalized = words.iter().skip(1).all(|word| {
        let word = word.trim_start_matches(['(', '[', '\'']);
        particle(word)
            || word.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit() || is_unicased(c))
    });
    if !capitalized {
        return None;
    }
    let letters = name.chars().filter(|c| c.is_alphabetic()).count();
    let all_upper = letters >= 2 && !name.chars().any(char::is_lowercase);
    let titled = TITLES.contains(&bare.as_str())
        && (words.len() > 1
            || matches!(
                bare.as_str(),
                "president"
                    | "chairman"
                    | "chair"
                    | "speaker"
                    | "question"
                    | "answer"
                    | "interviewer"
                    | "moderator"
                    | "q"
                    | "a"
                    | "chairperson"
            ));
    let numbered = words.len() == 2
        && words
            .last()
            .is_some_and(|word| word.bytes().all(|b| b.is_ascii_digit()))
        && bare == "speaker";
    Some(all_upper || titled || numbered)
}

/// Returns whether a letter is of a script without case.
fn is_unicased(c: char) -> bool {
    c.is_alphabetic() && !c.is_uppercase() && !c.is_lowercase()
}

/// Returns a line that is in brackets as a whole, if it is a remark: anything short in square brackets, or
/// a word for a sound or an act in round ones.
pub(super) fn remark(line: &str) -> Option<&str> {
    const MAX_REMARK_CHARS: usize = 100;
    const ACTS: [&str; 16] = [
        "applause",
        "laughter",
        "cheers",
        "interruption",
        "interjection",
        "pause",
        "inaudible",
        "crosstalk",
        "music",
        "silence",
        "bell",
        "standing",
        "laughs",
        "cries of",
        "hear, hear",
        "spoke in",
    ];
    let text = line.trim().trim_matches(['*', '_']);
    if text.chars().count() > MAX_REMARK_CHARS {
        return None;
    }
    let inner = |open, close| {
        text.strip_prefix(open)
            .and_then(|rest: &str| rest.strip_suffix(close))
            .filter(|inner| !inner.contains([open, close]))
    };
    if let Some(inner) = inner('[', ']') {
        return inner.chars().any(char::is_alphabetic).then_some(text);
    }
    let inner = inner('(', ')')?.to_lowercase();
    ACTS.iter().any(|act| inner.contains(act)).then_some(text)
}
