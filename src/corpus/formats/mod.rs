//! Readers of the formats of archives: tables, JSON, captions, web pages, office documents, TEI, PDF and
//! archives of them.
//!
//! Each file reads one format and yields the documents of a file like the readers of text and JSON
//! lines. A reader trusts nothing that a file says about itself: sizes, depths, counts and ratios are
//! bounded, and what exceeds a bound is reported.

mod block_text;
mod bounded;
mod captions;
mod html;
mod json;
mod mhtml;
mod rows;
mod table;

use super::format::SourceFormat;
use super::parsed::{CountingReader, ParsedDocuments, ReadContext};

/// Iterates over the documents of a file in one of these formats.
pub(super) fn parse(
    format: SourceFormat,
    file: CountingReader,
    context: &ReadContext,
) -> ParsedDocuments {
    match format {
        SourceFormat::Table => table::read(file, context),
        SourceFormat::Json => json::read(file, context),
        SourceFormat::Captions => captions::read(file, context),
        SourceFormat::Html => html::read(file, context),
        SourceFormat::Mhtml => mhtml::read(file, context),
        _ => Box::new(std::iter::empty()),
    }
}
