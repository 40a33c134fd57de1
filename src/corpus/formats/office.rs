//! Readers for texts of office programs: Word, `OpenDocument` and rich text.
//!
//! Paragraphs, headings, list items and rows of tables are blocks. Deleted and moved-away text of tracked
//! changes is left out, inserted text is kept. Notes stand after the text, and what is not text (fields,
//! comments, headers and footers of pages) is left out.

mod docx;
mod odt;
mod rtf;
mod rtf_lexer;

use super::block_text::BlockText;
use super::package::Package;
use super::xml::{XmlEvent, XmlReader, decode_xml};
use crate::corpus::error::SkipReason;
use crate::corpus::parsed::{
    CountingReader, ParsedDocument, ParsedDocuments, ReadContext, whole_file,
};

pub(super) fn read_docx(file: CountingReader, context: &ReadContext) -> ParsedDocuments {
    let context = context.clone();
    whole_file(move || {
        let mut package = Package::open(file, &context, "a Word document")?;
        Ok(vec![docx::document(&mut package)?])
    })
}

pub(super) fn read_odt(file: CountingReader, context: &ReadContext) -> ParsedDocuments {
    let context = context.clone();
    whole_file(move || {
        let mut package = Package::open(file, &context, "an OpenDocument text")?;
        Ok(vec![odt::document(&mut package)?])
    })
}

pub(super) fn read_rtf(file: CountingReader, context: &ReadContext) -> ParsedDocuments {
    let limit = context.limits.max_file_bytes;
    whole_file(move || Ok(vec![rtf::document(&file.read_to_limit(limit)?)?]))
}

/// Sets a field that the properties of a file have; what is invalid there is noise of programs.
pub(super) fn set_property(document: &mut ParsedDocument, field: &str, value: &str) {
    let value = match field {
        "date" => value.trim().get(..10).unwrap_or(value.trim()),
        _ => value.trim(),
    };
    if !value.is_empty() {
        let _ = document.metadata.set_if_absent(field, value.into());
    }
}

/// Reads the properties of a file: the texts of elements, by the fields they hold.
fn read_properties(
    xml: Vec<u8>,
    format: &'static str,
    fields: &[(&str, &str)],
    document: &mut ParsedDocument,
) -> Result<(), SkipReason> {
    let xml = decode_xml(xml)?;
    let mut reader = XmlReader::new(&xml, format);
    let mut field = None;
    let mut value = String::new();
    while let Some(event) = reader.next_event()? {
        match event {
            XmlEvent::Start(element) => {
                field = fields
                    .iter()
                    .find(|(name, _)| *name == element.name)
                    .map(|(_, field)| *field);
                value.clear();
            }
            XmlEvent::Text(text) => value.push_str(&text),
            XmlEvent::End(_) => {
                if let Some(field) = field.take() {
                    set_property(document, field, &value);
                }
            }
        }
    }
    Ok(())
}

/// Appends notes after the text of their document.
fn append_notes(mut text: BlockText, notes: Vec<String>) -> String {
    text.end_block();
    for note in notes {
        text.push(&note);
        text.end_block();
    }
    text.finish()
}

#[cfg(test)]
mod tests;
