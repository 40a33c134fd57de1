//! Why a file or line was not read, worded for its owner.

use std::path::PathBuf;

use super::format::SourceFormat;
use super::location::SourceLocation;
use super::message::comma_separated;

/// Why a file, or a line of it, was skipped, and how to fix it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SkipReason {
    /// The extension is not supported.
    #[error(
        "unsupported file type {received}; expected one of {}",
        SourceFormat::NAMED_EXTENSIONS
    )]
    UnknownFormat {
        /// The extension with its dot, or the whole name if it has none.
        received: String,
    },
    /// A README or licence, which describes the corpus and is not part of it.
    #[error("README and licence files are not read unless named explicitly")]
    ReadmeOrLicence,
    /// `metadata.csv`, named as if it were a document.
    #[error("metadata.csv is read with the files of its folder; name those or the folder")]
    MetadataTable,
    /// A device, a pipe, a socket.
    #[error("not a regular file or folder")]
    NotAFile,
    /// The operating system refused access.
    #[error("cannot be read: {problem}")]
    Unreadable {
        /// The error of the operating system.
        problem: String,
    },
    /// No text, or only white space.
    #[error("it contains no text")]
    Empty,
    /// More text than a document may have.
    #[error("expected at most {limit} bytes, received {}", count_or_more(*received))]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
        /// The size, if it is known.
        received: Option<usize>,
    },
    /// More control characters than text has.
    #[error(
        "binary content: {controls} of {characters} characters are control characters; \
         save it as plain text"
    )]
    Binary {
        /// The number of control characters.
        controls: usize,
        /// The number of all characters.
        characters: usize,
    },
    /// The bytes are invalid in the detected encoding.
    #[error("looks like {encoding}, but contains invalid bytes{}; save it as UTF-8", first_error_line(*line))]
    Undecodable {
        /// The encoding's name.
        encoding: &'static str,
        /// The line of the first invalid byte, if known.
        line: Option<usize>,
    },
    /// A JSON lines file in UTF-16.
    #[error("expected JSON lines in UTF-8, received {encoding}; save it as UTF-8")]
    JsonLinesNotUtf8 {
        /// The encoding's name.
        encoding: &'static str,
    },
    /// JSON lines that are one value over several lines.
    #[error(
        "expected one document per line, received one JSON {} over several lines; \
         write each document on one line",
        if *is_list { "array" } else { "object" }
    )]
    JsonOverSeveralLines {
        /// Whether the value is an array rather than an object.
        is_list: bool,
    },
    /// A line that is not valid UTF-8.
    #[error("expected UTF-8, received an invalid byte at position {position} of the line")]
    InvalidUtf8Line {
        /// The byte's position, counted from 1.
        position: usize,
    },
    /// A line that is not JSON.
    #[error("it is not JSON: {problem} (column {column})")]
    NotJson {
        /// What is wrong.
        problem: String,
        /// The column, counted from 1.
        column: usize,
    },
    /// A line of JSON that is not an object.
    #[error("expected a JSON object, received {received}")]
    NotAnObject {
        /// Its type.
        received: String,
    },
    /// A JSON object with a value that cannot be read, such as a number that is too large.
    #[error("{problem}")]
    UnreadableValue {
        /// The field, what was expected and what was received.
        problem: String,
    },
    /// An object without `text`.
    #[error(
        "a `text` field is required; received fields: {}",
        comma_separated(fields)
    )]
    MissingText {
        /// The fields of the object.
        fields: Vec<String>,
    },
    /// `text` or `id` of a type that cannot be used.
    #[error("{field}: expected {expected}, received {received}")]
    WrongFieldType {
        /// The field.
        field: &'static str,
        /// The expected type.
        expected: &'static str,
        /// The value.
        received: String,
    },
    /// An earlier document has the same id.
    #[error("duplicate id {id}, first used by {first}; rename the file or set another id")]
    DuplicateId {
        /// The id.
        id: String,
        /// The location of the earlier document.
        first: SourceLocation,
    },
    /// A table whose text column is not known.
    #[error(
        "no column is named as one of texts; name it by --text-column; columns: {}",
        comma_separated(columns)
    )]
    NoTextColumn {
        /// The columns of the table.
        columns: Vec<String>,
    },
    /// JSON in which the texts are not where one would look for them.
    #[error(
        "there is no text where it is expected; name its path by --text-path; paths with strings: {}",
        comma_separated(paths)
    )]
    NoTextPath {
        /// The paths of strings, the longest strings first.
        paths: Vec<String>,
    },
    /// A row with more or fewer cells than the header.
    #[error("expected {expected} cells, received {received}; is a quotation mark missing?")]
    CellCount {
        /// The number of cells of the header.
        expected: usize,
        /// The number of cells of the row.
        received: usize,
    },
    /// A file that is not what its extension says, or is damaged.
    #[error("it cannot be read as {format}: {problem}")]
    Malformed {
        /// The format.
        format: &'static str,
        /// The problem.
        problem: String,
    },
    /// A file that would need too much memory or time.
    #[error("{problem}, more than the limit of {limit}")]
    LimitExceeded {
        /// What there is too much of.
        problem: String,
        /// The limit, with its unit.
        limit: String,
    },
    /// Pages that are images.
    #[error(
        "its {pages} pages are images without text; run OCR first (for example `ocrmypdf in.pdf out.pdf`)"
    )]
    ScannedPages {
        /// The number of pages.
        pages: usize,
    },
    /// A format that needs a program that is not set up.
    #[error("PDF files are read by the program `antiphon` only")]
    NoPdfProgram,
    /// XML of a vocabulary that is not known.
    #[error("expected TEI, Akoma Ntoso or Hansard, received XML with the root element {root}")]
    UnknownXml {
        /// The name of the root element.
        root: String,
    },
    /// The annotated twin of a file that is read.
    #[error("the same text as {plain}, with annotations")]
    AnnotatedTwin {
        /// The file that is read.
        plain: String,
    },
    /// A truncated or corrupt gzip file.
    #[error(
        "the gzip data are damaged or cut short after {bytes} bytes ({problem}); \
         the documents before that point were read, the rest was not"
    )]
    DamagedGzip {
        /// Bytes that were decompressed.
        bytes: u64,
        /// The error of the decompressor.
        problem: String,
    },
}

fn count_or_more(received: Option<usize>) -> String {
    received.map_or_else(|| "more".to_owned(), |count| count.to_string())
}

fn first_error_line(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!(" (first error on line {line})"))
}

/// Why a corpus could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CorpusError {
    /// A path that does not exist.
    #[error("{} does not exist", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// A path that cannot be accessed.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
}
