//! Citations of a passage: as text, `BibTeX`, RIS and CSL-JSON.

use clap::ValueEnum;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::corpus::PartialDate;
use crate::search::document_date;
use crate::store::{DocumentSummary, PassageRecord};

/// The form of a citation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum CitationStyle {
    /// One line of text
    #[default]
    Text,
    /// An entry for `BibTeX` and `BibLaTeX`
    Bibtex,
    /// A record for reference managers
    Ris,
    /// An item for CSL processors, such as those of Zotero and Pandoc
    CslJson,
}

impl CitationStyle {
    /// Returns a file of several citations, without the last line end.
    #[must_use]
    pub fn join(self, citations: &[Citation<'_>]) -> String {
        let citations: Vec<String> = citations.iter().map(|c| c.in_style(self)).collect();
        match self {
            Self::Text => citations.join("\n"),
            Self::Bibtex | Self::Ris => citations.join("\n\n"),
            Self::CslJson => format!("[{}]", citations.join(",\n")),
        }
    }

    /// Returns the media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; charset=utf-8",
            Self::Bibtex => "application/x-bibtex; charset=utf-8",
            Self::Ris => "application/x-research-info-systems; charset=utf-8",
            Self::CslJson => "application/vnd.citationstyles.csl+json",
        }
    }
}

/// What a citation is written from.
#[derive(Debug, Clone, Copy)]
pub struct Citation<'a> {
    /// The document of the passage.
    pub document: &'a DocumentSummary,
    /// The passage.
    pub passage: &'a PassageRecord,
    /// The address at which it can be read.
    pub link: Option<&'a str>,
}

impl<'a> Citation<'a> {
    /// Returns the citation in a style, without a line end.
    fn in_style(self, style: CitationStyle) -> String {
        match style {
            CitationStyle::Text => self.text(),
            CitationStyle::Bibtex => self.bibtex(),
            CitationStyle::Ris => self.ris(),
            CitationStyle::CslJson => self.csl_json(),
        }
    }

    fn text(self) -> String {
        let metadata = &self.document.metadata;
        let title = format!("“{}”", one_line(self.title()));
        let date = document_date(self.document);
        let parts = [
            metadata.speaker.as_deref(),
            Some(&*title),
            metadata.venue.as_deref(),
        ];
        let parts = parts.into_iter().flatten().map(one_line);
        let date = date.map_or_else(|| "undated".to_owned(), |date| date.to_string());
        let parts: Vec<String> = parts.chain([date, self.place()]).collect();
        let id = self.passage.id();
        format!("{}. {}", parts.join(", "), self.link.unwrap_or(&id))
    }

    fn bibtex(self) -> String {
        let metadata = &self.document.metadata;
        let date = document_date(self.document);
        let number = |part: Option<i8>| part.map(|part| part.to_string());
        let braced = |text: &str| format!("{{{}}}", tex(text));
        let fields = [
            ("author", metadata.speaker.as_deref().map(braced)),
            ("title", Some(braced(self.title()))),
            ("howpublished", metadata.venue.as_deref().map(tex)),
            ("year", date.map(|date| format!("{:04}", date.year()))),
            ("month", number(date.and_then(|date| date.month()))),
            ("day", number(date.and_then(|date| date.day()))),
            ("language", metadata.language.as_deref().map(tex)),
            ("note", Some(tex(&self.note()))),
            ("url", self.link.map(str::to_owned)),
        ];
        let fields = fields
            .into_iter()
            .filter_map(|(name, value)| Some(format!("  {name} = {{{}}}", value?)));
        let fields: Vec<String> = fields.collect();
        format!("@misc{{{},\n{}\n}}", self.key(), fields.join(",\n"))
    }

    fn ris(self) -> String {
        let metadata = &self.document.metadata;
        let date = document_date(self.document);
        let fields = [
            ("TY", Some("GEN".to_owned())),
            ("AU", metadata.speaker.as_deref().map(one_line)),
            ("TI", Some(one_line(self.title()))),
            ("PY", date.map(|date| format!("{:04}", date.year()))),
            ("DA", date.map(ris_date)),
            ("T2", metadata.venue.as_deref().map(one_line)),
            ("LA", metadata.language.as_deref().map(one_line)),
            ("ID", Some(self.passage.id())),
            ("N1", Some(self.note())),
            ("UR", self.link.map(str::to_owned)),
            ("ER", Some(String::new())),
        ];
        let lines = fields
            .into_iter()
            .filter_map(|(tag, value)| Some(format!("{tag}  - {}", value?)));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Returns an item by the schema of CSL 1.0.2.
    fn csl_json(self) -> String {
        let metadata = &self.document.metadata;
        let mut item = json!({
            "id": self.passage.id(),
            "type": "speech",
            "title": self.title(),
            "note": self.note(),
        });
        let date = document_date(self.document).map(|date| {
            let parts = [date.month(), date.day()].into_iter().flatten();
            let parts: Vec<i16> = std::iter::once(date.year())
                .chain(parts.map(i16::from))
                .collect();
            json!({"date-parts": [parts]})
        });
        let fields = [
            (
                "author",
                metadata
                    .speaker
                    .as_deref()
                    .map(|name| json!([{"literal": name}])),
            ),
            ("issued", date),
            ("event-title", metadata.venue.as_deref().map(Into::into)),
            ("language", metadata.language.as_deref().map(Into::into)),
            ("URL", self.link.map(Into::into)),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                item[name] = value;
            }
        }
        item.to_string()
    }

