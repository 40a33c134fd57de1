//! A page to read, to print and to send: one file, without scripts and without a request to anywhere.
//!
//! It is well-formed XML as well, which lets a test read every text of it back.

mod families;
mod page;
mod pairs;
mod text;

use std::collections::HashMap;
use std::io::{self, Write};

use crate::store::{DocumentRecord, DocumentSummary};

use super::escape::Escaped;

/// Writes a page.
pub struct Html<W> {
    out: W,
    written: usize,
    /// The two documents, where there are two: they end the page, side by side.
    documents: Option<Box<[DocumentRecord; 2]>>,
    /// Pairs in which a passage of theirs stands.
    pairs: HashMap<String, Vec<usize>>,
}

impl<W: Write> Html<W> {
    /// Writes to this.
    pub fn new(out: W) -> Self {
        Self {
            out,
            written: 0,
            documents: None,
            pairs: HashMap::new(),
        }
    }
}

/// What a document is called, who spoke, when and where.
fn write_heading(out: &mut impl Write, document: &DocumentSummary) -> io::Result<()> {
    let metadata = &document.metadata;
    let name = metadata.title.as_deref().unwrap_or(document.id.as_str());
    writeln!(out, "<h4 dir=\"auto\">{}</h4>", Escaped(name))?;
    let date = metadata.date.map(|date| date.to_string());
    let facts = [&metadata.speaker, &date, &metadata.country, &metadata.venue];
    let facts: Vec<&str> = facts.into_iter().flatten().map(String::as_str).collect();
    if facts.is_empty() {
        return Ok(());
    }
    writeln!(out, "<p dir=\"auto\">{}</p>", Escaped(&facts.join(" · ")))
}

fn pluralized(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}
