//! The two file formats of captions. They differ in a header, in the decimal separator of times and in
//! tags; one lenient parser reads both.

use super::tags;
use super::{Cue, TimeSpan};

/// The cues of a file, and the language that its header declares.
#[derive(Debug, Default)]
pub(super) struct CueFile {
    pub(super) cues: Vec<Cue>,
    pub(super) language: Option<String>,
}

pub(super) fn parse(text: &str) -> CueFile {
    let mut file = CueFile::default();
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut pending: Vec<&str> = Vec::new();
    let mut time = None;
    let mut blank_before = true;
    for line in text.lines().map(str::trim_end) {
        if let Some(parsed) = time_line(line) {
            flush(&mut file, time.replace(parsed), &mut pending);
            blank_before = false;
            continue;
        }
        if time.is_none() {
            if let Some(language) = line.strip_prefix("Language:") {
                file.language = Some(language.trim().to_owned());
            }
            continue;
        }
        // Comments and styles between cues, up to the next time.
        if blank_before
            && ["NOTE", "STYLE", "REGION"]
                .iter()
                .any(|word| starts_block(line, word))
        {
            flush(&mut file, time.take(), &mut pending);
            continue;
        }
        blank_before = line.is_empty();
        pending.push(line);
    }
    flush(&mut file, time, &mut pending);
    file
}

fn starts_block(line: &str, word: &str) -> bool {
    line.strip_prefix(word)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ':']))
}

/// Adds the cue of a time and its lines. The last line, if the next cue follows, may be that one's number
/// or name, which stands after a blank line.
fn flush(file: &mut CueFile, time: Option<TimeSpan>, pending: &mut Vec<&str>) {
    while pending.last().is_some_and(|line| line.is_empty()) {
        pending.pop();
    }
    let blank = pending.iter().rposition(|line| line.is_empty());
    if let Some(blank) = blank
        && blank + 2 == pending.len()
        && pending.last().is_some_and(|line| is_cue_name(line))
    {
        pending.truncate(blank);
    } else if pending.len() == 1
        && pending
            .last()
            .is_some_and(|line| line.chars().all(|c| c.is_ascii_digit()))
    {
        // The number of the next cue after one without text.
        pending.clear();
    }
    let Some(time) = time else {
        pending.clear();
        return;
    };
    let joined = pending.join("\n");
    pending.clear();
    for (speaker, text) in tags::voices(&joined) {
        let lines = text.lines().map(collapsed).filter(|line| !line.is_empty());
        let lines: Vec<String> = lines.collect();
        if !lines.is_empty() {
            file.cues.push(Cue {
                time,
                speaker,
                lines,
            });
        }
    }
}

/// Returns whether a line that stands alone before a time may be the number or the name of its cue.
fn is_cue_name(line: &str) -> bool {
    line.chars().all(|c| c.is_ascii_digit())
        || !line.contains(' ')
            && line.contains(['-', '_', ':', '.'])
            && line.chars().any(|c| c.is_ascii_digit())
}

fn collapsed(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Parses `00:00:01,000 --> 00:00:04.000 align:start`.
fn time_line(line: &str) -> Option<TimeSpan> {
    let (start, rest) = line.split_once("-->")?;
    let end = rest.split_whitespace().next()?;
    let (start_ms, end_ms) = (timestamp(start.trim())?, timestamp(end)?);
    Some(TimeSpan {
        start_ms,
        end_ms: end_ms.max(start_ms),
    })
}

/// Parses `[hours:]minutes:seconds[,.]fraction` to milliseconds.
pub(super) fn timestamp(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once([',', '.']).unwrap_or((text, "0"));
    let parts: Vec<u64> = whole
        .split(':')
        .map(|part| part.trim().parse().ok())
        .collect::<Option<_>>()?;
    let seconds = match *parts.as_slice() {
        [hours, minutes, seconds] => hours
            .checked_mul(3600)?
            .checked_add(minutes.checked_mul(60)?)?
            .checked_add(seconds)?,
        [minutes, seconds] => minutes.checked_mul(60)?.checked_add(seconds)?,
        _ => return None,
    };
    let digits: String = fraction.chars().take(3).collect();
    let millis: u64 = format!("{digits:0<3}").parse().ok()?;
    seconds.checked_mul(1000)?.checked_add(millis)
}
