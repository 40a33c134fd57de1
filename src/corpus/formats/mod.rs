//! Readers of the formats of archives: tables, JSON, captions, web pages, office documents, TEI, PDF and
//! archives of them.
//!
//! Each file reads one format and yields the documents of a file like the readers of text and JSON
//! lines. A reader trusts nothing that a file says about itself: sizes, depths, counts and ratios are
//! bounded, and what exceeds a bound is reported.

mod archive;
mod block_text;
mod bounded;
mod captions;
mod epub;
mod html;
mod json;
mod mhtml;
mod office;
mod package;
pub(super) mod pdf;
mod proceedings;
mod rows;
mod sheet;
mod table;
mod xml;

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
        SourceFormat::Docx => office::read_docx(file, context),
        SourceFormat::Odt => office::read_odt(file, context),
        SourceFormat::Rtf => office::read_rtf(file, context),
        SourceFormat::Epub => epub::read(file, context),
        SourceFormat::Spreadsheet => sheet::read(file, context),
        SourceFormat::Xml => proceedings::read(file, context),
        SourceFormat::Zip => archive::read_zip(file, context),
        SourceFormat::Tar => archive::read_tar(file, context),
        SourceFormat::Pdf => pdf::read(file, context),
        // These have readers outside of this folder.
        SourceFormat::Text
        | SourceFormat::Markdown
        | SourceFormat::JsonLines
        | SourceFormat::JsonLinesGzip => Box::new(std::iter::empty()),
    }
}
