//! Front matter: the YAML between `---` lines at the start of a Markdown file. It must be a mapping
//! with scalar keys. Aliases are rejected, since nested ones expand exponentially.

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, StrInput};
use serde_json::{Map, Number, Value};

use super::events::DocumentNote;
use super::metadata::Metadata;

/// More than metadata needs, and little enough for the stack.
const MAX_NESTING: usize = 16;
/// A speech between two horizontal rules is not front matter.
const MAX_BYTES: usize = 64 * 1024;

/// The parsed front matter of a file.
#[derive(Debug, Default)]
pub(super) struct FrontMatter {
    pub(super) id: Option<String>,
    pub(super) metadata: Metadata,
    pub(super) notes: Vec<DocumentNote>,
}

/// Splits a file into front matter and body.
///
/// Lines between two rules that are not a YAML mapping are text and stay in the body. If they look
/// like metadata but are malformed, they are removed from the text with a note.
pub(super) fn split(file: &str) -> (FrontMatter, &str) {
    let no_front_matter = (FrontMatter::default(), file);
    let Some((yaml, body)) = fenced_block(file) else {
        return no_front_matter;
    };
    match parse(yaml) {
        Ok(Some(fields)) => (build_front_matter(fields), body),
        Ok(None) => no_front_matter,
        Err(_) if !starts_with_key(yaml) => no_front_matter,
        Err((line, problem)) => {
            let problem = format!("expected YAML such as `title: …`, received {problem}; ignored");
            let note = DocumentNote::FrontMatter {
                line: line + 1,
                problem,
            };
            let front_matter = FrontMatter {
                notes: vec![note],
                ..FrontMatter::default()
            };
            (front_matter, body)
        }
    }
}

/// Splits a file into the lines between the fences and the rest.
fn fenced_block(file: &str) -> Option<(&str, &str)> {
    let mut lines = file.split_inclusive('\n');
    let first = lines.next()?;
    if first.trim_end() != "---" {
        return None;
    }
    let mut end = first.len();
    for line in lines {
        if matches!(line.trim_end(), "---" | "...") {
            return Some((file.get(first.len()..end)?, file.get(end + line.len()..)?));
        }
        end += line.len();
        if end > MAX_BYTES {
            return None;
        }
    }
    None
}

fn starts_with_key(yaml: &str) -> bool {
    let first = yaml.lines().find(|line| !line.trim().is_empty());
    let key = first
        .and_then(|line| line.split_once(':'))
        .map(|(key, _)| key);
    key.is_some_and(|key| !key.is_empty() && !key.contains(char::is_whitespace))
}

fn build_front_matter(fields: Vec<(String, Value)>) -> FrontMatter {
    let mut front_matter = FrontMatter::default();
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("id", Value::String(id)) if front_matter.id.is_none() => {
                front_matter.id = Some(id);
            }
            (name, value) => front_matter
                .notes
                .extend(front_matter.metadata.set_if_absent(name, value).err()),
        }
    }
    front_matter
}

/// The line of a problem in the YAML, counted from 1, and its description.
type YamlProblem = (usize, String);

/// Parses the entries of the mapping; `None` if the YAML is something else.
fn parse(yaml: &str) -> Result<Option<Vec<(String, Value)>>, YamlProblem> {
    let mut events = YamlEvents(Parser::new_from_str(yaml));
    loop {
        match events.next()? {
            (_, Event::StreamStart | Event::DocumentStart(_) | Event::Nothing) => {}
            (_, Event::MappingStart(..)) => break,
            _ => return Ok(None),
        }
    }
    let mut fields = Vec::new();
    loop {
        let key = match events.next()? {
            (_, Event::MappingEnd) => break,
            (_, Event::Scalar(key, ..)) => key.trim().to_owned(),
            (line, _) => return Err((line, "a key that is not a plain scalar".to_owned())),
        };
        let lower = key.to_lowercase();
        let is_known_field = lower == "id" || Metadata::FIELDS.contains(&lower.as_str());
        // `title: 1984` is a string; in attributes a number stays a number.
        let value = match events.next()? {
            (_, Event::Scalar(text, style, ..)) if is_known_field => {
                match resolve_scalar(&text, style) {
                    Value::Null => Value::Null,
                    _ => Value::String(text.trim().to_owned()),
                }
            }
            (line, event) => events.value(line, event, 0)?,
        };
        fields.push((if is_known_field { lower } else { key }, value));
    }
    Ok(Some(fields))
}

struct YamlEvents<'a>(Parser<'a, StrInput<'a>>);

impl<'a> YamlEvents<'a> {
    fn next(&mut self) -> Result<(usize, Event<'a>), YamlProblem> {
        match self.0.next_event() {
            Some(Ok((event, span))) => Ok((span.start.line(), event)),
            Some(Err(error)) => Err(yaml_problem(&error)),
            None => Err((1, "an unexpected end".to_owned())),
        }
    }

    fn value(&mut self, line: usize, event: Event<'a>, depth: usize) -> Result<Value, YamlProblem> {
        if depth > MAX_NESTING {
            return Err((line, format!("nesting deeper than {MAX_NESTING} levels")));
        }
        match event {
            Event::Scalar(text, style, ..) => Ok(resolve_scalar(&text, style)),
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (_, Event::SequenceEnd) => return Ok(Value::Array(items)),
                        (line, event) => items.push(self.value(line, event, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(..) => {
                let mut entries = Map::new();
                loop {
                    let key = match self.next()? {
                        (_, Event::MappingEnd) => return Ok(Value::Object(entries)),
                        (_, Event::Scalar(key, ..)) => key.into_owned(),
                        (line, _) => {
                            return Err((line, "a key that is not a plain scalar".to_owned()));
                        }
                    };
                    let (line, event) = self.next()?;
                    let value = self.value(line, event, depth + 1)?;
                    if entries.insert(key, value).is_some() {
                        return Err((line, "a duplicate key".to_owned()));
                    }
                }
            }
            Event::Alias(_) => Err((line, "an alias (*name)".to_owned())),
            _ => Err((line, "no value".to_owned())),
        }
    }
}

fn yaml_problem(error: &ScanError) -> YamlProblem {
    (error.marker().line(), error.info().to_owned())
}

/// Resolves a scalar by the core schema of YAML 1.2, in which `NO` is a string: it may mean Norway.
fn resolve_scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::String(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        // Only numbers that are formatted the same: not 007, +5 or 1.50.
        _ => text
            .parse::<i64>()
            .ok()
            .map(Number::from)
            .or_else(|| text.parse().ok().and_then(Number::from_f64))
            .filter(|number| number.to_string() == text)
            .map_or_else(|| Value::String(text.to_owned()), Value::Number),
    }
}
