//! The turns of a sitting.

use serde_json::Value;

use super::super::block_text::BlockText;
use super::super::xml::{Element, XmlEvent};
use super::head::Head;
use super::people::{People, identifier};
use crate::corpus::events::DocumentNote;
use crate::corpus::parsed::ParsedDocument;

/// The vocabularies of proceedings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vocabulary {
    Tei,
    AkomaNtoso,
    Hansard,
}

/// A turn that is read.
#[derive(Debug, Default)]
struct Turn {
    id: Option<String>,
    /// A reference to the speaker.
    who: Option<String>,
    /// The speaker as printed.
    label: Option<String>,
    role: Option<String>,
    section: Option<String>,
    text: BlockText,
    remarks: Vec<String>,
}

/// Collects the turns of a sitting, and the text outside of them.
pub(super) struct TurnReader {
    vocabulary: Vocabulary,
    turns: Vec<Turn>,
    /// The indexes of open turns: an interjection may stand within a speech.
    open: Vec<usize>,
    outside: BlockText,
    section: Option<String>,
    /// The speaker that a note before the turn names.
    next_label: Option<String>,
    /// The open elements.
    path: Vec<String>,
    /// The depth at which the element began whose text is collected aside, and what it is.
    aside: Option<(usize, Aside)>,
    aside_text: BlockText,
    /// Whether words are tokens, between which white space means nothing.
    in_sentence: usize,
    in_token: usize,
    joined: bool,
    early_remarks: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aside {
    Remark,
    Speaker,
    Section,
    Ignored,
}

impl TurnReader {
    pub(super) fn new(vocabulary: Vocabulary) -> Self {
        Self {
            vocabulary,
            turns: Vec::new(),
            open: Vec::new(),
            outside: BlockText::default(),
            section: None,
            next_label: None,
            path: Vec::new(),
            aside: None,
            aside_text: BlockText::default(),
            in_sentence: 0,
            in_token: 0,
            joined: false,
            early_remarks: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty() && self.outside.len() == 0
    }

    /// Returns whether a speaker is known by reference only.
    pub(super) fn names_unknown_people(&self, people: &People) -> bool {
        let mut references = self.turns.iter().filter_map(|turn| turn.who.as_deref());
        references.any(|who| people.name(who).is_none())
    }

    pub(super) fn handle(&mut self, event: &XmlEvent) {
        match event {
            XmlEvent::Start(element) => {
                self.path.push(element.name.clone());
                if self.aside.is_none() {
                    self.start(element);
                }
            }
            XmlEvent::Text(text) => self.text(text),
            XmlEvent::End(name) => {
                self.end(name);
                self.path.pop();
            }
        }
    }

    fn start(&mut self, element: &Element) {
        let name = element.name.as_str();
        if self.is_turn(name) {
            let turn = Turn {
                id: element
                    .attribute("id")
                    .or_else(|| element.attribute("eId"))
                    .map(str::to_owned),
                who: ["who", "by", "person_id"]
                    .iter()
                    .find_map(|name| element.attribute(name))
                    .map(str::to_owned),
                label: element
                    .attribute("speakername")
                    .map(str::to_owned)
                    .or_else(|| self.next_label.take()),
                role: element
                    .attribute("ana")
                    .or_else(|| element.attribute("as"))
                    .map(|role| identifier(role).to_owned()),
                section: self.section.clone(),
                ..Turn::default()
            };
            self.next_label = None;
            self.open.push(self.turns.len());
            self.turns.push(turn);
            return;
        }
        if let Some(aside) = self.aside_of(element) {
            self.aside = Some((self.path.len(), aside));
            self.aside_text = BlockText::default();
            return;
        }
        match name {
            "s" => self.in_sentence += 1,
            "w" | "pc" if self.in_sentence > 0 => {
                self.in_token += 1;
                self.joined = matches!(element.attribute("join"), Some("right" | "both"));
            }
            "lb" | "br" | "eol" => self.out().line_break(),
            "row" | "tr" => self.out().start_row(),
            "table" => self.out().start_table(),
            "list" | "ul" | "ol" => self.out().start_list(None),
            "item" | "li" => self.out().start_item(),
            name if is_paragraph(name) => self.out().end_block(),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        if let Some((depth, aside)) = self.aside {
            if depth == self.path.len() {
                self.aside = None;
                let text = std::mem::take(&mut self.aside_text).finish();
                self.take_aside(aside, &text.replace('\n', " "));
            } else if is_paragraph(name) {
                self.aside_text.push(" ");
            }
            return;
        }
        if self.is_turn(name) {
            self.out().end_block();
            self.open.pop();
            return;
        }
        match name {
            "s" => {
                self.in_sentence = self.in_sentence.saturating_sub(1);
                self.out().push(" ");
            }
            "w" | "pc" if self.in_token > 0 => {
                self.in_token -= 1;
                if !self.joined {
                    self.out().push(" ");
                }
            }
            "cell" | "td" | "th" => self.out().end_cell(),
            "row" | "tr" => self.out().end_row(),
            "table" => self.out().end_table(),
            "list" | "ul" | "ol" => self.out().end_list(),
            "item" | "li" => self.out().end_item(),
            name if is_paragraph(name) => self.out().end_block(),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.aside.is_some() {
            self.aside_text.push(text);
        } else if self.in_sentence == 0 || self.in_token > 0 {
            self.out().push(text);
        }
    }

    fn out(&mut self) -> &mut BlockText {
        match self
            .open
            .last()
            .and_then(|index| self.turns.get_mut(*index))
        {
            Some(turn) => &mut turn.text,
            None => &mut self.outside,
        }
    }

    fn is_turn(&self, name: &str) -> bool {
        match self.vocabulary {
            Vocabulary::Tei => matches!(name, "u" | "sp"),
            Vocabulary::AkomaNtoso => {
                matches!(name, "speech" | "question" | "answer" | "speechGroup" if name != "speechGroup")
            }
            Vocabulary::Hansard => {
                matches!(
                    name,
                    "speech"
                        | "interjection"
                        | "continue"
                        | "question"
                        | "answer"
                        | "membercontribution"
                )
            }
        }
    }

    /// Returns what an element is whose text is not that of a turn.
    fn aside_of(&self, element: &Element) -> Option<Aside> {
        let in_turn = !self.open.is_empty();
        match (self.vocabulary, element.name.as_str()) {
            (Vocabulary::Tei, "note") if element.attribute("type") == Some("speaker") => {
                Some(Aside::Speaker)
            }
            (Vocabulary::Tei, "speaker")
            | (Vocabulary::AkomaNtoso, "from")
            | (Vocabulary::Hansard, "member") => Some(Aside::Speaker),
            (Vocabulary::Hansard, "name") if self.path.iter().any(|open| open == "talker") => {
                Some(Aside::Speaker)
            }
            (
                Vocabulary::Tei,
                "note" | "kinesic" | "vocal" | "incident" | "gap" | "stage" | "writing",
            )
            | (
                Vocabulary::AkomaNtoso,
                "scene" | "remark" | "authorialNote" | "recordedTime" | "other",
            )
            | (Vocabulary::Hansard, "division" | "motionnospeech" | "inline.note") => {
                Some(Aside::Remark)
            }
            (_, "head" | "heading" | "major-heading" | "minor-heading" | "oral-heading")
                if !in_turn =>
            {
                Some(Aside::Section)
            }
            (Vocabulary::Hansard, "title") if !in_turn => Some(Aside::Section),
            (
                _,
                "fw" | "figDesc" | "col" | "image" | "page.no" | "time.stamp" | "name.id"
                | "electorate" | "party" | "role" | "in.gov" | "first.speech" | "num",
            ) => Some(Aside::Ignored),
            _ => None,
        }
    }

    fn take_aside(&mut self, aside: Aside, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        match aside {
            Aside::Ignored => {}
            Aside::Section => {
                self.section = Some(text.to_owned());
                self.outside.end_block();
                self.outside.push(text);
                self.outside.end_block();
            }
            Aside::Speaker => {
                let label = text
                    .trim_end_matches([':', '.', ' ', '—', '–', '-'])
                    .to_owned();
                match self
                    .open
                    .last()
                    .and_then(|index| self.turns.get_mut(*index))
                {
                    Some(turn) => turn.label = turn.label.take().or(Some(label)),
                    None => self.next_label = Some(label),
                }
            }
            Aside::Remark => {
                let open = self.open.last().copied();
                let index = open.or_else(|| self.turns.len().checked_sub(1));
                match index.and_then(|index| self.turns.get_mut(index)) {
                    Some(turn) => turn.remarks.push(text.to_owned()),
                    None => self.early_remarks.push(text.to_owned()),
                }
            }
        }
    }

    /// Returns the documents: the turns in order, or the whole text if there are none.
    pub(super) fn into_documents(
        mut self,
        head: &Head,
        parent: &str,
        people: &People,
    ) -> Vec<ParsedDocument> {
        if self.turns.is_empty() {
            let text = self.outside.finish();
            if text.is_empty() {
                return Vec::new();
            }
            return vec![ParsedDocument {
                id: Some(parent.to_owned()),
                text,
                metadata: head.metadata.clone(),
                ..ParsedDocument::default()
            }];
        }
        if let Some(first) = self.turns.first_mut() {
            first.remarks.splice(0..0, self.early_remarks.drain(..));
        }
        let mut documents = Vec::new();
        for (index, turn) in self.turns.into_iter().enumerate() {
            documents.extend(turn.into_document(index + 1, head, parent, people));
        }
        let outside = self.outside.finish().chars().count();
        if let (Some(first), true) = (documents.first_mut(), outside > 0) {
            first.notes.push(DocumentNote::PartsLeftOut {
                parts: vec![("text outside of turns", outside)],
            });
        }
        documents
    }
}

impl Turn {
    /// Converts a turn; `None` if nothing is said in it.
    fn into_document(
        self,
        number: usize,
        head: &Head,
        parent: &str,
        people: &People,
    ) -> Option<ParsedDocument> {
        let text = self.text.finish();
        if text.trim().is_empty() {
            return None;
        }
        let mut metadata = head.metadata.clone();
        let known = self
            .who
            .as_deref()
            .and_then(|who| people.name(who))
            .map(str::to_owned);
        let reference = self.who.as_deref().map(|who| identifier(who).to_owned());
        // One person is printed in several forms, and several hold an office: the identifier is better, if
        // it is one of this file and not a number.
        let telling = self.who.as_deref().is_some_and(|who| who.starts_with('#'))
            && reference
                .as_ref()
                .is_some_and(|id| id.chars().any(char::is_alphabetic));
        let speaker = known.or_else(|| {
            if telling {
                return reference;
            }
            self.label.clone().or(reference)
        });
        metadata.speaker = speaker;
        let mut attributes: Vec<(&str, Value)> =
            vec![("parent", parent.into()), ("turn", number.into())];
        attributes.extend(self.label.map(|label| ("speaker_as_printed", label.into())));
        attributes.extend(self.role.map(|role| ("role", role.into())));
        attributes.extend(self.section.map(|section| ("section", section.into())));
        if !self.remarks.is_empty() {
            attributes.push(("remarks", self.remarks.into()));
        }
        for (name, value) in attributes {
            let _ = metadata.set_if_absent(name, value);
        }
        Some(ParsedDocument {
            id: self.id,
            part: Some(number.to_string()),
            text,
            metadata,
            ..ParsedDocument::default()
        })
    }
}

fn is_paragraph(name: &str) -> bool {
    matches!(
        name,
        "p" | "seg"
            | "para"
            | "l"
            | "lg"
            | "ab"
            | "head"
            | "heading"
            | "line"
            | "div"
            | "talk.text"
            | "body"
            | "block"
            | "quote"
    )
}
