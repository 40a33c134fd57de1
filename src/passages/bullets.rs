//! List markers at the start of a line.

/// Kinds of list markers, which differ in reliability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListMarker {
    /// A character that is always a bullet: `•`, `·`, `▪`.
    Bullet,
    /// A character that also occurs in prose: a dash, an asterisk, a letter o.
    Dash,
    /// A number or letter: `1.`, `(a)`, `iv)`.
    Enumerator,
}

/// Returns a line's marker and the length in bytes of marker and blank; `None` if no text follows.
pub(super) fn list_marker(text: &str) -> Option<(ListMarker, usize)> {
    let first = text.chars().next()?;
    let after_first = &text[first.len_utf8()..];
    if is_bullet(first) {
        let item = after_first.trim_start();
        return (!item.is_empty()).then_some((ListMarker::Bullet, text.len() - item.len()));
    }
    let blank = text.find(' ')?;
    let item = &text[blank + 1..];
    if item.is_empty() {
        return None;
    }
    let kind = if is_dash(first) && after_first.starts_with(' ') {
        ListMarker::Dash
    } else if is_enumerator(&text[..blank]) {
        ListMarker::Enumerator
    } else {
        return None;
    };
    Some((kind, blank + 1))
}

/// Returns whether a line is only a bullet, whose item is on the next line.
pub(super) fn is_lone_bullet(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(is_bullet) && chars.next().is_none()
}

fn is_bullet(c: char) -> bool {
    matches!(
        c,
        '•' | '·'
            | '∙'
            | '▪'
            | '▫'
            | '■'
            | '□'
            | '●'
            | '○'
            | '◦'
            | '◆'
            | '◇'
            | '‣'
            | '►'
            | '▶'
            | '➢'
            | '➤'
            | '✓'
            | '✔'
            | '❖'
            | '\u{f0b7}'
            | '\u{f0a7}'
            | '\u{f0d8}'
    )
}

fn is_dash(c: char) -> bool {
    matches!(c, '-' | '–' | '—' | '−' | '*' | 'o')
}

/// `1.`, `12)`, `(3)`, `a)`, `(b)`, `iv)`. Letters need a bracket: "a." and "I." are prose.
fn is_enumerator(word: &str) -> bool {
    let has_open = word.starts_with('(');
    let inner = word.trim_start_matches('(');
    let Some(closed) = inner.strip_suffix(')') else {
        return !has_open
            && inner.strip_suffix('.').is_some_and(|digits| {
                (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
            });
    };
    let digits = (1..=3).contains(&closed.len()) && closed.bytes().all(|b| b.is_ascii_digit());
    let letter = closed.len() == 1 && closed.bytes().all(|b| b.is_ascii_alphabetic());
    let roman = (1..=4).contains(&closed.len()) && closed.bytes().all(|b| b"ivx".contains(&b));
    digits || letter || roman
}
