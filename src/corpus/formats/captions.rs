//! Captions of a recording: cues to running text.
//!
//! The reader for `SubRip` and `WebVTT`; the segments of Whisper and the events of `YouTube`, which are
//! JSON, become the same cues. Cues are joined to sentences, and a pause after a sentence, another
//! speaker or a long paragraph starts a new one. A cue that repeats the line before it, as rolling
//! captions do, adds only what is new. The times of the cues are the anchors of the text.

mod cue_file;
mod rolling;
mod tags;

use crate::corpus::anchors::{Anchors, TimeSpan};
use crate::corpus::error::SkipReason;
use crate::corpus::parsed::{
    CountingReader, ParsedDocument, ParsedDocuments, ReadContext, Turn, whole_file,
};
use crate::corpus::text::read_decoded;

/// A pause after a sentence that starts a paragraph.
const PARAGRAPH_PAUSE_MS: u64 = 2_000;

/// A paragraph of this length ends with its sentence.
const LONG_PARAGRAPH_BYTES: usize = 700;

/// One caption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cue {
    pub(super) time: TimeSpan,
    pub(super) speaker: Option<String>,
    /// Its lines, without tags.
    pub(super) lines: Vec<String>,
}

pub(super) fn read(file: CountingReader, context: &ReadContext) -> ParsedDocuments {
    let limits = context.limits;
    whole_file(move || {
        let (text, note) = read_decoded(file, limits)?;
        let parsed = cue_file::parse(&text);
        if parsed.cues.is_empty() {
            return Err(SkipReason::Malformed {
                format: "captions",
                problem: "it has no cue; expected lines such as 00:00:01,000 --> 00:00:04,000"
                    .to_owned(),
            }
            .into());
        }
        let mut document = document(parsed.cues);
        if let Some(language) = parsed.language {
            let set = document.metadata.set_if_absent("language", language.into());
            document.notes.extend(set.err());
        }
        document.notes.extend(note);
        Ok(vec![document])
    })
}

/// Joins cues to a document.
pub(super) fn document(cues: Vec<Cue>) -> ParsedDocument {
    let cues = rolling::without_repeats(cues);
    let mut writer = Writer::default();
    for cue in cues {
        writer.push(&cue);
    }
    writer.finish()
}

#[derive(Default)]
struct Writer {
    text: String,
    times: Vec<(usize, TimeSpan)>,
    turns: Vec<Turn>,
    paragraph_start: usize,
    last_end_ms: u64,
    remarks: Vec<String>,
}

impl Writer {
    fn push(&mut self, cue: &Cue) {
        let speaker_changes = cue.speaker.is_some()
            && self
                .turns
                .last()
                .is_none_or(|turn| turn.speaker != cue.speaker);
        if speaker_changes {
            self.end_turn();
            self.start_paragraph();
            self.turns.push(Turn {
                range: self.text.len()..self.text.len(),
                speaker: cue.speaker.clone(),
                remarks: Vec::new(),
            });
        }
        let mut is_first = true;
        for line in &cue.lines {
            let (words, opens_paragraph) = tags::without_change_mark(line);
            if words.is_empty() {
                continue;
            }
            if tags::is_sound(words) {
                self.remarks.push(words.to_owned());
                continue;
            }
            let pause = is_first
                && cue.time.start_ms >= self.last_end_ms.saturating_add(PARAGRAPH_PAUSE_MS);
            let length = self.text.len().saturating_sub(self.paragraph_start);
            if opens_paragraph
                || (ends_sentence(&self.text) && (pause || length >= LONG_PARAGRAPH_BYTES))
            {
                self.start_paragraph();
            } else if self.text.len() > self.paragraph_start {
                self.text.push(' ');
            }
            if is_first {
                self.times.push((self.text.len(), cue.time));
            }
            self.text.push_str(words);
            is_first = false;
        }
        if !is_first {
            self.last_end_ms = cue.time.end_ms;
        }
    }

    fn start_paragraph(&mut self) {
        if !self.text.is_empty() && self.text.len() > self.paragraph_start {
            self.text.push_str("\n\n");
        }
        self.paragraph_start = self.text.len();
    }

    fn end_turn(&mut self) {
        let remarks = std::mem::take(&mut self.remarks);
        let end = self.text.len();
        match self.turns.last_mut() {
            Some(turn) => {
                turn.range.end = end;
                turn.remarks = remarks;
            }
            // Before the first speaker is named.
            None if end > 0 => self.turns.push(Turn {
                range: 0..end,
                speaker: None,
                remarks,
            }),
            None => self.remarks = remarks,
        }
    }

    fn finish(mut self) -> ParsedDocument {
        if self.turns.is_empty() {
            let remarks = std::mem::take(&mut self.remarks);
            let mut document = ParsedDocument {
                text: self.text,
                anchors: Anchors::Times(self.times),
                ..ParsedDocument::default()
            };
            if !remarks.is_empty() {
                let set = document.metadata.set_if_absent("remarks", remarks.into());
                document.notes.extend(set.err());
            }
            return document;
        }
        self.end_turn();
        ParsedDocument {
            text: self.text,
            anchors: Anchors::Times(self.times),
            turns: self.turns,
            ..ParsedDocument::default()
        }
    }
}

fn ends_sentence(text: &str) -> bool {
    let end = text.trim_end_matches(['"', '\'', '”', '’', ')', '»']);
    end.ends_with(['.', '!', '?', '…', '。', '！', '？'])
}

#[cfg(test)]
mod tests;
