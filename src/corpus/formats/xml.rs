//! Reading XML with bounds: no entities but the predefined ones, a maximum depth, and names without
//! prefixes.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

use crate::corpus::decode::decode;
use crate::corpus::error::SkipReason;

/// Maximum depth of elements. Texts of office programs nest a few dozen.
const MAX_DEPTH: usize = 1_000;

/// What a reader of XML is interested in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum XmlEvent {
    /// The start of an element. An empty element has an end as well.
    Start(Element),
    /// The end of the element with this name.
    End(String),
    /// Text, with its entities resolved.
    Text(String),
}

/// An element's name and attributes, without the prefixes of namespaces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
}

impl Element {
    /// Returns the value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self
            .attributes
            .iter()
            .find(|(attribute, _)| attribute == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// The events of an XML file.
pub(super) struct XmlReader<'a> {
    reader: Reader<&'a [u8]>,
    format: &'static str,
    depth: usize,
    /// The end of an empty element.
    pending_end: Option<String>,
}

/// Decodes an XML file: as UTF-8, as it declares, or by its bytes.
pub(super) fn decode_xml(bytes: Vec<u8>) -> Result<String, SkipReason> {
    if std::str::from_utf8(&bytes).is_err() && encoding_rs::Encoding::for_bom(&bytes).is_none() {
        let head = String::from_utf8_lossy(bytes.get(..200).unwrap_or(&bytes)).into_owned();
        let label = head.split_once("encoding=").map(|(_, rest)| {
            let rest = rest.trim_start_matches(['"', '\'']);
            rest.split(['"', '\'', '?']).next().unwrap_or_default()
        });
        if let Some(encoding) =
            label.and_then(|label| encoding_rs::Encoding::for_label(label.as_bytes()))
            && let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(&bytes)
        {
            return Ok(text.into_owned());
        }
    }
    Ok(decode(bytes)?.0)
}

impl<'a> XmlReader<'a> {
    pub(super) fn new(xml: &'a str, format: &'static str) -> Self {
        let mut reader = Reader::from_str(xml);
        reader.config_mut().allow_dangling_amp = true;
        Self {
            reader,
            format,
            depth: 0,
            pending_end: None,
        }
    }

    /// Returns the next event; `None` at the end.
    pub(super) fn next_event(&mut self) -> Result<Option<XmlEvent>, SkipReason> {
        if let Some(name) = self.pending_end.take() {
            self.depth = self.depth.saturating_sub(1);
            return Ok(Some(XmlEvent::End(name)));
        }
        loop {
            let event = self
                .reader
                .read_event()
                .map_err(|error| self.malformed(&error.to_string()))?;
            return Ok(Some(match event {
                Event::Start(start) => XmlEvent::Start(self.start(&start)?),
                Event::Empty(start) => {
                    let element = self.start(&start)?;
                    self.pending_end = Some(element.name.clone());
                    XmlEvent::Start(element)
                }
                Event::End(end) => {
                    self.depth = self.depth.saturating_sub(1);
                    XmlEvent::End(end.local_name().as_ref().to_owned())
                }
                Event::Text(text) => XmlEvent::Text((*text).to_owned()),
                Event::CData(text) => XmlEvent::Text((*text).to_owned()),
                Event::GeneralRef(reference) => {
                    let name = (*reference).to_owned();
                    let character = reference.resolve_char_ref().ok().flatten();
                    let text = match (character, resolve_predefined_entity(&name)) {
                        (Some(character), _) => character.to_string(),
                        (None, Some(text)) => text.to_owned(),
                        // Entities that a DTD defines are not expanded.
                        (None, None) => format!("&{name};"),
                    };
                    XmlEvent::Text(text)
                }
                Event::Eof => return Ok(None),
                _ => continue,
            }));
        }
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<Element, SkipReason> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(SkipReason::LimitExceeded {
                problem: format!("over {MAX_DEPTH} elements are nested"),
                limit: MAX_DEPTH.to_string(),
            });
        }
        let mut element = Element {
            name: start.local_name().as_ref().to_owned(),
            attributes: Vec::new(),
        };
        for attribute in start.attributes().with_checks(false).flatten() {
            let value = match quick_xml::escape::unescape(&attribute.value) {
                Ok(value) => value.into_owned(),
                Err(_) => attribute.value.into_owned(),
            };
            element
                .attributes
                .push((attribute.key.local_name().as_ref().to_owned(), value));
        }
        Ok(element)
    }

    fn malformed(&self, problem: &str) -> SkipReason {
        SkipReason::Malformed {
            format: self.format,
            problem: format!("{problem} (byte {})", self.reader.error_position()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(xml: &str) -> Result<Vec<XmlEvent>, SkipReason> {
        let mut reader = XmlReader::new(xml, "XML");
        let mut events = Vec::new();
        while let Some(event) = reader.next_event()? {
            events.push(event);
        }
        Ok(events)
    }

    #[test]
    fn entities_of_a_document_type_are_not_expanded() {
        let lol =
            r#"<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><l x="&b;">&b;&amp;&#65;</l>"#;
        let text: String = events(lol)
            .unwrap()
            .into_iter()
            .filter_map(|event| match event {
                XmlEvent::Text(text) => Some(text),
                _ => None,
            })
            .collect();
        assert_eq!(text, "&b;&A");
    }

    #[test]
    fn deep_and_broken_files_are_refused() {
        assert!(matches!(
            events(&"<a>".repeat(100_000)),
            Err(SkipReason::LimitExceeded { .. })
        ));
        assert!(matches!(
            events("<a><b></a>"),
            Err(SkipReason::Malformed { .. })
        ));
        assert!(events("<a x=1 y>t & u</a>").is_ok());
    }

    #[test]
    fn empty_elements_end_and_prefixes_are_dropped() {
        let read = events("<w:p w:val=\"1\"/>").unwrap();
        assert!(
            matches!(&read[0], XmlEvent::Start(element) if element.attribute("val") == Some("1"))
        );
        assert_eq!(read[1], XmlEvent::End("p".to_owned()));
    }
}
