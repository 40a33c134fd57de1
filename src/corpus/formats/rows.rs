//! Rows of cells to documents, for tables and spreadsheets.
//!
//! One column has the texts: the one that the user named, or the one column whose name says so. The
//! other columns are metadata, by their own names or by those that the user maps them to.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::corpus::error::SkipReason;
use crate::corpus::events::DocumentNote;
use crate::corpus::options::{ReadOptions, same_name};
use crate::corpus::parsed::ParsedDocument;

/// Names of columns of texts, the most telling first.
pub(super) const TEXT_NAMES: [&str; 14] = [
    "text",
    "speech",
    "transcript",
    "texts",
    "speeches",
    "fulltext",
    "speechtext",
    "transcription",
    "transcripts",
    "content",
    "contents",
    "body",
    "statement",
    "utterance",
];

/// The columns of a table, by what they hold.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    /// The field of each column; `None` for columns without a name or with that of an earlier one.
    fields: Vec<Option<String>>,
    text: usize,
    /// Names that occur twice.
    repeated: Vec<String>,
}

impl Columns {
    /// Interprets a header.
    ///
    /// # Errors
    ///
    /// If it has no column of texts.
    pub(super) fn from_header(
        header: &[String],
        options: &ReadOptions,
    ) -> Result<Self, SkipReason> {
        let text = text_column(header, options).ok_or_else(|| SkipReason::NoTextColumn {
            columns: header.iter().take(40).cloned().collect(),
        })?;
        let mut seen = BTreeSet::new();
        let mut repeated = Vec::new();
        let fields = header.iter().enumerate().map(|(index, name)| {
            if index == text || name.trim().is_empty() {
                return None;
            }
            let field = options.field_of(name);
            if seen.insert(field.clone()) {
                return Some(field);
            }
            repeated.push(name.trim().to_owned());
            None
        });
        Ok(Self {
            fields: fields.collect(),
            text,
            repeated,
        })
    }

    /// Returns the number of columns.
    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    /// Converts a row; `None` if all of its cells are blank.
    pub(super) fn document(&self, line: usize, cells: Vec<Value>) -> Option<ParsedDocument> {
        if cells.iter().all(is_blank) {
            return None;
        }
        let mut document = ParsedDocument {
            line: Some(line),
            ..ParsedDocument::default()
        };
        for (index, value) in cells.into_iter().enumerate() {
            if index == self.text {
                document.text = text_of(value);
                continue;
            }
            let Some(Some(field)) = self.fields.get(index) else {
                continue;
            };
            if is_blank(&value) {
                continue;
            }
            if field == "id" {
                document.id = Some(text_of(value));
                continue;
            }
            // Cells have no types: a number in the column of a field is its text.
            let value = match value {
                Value::Number(number) if field != "date" && is_text_field(field) => {
                    Value::String(number.to_string())
                }
                value => value,
            };
            let set = document.metadata.set_if_absent(field, value);
            document.notes.extend(set.err());
        }
        Some(document)
    }

    /// Returns notes on the header, for the first document.
    pub(super) fn notes(&self) -> Vec<DocumentNote> {
        let repeated = self.repeated.iter();
        repeated
            .map(|name| DocumentNote::FieldIgnored {
                field: name.clone(),
                expected: "one column of that name",
                received: "another one".to_owned(),
            })
            .collect()
    }
}

fn is_text_field(field: &str) -> bool {
    crate::corpus::Metadata::FIELDS.contains(&field)
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        _ => false,
    }
}

fn text_of(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Returns the column of texts.
fn text_column(header: &[String], options: &ReadOptions) -> Option<usize> {
    if let Some(named) = &options.text_column {
        return header.iter().position(|name| same_name(name, named));
    }
    let names: Vec<String> = header.iter().map(|name| normalized(name)).collect();
    let whole = TEXT_NAMES
        .into_iter()
        .find_map(|text| names.iter().position(|name| name == text));
    whole.or_else(|| {
        // "Speech text", "transcript_en": the only column with such a word, unless it is a number or a date.
        let mut matching = (0..header.len()).filter(|index| {
            let name = header.get(*index).map_or("", String::as_str).to_lowercase();
            let words: Vec<&str> = name
                .split(|c: char| !c.is_alphanumeric())
                .filter(|word| !word.is_empty())
                .collect();
            let tells = |word: &&str| matches!(*word, "text" | "transcript" | "speech" | "content");
            let counts = |word: &&str| {
                matches!(
                    *word,
                    "id" | "date"
                        | "time"
                        | "type"
                        | "number"
                        | "no"
                        | "length"
                        | "url"
                        | "link"
                        | "title"
                        | "words"
                        | "language"
                        | "lang"
                        | "file"
                )
            };
            words.iter().any(tells) && !words.iter().any(counts)
        });
        match (matching.next(), matching.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        }
    })
}

/// Returns a name without case, blanks and punctuation.
pub(super) fn normalized(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn text_of_header(names: &[&str], told: Option<&str>) -> Option<usize> {
        let options = ReadOptions {
            text_column: told.map(str::to_owned),
            ..ReadOptions::default()
        };
        text_column(&header(names), &options)
    }

    #[test]
    fn the_text_column_is_found_by_name_or_told() {
        assert_eq!(
            text_of_header(&["speechID", "date", "Speech"], None),
            Some(2)
        );
        assert_eq!(text_of_header(&["content", "text"], None), Some(1));
        assert_eq!(text_of_header(&["Speaker", "Speech_Text"], None), Some(1));
        assert_eq!(
            text_of_header(&["speech_id", "transcript_en"], None),
            Some(1)
        );
        assert_eq!(text_of_header(&["text_en", "text_de"], None), None);
        assert_eq!(text_of_header(&["name", "bio"], None), None);
        assert_eq!(text_of_header(&["name", "BIO "], Some("bio")), Some(1));
        assert_eq!(text_of_header(&["name", "text"], Some("bio")), None);
    }

    #[test]
    fn columns_are_metadata_by_name_or_mapping() {
        let options = ReadOptions {
            columns: vec![
                "speaker=Member Name".parse().unwrap(),
                "id=key".parse().unwrap(),
            ],
            ..ReadOptions::default()
        };
        let names = header(&["Key", "member name", "DATE", "party", "party", "text", ""]);
        let columns = Columns::from_header(&names, &options).unwrap();
        assert_eq!(columns.notes().len(), 1);
        let cells = ["7", "Ada  Low", "1919-01-21", "SF", "x", "Words.", "stray"];
        let cells = cells.map(|cell| Value::String(cell.to_owned())).to_vec();
        let document = columns.document(2, cells).unwrap();
        assert_eq!(document.id.as_deref(), Some("7"));
        assert_eq!(document.text, "Words.");
        assert_eq!(document.metadata.speaker.as_deref(), Some("Ada Low"));
        assert_eq!(document.metadata.date.unwrap().to_string(), "1919-01-21");
        assert_eq!(document.metadata.attributes["party"], "SF");
        assert!(columns.document(3, vec![Value::Null; 7]).is_none());
    }
}
