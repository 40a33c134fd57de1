//! Citations of a passage: as text, BibTeX and RIS.

use maud::{Markup, html};

use crate::corpus::PartialDate;
use crate::search::document_date;
use crate::store::{DocumentSummary, PassageRecord};

use super::describe;
use super::url;

/// A citation in three formats.
#[derive(Debug)]
pub(super) struct Citation {
    text: String,
    bibtex: String,
    ris: String,
}

impl Citation {
    /// Creates the citation of a passage; `origin` is the scheme and host of this service.
    pub(super) fn new(document: &DocumentSummary, passage: &PassageRecord, origin: &str) -> Self {
        let path = url::passage_path(document.id.as_str(), passage.ordinal);
        let link = format!("{origin}{path}");
        Self {
            text: text(document, passage, &link),
            bibtex: bibtex(document, passage, &link),
            ris: ris(document, passage, &link),
        }
    }

    /// Returns a fold with the three formats.
    pub(super) fn fold(&self) -> Markup {
        html! {
            details.cite {
                summary { "Cite" }
                p.with-script.actions hidden {
                    button type="button" data-action="copy-link" { "Copy link" }
                    button type="button" data-action="quote" { "Copy quotation" }
                }
                div.formats {
                    @for (name, text) in [("Text", &self.text), ("BibTeX", &self.bibtex), ("RIS", &self.ris)] {
                        section {
                            p.label { (name) }
                            pre dir="auto" tabindex="0" { (text) }
                            button.with-script.copy type="button" data-action="copy" hidden { "Copy " (name) }
                        }
                    }
                }
            }
        }
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

fn text(document: &DocumentSummary, passage: &PassageRecord, link: &str) -> String {
    let metadata = &document.metadata;
    let title = format!("“{}”", one_line(describe::title(document)));
    let date = describe::date(document).unwrap_or_else(|| "undated".to_owned());
    let parts = [
        metadata.speaker.as_deref(),
        Some(&*title),
        metadata.venue.as_deref(),
    ];
    let parts = parts.into_iter().flatten().map(one_line);
    let parts: Vec<String> = parts
        .chain([date, format!("passage {}", passage.ordinal)])
        .collect();
    format!("{}. {link}", parts.join(", "))
}

fn bibtex(document: &DocumentSummary, passage: &PassageRecord, link: &str) -> String {
    let metadata = &document.metadata;
    let date = document_date(document);
    let number = |part: Option<i8>| part.map(|part| part.to_string());
    let note = format!("Passage {}, {}", passage.ordinal, hash(passage));
    let fields = [
        (
            "author",
            metadata
                .speaker
                .as_deref()
                .map(|name| format!("{{{}}}", tex(name))),
        ),
        (
            "title",
            Some(format!("{{{}}}", tex(describe::title(document)))),
        ),
        ("howpublished", metadata.venue.as_deref().map(tex)),
        ("year", date.map(|date| format!("{:04}", date.year()))),
        ("month", number(date.and_then(|date| date.month()))),
        ("day", number(date.and_then(|date| date.day()))),
        ("language", metadata.language.as_deref().map(tex)),
        ("note", Some(note)),
        ("url", Some(link.to_owned())),
    ];
    let fields = fields
        .into_iter()
        .filter_map(|(name, value)| Some(format!("  {name} = {{{}}}", value?)));
    let fields: Vec<String> = fields.collect();
    let key = citation_key(document, passage);
    format!("@misc{{{key},\n{}\n}}", fields.join(",\n"))
}

fn ris(document: &DocumentSummary, passage: &PassageRecord, link: &str) -> String {
    let metadata = &document.metadata;
    let date = document_date(document);
    let fields = [
        ("TY", Some("GEN".to_owned())),
        ("AU", metadata.speaker.as_deref().map(one_line)),
        ("TI", Some(one_line(describe::title(document)))),
        ("PY", date.map(|date| format!("{:04}", date.year()))),
        ("DA", date.map(ris_date)),
        ("T2", metadata.venue.as_deref().map(one_line)),
        ("LA", metadata.language.as_deref().map(one_line)),
        ("ID", Some(passage.id())),
        (
            "N1",
            Some(format!("Passage {}, {}", passage.ordinal, hash(passage))),
        ),
        ("UR", Some(link.to_owned())),
        ("ER", Some(String::new())),
    ];
    let lines = fields
        .into_iter()
        .filter_map(|(tag, value)| Some(format!("{tag}  - {}", value?)));
    lines.collect::<Vec<_>>().join("\n")
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

/// Returns the name of the entry, of characters that BibTeX allows.
fn citation_key(document: &DocumentSummary, passage: &PassageRecord) -> String {
    let id: String = document
        .id
        .as_str()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    format!("{id}-p{}", passage.ordinal)
}

fn hash(passage: &PassageRecord) -> String {
    let hash = passage.hash.to_string();
    format!("sha256 {}", hash.get(..16).unwrap_or(&hash))
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
    use crate::corpus::Metadata;
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
        };
        let Citation { text, bibtex, ris } = Citation::new(&document, &passage, "http://h");
        assert_eq!(
            text,
            "O'Neill \"Q\" TY - BOOK, “50 % of {all} & \\more ER -”, 2015-10, passage 7. http://h/read/a-5fb#p7"
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
    }
}
