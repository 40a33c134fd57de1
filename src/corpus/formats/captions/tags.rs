//! Tags and marks inside of captions.

/// Splits the text of a cue at its voice tags (`<v Name>`), and removes all other tags and entities.
pub(super) fn voices(text: &str) -> Vec<(Option<String>, String)> {
    let mut voices: Vec<(Option<String>, String)> = vec![(None, String::new())];
    let mut rest = text;
    while let Some(at) = rest.find(['<', '{']) {
        let (before, tag) = rest.split_at(at);
        push(&mut voices, before);
        let close = if tag.starts_with('<') { '>' } else { '}' };
        // A mark of sub-formats such as {\an8}; other braces are text.
        let is_tag = tag.starts_with("{\\") || tag.get(1..).is_some_and(starts_tag);
        let end = tag.find(close).filter(|_| is_tag);
        let Some(end) = end else {
            push(&mut voices, tag.get(..1).unwrap_or_default());
            rest = tag.get(1..).unwrap_or_default();
            continue;
        };
        let name = tag.get(1..end).unwrap_or_default();
        if name.starts_with("v ") || name.starts_with("v.") {
            let speaker = name
                .split_once(' ')
                .map_or("", |(_, speaker)| speaker)
                .trim();
            let speaker = (!speaker.is_empty()).then(|| unescape(speaker));
            voices.push((speaker, String::new()));
        }
        rest = tag.get(end + 1..).unwrap_or_default();
    }
    push(&mut voices, rest);
    voices.retain(|(_, text)| !text.trim().is_empty());
    for (_, text) in &mut voices {
        *text = unescape(text);
    }
    voices
}

fn push(voices: &mut [(Option<String>, String)], text: &str) {
    if let Some((_, last)) = voices.last_mut() {
        last.push_str(text);
    }
}

/// Returns whether what follows `<` is a tag rather than a comparison.
fn starts_tag(rest: &str) -> bool {
    rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
}

fn unescape(text: &str) -> String {
    let mut text = text.to_owned();
    for (entity, character) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&nbsp;", " "),
        ("&lrm;", ""),
        ("&rlm;", ""),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ] {
        if text.contains(entity) {
            text = text.replace(entity, character);
        }
    }
    text
}

/// Removes the mark of another speaker (`>>`, a dash); returns whether there was one.
pub(super) fn without_change_mark(line: &str) -> (&str, bool) {
    let words = line.trim_start_matches('>');
    if line.len() >= words.len() + 2 {
        return (words.trim(), true);
    }
    match line.strip_prefix("- ").or_else(|| line.strip_prefix("– ")) {
        Some(words) => (words.trim(), true),
        None => (line.trim(), false),
    }
}

/// Returns whether a line is a sound (`[Applause]`, `(laughter)`, `♪ … ♪`) rather than speech.
pub(super) fn is_sound(line: &str) -> bool {
    const MAX_CHARS: usize = 60;
    let enclosed = |open, close| {
        line.starts_with(open)
            && line.find(close) == Some(line.len() - 1)
            && line.chars().count() <= MAX_CHARS
    };
    enclosed('[', ']') || enclosed('(', ')') || line.chars().all(|c| matches!(c, '♪' | '♫' | ' '))
}
