//! The corpus: files on disk in, [`Document`]s out.
//!
//! This is the first station of the data and the only room that opens a user's files. It finds
//! them, decodes them, takes each format apart, joins the metadata, and gives every document an
//! id that is the same on every run. What it could not read it says, with file, line and reason.
//! It knows nothing of passages, embeddings or storage: anyone downstream may enter to get
//! documents, and it imports from nobody.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `run` | [`Corpus`] and the stream of [`Reading`]s it gives |
//! | `listing` | which files there are, and which of them are speeches |
//! | `format` | extension -> reader; the contract every reader keeps |
//! | `text`, `markdown` + `front_matter`, `jsonl` + `lines` | one reader per format |
//! | `json` | JSON, with errors whose kinds are types; clients' requests are read by it as well |
//! | `table` + `records` | `metadata.csv` |
//! | `sent` | a document that a client sends, read as a line of JSON lines is |
//! | `decode` | bytes -> text, and whether the text is sound |
//! | `id`, `date`, `metadata` | the parts of a document |
//! | `reading`, `reason` | what a run can say: documents, notes, skips, remarks |
//!
//! # Rules that hold for every format
//!
//! - **Order.** Files come sorted by the bytes of their canonical place, however the paths were
//!   given, and each once.
//! - **Which files.** Known extensions are read. In a folder, hidden files and folders (a leading
//!   dot) are not part of the corpus and are passed over; `README`, `LICENSE` and their like, and
//!   files of any other extension, are reported as skipped. A file named by the user is always
//!   tried. Links to files and folders are followed; a folder is never entered in a circle.
//! - **Ids.** Given by the document or by its row in `metadata.csv`, else derived from the file
//!   name (for JSON lines: file name and line number). The second document with the same id is
//!   skipped.
//! - **Metadata.** What a document says of itself (JSON fields, front matter) comes before its row
//!   in `metadata.csv`, and that before a title found in the text. A value that cannot be used is
//!   left out with a [`Note`]; the document is kept.

mod bounded_lines;
mod csv_records;
mod date;
mod decode;
mod error;
mod events;
mod format;
mod front_matter;
mod id;
pub(crate) mod json;
mod jsonl;
mod listing;
mod markdown;
mod metadata;
mod metadata_csv;
mod reader;
mod text;
mod upload;

#[cfg(test)]
mod tests;

pub use date::{DateError, PartialDate};
pub use error::{CorpusError, SkipReason};
pub use events::{CorpusEvent, CorpusWarning, DocumentNote, Skipped, SourceLocation, TableIssue};
pub use format::{SourceFile, SourceFormat};
pub use id::{DocumentId, IdError};
pub use metadata::Metadata;
pub use reader::{Corpus, ReadProgress};
pub use upload::{InvalidDocument, SubmittedDocument, ValidationError};

/// One speech or statement, as its file gave it.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// What the document is called in URLs, passage ids and citations.
    pub id: DocumentId,
    /// The whole text, decoded but not cleaned: line ends and page breaks are still there.
    pub text: String,
    /// Who said it, when, where.
    pub metadata: Metadata,
}

/// How much of one input is taken into memory at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CorpusLimits {
    /// The longest text of one document, in bytes of UTF-8.
    pub max_text_bytes: usize,
    /// The longest line of a JSON lines file, in bytes. Escapes make a line longer than its text.
    pub max_line_bytes: usize,
    /// The largest `metadata.csv`, in bytes.
    pub max_table_bytes: usize,
}

impl Default for CorpusLimits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            max_text_bytes: 16 * MIB,
            max_line_bytes: 32 * MIB,
            max_table_bytes: 16 * MIB,
        }
    }
}
