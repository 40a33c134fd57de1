//! Word documents.

use std::collections::HashMap;

use super::super::package::Package;
use super::super::xml::{Element, XmlEvent, XmlReader, decode_xml};
use super::{BlockText, append_notes, read_properties};
use crate::corpus::error::SkipReason;
use crate::corpus::parsed::ParsedDocument;

const FORMAT: &str = "a Word document";

/// Elements whose text is not that of the document: deletions, instructions of fields, alternatives for
/// older programs, ruby, comments.
const LEFT_OUT: [&str; 9] = [
    "del",
    "moveFrom",
    "delText",
    "instrText",
    "Fallback",
    "rt",
    "annotation",
    "sectPr",
    "txbxContentFallback",
];

pub(super) fn document(package: &mut Package) -> Result<ParsedDocument, SkipReason> {
    let body = package.required_part("word/document.xml")?;
    let numbered = match package.part("word/numbering.xml")? {
        Some(xml) => bullets_and_numbers(xml)?,
        None => HashMap::new(),
    };
    let mut text = BlockText::default();
    let heading = render(body, &numbered, &mut text)?;
    let mut notes = Vec::new();
    for part in ["word/footnotes.xml", "word/endnotes.xml"] {
        if let Some(xml) = package.part(part)? {
            notes.extend(read_notes(xml)?);
        }
    }
    let mut document = ParsedDocument {
        text: append_notes(text, notes),
        heading,
        ..ParsedDocument::default()
    };
    if let Some(xml) = package.part("docProps/core.xml")? {
        let fields = [
            ("title", "title"),
            ("creator", "author"),
            ("language", "language"),
            ("created", "created"),
        ];
        read_properties(xml, FORMAT, &fields, &mut document)?;
    }
    Ok(document)
}

/// Writes the paragraphs of a part; returns its first title or heading.
fn render(
    xml: Vec<u8>,
    numbered: &HashMap<String, bool>,
    text: &mut BlockText,
) -> Result<Option<String>, SkipReason> {
    let xml = decode_xml(xml)?;
    let mut reader = XmlReader::new(&xml, FORMAT);
    let (mut left_out, mut in_text, mut is_heading) = (0_usize, 0_usize, false);
    let mut list: Option<String> = None;
    let mut list_open = false;
    let mut heading = None;
    while let Some(event) = reader.next_event()? {
        match event {
            XmlEvent::Start(element) => {
                if left_out > 0 || is_left_out(&element) {
                    left_out += 1;
                    continue;
                }
                match element.name.as_str() {
                    // A text box stands within the paragraph that it is anchored in.
                    "p" => {
                        text.end_block();
                        (is_heading, list) = (false, None);
                    }
                    "pStyle" => {
                        let style = element.attribute("val").unwrap_or_default().to_lowercase();
                        is_heading = style.starts_with("title") || style.starts_with("heading");
                    }
                    "numId" => {
                        list = element
                            .attribute("val")
                            .map(str::to_owned)
                            .filter(|id| id != "0");
                    }
                    "t" => {
                        in_text += 1;
                        let wanted = list.as_ref().is_some_and(|id| numbered.contains_key(id))
                            && !is_heading;
                        if wanted && text.block().is_empty() {
                            if !list_open {
                                text.start_list(None);
                                list_open = true;
                            }
                            // The numbers of a list are computed by its program and not in the file.
                            text.start_item();
                        } else if !wanted && list_open {
                            text.end_list();
                            list_open = false;
                        }
                    }
                    "tab" | "noBreakHyphen" if element.name == "tab" => text.push(" "),
                    "noBreakHyphen" => text.push("\u{2011}"),
                    "br" | "cr" => text.line_break(),
                    "tbl" => text.start_table(),
                    "tr" => text.start_row(),
                    _ => {}
                }
            }
            XmlEvent::End(_) if left_out > 0 => left_out -= 1,
            XmlEvent::End(name) => match name.as_str() {
                "t" => in_text = in_text.saturating_sub(1),
                "p" => {
                    if is_heading && heading.is_none() && !text.block().is_empty() {
                        heading = Some(text.block().replace('\n', " "));
                    }
                    text.end_block();
                }
                "tc" => text.end_cell(),
                "tr" => text.end_row(),
                "tbl" => text.end_table(),
                _ => {}
            },
            XmlEvent::Text(words) => {
                if in_text > 0 && left_out == 0 {
                    text.push(&words);
                }
            }
        }
    }
    if list_open {
        text.end_list();
    }
    Ok(heading)
}

fn is_left_out(element: &Element) -> bool {
    LEFT_OUT.contains(&element.name.as_str())
}

/// Returns the lists that have bullets or numbers, by their ids.
fn bullets_and_numbers(xml: Vec<u8>) -> Result<HashMap<String, bool>, SkipReason> {
    let xml = decode_xml(xml)?;
    let mut reader = XmlReader::new(&xml, FORMAT);
    let mut lists = HashMap::new();
    while let Some(event) = reader.next_event()? {
        if let XmlEvent::Start(element) = event
            && element.name == "num"
            && let Some(id) = element.attribute("numId")
        {
            lists.insert(id.to_owned(), true);
        }
    }
    Ok(lists)
}

/// Returns the notes of a part, without the separators that Word stores like notes.
fn read_notes(xml: Vec<u8>) -> Result<Vec<String>, SkipReason> {
    let xml = decode_xml(xml)?;
    let mut reader = XmlReader::new(&xml, FORMAT);
    let mut notes = Vec::new();
    let mut note: Option<BlockText> = None;
    let (mut left_out, mut in_text) = (0_usize, 0_usize);
    while let Some(event) = reader.next_event()? {
        match event {
            XmlEvent::Start(element) if left_out > 0 || is_left_out(&element) => left_out += 1,
            XmlEvent::Start(element) => match element.name.as_str() {
                "footnote" | "endnote" => {
                    note = element.attribute("type").is_none().then(BlockText::default);
                }
                "t" => in_text += 1,
                "tab" | "br" | "p" => {
                    if let Some(note) = &mut note {
                        note.push(" ");
                    }
                }
                _ => {}
            },
            XmlEvent::End(_) if left_out > 0 => left_out -= 1,
            XmlEvent::End(name) => match name.as_str() {
                "t" => in_text = in_text.saturating_sub(1),
                "footnote" | "endnote" => {
                    let text = note.take().map(BlockText::finish).unwrap_or_default();
                    if !text.is_empty() {
                        notes.push(text);
                    }
                }
                _ => {}
            },
            XmlEvent::Text(words) => {
                if let (Some(note), true) = (&mut note, in_text > 0) {
                    note.push(&words);
                }
            }
        }
    }
    Ok(notes)
}