    fn title(self) -> &'a str {
        let title = self.document.metadata.title.as_deref();
        title.unwrap_or(self.document.id.as_str())
    }

    /// Returns where in the document the passage is.
    fn place(self) -> String {
        let range = self.passage.range;
        let (ordinal, start, end) = (self.passage.ordinal, range.start, range.end);
        let passage = format!("passage {ordinal} (characters {start}–{end})");
        if self.passage.place.is_known() {
            return format!("{}, {passage}", self.passage.place);
        }
        passage
    }

    /// Returns what identifies the words: a later version of the document may have others at this place.
    fn note(self) -> String {
        let hash = self.passage.hash.to_string();
        let place = self.place();
        let id = one_line(&self.passage.id());
        format!("{id}, {place}, sha256 {}", hash.get(..16).unwrap_or(&hash))
    }

    /// Returns the name of the entry, of characters that `BibTeX` allows.
    fn key(self) -> String {
        let id = self.document.id.as_str().chars();
        let id: String = id
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        format!("{id}-p{}", self.passage.ordinal)
    }
}

/// Returns a text on one line without control characters, which end a line or a field in each format.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Returns a date in the form of RIS: `YYYY/MM/DD/`, with empty parts where it is not known.
fn ris_date(date: PartialDate) -> String {
    let part = |part: Option<i8>| part.map(|part| format!("{part:02}")).unwrap_or_default();
    format!(
        "{:04}/{}/{}/",
        date.year(),
        part(date.month()),
        part(date.day())
    )
}

/// Escapes TeX's special characters.
fn tex(text: &str) -> String {
    let mut escaped = String::new();
    for c in one_line(text).chars() {
        match c {
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '{' | '}' | '$' | '&' | '#' | '%' | '_' => escaped.extend(['\\', c]),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use crate::corpus::{Metadata, SourcePlace};
    use crate::passages::TextRange;
    use crate::store::ContentHash;

    use super::*;

    #[test]
    fn hostile_metadata_cannot_leave_its_field() {
        let document = DocumentSummary {
            id: "a%5fb".replace('%', "-").parse().unwrap(),
            metadata: Metadata {
                title: Some("50 % of {all} & \\more\nER  - ".to_owned()),
                speaker: Some("O'Neill \"Q\"\r\nTY  - BOOK".to_owned()),
                date: Some("2015-10".parse().unwrap()),
                ..Metadata::default()
            },
            content_hash: ContentHash::from_parts([b"d".as_slice()]),
            passages: 1,
            characters: 5,
        };
        let passage = PassageRecord {
            document: document.id.clone(),
            ordinal: 7,
            text: "Hello".to_owned(),
            range: TextRange { start: 0, end: 5 },
            tokens: 3,
            hash: ContentHash::from_parts([b"p".as_slice()]),
            sentences: Vec::new(),
            place: SourcePlace {
                page: Some(12),
                ..SourcePlace::default()
            },
        };
        let citation = Citation {
            document: &document,
            passage: &passage,
            link: Some("http://h/read/a-5fb#p7"),
        };
        let (text, ris) = (citation.text(), citation.ris());
        let bibtex = citation.in_style(CitationStyle::Bibtex);
        assert_eq!(
            text,
            "O'Neill \"Q\" TY - BOOK, “50 % of {all} & \\more ER -”, 2015-10, page 12, passage 7 (characters 0–5). http://h/read/a-5fb#p7"
        );
        assert!(bibtex.starts_with("@misc{a-5fb-p7,\n  author = {{O'Neill \"Q\" TY - BOOK}},\n"));
        assert!(
            bibtex.contains("  title = {{50 \\% of \\{all\\} \\& \\textbackslash{}more ER -}},\n")
        );
        assert!(bibtex.contains("  month = {10},\n"));
        assert_eq!(
            ris.lines()
                .filter(|line| line.starts_with("TY  - "))
                .count(),
            1
        );
        assert_eq!(ris.lines().last(), Some("ER  - "));
        assert!(ris.contains("\nDA  - 2015/10//\n"));
        let item: serde_json::Value = serde_json::from_str(&citation.csl_json()).unwrap();
        assert_eq!(item["author"][0]["literal"], "O'Neill \"Q\"\r\nTY  - BOOK");
        assert_eq!(item["issued"]["date-parts"], json!([[2015, 10]]));
        assert_eq!(item["event-title"], serde_json::Value::Null);
        let both: serde_json::Value =
            serde_json::from_str(&CitationStyle::CslJson.join(&[citation, citation])).unwrap();
        assert_eq!(both, json!([item, item]));
        let without_link = Citation {
            link: None,
            ..citation
        };
        assert!(without_link.text().ends_with(". a-5fb#p7"));
        assert!(!without_link.ris().contains("UR  -"));
    }
}
