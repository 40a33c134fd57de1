//! The header of proceedings: what holds for all of a sitting.

use super::super::xml::{Element, XmlEvent};
use crate::corpus::Metadata;

/// What a header says.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) id: Option<String>,
    pub(super) metadata: Metadata,
    /// The open elements of the header, from its root.
    path: Vec<String>,
    is_open: bool,
    field: Option<&'static str>,
    value: String,
}

impl Head {
    /// Reads an event; returns whether it belongs to the header.
    pub(super) fn handle(&mut self, event: &XmlEvent) -> bool {
        match event {
            XmlEvent::Start(element) => {
                if !self.is_open {
                    if matches!(element.name.as_str(), "TEI" | "TEI.2") {
                        self.id = element.attribute("id").map(str::to_owned);
                        if let Some(language) = element.attribute("lang") {
                            self.set("language", language);
                        }
                    }
                    if !matches!(
                        element.name.as_str(),
                        "teiHeader" | "meta" | "session.header" | "header"
                    ) {
                        self.read_attributes(element);
                        return false;
                    }
                    self.is_open = true;
                }
                self.path.push(element.name.clone());
                self.start(element);
                true
            }
            XmlEvent::Text(text) => {
                if self.is_open && self.field.is_some() {
                    self.value.push_str(text);
                }
                self.is_open
            }
            XmlEvent::End(name) => {
                if !self.is_open {
                    return false;
                }
                if let Some(field) = self.field.take() {
                    let value = std::mem::take(&mut self.value);
                    self.set(field, &value);
                }
                self.path.pop();
                if self.path.is_empty() {
                    self.is_open = false;
                }
                let _ = name;
                true
            }
        }
    }

    /// Dates that stand outside of a header.
    fn read_attributes(&mut self, element: &Element) {
        if matches!(
            element.name.as_str(),
            "docDate" | "date" | "debates" | "hansard"
        ) && let Some(date) = element
            .attribute("date")
            .or_else(|| element.attribute("format"))
        {
            self.set("date", date);
        }
    }

    fn start(&mut self, element: &Element) {
        let path = self.path.clone();
        let inside = |name: &str| path.iter().any(|open| open == name);
        let kind = element.attribute("type");
        let field = match element.name.as_str() {
            "title" if inside("titleStmt") && kind.is_none_or(|kind| kind == "main") => {
                Some("title")
            }
            "docTitle" => Some("title"),
            "date" if inside("session.header") => Some("date"),
            "name" if inside("settingDesc") && kind == Some("country") => Some("country"),
            "name" if inside("settingDesc") && matches!(kind, Some("city" | "org")) => {
                Some("venue")
            }
            "idno" if inside("sourceDesc") => Some("source"),
            _ => None,
        };
        if let Some(date) = element
            .attribute("when")
            .or_else(|| element.attribute("from"))
            .filter(|_| {
                element.name == "date"
                    && (inside("settingDesc") || inside("bibl") || inside("biblStruct"))
            })
        {
            // The day of the sitting takes precedence over that of its source, whatever the order.
            if inside("settingDesc") {
                self.metadata.date = None;
            }
            let date = date.to_owned();
            self.set("date", &date);
        }
        if element.name == "FRBRdate"
            && inside("FRBRWork")
            && let Some(date) = element.attribute("date")
        {
            let date = date.to_owned();
            self.set("date", &date);
        }
        if element.name == "FRBRalias"
            && let Some(title) = element.attribute("value")
        {
            let title = title.to_owned();
            self.set("title", &title);
        }
        if element.name == "FRBRlanguage"
            && let Some(language) = element.attribute("language")
        {
            let language = language.to_owned();
            self.set("language", &language);
        }
        self.value.clear();
        self.field = field;
    }

    /// Sets a field to the first value that a header has for it.
    fn set(&mut self, field: &str, value: &str) {
        let value = value.trim();
        let value = if field == "date" {
            value.get(..10).unwrap_or(value)
        } else {
            value
        };
        if !value.is_empty() {
            let _ = self.metadata.set_if_absent(field, value.into());
        }
    }
}
