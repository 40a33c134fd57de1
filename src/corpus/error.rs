//! Why something was not read, in words for the person who has the file.

use std::path::PathBuf;

use super::events::{SourceLocation, comma_separated};
use super::format::SourceFormat;

/// Why a file, or a line of one, gave no document, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SkipReason {
    /// The extension is none of ours.
    #[error("files like {received} are not read; expected one of {}", SourceFormat::EXTENSIONS.join(", "))]
    UnknownFormat {
        /// The extension with its dot, or the whole name where there is none.
        received: String,
    },
    /// A README, a licence: it speaks about the corpus and is no part of it.
    #[error("it describes the corpus rather than belonging to it; name it to have it read")]
    ReadmeOrLicence,
    /// `metadata.csv`, named as though it were a document.
    #[error("it describes the files beside it and is read with them; name those or their folder")]
    MetadataTable,
    /// A device, a pipe, a socket.
    #[error("it is neither a file nor a folder")]
    NotAFile,
    /// The system would not let us read it.
    #[error("it cannot be read: {problem}")]
    Unreadable {
        /// What the system said.
        problem: String,
    },
    /// No text, or only white space.
    #[error("there is no text in it")]
    Empty,
    /// More text than a document may have.
    #[error("expected at most {limit} bytes, received {}", count_or_more(*received))]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
        /// How many there are, where it was counted to the end.
        received: Option<usize>,
    },
    /// More control characters than any text has.
    #[error(
        "it is not text: {controls} of {characters} characters are control characters; \
         save it as plain text"
    )]
    Binary {
        /// Control characters.
        controls: usize,
        /// Characters in all.
        characters: usize,
    },
    /// The bytes are not what the encoding allows.
    #[error("it looks like {encoding} but is not throughout{}; save it as UTF-8", first_error_line(*line))]
    Undecodable {
        /// The encoding's name.
        encoding: &'static str,
        /// The line of the first fault, where it is known.
        line: Option<usize>,
    },
    /// A JSON lines file in UTF-16.
    #[error("expected JSON lines in UTF-8, received {encoding}; save it as UTF-8")]
    JsonLinesNotUtf8 {
        /// The encoding's name.
        encoding: &'static str,
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
        /// What stands there that should not.
        problem: String,
        /// Where in the line.
        column: usize,
    },
    /// A line of JSON that is not an object.
    #[error("expected a JSON object, received {received}")]
    NotAnObject {
        /// What it is.
        received: String,
    },
    /// A JSON object with a value that cannot be read, such as a number that is too large.
    #[error("{problem}")]
    UnreadableValue {
        /// The field, what was expected and what was received.
        problem: String,
    },
    /// An object without `text`.
    #[error("expected a field text, received {}", comma_separated(fields))]
    MissingText {
        /// The fields there are.
        fields: Vec<String>,
    },
    /// `text` or `id` of a type that cannot be used.
    #[error("{field}: expected {expected}, received {received}")]
    WrongFieldType {
        /// The field.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        received: String,
    },
    /// The id belongs to another document already.
    #[error("the id {id} is taken by {first}; rename the file or give it another id")]
    DuplicateId {
        /// The id.
        id: String,
        /// Where the document is that has it.
        first: SourceLocation,
    },
    /// A gzip file that is cut short or damaged.
    #[error(
        "the gzip data are damaged or cut short after {bytes} bytes ({problem}); \
         what came before is kept, the rest is lost"
    )]
    DamagedGzip {
        /// How far decompression came, in bytes of text.
        bytes: u64,
        /// What the decompressor said.
        problem: String,
    },
}

fn count_or_more(received: Option<usize>) -> String {
    received.map_or_else(|| "more".to_owned(), |count| count.to_string())
}

fn first_error_line(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!(" (first fault on line {line})"))
}

/// Why a corpus could not be opened at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CorpusError {
    /// A path that does not exist.
    #[error("expected a file or folder, received {}, which does not exist", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// A path that cannot be looked at.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}
