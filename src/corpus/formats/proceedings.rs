//! The reader for proceedings in XML: TEI (`ParlaMint`, Parla-CLARIN and others), Akoma Ntoso, and the
//! Hansard of several parliaments.
//!
//! A sitting is a parent, and what one speaker says in one go is a document of it, with the speaker by
//! name. Notes, applause and interjections are remarks of the turn they stand in and not part of its
//! text; headings outside of turns are the `section` of those that follow. A file without turns is one
//! document.

mod head;
mod people;
mod turns;

use std::path::Path;

use super::bounded::read_unpacked;
use super::xml::{XmlEvent, XmlReader, decode_xml};
use crate::corpus::error::SkipReason;
use crate::corpus::format::file_stem;
use crate::corpus::parsed::{
    CountingReader, ParseIssue, ParsedDocument, ParsedDocuments, ReadContext, whole_file,
};
use head::Head;
use people::People;
use turns::{TurnReader, Vocabulary};

const FORMAT: &str = "XML";

pub(super) fn read(file: CountingReader, context: &ReadContext) -> ParsedDocuments {
    let context = context.clone();
    whole_file(move || {
        if let Some(plain) = plain_twin(&context.path) {
            return Err(SkipReason::AnnotatedTwin { plain }.into());
        }
        let bytes = read_unpacked(file, context.limits.max_file_bytes)?;
        let xml = decode_xml(bytes)?;
        documents(&xml, &context.path)
    })
}

/// Returns the name of the file without annotations next to an annotated one.
fn plain_twin(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let plain = name.replace(".ana.", ".");
    (plain != name && path.with_file_name(&plain).is_file()).then_some(plain)
}

/// Returns the vocabulary of a file by its root element.
fn vocabulary(root: &str) -> Option<Vocabulary> {
    match root {
        "TEI" | "teiCorpus" | "TEI.2" => Some(Vocabulary::Tei),
        "akomaNtoso" => Some(Vocabulary::AkomaNtoso),
        "hansard" | "publicwhip" | "debates" | "debate" | "Hansard" | "chamber.xscript" => {
            Some(Vocabulary::Hansard)
        }
        _ => None,
    }
}

fn documents(xml: &str, path: &Path) -> Result<Vec<ParsedDocument>, ParseIssue> {
    let mut reader = XmlReader::new(xml, FORMAT);
    let mut people = People::default();
    let mut head = Head::default();
    let mut turns: Option<TurnReader> = None;
    let mut finished = Vec::new();
    let stem = file_stem(path);
    while let Some(event) = reader.next_event()? {
        if turns.is_none()
            && let XmlEvent::Start(element) = &event
        {
            let vocabulary = vocabulary(&element.name).ok_or_else(|| SkipReason::UnknownXml {
                root: element.name.clone(),
            })?;
            turns = Some(TurnReader::new(vocabulary));
        }
        let Some(reader) = &mut turns else {
            continue;
        };
        people.handle(&event);
        if head.handle(&event) {
            continue;
        }
        reader.handle(&event);
        // A corpus in one file has a text after the other.
        if matches!(&event, XmlEvent::End(name) if name == "TEI") {
            let done = std::mem::replace(reader, TurnReader::new(Vocabulary::Tei));
            finished.push((std::mem::take(&mut head), done));
        }
    }
    finished.extend(turns.map(|turns| (head, turns)));
    if finished
        .iter()
        .any(|(_, turns)| turns.names_unknown_people(&people))
    {
        people.read_neighbours(path);
    }
    let several = finished
        .iter()
        .filter(|(_, turns)| !turns.is_empty())
        .count()
        > 1;
    let mut documents = Vec::new();
    for (index, (head, turns)) in finished.into_iter().enumerate() {
        let parent = head.id.clone().unwrap_or_else(|| {
            if several {
                format!("{stem}-{}", index + 1)
            } else {
                stem.clone()
            }
        });
        documents.extend(turns.into_documents(&head, &parent, &people));
    }
    if documents.is_empty() {
        return Err(SkipReason::Empty.into());
    }
    Ok(documents)
}

#[cfg(test)]
mod tests;
