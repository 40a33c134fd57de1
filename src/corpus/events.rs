//! What a run says: documents, what was noticed about them, what was skipped, what to look at.

use std::fmt;
use std::path::PathBuf;

use super::Document;
use super::error::SkipReason;

/// One thing met while reading a corpus.
#[derive(Debug, Clone, PartialEq)]
pub enum CorpusEvent {
    /// A document, and what was noticed while reading it.
    Document {
        /// The document.
        document: Document,
        /// Where it was found.
        origin: SourceLocation,
        /// What the reader did that the user may want to know.
        notes: Vec<DocumentNote>,
    },
    /// Something that was not read.
    Skipped(Skipped),
    /// Something about the metadata that belongs to no document.
    Warning(CorpusWarning),
}

/// A file, and a line in it where that says more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceLocation {
    /// The file, spelled as the user named it.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: Option<usize>,
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            None => write!(f, "{}", self.file.display()),
            Some(line) => write!(f, "{}:{line}", self.file.display()),
        }
    }
}

/// Something that was not read, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Where it is.
    pub location: SourceLocation,
    /// Why it was not read, and what would be right.
    pub reason: SkipReason,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.reason)
    }
}

/// Something the reader did to a document that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DocumentNote {
    /// The file was not plain UTF-8; this is what it was taken for.
    Decoded {
        /// The encoding's name, as the web knows it.
        encoding: &'static str,
    },
    /// A field's value could not be used.
    FieldIgnored {
        /// The field.
        field: String,
        /// What it should have been.
        expected: &'static str,
        /// What it was.
        received: String,
    },
    /// Two sources give one field different values.
    Conflict {
        /// The field.
        field: String,
        /// The value that was kept.
        kept: String,
        /// The value that was not.
        left_out: String,
    },
    /// The id that was given cannot be one, and was changed.
    IdChanged {
        /// The id as given.
        given: String,
        /// The id the document has now.
        id: String,
    },
    /// The folder has a `metadata.csv`, but no row in it names this file.
    NoMetadataRow {
        /// The table.
        table: PathBuf,
    },
    /// Front matter that is not what it should be.
    FrontMatter {
        /// The line of the file, counted from 1.
        line: usize,
        /// What is wrong, and what was done.
        problem: String,
    },
    /// Fields that are worked out from the others and are not read.
    ComputedFieldsIgnored {
        /// The fields.
        fields: Vec<String>,
    },
    /// The text has a few control characters, which are kept.
    ControlCharacters {
        /// How many.
        count: usize,
    },
    /// The text has U+FFFD: something was lost before it came here.
    ReplacementCharacters {
        /// How many.
        count: usize,
    },
}

impl fmt::Display for DocumentNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decoded { encoding } => write!(f, "decoded from {encoding}"),
            Self::FieldIgnored {
                field,
                expected,
                received,
            } => write!(
                f,
                "{field} left out: expected {expected}, received {received}"
            ),
            Self::Conflict {
                field,
                kept,
                left_out,
            } => write!(f, "{field} given twice: kept {kept}, left out {left_out}"),
            Self::IdChanged { given, id } => {
                write!(f, "{given} cannot be a document id, so {id} is used")
            }
            Self::NoMetadataRow { table } => {
                write!(f, "no row in {} names this file", table.display())
            }
            Self::FrontMatter { line, problem } => {
                write!(f, "front matter, line {line}: {problem}")
            }
            Self::ComputedFieldsIgnored { fields } => {
                write!(
                    f,
                    "left out, since they are worked out: {}",
                    comma_separated(fields)
                )
            }
            Self::ControlCharacters { count } => {
                write!(f, "the text has {count} control characters")
            }
            Self::ReplacementCharacters { count } => write!(
                f,
                "the text has {count} replacement characters (U+FFFD): it was damaged earlier"
            ),
        }
    }
}

/// Something about a `metadata.csv` that belongs to no document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorpusWarning {
    /// The table and the line.
    pub location: SourceLocation,
    /// What was found.
    pub issue: TableIssue,
}

impl fmt::Display for CorpusWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.issue)
    }
}

/// What a [`Remark`] is about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableIssue {
    /// The whole table could not be used.
    #[error("the table is not used: {0}")]
    TableNotUsed(SkipReason),
    /// There is no column that says which file a row describes.
    #[error(
        "the table is not used: expected a column called file, received {}",
        comma_separated(columns)
    )]
    NoFileColumn {
        /// The columns there are.
        columns: Vec<String>,
    },
    /// Two columns have one name.
    #[error("there are two columns called {name}: the first is used")]
    RepeatedColumn {
        /// The name.
        name: String,
    },
    /// A column without a name.
    #[error("column {number} has no name: its values are not used")]
    UnnamedColumn {
        /// Its number, counted from 1.
        number: usize,
    },
    /// A row with more or fewer cells than the header.
    #[error("row not used: expected {expected} cells, received {received}; is a comma unquoted?")]
    CellCount {
        /// How many cells the header has.
        expected: usize,
        /// How many the row has.
        received: usize,
    },
    /// A quotation mark opens and never closes.
    #[error("row not used: a quotation mark opens here and does not close")]
    UnclosedQuote,
    /// So many malformed rows that the rest was not read.
    #[error("the rest of the table is not used: more than {limit} rows have unclosed quotes")]
    TooManyUnclosedQuotes {
        /// How many are put up with.
        limit: usize,
    },
    /// A row whose file cell is blank.
    #[error("row not used: its file cell is blank")]
    BlankFileCell,
    /// A row that names a file in another folder.
    #[error("row not used: {name} is in another folder; a table describes the files beside it")]
    FileInOtherFolder {
        /// The name.
        name: String,
    },
    /// A row that names no file.
    #[error("row not used: there is no file called {name} beside the table")]
    UnmatchedRow {
        /// The name.
        name: String,
    },
    /// A row that could mean several files.
    #[error("row not used: {name} could be {}", comma_separated(candidates))]
    AmbiguousRow {
        /// The name.
        name: String,
        /// The files it could mean.
        candidates: Vec<String>,
    },
    /// A row matched although upper and lower case differ.
    #[error("{name} is taken to be {file}")]
    MatchedByCase {
        /// The name in the row.
        name: String,
        /// The file's name.
        file: String,
    },
    /// A second row for one file.
    #[error("row not used: line {first_line} has {file} already")]
    DuplicateRow {
        /// The file's name.
        file: String,
        /// The line of the row that is used.
        first_line: usize,
    },
    /// A row gives an id to a file of many documents.
    #[error("id {id} not used: {file} holds many documents")]
    IdForMultiDocumentFile {
        /// The id.
        id: String,
        /// The file's name.
        file: String,
    },
    /// Something about the table or a row that is used all the same.
    #[error("{0}")]
    Note(DocumentNote),
}

pub(super) fn comma_separated(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    }
}

/// A user's text as a message shows it: quoted, and cut where it gets long.
pub(super) fn excerpt(text: &str) -> String {
    const MAX_EXCERPT_CHARS: usize = 60;
    match text.char_indices().nth(MAX_EXCERPT_CHARS) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
    }
}
