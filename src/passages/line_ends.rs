//! Rules about the punctuation and case of a line, shared by several files.

/// Returns whether a character is a quote, bracket or Markdown emphasis, which may enclose a line.
pub(super) fn is_wrapper(c: char) -> bool {
    matches!(
        c,
        '"' | '\'' | '“' | '”' | '‘' | '’' | '«' | '»' | '„' | '(' | ')' | '[' | ']' | '*' | '_'
    )
}

/// Returns the last character of a line, ignoring enclosing quotes and brackets.
pub(super) fn last_significant_char(text: &str) -> Option<char> {
    text.trim_end_matches(|c: char| is_wrapper(c) || c == ' ')
        .chars()
        .next_back()
}

/// Returns the first character of a line, ignoring enclosing quotes and brackets.
pub(super) fn first_significant_char(text: &str) -> Option<char> {
    text.trim_start_matches(|c: char| is_wrapper(c) || c == ' ')
        .chars()
        .next()
}

/// Returns whether a line ends where a sentence may end.
pub(super) fn ends_sentence(text: &str) -> bool {
    last_significant_char(text)
        .is_some_and(|c| matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？' | '।'))
}

/// Returns whether a line ends where a sentence or an introducing clause may end.
pub(super) fn ends_statement(text: &str) -> bool {
    ends_sentence(text)
        || last_significant_char(text).is_some_and(|c| matches!(c, ':' | ';' | '：' | '；'))
}

/// Returns whether a line starts in lower case, like the rest of a sentence.
pub(super) fn starts_lowercase(text: &str) -> bool {
    first_significant_char(text).is_some_and(char::is_lowercase)
}

/// Returns whether most words are capitalized, as in a title, name or heading.
pub(super) fn is_title_case(text: &str) -> bool {
    let mut words = 0_usize;
    let mut capital = 0_usize;
    for word in text.split_whitespace() {
        let Some(first) = first_significant_char(word).filter(|c| c.is_alphabetic()) else {
            continue;
        };
        // Short words of titles are in lower case.
        if word.chars().count() > 3 || !first.is_lowercase() {
            words += 1;
            capital += usize::from(!first.is_lowercase());
        }
    }
    capital * 5 >= words * 3
}

/// Words that cannot end an English sentence.
const NON_FINAL_WORDS: [&str; 44] = [
    "a", "an", "and", "any", "are", "as", "at", "be", "because", "been", "between", "but", "by",
    "can", "each", "every", "for", "from", "had", "has", "have", "her", "his", "if", "in", "into",
    "is", "its", "my", "nor", "of", "on", "or", "our", "than", "that", "the", "their", "these",
    "this", "to", "was", "with", "your",
];

/// Returns whether a line ends in a word that cannot end a sentence.
pub(super) fn ends_incomplete(text: &str) -> bool {
    let word = text.rsplit(' ').next().unwrap_or(text).to_lowercase();
    NON_FINAL_WORDS.contains(&word.as_str())
}

/// Returns whether a character belongs to a script without blanks between words, whose lines are
/// rejoined without a blank.
pub(super) fn is_unspaced_script(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{ff00}'..='\u{ff60}' | '\u{20000}'..='\u{3ffff}')
}
