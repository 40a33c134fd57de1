//! Metadata of a document: seven fields and any number of attributes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::date::PartialDate;
use super::events::DocumentNote;
use super::json;
use super::message::excerpt;

/// The metadata of a document. Every field is optional.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// The document's title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The speaker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speaker: Option<String>,
    /// The date, as precisely as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<PartialDate>,
    /// The place or occasion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub venue: Option<String>,
    /// The country that the speaker represents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The language of the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The source of the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// All other fields, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Value>,
}

impl Metadata {
    /// The names of the fields; any other name is an attribute.
    pub const FIELDS: [&'static str; 7] = [
        "title", "speaker", "date", "venue", "country", "language", "source",
    ];

    /// Sets a field or attribute unless it has a value.
    ///
    /// `null` and blank fields count as absent. White space in fields is collapsed, since a line break
    /// in a title is an artefact of the file; attributes are stored verbatim.
    ///
    /// # Errors
    ///
    /// If the value is invalid or differs from the present one, or if the time of a date was left out.
    pub(super) fn set_if_absent(&mut self, name: &str, value: Value) -> Result<(), DocumentNote> {
        if value.is_null() {
            return Ok(());
        }
        if name == "date" {
            return self.set_date_if_absent(&value);
        }
        let Some(field) = self.text_field_mut(name) else {
            return match self.attributes.get(name) {
                None => {
                    self.attributes.insert(name.to_owned(), value);
                    Ok(())
                }
                Some(kept) => conflict(name, kept, &value),
            };
        };
        let Value::String(text) = value else {
            return Err(ignored_field(name, "a string", &value));
        };
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() {
            return Ok(());
        }
        match field {
            None => {
                *field = Some(text);
                Ok(())
            }
            Some(kept) => conflict(name, &kept.as_str().into(), &text.into()),
        }
    }

    fn set_date_if_absent(&mut self, value: &Value) -> Result<(), DocumentNote> {
        let text = match value {
            Value::String(text) if text.trim().is_empty() => return Ok(()),
            Value::String(text) => text.trim().to_owned(),
            // In JSON, years are mostly numbers.
            Value::Number(number) => number.to_string(),
            other => return Err(ignored_field("date", "a string", other)),
        };
        let (day, has_time) = split_time(&text);
        let date: PartialDate = day.parse().map_err(|error: super::date::DateError| {
            ignored_field(
                "date",
                "an existing date such as 2015, 2015-10 or 2015-10-23",
                &error.received.into(),
            )
        })?;
        match self.date {
            None => {
                self.date = Some(date);
                if has_time {
                    let received = excerpt(&text);
                    return Err(DocumentNote::TimeLeftOut { received });
                }
                Ok(())
            }
            Some(kept) => conflict("date", &kept.to_string().into(), &date.to_string().into()),
        }
    }

    /// Fills missing values from a source of lower precedence; returns the conflicts.
    pub(super) fn fill_from(&mut self, other: &Metadata) -> Vec<DocumentNote> {
        let mut other_values: Vec<(&str, Value)> = Vec::new();
        for name in Self::FIELDS {
            let value = match name {
                "date" => other.date.map(|date| date.to_string()),
                _ => other.clone().text_field_mut(name).and_then(Option::take),
            };
            other_values.extend(value.map(|value| (name, Value::String(value))));
        }
        let attributes = other.attributes.iter();
        other_values.extend(attributes.map(|(name, value)| (name.as_str(), value.clone())));
        other_values
            .into_iter()
            .filter_map(|(name, value)| self.set_if_absent(name, value).err())
            .collect()
    }

    fn text_field_mut(&mut self, name: &str) -> Option<&mut Option<String>> {
        Some(match name {
            "title" => &mut self.title,
            "speaker" => &mut self.speaker,
            "venue" => &mut self.venue,
            "country" => &mut self.country,
            "language" => &mut self.language,
            "source" => &mut self.source,
            _ => return None,
        })
    }
}

/// Splits off the time of `2023-09-19T20:29:00Z`; returns whether there is one.
fn split_time(text: &str) -> (&str, bool) {
    const DAY_BYTES: usize = 10;
    let time = text
        .get(DAY_BYTES..)
        .and_then(|rest| rest.strip_prefix(['T', 't', ' ']));
    let is_time = time.is_some_and(|time| {
        let clock = time.get(..5).map(str::as_bytes);
        let is_clock = matches!(clock, Some([h1, h2, b':', m1, m2])
            if [h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit()));
        is_clock
            && time
                .bytes()
                .all(|byte| byte.is_ascii_digit() || b":.,+-Zz ".contains(&byte))
    });
    match text.get(..DAY_BYTES) {
        Some(day) if is_time => (day, true),
        _ => (text, false),
    }
}

fn conflict(field: &str, kept: &Value, ignored: &Value) -> Result<(), DocumentNote> {
    if kept == ignored {
        return Ok(());
    }
    Err(DocumentNote::Conflict {
        field: field.to_owned(),
        kept: display_value(kept),
        ignored: display_value(ignored),
    })
}

fn ignored_field(field: &str, expected: &'static str, received: &Value) -> DocumentNote {
    DocumentNote::FieldIgnored {
        field: field.to_owned(),
        expected,
        received: json::received(received),
    }
}

fn display_value(value: &Value) -> String {
    match value {
        Value::String(text) => excerpt(text),
        Value::Array(_) | Value::Object(_) => json::received(value),
        plain => plain.to_string(),
    }
}
