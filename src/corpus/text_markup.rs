//! Tags in plain text: fields, remarks, speakers, and the markup of web pages and captions.

use serde_json::Value;

use super::events::DocumentNote;
use super::metadata::Metadata;
use super::written_date;

/// Tags are not longer.
const MAX_TAG_BYTES: usize = 300;

/// Names of tags of web pages and captions that are left out.
const MARKUP: [&str; 27] = [
    "a",
    "b",
    "big",
    "blockquote",
    "body",
    "c",
    "center",
    "div",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "html",
    "i",
    "img",
    "li",
    "ol",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "u",
    "ul",
    "v",
];
/// Names of tags that end a line.
const BREAKS: [&str; 5] = ["br", "p", "hr", "tr", "td"];

/// What a tag stands for.
#[derive(Debug, PartialEq)]
enum TagMeaning<'a> {
    /// `<date="May 4, 1988">`.
    Field(&'a str, &'a str),
    /// `<President:>`, `<KELLER: A minute.>`: words of a transcript.
    Speech(&'a str),
    /// `<Laughter>`.
    Remark(&'a str),
    Markup,
    Break,
}

/// Takes tags out of a text, with a note: fields become metadata, remarks get brackets, and speakers lose
/// theirs.
pub(super) fn take(text: String, metadata: &mut Metadata, notes: &mut Vec<DocumentNote>) -> String {
    if !text.contains('<') {
        return text;
    }
    let mut plain = String::with_capacity(text.len());
    let mut tags = 0_usize;
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('<') {
        plain.push_str(before);
        let Some((meaning, tail)) = parse_tag(after) else {
            plain.push('<');
            rest = after;
            continue;
        };
        tags += 1;
        match meaning {
            TagMeaning::Field(name, value) => {
                let value = match name {
                    "date" => written_date::to_iso(value).unwrap_or_else(|| value.to_owned()),
                    _ => value.to_owned(),
                };
                notes.extend(metadata.set_if_absent(name, Value::String(value)).err());
            }
            TagMeaning::Speech(words) => plain.push_str(words),
            TagMeaning::Remark(word) => {
                plain.push('[');
                plain.push_str(word);
                plain.push(']');
            }
            TagMeaning::Markup => {}
            TagMeaning::Break => plain.push('\n'),
        }
        rest = tail;
    }
    if tags == 0 {
        return text;
    }
    plain.push_str(rest);
    notes.push(DocumentNote::TagsLeftOut { count: tags });
    plain
}

/// Parses a tag after its opening bracket; returns what follows it, too. `None` for anything else, such
/// as a comparison or an address.
fn parse_tag(after: &str) -> Option<(TagMeaning<'_>, &str)> {
    let mut end = after.len().min(MAX_TAG_BYTES);
    while !after.is_char_boundary(end) {
        end -= 1;
    }
    let (tag, _) = after.get(..end)?.split_once('>')?;
    let tail = after.get(tag.len() + 1..)?;
    if tag.contains(['<', '\n']) {
        return None;
    }
    let name_end = tag
        .trim_start_matches('/')
        .find(|c: char| !c.is_ascii_alphanumeric())
        .map_or(tag.len(), |end| end + usize::from(tag.starts_with('/')));
    let name = tag
        .get(..name_end)?
        .trim_start_matches('/')
        .to_ascii_lowercase();
    let attributes = tag.get(name_end..)?;
    let is_markup =
        attributes.is_empty() || attributes.starts_with([' ', '.']) || attributes == "/";
    let meaning = if is_markup && MARKUP.contains(&name.as_str()) {
        TagMeaning::Markup
    } else if is_markup && BREAKS.contains(&name.as_str()) {
        TagMeaning::Break
    } else if let Some(value) = attributes.trim_start().strip_prefix('=') {
        let name = Metadata::FIELDS.into_iter().find(|field| *field == name)?;
        TagMeaning::Field(name, value.trim().trim_matches(['"', '\'', '“', '”']))
    } else if is_time(tag) {
        TagMeaning::Markup
    } else if let Some((speaker, _)) = tag.split_once(':') {
        let is_name = speaker.starts_with(char::is_uppercase)
            && speaker
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, ' ' | '.' | '-' | '\''));
        is_name.then_some(TagMeaning::Speech(tag))?
    } else {
        let is_remark = tag.starts_with(char::is_uppercase)
            && tag.split(' ').count() <= 4
            && tag.chars().all(|c| c.is_alphabetic() || c == ' ');
        is_remark.then_some(TagMeaning::Remark(tag))?
    };
    Some((meaning, tail))
}

/// Recognizes times inside of captions: `<00:00:04.160>`.
fn is_time(tag: &str) -> bool {
    tag.contains(':')
        && tag
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str) -> (String, Metadata, Vec<DocumentNote>) {
        let (mut metadata, mut notes) = (Metadata::default(), Vec::new());
        let text = take(text.to_owned(), &mut metadata, &mut notes);
        (text, metadata, notes)
    }

    #[test]
    fn tags_are_taken_for_what_they_are() {
        let (text, metadata, notes) = taken(
            "<title=\"At the Mill\"><date=\"May 5, 1999\">\n<Chair:> We <i>met</i> <a href=\"x\">here</a>.<br/>Yes <Applause> <00:00:04.160><c>so</c>.\n<MILLER: A word, sir.>",
        );
        assert_eq!(
            text,
            "\nChair: We met here.\nYes [Applause] so.\nMILLER: A word, sir."
        );
        assert_eq!(metadata.title.as_deref(), Some("At the Mill"));
        assert_eq!(
            metadata.date.map(|date| date.to_string()).as_deref(),
            Some("1999-05-05")
        );
        assert_eq!(notes, [DocumentNote::TagsLeftOut { count: 13 }]);
    }

    #[test]
    fn other_brackets_stay() {
        for text in [
            "a < b and c > d",
            "<me@example.org> wrote",
            "<https://example.org>",
            "x <y",
            "1<2>3",
        ] {
            let (kept, _, notes) = taken(text);
            assert_eq!((kept.as_str(), notes.len()), (text, 0));
        }
    }
}
