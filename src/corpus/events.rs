//! The events of reading a corpus: documents with notes, skipped inputs, warnings about tables.

use std::fmt;
use std::path::PathBuf;

use super::Document;
use super::error::SkipReason;
use super::id::DocumentId;
use super::location::SourceLocation;
use super::message::comma_separated;

/// One event while reading a corpus.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant)] // nearly all events are documents
pub enum CorpusEvent {
    /// A document, with notes.
    Document {
        /// The document.
        document: Document,
        /// Its source.
        origin: SourceLocation,
        /// What the user may want to know about how it was read.
        notes: Vec<DocumentNote>,
    },
    /// An input that was not read.
    Skipped(Skipped),
    /// A problem of a `metadata.csv` rather than of a document.
    Warning(CorpusWarning),
}

/// An input that was not read, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The file and line.
    pub location: SourceLocation,
    /// Why it was not read, and how to fix it.
    pub reason: SkipReason,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.reason)
    }
}

/// A remark on a document that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DocumentNote {
    /// The file was not UTF-8 and was decoded from another encoding.
    Decoded {
        /// The encoding's WHATWG name.
        encoding: &'static str,
    },
    /// The file was not UTF-8, and has too few characters that are not ASCII to tell its encoding.
    Guessed {
        /// The WHATWG name of the likely encoding.
        encoding: &'static str,
        /// The number of bytes that the guess concerns.
        bytes: usize,
    },
    /// Characters were normalized, so that the words are found.
    Normalized {
        /// The number of ligatures that were spelled out, such as `ﬁ`.
        ligatures: usize,
        /// Whether the text was in NFC already.
        is_composed: bool,
    },
    /// The frame of a book of Project Gutenberg was left out.
    FrameLeftOut {
        /// The number of its lines.
        lines: usize,
    },
    /// Tags in plain text were left out or read.
    TagsLeftOut {
        /// Their number.
        count: usize,
    },
    /// The time of a date and time was left out.
    TimeLeftOut {
        /// The date and time.
        received: String,
    },
    /// Another document has the same text.
    SameText {
        /// The first document with the text.
        first: DocumentId,
    },
    /// The file ends in half a character, which is left out.
    CutCharacter {
        /// The encoding's WHATWG name.
        encoding: &'static str,
    },
    /// The text has characters of UTF-8 that another program read as windows-1252.
    Misread {
        /// The number of places.
        count: usize,
    },
    /// A field's value could not be used.
    FieldIgnored {
        /// The field.
        field: String,
        /// What was expected.
        expected: &'static str,
        /// The value.
        received: String,
    },
    /// Two sources give one field different values.
    Conflict {
        /// The field.
        field: String,
        /// The value that was kept.
        kept: String,
        /// The value that was not.
        ignored: String,
    },
    /// The declared id is invalid and was changed.
    IdChanged {
        /// The declared id.
        declared: String,
        /// The id that is used.
        id: String,
    },
    /// The folder has a `metadata.csv` without a row for this file.
    NoMetadataRow {
        /// The table.
        table: PathBuf,
    },
    /// Malformed front matter.
    FrontMatter {
        /// The line of the file, counted from 1.
        line: usize,
        /// The problem and its consequence.
        problem: String,
    },
    /// Computed fields, which are not read.
    ComputedFieldsIgnored {
        /// The fields.
        fields: Vec<String>,
    },
    /// Several speakers take turns in the document; each turn is a document.
    SplitIntoTurns {
        /// The number of turns.
        turns: usize,
    },
    /// Some lines look like the beginnings of turns; the document is left whole.
    TurnsUnsure {
        /// The number of names.
        names: usize,
    },
    /// Pages of the file could not be read.
    PagesNotRead {
        /// Their number.
        pages: usize,
    },
    /// Characters of pages run in another direction than the text, and were left out.
    SidewaysText {
        /// Their number, without blanks.
        characters: usize,
    },
    /// Parts of the file that are not its text were left out.
    PartsLeftOut {
        /// Each kind of part, with its number of characters.
        parts: Vec<(&'static str, usize)>,
    },
    /// The text contains a few control characters, which are left out of passages.
    ControlCharacters {
        /// Their number.
        count: usize,
    },
    /// The text contains U+FFFD: characters were lost before the import.
    ReplacementCharacters {
        /// Their number.
        count: usize,
    },
}

