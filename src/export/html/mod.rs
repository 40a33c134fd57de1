//! Export as one HTML page, without scripts and external resources.
//!
//! It is also well-formed XML, which lets a test read every text back.

mod families;
mod page;
mod pairs;
mod text;

use std::collections::HashMap;
use std::io::{self, Write};

use crate::store::{DocumentRecord, DocumentSummary};

use super::escape::Escaped;
pub(crate) use text::language_tag;

/// Writes a page.
pub struct Html<W> {
    out: W,
    written: usize,
    /// The two documents, if two are compared: their full texts end the page.
    documents: Option<Box<[DocumentRecord; 2]>>,
    /// Numbers of the pairs of each passage, by its id.
    pairs: HashMap<String, Vec<usize>>,
}

impl<W: Write> Html<W> {
    /// Creates an export that writes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            written: 0,
            documents: None,
            pairs: HashMap::new(),
        }
    }
}

/// Writes the title of a document, its speaker, date and place.
fn write_heading(out: &mut impl Write, document: &DocumentSummary) -> io::Result<()> {
    let metadata = &document.metadata;
    let name = metadata.title.as_deref().unwrap_or(document.id.as_str());
    writeln!(out, "<h4 dir=\"auto\">{}</h4>", Escaped(name))?;
    let date = metadata.date.map(|date| date.to_string());
    let parts = [&metadata.speaker, &date, &metadata.country, &metadata.venue];
    let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
    if parts.is_empty() {
        return Ok(());
    }
    writeln!(out, "<p dir=\"auto\">{}</p>", Escaped(&parts.join(" · ")))
}

fn pluralized(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}
