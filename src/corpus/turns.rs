//! Speakers who take turns: documents of several speakers to a document for each turn.
//!
//! Some formats say who speaks (`Turn`s of the reader). In plain texts it is found by evidence over the
//! whole document: lines that begin with something like a name and a colon, where few names recur, with
//! other words each time, and have most of the text after them. One line is no evidence. Each turn is a
//! document whose `parent` is the id of the whole; lines in brackets (`[Applause]`) are remarks of their
//! turn and not part of its text.

mod labels;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_json::Value;

use super::events::DocumentNote;
use super::options::TurnMode;
use super::parsed::Turn;
use super::{Document, DocumentId};
use labels::{Label, label, remark};

/// Turns, names and turns per name that are evidence of a debate.
const MIN_TURNS: usize = 4;
const MIN_TURNS_PER_NAME: usize = 2;

/// The part of the text that turns make up.
const MIN_TEXT_PERCENT: usize = 60;

/// Splits a document into its turns. It is returned whole if it has none, if only one speaker has words,
/// or if it names its speaker itself.
pub(super) fn split(
    document: Document,
    declared: Vec<Turn>,
    mode: TurnMode,
    notes: &mut Vec<DocumentNote>,
) -> Vec<Document> {
    if mode == TurnMode::Off || (mode == TurnMode::Auto && document.metadata.speaker.is_some()) {
        return vec![document];
    }
    let turns = if declared.is_empty() {
        match find(&document.text, mode) {
            Found::Turns(turns) => turns,
            Found::Unsure { names } => {
                notes.push(DocumentNote::TurnsUnsure { names });
                return vec![document];
            }
            Found::None => return vec![document],
        }
    } else {
        declared
    };
    let documents = documents(&document, turns);
    if documents.len() < 2 {
        return vec![document];
    }
    notes.push(DocumentNote::SplitIntoTurns {
        turns: documents.len(),
    });
    documents
}

fn documents(whole: &Document, turns: Vec<Turn>) -> Vec<Document> {
    let mut documents: Vec<Document> = Vec::new();
    let mut number = 0;
    for turn in turns {
        let (text, offset, remarks) =
            without_remarks(&whole.text, turn.range.clone(), turn.remarks);
        let has_words = text.chars().any(char::is_alphanumeric);
        if !has_words {
            // A remark between two turns belongs to the one before.
            if let Some(last) = documents.last_mut() {
                add_remarks(last, remarks);
            }
            continue;
        }
        number += 1;
        let mut metadata = whole.metadata.clone();
        metadata.speaker = turn.speaker.or_else(|| whole.metadata.speaker.clone());
        for (name, value) in [
            ("parent", Value::from(whole.id.as_str())),
            ("turn", Value::from(number)),
        ] {
            metadata.attributes.insert(name.to_owned(), value);
        }
        let anchors = whole.anchors.slice(&whole.text, offset, turn.range.end);
        let mut document = Document {
            id: DocumentId::from_name(&format!("{}.{number}", whole.id)),
            text,
            metadata,
            anchors,
        };
        add_remarks(&mut document, remarks);
        documents.push(document);
    }
    documents
}

fn add_remarks(document: &mut Document, remarks: Vec<String>) {
    if remarks.is_empty() {
        return;
    }
    let entry = document.metadata.attributes.entry("remarks".to_owned());
    let list = entry.or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(list) = list {
        list.extend(remarks.into_iter().map(Value::from));
    }
}

/// Returns a part of the text without lines that are remarks, where it begins, and the remarks. Lines stay
/// in their places, so that the anchors of the text hold.
fn without_remarks(
    text: &str,
    range: Range<usize>,
    mut remarks: Vec<String>,
) -> (String, usize, Vec<String>) {
    let part = text.get(range.clone()).unwrap_or_default();
    let trimmed = part.trim_start();
    let offset = range.start + (part.len() - trimmed.len());
    let mut kept = String::with_capacity(trimmed.len());
    for line in trimmed.split_inclusive('\n') {
        match remark(line) {
            Some(remark) => {
                remarks.push(remark.to_owned());
                // As long as the line, so that what follows does not move.
                let end = line.len() - line.trim_end_matches(['\r', '\n']).len();
                kept.extend(std::iter::repeat_n(' ', line.len() - end));
                kept.push_str(line.get(line.len() - end..).unwrap_or_default());
            }
            None => kept.push_str(line),
        }
    }
    (kept.trim_end().to_owned(), offset, remarks)
}

enum Found {
    Turns(Vec<Turn>),
    /// Some lines look like the beginnings of turns, and not enough.
    Unsure {
        names: usize,
    },
    None,
}

/// A line that begins with a label.
struct Start<'a> {
    /// Where its line and where its words begin.
    line: usize,
    words: usize,
    label: Label<'a>,
}

/// Finds the turns of a text.
fn find(text: &str, mode: TurnMode) -> Found {
    let mut starts: Vec<Start<'_>> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive(['\n', '\u{c}']) {
        if let Some((label, length)) = label(line) {
            starts.push(Start {
                line: at,
                words: at + length,
                label,
            });
        }
        at += line.len();
    }
    let mut by_name: BTreeMap<String, usize> = BTreeMap::new();
    for start in &starts {
        *by_name.entry(start.label.key()).or_default() += 1;
    }
    // Names in capitals or with a form of address stand for themselves; other words before a colon have to
    // recur.
    starts.retain(|start| {
        mode == TurnMode::On
            || start.label.is_formal
            || by_name.get(&start.label.key()).copied().unwrap_or(0) >= 3
    });
    let names: BTreeSet<String> = starts.iter().map(|start| start.label.key()).collect();
    if starts.is_empty() {
        return Found::None;
    }
    if mode == TurnMode::Auto {
        let first = starts.first().map_or(0, |start| start.line);
        let share = (text.len() - first) * 100 / text.len().max(1);
        let recurring = starts.len() >= names.len() * MIN_TURNS_PER_NAME;
        let formal =
            starts.iter().filter(|start| start.label.is_formal).count() * 3 >= starts.len() * 2;
        // In a long debate most speak once, after the chair has called on them.
        let chaired = names
            .iter()
            .any(|name| by_name.get(name).copied().unwrap_or(0) * 5 >= starts.len())
            && formal;
        let enough = starts.len() >= MIN_TURNS && names.len() >= 2;
        let other_words = distinct_openings(text, &starts) * 10 >= starts.len() * 6;
        if !(enough && other_words && share >= MIN_TEXT_PERCENT && (recurring || chaired)) {
            let some = starts.len() >= 2 && names.len() >= 2 && formal;
            return if some {
                Found::Unsure { names: names.len() }
            } else {
                Found::None
            };
        }
    }
    let mut turns = Vec::new();
    let first = starts.first().map_or(text.len(), |start| start.line);
    turns.push(Turn {
        range: 0..first,
        ..Turn::default()
    });
    for (index, start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).map_or(text.len(), |next| next.line);
        turns.push(Turn {
            range: start.words.min(end)..end,
            speaker: Some(start.label.name.to_owned()),
            remarks: Vec::new(),
        });
    }
    Found::Turns(turns)
}

/// Counts the different words that follow labels: in a form, the same follow each time.
fn distinct_openings(text: &str, starts: &[Start<'_>]) -> usize {
    let openings: BTreeSet<&str> = starts
        .iter()
        .map(|start| {
            let rest = text.get(start.words..).unwrap_or_default().trim_start();
            rest.char_indices()
                .nth(24)
                .map_or(rest, |(end, _)| rest.get(..end).unwrap_or_default())
        })
        .collect();
    openings.len()
}

#[cfg(test)]
mod tests;
