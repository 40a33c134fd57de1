//! Texts of `OpenDocument`.

use super::super::package::Package;
use super::super::xml::{XmlEvent, XmlReader, decode_xml};
use super::{BlockText, append_notes, read_properties};
use crate::corpus::error::SkipReason;
use crate::corpus::parsed::ParsedDocument;

const FORMAT: &str = "an OpenDocument text";

/// Elements whose text is not that of the document.
const LEFT_OUT: [&str; 8] = [
    "tracked-changes",
    "annotation",
    "annotation-end",
    "note-citation",
    "sequence-decls",
    "variable-decls",
    "table-of-content",
    "ruby-text",
];

pub(super) fn document(package: &mut Package) -> Result<ParsedDocument, SkipReason> {
    let mut document = ParsedDocument::default();
    render(package.required_part("content.xml")?, &mut document)?;
    if let Some(xml) = package.part("meta.xml")? {
        let fields = [
            ("title", "title"),
            ("initial-creator", "author"),
            ("creator", "author"),
            ("language", "language"),
            ("creation-date", "created"),
        ];
        read_properties(xml, FORMAT, &fields, &mut document)?;
    }
    Ok(document)
}

fn render(xml: Vec<u8>, document: &mut ParsedDocument) -> Result<(), SkipReason> {
    let xml = decode_xml(xml)?;
    let mut reader = XmlReader::new(&xml, FORMAT);
    let mut text = BlockText::default();
    let mut notes: Vec<String> = Vec::new();
    let mut note: Option<BlockText> = None;
    let (mut left_out, mut in_body, mut paragraphs) = (0_usize, false, 0_usize);
    while let Some(event) = reader.next_event()? {
        match event {
            XmlEvent::Start(element) => {
                if left_out > 0 || LEFT_OUT.contains(&element.name.as_str()) {
                    left_out += 1;
                    continue;
                }
                let out = note.as_mut().unwrap_or(&mut text);
                match element.name.as_str() {
                    "body" => in_body = true,
                    "note" => note = Some(BlockText::default()),
                    "p" | "h" => {
                        paragraphs += 1;
                        out.end_block();
                    }
                    "s" | "tab" => out.push(" "),
                    "line-break" => out.line_break(),
                    "list" => out.start_list(None),
                    "list-item" => out.start_item(),
                    "table" => out.start_table(),
                    "table-row" => out.start_row(),
                    _ => {}
                }
            }
            XmlEvent::End(_) if left_out > 0 => left_out -= 1,
            XmlEvent::End(name) => {
                if name == "note" {
                    notes.extend(
                        note.take()
                            .map(BlockText::finish)
                            .filter(|note| !note.is_empty()),
                    );
                    continue;
                }
                let in_note = note.is_some();
                let out = note.as_mut().unwrap_or(&mut text);
                match name.as_str() {
                    "p" | "h" => {
                        paragraphs = paragraphs.saturating_sub(1);
                        if name == "h"
                            && !in_note
                            && document.heading.is_none()
                            && !out.block().is_empty()
                        {
                            document.heading = Some(out.block().replace('\n', " "));
                        }
                        out.end_block();
                    }
                    "list" => out.end_list(),
                    "list-item" => out.end_item(),
                    "table-cell" => out.end_cell(),
                    "table-row" => out.end_row(),
                    "table" => out.end_table(),
                    _ => {}
                }
            }
            XmlEvent::Text(words) => {
                if in_body && left_out == 0 && paragraphs > 0 {
                    note.as_mut().unwrap_or(&mut text).push(&words);
                }
            }
        }
    }
    document.text = append_notes(text, notes);
    Ok(())
}
