//! The names of speakers, by the identifiers that turns refer to them with.

use std::collections::HashMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use super::super::xml::{XmlEvent, XmlReader, decode_xml};

/// Lists of people of a parliament over decades are a few megabytes.
const MAX_LIST_BYTES: u64 = 64 * 1024 * 1024;

/// People by identifier.
#[derive(Debug, Default)]
pub(super) struct People {
    names: HashMap<String, String>,
    /// The person being read, with the parts of the name.
    current: Option<(String, Name)>,
}

#[derive(Debug, Default)]
struct Name {
    forenames: Vec<String>,
    surnames: Vec<String>,
    whole: String,
    /// The part being read, and the depth within `persName`.
    part: Option<Part>,
    depth: usize,
    names: usize,
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Forename,
    Surname,
    Other,
}

impl People {
    /// Returns the name of the person that a reference such as `#id` or `file.xml#id` points to.
    pub(super) fn name(&self, reference: &str) -> Option<&str> {
        self.names.get(identifier(reference)).map(String::as_str)
    }

    /// Reads an event of a file that may list people.
    pub(super) fn handle(&mut self, event: &XmlEvent) {
        match event {
            XmlEvent::Start(element) => {
                // Akoma Ntoso.
                if element.name == "TLCPerson"
                    && let Some(id) = element.attribute("eId").or_else(|| element.attribute("id"))
                    && let Some(name) = element.attribute("showAs")
                {
                    self.names.insert(id.to_owned(), name.to_owned());
                }
                if element.name == "person"
                    && let Some(id) = element.attribute("id")
                {
                    self.current = Some((id.to_owned(), Name::default()));
                }
                let Some((_, name)) = &mut self.current else {
                    return;
                };
                if element.name == "persName" {
                    name.names += usize::from(name.depth == 0);
                    name.depth += 1;
                } else if name.depth > 0 {
                    name.depth += 1;
                    name.part = Some(match element.name.as_str() {
                        "forename" => Part::Forename,
                        "surname" => Part::Surname,
                        _ => Part::Other,
                    });
                }
            }
            XmlEvent::Text(text) => {
                if let Some((_, name)) = &mut self.current
                    && name.depth > 0
                    && name.names == 1
                    && !text.trim().is_empty()
                {
                    let text = text.trim().to_owned();
                    match name.part {
                        Some(Part::Forename) => name.forenames.push(text),
                        Some(Part::Surname) => name.surnames.push(text),
                        Some(Part::Other) => {}
                        None => name.whole.push_str(&text),
                    }
                }
            }
            XmlEvent::End(ended) => {
                if let Some((_, name)) = &mut self.current {
                    name.depth = name.depth.saturating_sub(1);
                    name.part = None;
                }
                if ended == "person"
                    && let Some((id, name)) = self.current.take()
                {
                    let parts = name.forenames.iter().chain(&name.surnames);
                    let parts: Vec<&str> = parts.map(String::as_str).collect();
                    let joined = if parts.is_empty() {
                        name.whole
                    } else {
                        parts.join(" ")
                    };
                    if !joined.is_empty() {
                        self.names.insert(id, joined);
                    }
                }
            }
        }
    }

    /// Reads the lists of people next to a file and in the folder above it.
    pub(super) fn read_neighbours(&mut self, path: &Path) {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        for folder in [Some(folder), folder.parent()].into_iter().flatten() {
            let folder = if folder.as_os_str().is_empty() {
                Path::new(".")
            } else {
                folder
            };
            let Ok(entries) = fs::read_dir(folder) else {
                continue;
            };
            let mut lists: Vec<_> = entries
                .flatten()
                .map(|entry| entry.path())
                .filter(|path| {
                    let name = path
                        .file_name()
                        .unwrap_or_default()
                        .to_string_lossy()
                        .to_lowercase();
                    path.extension()
                        .is_some_and(|e| e.eq_ignore_ascii_case("xml"))
                        && (name.contains("listperson") || name.contains("people"))
                })
                .collect();
            lists.sort();
            for list in lists {
                self.read_list(&list);
            }
        }
    }

    /// Reads a list of people. What cannot be read leaves speakers with their identifiers.
    fn read_list(&mut self, path: &Path) {
        let Ok(file) = fs::File::open(path) else {
            return;
        };
        let mut bytes = Vec::new();
        if file.take(MAX_LIST_BYTES).read_to_end(&mut bytes).is_err() {
            return;
        }
        let Ok(xml) = decode_xml(bytes) else {
            return;
        };
        let mut reader = XmlReader::new(&xml, "XML");
        while let Ok(Some(event)) = reader.next_event() {
            self.handle(&event);
        }
    }
}

/// Returns the identifier in a reference.
pub(super) fn identifier(reference: &str) -> &str {
    let first = reference.split_whitespace().next().unwrap_or_default();
    first.rsplit_once('#').map_or(first, |(_, id)| id)
}
