//! Heads of Markdown files that are no YAML: lines such as `**Speaker:** Anna Keller`.

use serde_json::Value;

use super::events::DocumentNote;
use super::metadata::Metadata;
use super::written_date;

/// A head begins in the first lines of a file.
const MAX_LINES_BEFORE: usize = 6;
/// One such line may be a line of a speech.
const MIN_FIELDS: usize = 2;
/// Names of fields are not longer.
const MAX_NAME_CHARS: usize = 30;

/// Takes the fields of a head over into the metadata, and returns the text without their lines. A text
/// without a head is returned unchanged.
pub(super) fn take(
    markdown: &str,
    metadata: &mut Metadata,
    notes: &mut Vec<DocumentNote>,
) -> String {
    let lines: Vec<&str> = markdown.split_inclusive('\n').collect();
    let parsed: Vec<Option<(String, &str)>> = lines.iter().map(|line| parse_field(line)).collect();
    let Some(from) = parsed.iter().position(Option::is_some) else {
        return markdown.to_owned();
    };
    let length = parsed
        .iter()
        .skip(from)
        .take_while(|field| field.is_some())
        .count();
    let fields = || parsed.iter().skip(from).take(length).flatten();
    let before = lines
        .iter()
        .take(from)
        .filter(|line| !line.trim().is_empty());
    let is_known = fields().any(|(name, _)| Metadata::FIELDS.contains(&name.as_str()));
    if before.count() > MAX_LINES_BEFORE || length < MIN_FIELDS || !is_known {
        return markdown.to_owned();
    }
    for (name, value) in fields() {
        let value = match name.as_str() {
            "date" => written_date::to_iso(value).unwrap_or_else(|| (*value).to_owned()),
            _ => (*value).to_owned(),
        };
        notes.extend(metadata.set_if_absent(name, Value::String(value)).err());
    }
    let rest = lines
        .iter()
        .take(from)
        .chain(lines.iter().skip(from + length));
    rest.copied().collect()
}

/// Parses `**Name:** value` and `**Name**: value`.
fn parse_field(line: &str) -> Option<(String, &str)> {
    let inner = line.trim().strip_prefix("**")?;
    let (name, value) = inner.split_once("**")?;
    let (name, value) = match name.strip_suffix(':') {
        Some(name) => (name, value),
        None => (name, value.strip_prefix(':')?),
    };
    let name = name.trim();
    let value = value.trim();
    let is_name = !name.is_empty()
        && name.chars().count() <= MAX_NAME_CHARS
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    (is_name && !value.is_empty()).then(|| (name.to_lowercase(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(markdown: &str) -> (String, Metadata) {
        let mut metadata = Metadata::default();
        let mut notes = Vec::new();
        let text = take(markdown, &mut metadata, &mut notes);
        assert_eq!(notes, []);
        (text, metadata)
    }

    #[test]
    fn bold_fields_become_metadata() {
        let (text, metadata) = taken(
            "# A speech\n\n**Speaker:** Mary Miller\n**Date**: 5 May 1999\n**Session:** 54\n\nWe are here.\n",
        );
        assert_eq!(text, "# A speech\n\n\nWe are here.\n");
        assert_eq!(metadata.speaker.as_deref(), Some("Mary Miller"));
        assert_eq!(
            metadata.date.map(|date| date.to_string()).as_deref(),
            Some("1999-05-05")
        );
        assert_eq!(metadata.attributes["session"], "54");
    }

    #[test]
    fn bold_words_of_a_speech_stay() {
        for text in [
            "**First:** we want peace.\n**Second:** we want bread.\n",
            "**Speaker:** alone on a line\n\nWe are here.",
            "We are **here**: all of us.",
        ] {
            assert_eq!(taken(text), (text.to_owned(), Metadata::default()));
        }
    }
}
