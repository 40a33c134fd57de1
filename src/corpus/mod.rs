//! The corpus: files on disk in, [`Document`]s out.
//!
//! The first module of the data flow, and the only one that opens a user's files. It lists and decodes
//! them, parses each format, merges the metadata, and assigns every document an id that is the same on
//! every run. What cannot be read is reported with file, line and reason. It knows nothing about
//! passages, embeddings or storage.
//!
//! | file | contents |
//! | --- | --- |
//! | `reader` | [`Corpus`] and its stream of [`CorpusEvent`]s |
//! | `listing` | the files to read and to skip |
//! | `format`, `parsed` | formats by extension; the contract of readers |
//! | `text` + `gutenberg`, `text_markup`; `markdown` + `front_matter`, `markdown_head`; `jsonl` + `bounded_lines` | one reader per format |
//! | `json` | JSON with typed errors, also used for requests |
//! | `metadata_csv` + `csv_records` | `metadata.csv` |
//! | `formats` | one reader per format of archives: tables, JSON, captions, web pages, office documents, PDF, XML |
//! | `options`, `anchors`, `turns` | what the user says about files; pages, times and lines; speakers who take turns |
//! | `upload` | a document sent by a client, parsed like a line of JSON lines |
//! | `decode` + `wide_encodings`, `seven_bit_encodings` | bytes -> text, and validation of the text |
//! | `normalization` | text -> NFC without ligatures |
//! | `id`, `date`, `written_date`, `metadata` | the parts of a document |
//! | `events`, `error`, `location`, `message` | documents, notes, warnings, and why inputs are skipped |
//!
//! # Rules that hold for every format
//!
//! - **Order.** Files are read in the order of the bytes of their canonical paths, each once, whatever
//!   the order of the given paths.
//! - **Which files.** Supported extensions are read. In a folder, hidden files and folders (a leading
//!   dot) are ignored; `README`, `LICENSE` and the like, and files of other extensions, are reported
//!   as skipped. A file named explicitly is always tried. Links to files and folders are followed;
//!   cycles are not.
//! - **Ids.** Declared by the document or by its row in `metadata.csv`, otherwise derived from the file
//!   name (for JSON lines: file name and line number). The second document with an id is skipped.
//! - **Metadata.** A document's own metadata (JSON fields, front matter) takes precedence over its row
//!   in `metadata.csv`, and that over a title found in the text. An invalid value is ignored with a
//!   [`DocumentNote`]; the document is read.

mod anchors;
mod bounded_lines;
mod csv_records;
mod date;
mod decode;
mod error;
mod events;
mod format;
mod formats;
mod front_matter;
mod gutenberg;
mod id;
pub(crate) mod json;
mod jsonl;
mod listing;
mod location;
mod markdown;
mod markdown_head;
mod message;
mod metadata;
mod metadata_csv;
mod normalization;
mod options;
mod parsed;
mod reader;
mod seven_bit_encodings;
mod text;
mod text_markup;
mod turns;
mod upload;
mod wide_encodings;
mod written_date;

#[cfg(test)]
mod tests;

pub use anchors::{Anchors, SourcePlace, TimeSpan};
pub use date::{DateError, PartialDate};
pub use error::{CorpusError, SkipReason};
pub use events::{CorpusEvent, CorpusWarning, DocumentNote, Skipped, TableIssue};
pub use format::{SourceFile, SourceFormat};
pub use formats::pdf::extract_pdf;
pub use id::{DocumentId, IdError};
pub use location::SourceLocation;
pub use metadata::Metadata;
pub use normalization::normalize_text;
pub use options::{ColumnMapping, ColumnMappingError, ReadOptions, TurnMode};
pub use reader::{Corpus, ReadProgress};
pub use upload::{InvalidDocument, SubmittedDocument, ValidationError};

/// One speech or statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The id in URLs, passage ids and citations.
    pub id: DocumentId,
    /// The whole text, decoded but not cleaned: it still has its line ends and page breaks.
    pub text: String,
    /// Speaker, date, place and so on.
    pub metadata: Metadata,
    /// The pages, times or lines of the text in its source.
    pub anchors: Anchors,
}

/// Limits on what is read into memory at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CorpusLimits {
    /// Maximum length of a document's text, in bytes of UTF-8.
    pub max_text_bytes: usize,
    /// Maximum length of a line of JSON lines, in bytes. Escapes make a line longer than its text.
    pub max_line_bytes: usize,
    /// Maximum size of a `metadata.csv`, in bytes.
    pub max_table_bytes: usize,
    /// Maximum size of a file that is read as a whole, and of all that an archive in one file unpacks to
    /// at a time, in bytes.
    pub max_file_bytes: usize,
}

impl Default for CorpusLimits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            max_text_bytes: 16 * MIB,
            max_line_bytes: 32 * MIB,
            max_table_bytes: 16 * MIB,
            max_file_bytes: 256 * MIB,
        }
    }
}
