//! What a page says about itself: meta tags, JSON-LD, and the language of its root.

use scraper::{Html, Selector};
use serde_json::Value;

use super::text_of;
use crate::corpus::parsed::ParsedDocument;

/// Names of meta tags and keys of JSON-LD, by the field they hold; the first that a page has is taken.
const META: [(&str, &[&str]); 6] = [
    (
        "title",
        &["og:title", "dc.title", "citation_title", "twitter:title"],
    ),
    (
        "date",
        &[
            "article:published_time",
            "dc.date",
            "dc.date.issued",
            "dcterms.date",
            "dcterms.issued",
            "citation_date",
            "date",
            "pubdate",
            "publish-date",
            "og:published_time",
        ],
    ),
    ("speaker", &["speaker", "dc.speaker"]),
    (
        "author",
        &[
            "author",
            "article:author",
            "dc.creator",
            "citation_author",
            "byl",
        ],
    ),
    ("language", &["dc.language", "content-language"]),
    ("source", &["og:url"]),
];

const LINKED_DATA: [(&str, &str); 5] = [
    ("headline", "title"),
    ("datePublished", "date"),
    ("uploadDate", "date"),
    ("performer", "speaker"),
    ("author", "author"),
];

pub(super) fn read(page: &Html, document: &mut ParsedDocument) {
    let meta = select(page, "meta");
    for (field, names) in META {
        let value = names.iter().find_map(|wanted| {
            let mut tags = meta.iter();
            tags.find_map(|tag| {
                let keys = ["name", "property", "itemprop", "http-equiv"];
                let matches = keys.iter().any(|key| {
                    tag.attr(key)
                        .is_some_and(|name| name.eq_ignore_ascii_case(wanted))
                });
                tag.attr("content")
                    .filter(|content| matches && !content.trim().is_empty())
            })
        });
        if let Some(value) = value {
            set(document, field, value);
        }
    }
    for script in select(page, r#"script[type="application/ld+json"]"#) {
        let json: String = script.text().collect();
        if let Ok(value) = serde_json::from_str::<Value>(&json) {
            read_linked_data(&value, document);
        }
    }
    if let Some(language) = page.root_element().attr("lang") {
        set(document, "language", language);
    }
    if let Some(link) = select(page, r#"link[rel="canonical"]"#)
        .first()
        .and_then(|link| link.attr("href"))
        && document.metadata.source.is_none()
    {
        set(document, "source", link);
    }
    if document.metadata.date.is_none()
        && let [only] = select(page, "time[datetime]").as_slice()
        && let Some(date) = only.attr("datetime")
    {
        set(document, "date", date);
    }
    // A title of the page names the site as well; a heading in the article is better, but may be missing.
    if document.metadata.title.is_none() && select(page, "h1").is_empty() {
        let title = select(page, "title").first().map(|title| text_of(*title));
        document.heading = title.filter(|title| !title.is_empty());
    }
}

fn read_linked_data(value: &Value, document: &mut ParsedDocument) {
    let items = match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(object) => match object.get("@graph") {
            Some(Value::Array(items)) => items.iter().collect(),
            _ => vec![value],
        },
        _ => Vec::new(),
    };
    for item in items {
        for (key, field) in LINKED_DATA {
            if let Some(value) = item.get(key).and_then(name_of) {
                set(document, field, &value);
            }
        }
    }
}

/// Returns a string, or the name of a person, or of the first of several.
fn name_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => items.first().and_then(|item| match item {
            Value::String(text) => Some(text.clone()),
            item => item.get("name")?.as_str().map(str::to_owned),
        }),
        item => item.get("name")?.as_str().map(str::to_owned),
    }
}

/// Sets a field. Pages say the same in several places and forms; what differs is not worth a note.
fn set(document: &mut ParsedDocument, field: &str, value: &str) {
    let value = match field {
        // The day of a time stamp.
        "date" => value.trim().get(..10).unwrap_or(value.trim()),
        _ => value.trim(),
    };
    if !value.is_empty() {
        let _ = document.metadata.set_if_absent(field, value.into());
    }
}

fn select<'a>(page: &'a Html, selector: &str) -> Vec<scraper::ElementRef<'a>> {
    // The selectors above are constants; one that does not parse selects nothing.
    Selector::parse(selector)
        .map_or_else(|_| Vec::new(), |selector| page.select(&selector).collect())
}