impl fmt::Display for DocumentNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decoded { encoding } => write!(f, "decoded from {encoding}"),
            Self::Guessed { encoding, bytes } => write!(
                f,
                "decoded from {encoding}: a guess from the few bytes that are not ASCII ({bytes})"
            ),
            Self::Normalized {
                ligatures,
                is_composed,
            } => f.write_str(&match (ligatures, is_composed) {
                (0, _) => "letters and their accents were composed (NFC)".to_owned(),
                (count, true) => format!("{count} ligatures such as ﬁ were spelled out"),
                (count, false) => format!(
                    "letters and their accents were composed (NFC), and {count} ligatures such as ﬁ spelled out"
                ),
            }),
            Self::FrameLeftOut { lines } => write!(
                f,
                "Project Gutenberg's header and licence were left out ({lines} lines)"
            ),
            Self::TagsLeftOut { count } => write!(f, "{count} tags such as <em> were left out"),
            Self::TimeLeftOut { received } => {
                write!(f, "the time of the date {received} was left out")
            }
            Self::SameText { first } => write!(f, "the same text as {first}"),
            Self::CutCharacter { encoding } => write!(
                f,
                "the last byte was left out: a character of {encoding} has two; the file may be cut short"
            ),
            Self::Misread { count } => write!(
                f,
                "looks like UTF-8 that was read as windows-1252, such as \"Ã©\" for \"é\", in {count} places"
            ),
            Self::FieldIgnored {
                field,
                expected,
                received,
            } => write!(
                f,
                "{field} ignored: expected {expected}, received {received}"
            ),
            Self::Conflict {
                field,
                kept,
                ignored,
            } => write!(f, "{field} has two values: kept {kept}, ignored {ignored}"),
            Self::IdChanged { declared, id } => {
                write!(f, "{declared} is not a valid document id; using {id}")
            }
            Self::NoMetadataRow { table } => {
                write!(f, "{} has no row for this file", table.display())
            }
            Self::FrontMatter { line, problem } => {
                write!(f, "front matter, line {line}: {problem}")
            }
            Self::ComputedFieldsIgnored { fields } => {
                write!(f, "computed fields ignored: {}", comma_separated(fields))
            }
            Self::SplitIntoTurns { turns } => {
                write!(
                    f,
                    "split into {turns} turns of its speakers; --turns off leaves it whole"
                )
            }
            Self::TurnsUnsure { names } => write!(
                f,
                "left whole, though {names} names look like those of speakers; --turns on splits it"
            ),
            Self::PagesNotRead { pages } => write!(f, "{pages} pages could not be read, or not completely"),
            Self::SidewaysText { characters } => write!(
                f,
                "left out: {characters} characters that run in another direction than the text"
            ),
            Self::PartsLeftOut { parts } => {
                let parts = parts
                    .iter()
                    .map(|(kind, chars)| format!("{kind} ({chars} characters)"));
                let parts: Vec<String> = parts.collect();
                write!(
                    f,
                    "left out: {}; --keep-boilerplate keeps them",
                    comma_separated(&parts)
                )
            }
            Self::ControlCharacters { count } => {
                write!(f, "the text contains {count} control characters")
            }
            Self::ReplacementCharacters { count } => write!(
                f,
                "the text contains {count} replacement characters (U+FFFD): it was damaged before import"
            ),
        }
    }
}

/// A warning about a `metadata.csv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorpusWarning {
    /// The table and the line.
    pub location: SourceLocation,
    /// The problem.
    pub issue: TableIssue,
}

impl fmt::Display for CorpusWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.issue)
    }
}

/// The problem that a [`CorpusWarning`] reports.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableIssue {
    /// The whole table could not be used.
    #[error("table ignored: {0}")]
    TableNotUsed(SkipReason),
    /// The column that names the files is missing.
    #[error(
        "table ignored: expected a column `file`, received {}",
        comma_separated(columns)
    )]
    NoFileColumn {
        /// The columns of the table.
        columns: Vec<String>,
    },
    /// Two columns have the same name.
    #[error("duplicate column {name}; the first is used")]
    RepeatedColumn {
        /// The name.
        name: String,
    },
    /// A column without a name.
    #[error("column {number} has no name; its values are ignored")]
    UnnamedColumn {
        /// Its number, counted from 1.
        number: usize,
    },
    /// A row with more or fewer cells than the header.
    #[error(
        "row ignored: expected {expected} cells, received {received}; is there an unquoted comma?"
    )]
    CellCount {
        /// The number of cells of the header.
        expected: usize,
        /// The number of cells of the row.
        received: usize,
    },
    /// A quotation mark is not closed.
    #[error("row ignored: unclosed quotation mark")]
    UnclosedQuote,
    /// Too many rows have unclosed quotes; the rest of the table was not read.
    #[error("rest of the table ignored: more than {limit} rows have unclosed quotes")]
    TooManyUnclosedQuotes {
        /// The number of tolerated rows.
        limit: usize,
    },
    /// A row whose file cell is blank.
    #[error("row ignored: the file cell is blank")]
    BlankFileCell,
    /// A row that names a file in another folder.
    #[error(
        "row ignored: {name} is in another folder; a table describes the files in its own folder"
    )]
    FileInOtherFolder {
        /// The name.
        name: String,
    },
    /// Rows whose files do not exist. The location is that of the first.
    #[error("{}", unmatched_rows(names))]
    UnmatchedRows {
        /// The names.
        names: Vec<String>,
    },
    /// A row that matches several files.
    #[error("row ignored: {name} is ambiguous: {}", comma_separated(candidates))]
    AmbiguousRow {
        /// The name.
        name: String,
        /// The matching files.
        candidates: Vec<String>,
    },
    /// A row whose file was matched ignoring case.
    #[error("{name} matched to {file} ignoring case")]
    MatchedByCase {
        /// The name in the row.
        name: String,
        /// The file's name.
        file: String,
    },
    /// A second row for the same file.
    #[error("row ignored: {file} already has the row on line {first_line}")]
    DuplicateRow {
        /// The file's name.
        file: String,
        /// The line of the row that is used.
        first_line: usize,
    },
    /// A row that sets an id for a file of several documents.
    #[error("id {id} ignored: {file} contains several documents")]
    IdForMultiDocumentFile {
        /// The id.
        id: String,
        /// The file's name.
        file: String,
    },
    /// A remark on a table or row that is used.
    #[error("{0}")]
    Note(DocumentNote),
}

/// Names at most a few of the rows: mostly the table belongs to another folder, or has another column of
/// names.
fn unmatched_rows(names: &[String]) -> String {
    const MAX_NAMED: usize = 5;
    match names {
        [name] => format!("row ignored: no file {name} in the table's folder"),
        names => {
            let first = names.get(..MAX_NAMED).unwrap_or(names);
            let more = if first.len() < names.len() {
                ", …"
            } else {
                ""
            };
            format!(
                "{} rows ignored: no such files in the table's folder: {}{more}",
                names.len(),
                comma_separated(first)
            )
        }
    }
}
