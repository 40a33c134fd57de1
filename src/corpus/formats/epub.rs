//! The reader for electronic books: the chapters in the order in which the book is read.

use std::collections::HashMap;

use super::html;
use super::package::Package;
use super::xml::{XmlEvent, XmlReader, decode_xml};
use crate::corpus::error::SkipReason;
use crate::corpus::parsed::{
    CountingReader, ParsedDocument, ParsedDocuments, ReadContext, whole_file,
};

const FORMAT: &str = "an EPUB book";

pub(super) fn read(file: CountingReader, context: &ReadContext) -> ParsedDocuments {
    let context = context.clone();
    whole_file(move || {
        let mut package = Package::open(file, &context, FORMAT)?;
        Ok(vec![document(&mut package, context.limits.max_text_bytes)?])
    })
}

fn document(package: &mut Package, max_text_bytes: usize) -> Result<ParsedDocument, SkipReason> {
    let container = decode_xml(package.required_part("META-INF/container.xml")?)?;
    let book_path = root_file(&container)?;
    let book = decode_xml(package.required_part(&book_path)?)?;
    let mut document = ParsedDocument::default();
    let chapters = chapters(&book, &mut document)?;
    let folder = book_path.rsplit_once('/').map_or("", |(folder, _)| folder);
    for chapter in chapters {
        let name = percent_encoding::percent_decode_str(&chapter).decode_utf8_lossy();
        let path = if folder.is_empty() {
            name.into_owned()
        } else {
            format!("{folder}/{name}")
        };
        // A chapter that the book lists and lacks is no reason to lose the others.
        let Some(part) = package.part(&path)? else {
            continue;
        };
        let (page, _) = html::decode_html(part)?;
        let chapter = html::document(&page, true).map_err(|issue| issue.reason)?;
        if !document.text.is_empty() && !chapter.text.is_empty() {
            document.text.push_str("\n\n");
        }
        document.text.push_str(&chapter.text);
        if document.text.len() > max_text_bytes {
            break;
        }
    }
    Ok(document)
}

/// Returns the path of the file that describes the book.
fn root_file(container: &str) -> Result<String, SkipReason> {
    let mut reader = XmlReader::new(container, FORMAT);
    while let Some(event) = reader.next_event()? {
        if let XmlEvent::Start(element) = event
            && element.name == "rootfile"
            && let Some(path) = element.attribute("full-path")
        {
            return Ok(path.to_owned());
        }
    }
    Err(SkipReason::Malformed {
        format: FORMAT,
        problem: "its container names no book".to_owned(),
    })
}

/// Reads the metadata of a book, and returns the paths of its chapters in order, without the table of
/// contents.
fn chapters(book: &str, document: &mut ParsedDocument) -> Result<Vec<String>, SkipReason> {
    let mut reader = XmlReader::new(book, FORMAT);
    let mut items: HashMap<String, String> = HashMap::new();
    let mut spine = Vec::new();
    let mut field = None;
    let mut value = String::new();
    while let Some(event) = reader.next_event()? {
        match event {
            XmlEvent::Start(element) => {
                field = match element.name.as_str() {
                    "title" => Some("title"),
                    "creator" => Some("author"),
                    "language" => Some("language"),
                    "date" => Some("date"),
                    _ => None,
                };
                value.clear();
                let id = |name| element.attribute(name).map(str::to_owned);
                if element.name == "item"
                    && !element
                        .attribute("properties")
                        .is_some_and(|p| p.contains("nav"))
                    && element
                        .attribute("media-type")
                        .is_some_and(|kind| kind.contains("html"))
                {
                    items.extend(id("id").zip(id("href")));
                }
                if element.name == "itemref" && element.attribute("linear") != Some("no") {
                    spine.extend(id("idref"));
                }
            }
            XmlEvent::Text(text) => value.push_str(&text),
            XmlEvent::End(_) => {
                if let Some(field) = field.take() {
                    super::office::set_property(document, field, &value);
                }
            }
        }
    }
    Ok(spine
        .into_iter()
        .filter_map(|id| items.get(&id).cloned())
        .collect())
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};
    use std::sync::Arc;

    use zip::write::{SimpleFileOptions, ZipWriter};

    use super::*;
    use crate::corpus::CorpusLimits;

    #[test]
    fn chapters_are_read_in_order_without_the_table_of_contents() {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in [
            (
                "META-INF/container.xml",
                "<container><rootfiles><rootfile full-path=\"B/b.opf\"/></rootfiles></container>",
            ),
            (
                "B/b.opf",
                "<package><metadata><dc:title>Speeches</dc:title><dc:date>1919-01-21T00:00:00Z</dc:date></metadata><manifest>\
                 <item id=\"n\" href=\"nav.xhtml\" media-type=\"application/xhtml+xml\" properties=\"nav\"/>\
                 <item id=\"b\" href=\"b%20b.xhtml\" media-type=\"application/xhtml+xml\"/>\
                 <item id=\"a\" href=\"a.xhtml\" media-type=\"application/xhtml+xml\"/>\
                 <item id=\"m\" href=\"missing.xhtml\" media-type=\"application/xhtml+xml\"/></manifest>\
                 <spine><itemref idref=\"n\"/><itemref idref=\"a\"/><itemref idref=\"m\"/><itemref idref=\"b\"/></spine></package>",
            ),
            ("B/nav.xhtml", "<p>Contents</p>"),
            (
                "B/a.xhtml",
                "<html><body><h1>One</h1><p>First.</p></body></html>",
            ),
            ("B/b b.xhtml", "<html><body><p>Second.</p></body></html>"),
        ] {
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(content.as_bytes()).unwrap();
        }
        let bytes = zip.finish().unwrap().into_inner();
        let context = ReadContext {
            limits: CorpusLimits::default(),
            options: Arc::default(),
            path: "b.epub".into(),
        };
        let document = read(CountingReader::from_bytes(bytes), &context)
            .next()
            .unwrap()
            .unwrap();
        assert_eq!(document.text, "One\n\nFirst.\n\nSecond.");
        assert_eq!(document.metadata.title.as_deref(), Some("Speeches"));
        assert_eq!(document.metadata.date.unwrap().to_string(), "1919-01-21");
    }
}
