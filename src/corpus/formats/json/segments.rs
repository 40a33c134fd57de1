//! Transcripts as lists of timed segments: Whisper and its relatives, and `YouTube`'s own format.

use serde_json::Value;

use super::super::captions::{self, Cue};
use crate::corpus::anchors::TimeSpan;
use crate::corpus::parsed::ParsedDocument;

/// Returns the document of a transcript.
pub(super) fn document(value: &Value) -> Option<ParsedDocument> {
    let mut document = captions::document(cues(value)?);
    let language = value
        .get("language")
        .or_else(|| value.get("result")?.get("language"));
    for (name, field) in [("language", language), ("title", value.get("title"))] {
        if let Some(Value::String(text)) = field {
            let set = document.metadata.set_if_absent(name, text.as_str().into());
            document.notes.extend(set.err());
        }
    }
    Some(document)
}

/// Returns the segments of a transcript, if the value is one.
pub(super) fn cues(value: &Value) -> Option<Vec<Cue>> {
    let list = |name: &str| value.get(name).and_then(Value::as_array);
    if let Some(segments) = list("segments").or_else(|| list("transcription")) {
        let cues: Option<Vec<Cue>> = segments.iter().map(segment).collect();
        return cues.filter(|cues| !cues.is_empty());
    }
    let events: Vec<Cue> = list("events")?.iter().filter_map(event).collect();
    (!events.is_empty()).then_some(events)
}

/// A segment of Whisper, in seconds, or of whisper.cpp, in milliseconds.
fn segment(value: &Value) -> Option<Cue> {
    let seconds = |name: &str| value.get(name).and_then(Value::as_f64).map(to_ms);
    let offset = |name: &str| value.get("offsets")?.get(name)?.as_u64();
    let start_ms = seconds("start").or_else(|| offset("from"))?;
    let end_ms = seconds("end").or_else(|| offset("to"))?;
    let speaker = value.get("speaker").and_then(Value::as_str);
    Some(cue(start_ms, end_ms, speaker, value.get("text")?.as_str()?))
}

fn event(value: &Value) -> Option<Cue> {
    let start_ms = value.get("tStartMs")?.as_u64()?;
    let length = value
        .get("dDurationMs")
        .and_then(Value::as_u64)
        .unwrap_or(0);
    let segments = value.get("segs")?.as_array()?.iter();
    let text: String = segments
        .filter_map(|segment| segment.get("utf8")?.as_str())
        .collect();
    let end_ms = start_ms.saturating_add(length);
    (!text.trim().is_empty()).then(|| cue(start_ms, end_ms, None, &text))
}

fn cue(start_ms: u64, end_ms: u64, speaker: Option<&str>, text: &str) -> Cue {
    let lines = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    Cue {
        time: TimeSpan {
            start_ms,
            end_ms: end_ms.max(start_ms),
        },
        speaker: speaker.map(str::to_owned),
        lines: lines.filter(|line| !line.is_empty()).collect(),
    }
}

fn to_ms(seconds: f64) -> u64 {
    // Saturates; negative numbers become zero.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let ms = (seconds * 1000.0).round() as u64;
    ms
}
