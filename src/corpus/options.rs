//! What a user may tell the readers about files that do not tell it themselves.

use std::path::PathBuf;

/// Options of reading, the same for all files of a corpus.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// The column of tables, or the field of JSON objects, that has the text.
    pub text_column: Option<String>,
    /// Names of columns and fields by the field of [`Metadata`](super::Metadata) (or `id`) they hold.
    pub columns: Vec<ColumnMapping>,
    /// The path of the texts in JSON files, such as `speeches[].transcript`.
    pub text_path: Option<String>,
    /// Keep menus, footers and other parts of web pages that are not the article.
    pub keep_boilerplate: bool,
    /// Whether transcripts are split into the turns of their speakers.
    pub turns: TurnMode,
    /// The program that reads PDF files in a process of its own: this one, with the arguments
    /// `extract-pdf FILE`. PDF files are skipped if it is not set.
    pub pdf_program: Option<PathBuf>,
}

/// A column that holds a field under another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMapping {
    /// The field: `id`, one of [`Metadata::FIELDS`](super::Metadata::FIELDS), or an attribute.
    pub field: String,
    /// The name of the column, compared regardless of case.
    pub column: String,
}

/// Why an argument of the form `FIELD=COLUMN` cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected FIELD=COLUMN, such as speaker=Name, received {received}")]
pub struct ColumnMappingError {
    /// The argument.
    pub received: String,
}

impl std::str::FromStr for ColumnMapping {
    type Err = ColumnMappingError;

    fn from_str(text: &str) -> Result<Self, ColumnMappingError> {
        match text.split_once('=') {
            Some((field, column)) if !field.trim().is_empty() && !column.trim().is_empty() => {
                Ok(Self {
                    field: field.trim().to_lowercase(),
                    column: column.trim().to_owned(),
                })
            }
            _ => Err(ColumnMappingError {
                received: text.to_owned(),
            }),
        }
    }
}

/// Whether transcripts are split into turns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TurnMode {
    /// If the whole document shows that speakers take turns in it.
    #[default]
    Auto,
    /// At every line that has the form of a speaker's name.
    On,
    /// Never.
    Off,
}

impl ReadOptions {
    /// Returns the field that a column holds: as told, or its own name, in lower case if it is one of
    /// the known fields.
    pub(super) fn field_of(&self, column: &str) -> String {
        let column = column.trim();
        let told = self
            .columns
            .iter()
            .find(|mapping| same_name(&mapping.column, column));
        if let Some(mapping) = told {
            return mapping.field.clone();
        }
        let lower = column.to_lowercase();
        if lower == "id" || super::Metadata::FIELDS.contains(&lower.as_str()) {
            return lower;
        }
        column.to_owned()
    }
}

/// Compares names of columns regardless of case and surrounding blanks.
pub(super) fn same_name(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}
