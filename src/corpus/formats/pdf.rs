//! The reader for PDF files with a text layer.
//!
//! Libraries for PDF hang, crash or exhaust memory on some files. The text is therefore extracted by a
//! process of its own, the same program with other arguments, under limits of memory and time
//! (`process`); it reads the file on its standard input and writes a line of JSON per page. There,
//! `extract` collects characters and `layout` orders them over columns. What concerns several pages
//! happens here (`pages`): running heads and page numbers are dropped, notes are put after the text.

mod extract;
mod layout;
mod pages;
mod process;

use serde::{Deserialize, Serialize};

use crate::corpus::error::SkipReason;
use crate::corpus::parsed::{CountingReader, ParsedDocuments, ReadContext, whole_file};

pub use extract::extract_pdf;

const FORMAT: &str = "PDF";

/// Pages with fewer characters on average are images with a stamp at most.
const MIN_CHARS_PER_PAGE: usize = 20;

/// A line of text on a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct PageLine {
    text: String,
    /// Its distance from the top of the page, in points.
    y: f64,
    /// The size of its font, in points.
    size: f64,
    /// Whether more than the usual distance is above it.
    apart: bool,
}

/// The lines of a page, in reading order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Page {
    number: u32,
    lines: Vec<PageLine>,
    /// Characters left out because they run in another direction: stamps, and labels of figures.
    sideways: usize,
    /// Why it has no lines, or not all of them.
    problem: Option<String>,
}

/// What the process says about a file, a line of JSON each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Message {
    /// The properties of the file.
    Info {
        title: Option<String>,
        author: Option<String>,
        pages: usize,
    },
    Page(Page),
    /// Why the file cannot be read.
    Failed(String),
}

pub(super) fn read(file: CountingReader, context: &ReadContext) -> ParsedDocuments {
    let context = context.clone();
    whole_file(move || {
        let program = context
            .options
            .pdf_program
            .as_deref()
            .ok_or(SkipReason::NoPdfProgram)?;
        let bytes = file.read_to_limit(context.limits.max_file_bytes)?;
        let messages = process::run(program, bytes)?;
        Ok(vec![pages::document(
            messages,
            context.options.keep_boilerplate,
        )?])
    })
}

#[cfg(test)]
mod tests;
