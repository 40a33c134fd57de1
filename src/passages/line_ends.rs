//! Small questions about the ends and words of a line, asked by several of the neighbours.

/// Quotes, brackets and Markdown emphasis, which may stand around a line without being part of it.
pub(super) fn is_wrapper(c: char) -> bool {
    matches!(
        c,
        '"' | '\'' | '“' | '”' | '‘' | '’' | '«' | '»' | '„' | '(' | ')' | '[' | ']' | '*' | '_'
    )
}

/// The last character of a line that says how it ends.
pub(super) fn last_significant_char(text: &str) -> Option<char> {
    text.trim_end_matches(|c: char| is_wrapper(c) || c == ' ')
        .chars()
        .next_back()
}

/// The first character of a line that says how it begins.
pub(super) fn first_significant_char(text: &str) -> Option<char> {
    text.trim_start_matches(|c: char| is_wrapper(c) || c == ' ')
        .chars()
        .next()
}

/// Whether a line ends where a sentence may end.
pub(super) fn ends_sentence(text: &str) -> bool {
    last_significant_char(text)
        .is_some_and(|c| matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？' | '।'))
}

/// Whether a line ends where a sentence or a clause that introduces something may end.
pub(super) fn ends_statement(text: &str) -> bool {
    ends_sentence(text)
        || last_significant_char(text).is_some_and(|c| matches!(c, ':' | ';' | '：' | '；'))
}

/// Whether a line begins in lower case, as the rest of a sentence does.
pub(super) fn starts_lowercase(text: &str) -> bool {
    first_significant_char(text).is_some_and(char::is_lowercase)
}

/// Whether most words that could be lower case are not: a title, a name, a heading.
pub(super) fn is_title_case(text: &str) -> bool {
    let mut words = 0_usize;
    let mut capital = 0_usize;
    for word in text.split_whitespace() {
        let Some(first) = first_significant_char(word).filter(|c| c.is_alphabetic()) else {
            continue;
        };
        // Titles keep their small words small.
        if word.chars().count() > 3 || !first.is_lowercase() {
            words += 1;
            capital += usize::from(!first.is_lowercase());
        }
    }
    capital * 5 >= words * 3
}

/// Words after which an English sentence cannot stop.
const NON_FINAL_WORDS: [&str; 44] = [
    "a", "an", "and", "any", "are", "as", "at", "be", "because", "been", "between", "but", "by",
    "can", "each", "every", "for", "from", "had", "has", "have", "her", "his", "if", "in", "into",
    "is", "its", "my", "nor", "of", "on", "or", "our", "than", "that", "the", "their", "these",
    "this", "to", "was", "with", "your",
];

/// Whether a line stops where no sentence can.
pub(super) fn ends_incomplete(text: &str) -> bool {
    let word = text.rsplit(' ').next().unwrap_or(text).to_lowercase();
    NON_FINAL_WORDS.contains(&word.as_str())
}

/// Scripts written without blanks between words, whose lines are rejoined without one.
pub(super) fn is_unspaced_script(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{ff00}'..='\u{ff60}' | '\u{20000}'..='\u{3ffff}')
}
