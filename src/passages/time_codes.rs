//! Time codes of captions and transcripts: cues, clocks, and the names next to them.
//!
//! A time is not speech. A name next to one tells that another speaker begins, so that nothing is joined
//! over it; the text of one speaker flows on from cue to cue.

use super::DropReason;
use super::lines::SourceLine;

/// Clocks and names with a clock prove something only in numbers.
const MIN_CLOCKS: usize = 2;
const MIN_NAMED_CLOCKS: usize = 3;
/// Names of speakers are not longer.
const MAX_NAME_CHARS: usize = 60;

/// Marks the time codes of a document, and separates the names of speakers from them.
pub(super) fn separate(lines: Vec<SourceLine>) -> (Vec<SourceLine>, Vec<Option<DropReason>>) {
    let has_cues = lines.iter().any(|line| parse_cue(&line.text).is_some());
    let has_clocks = counts_up(&lines, MIN_CLOCKS, parse_clock);
    let has_named_clocks = counts_up(&lines, MIN_NAMED_CLOCKS, named_clock);
    let mut kept = Vec::with_capacity(lines.len());
    let mut marks = Vec::with_capacity(lines.len());
    let mut speaker = String::new();
    for mut line in lines {
        if let Some((time, name)) = parse_cue(&line.text) {
            let number = kept.last().is_some_and(is_cue_number);
            if let (true, Some(mark)) = (number, marks.last_mut()) {
                *mark = Some(DropReason::TimeCode);
            }
            let name = name.to_owned();
            if !name.is_empty() && name != speaker {
                let time = time.to_owned();
                kept.push(SourceLine {
                    chars: time.chars().count(),
                    text: time,
                    ..line.clone()
                });
                marks.push(Some(DropReason::TimeCode));
                line.chars = name.chars().count();
                line.text.clone_from(&name);
                line.stands_alone = true;
                line.blank_lines_before = 0;
                speaker = name;
                kept.push(line);
                marks.push(None);
            } else {
                kept.push(line);
                marks.push(Some(DropReason::TimeCode));
            }
            continue;
        }
        let clock = has_clocks && parse_clock(&line.text).is_some();
        line.stands_alone = clock || has_named_clocks && named_clock(&line.text).is_some();
        let header = has_cues && kept.is_empty() && line.text.starts_with("WEBVTT");
        kept.push(line);
        marks.push((clock || header).then_some(DropReason::TimeCode));
    }
    (kept, marks)
}

fn is_cue_number(line: &SourceLine) -> bool {
    line.text.len() <= 5 && line.text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Parses a cue's line, `00:00:18,200 --> 00:01:19,500 [Speaker]`, into its time and its name.
fn parse_cue(text: &str) -> Option<(&str, &str)> {
    let (from, rest) = text.split_once("-->")?;
    let rest = rest.trim_start();
    let to = rest.split(' ').next()?;
    parse_clock(from.trim())?;
    parse_clock(to)?;
    let name = rest[to.len()..].trim();
    // WebVTT's settings, such as `align:start position:0%`.
    let is_setting = |word: &str| word.contains(':') && !word.ends_with(':');
    if name
        .split(' ')
        .all(|word| is_setting(word) || word.is_empty())
    {
        return Some((text, ""));
    }
    Some((text[..text.len() - name.len()].trim_end(), name))
}

/// Parses a time, `27:51`, `00:27:51`, `(00:27:51,200)`, into seconds.
fn parse_clock(text: &str) -> Option<u32> {
    let inner = text.trim_matches(|c| matches!(c, '[' | ']' | '(' | ')' | ' '));
    let inner = inner.split_once(['.', ',']).map_or(inner, |(time, _)| time);
    let fraction = &text[text.find(inner)? + inner.len()..];
    let mut seconds = 0;
    let parts: Vec<&str> = inner.split(':').collect();
    let sized = parts
        .iter()
        .enumerate()
        .all(|(nth, part)| part.len() == 2 || nth == 0 && (1..=3).contains(&part.len()));
    if !(2..=3).contains(&parts.len())
        || !sized
        || !fraction
            .chars()
            .all(|c| c.is_ascii_digit() || ".,[]() ".contains(c))
    {
        return None;
    }
    for part in parts {
        let number = part.bytes().all(|byte| byte.is_ascii_digit());
        seconds = seconds * 60 + number.then(|| part.parse::<u32>().ok()).flatten()?;
    }
    Some(seconds)
}

/// Parses a line of a name and a time, `Anna Keller  0:14`, `Speaker 1: ( 27:54 )`, into seconds.
fn named_clock(text: &str) -> Option<u32> {
    let body = text.trim_end_matches([')', ']', ' ']);
    let at = body.rfind(|c: char| !c.is_ascii_digit() && c != ':')?;
    let time = body
        .get(at..)?
        .trim_start_matches(|c: char| !c.is_ascii_digit());
    let name = body
        .get(..body.len() - time.len())?
        .trim_end_matches([' ', '(', '[', ':', '-', '–', '|']);
    let is_name = name.starts_with(char::is_uppercase)
        && name.chars().count() <= MAX_NAME_CHARS
        && name.ends_with(char::is_alphanumeric);
    is_name.then(|| parse_clock(time)).flatten()
}

/// Returns whether a document has at least `min` such times, and most are later than the one before.
fn counts_up(lines: &[SourceLine], min: usize, parse: fn(&str) -> Option<u32>) -> bool {
    let times: Vec<u32> = lines.iter().filter_map(|line| parse(&line.text)).collect();
    let later = times.windows(2).filter(|pair| pair[0] <= pair[1]).count();
    times.len() >= min && later * 10 >= (times.len() - 1) * 9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_parsed() {
        assert_eq!(parse_clock("00:27:51"), Some(1671));
        assert_eq!(parse_clock("( 1:05 )"), Some(65));
        assert_eq!(parse_clock("00:00:18,200"), Some(18));
        for text in [
            "",
            "27",
            "1:5",
            "a:10",
            "10:30 today",
            "1:00:00:00",
            "12.30",
        ] {
            assert_eq!(parse_clock(text), None, "{text}");
        }
        assert_eq!(named_clock("Anna Keller 0:14"), Some(14));
        assert_eq!(named_clock("Speaker 1: ( 27:54 )"), Some(1674));
        assert_eq!(named_clock("we met at 10:30"), None);
        assert_eq!(named_clock("In 2015"), None);
    }

    #[test]
    fn cues_have_a_time_and_perhaps_a_name() {
        let cue = parse_cue("00:01.200 --> 00:02.000 align:start position:0%");
        assert_eq!(cue.map(|(_, name)| name), Some(""));
        assert_eq!(
            parse_cue("00:00:18,200 --> 00:01:19,500 [The Chair]"),
            Some(("00:00:18,200 --> 00:01:19,500", "[The Chair]"))
        );
        assert_eq!(parse_cue("from A --> to B"), None);
    }
}
