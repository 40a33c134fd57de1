//! Paths of strings in JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use super::super::rows::{TEXT_NAMES, normalized};
use crate::corpus::options::{ReadOptions, same_name};

/// Paths that are listed in an error.
const MAX_LISTED: usize = 12;

/// Different paths that are told apart; more means keys that are data.
const MAX_PATHS: usize = 2_000;

/// An object with more keys than this, all with objects, is a list by another name.
const MIN_KEYED_ITEMS: usize = 2;

/// A step from a value to one inside of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// The value of a key.
    Key(String),
    /// All items of an array.
    Items,
    /// All values of an object.
    Values,
}

/// The way from a file to its texts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path {
    pub(super) steps: Vec<Step>,
}

/// A text that was found, with what stands around it.
#[derive(Debug)]
pub(super) struct Located {
    pub(super) text: String,
    /// The fields of its object and, after them, those of the objects around it.
    pub(super) fields: Vec<(String, Value)>,
    /// The key of its object, if that is a value of an object of objects.
    pub(super) key: Option<String>,
}

impl Path {
    /// Parses `speeches[].transcript`; anything is a path.
    pub(super) fn parse(text: &str) -> Self {
        let mut steps = Vec::new();
        for part in text.trim().trim_start_matches('$').split('.') {
            let name = part.trim_end_matches("[]");
            match name {
                "" => {}
                "*" => steps.push(Step::Values),
                name => steps.push(Step::Key(name.to_owned())),
            }
            let arrays = part.len().saturating_sub(name.len()) / 2;
            steps.extend(std::iter::repeat_n(Step::Items, arrays));
        }
        Self { steps }
    }

    /// Returns all texts at the end of the path. If the file is an array, its items are values of their
    /// own, and the first step is already made.
    pub(super) fn locate(&self, value: Value, in_array: bool) -> Vec<Located> {
        let steps = self.steps.as_slice();
        let steps = match steps.split_first() {
            Some((Step::Items, rest)) if in_array => rest,
            _ => steps,
        };
        let mut located = Vec::new();
        walk(value, steps, &mut Vec::new(), None, &mut located);
        located
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            match step {
                Step::Key(key) => write!(f, "{dot}{key}")?,
                Step::Items => f.write_str("[]")?,
                Step::Values => write!(f, "{dot}*")?,
            }
        }
        Ok(())
    }
}

/// Follows the steps. `around` has the fields of the objects passed on the way to the item.
fn walk(
    value: Value,
    steps: &[Step],
    around: &mut Vec<(String, Value)>,
    key: Option<&str>,
    located: &mut Vec<Located>,
) {
    let Some((step, rest)) = steps.split_first() else {
        if let Some(text) = text_of(&value) {
            located.push(Located {
                text,
                fields: around.iter().rev().cloned().collect(),
                key: key.map(str::to_owned),
            });
        }
        return;
    };
    match (step, value) {
        (Step::Key(name), Value::Object(mut object)) => {
            let found = object.keys().find(|key| *key == name).or_else(|| {
                let mut keys = object.keys();
                keys.find(|key| same_name(key, name))
            });
            let Some(inner) = found.cloned().and_then(|found| object.remove(&found)) else {
                return;
            };
            let before = around.len();
            around.extend(scalar_fields(object));
            walk(inner, rest, around, key, located);
            around.truncate(before);
        }
        (Step::Items, Value::Array(items)) => {
            // The paragraphs of one text are not texts of their own.
            if rest.is_empty() && items.iter().all(Value::is_string) {
                walk(Value::Array(items), rest, around, key, located);
                return;
            }
            for item in items {
                walk(item, rest, around, key, located);
            }
        }
        (Step::Values, Value::Object(object)) => {
            for (name, inner) in object {
                walk(inner, rest, around, Some(&name), located);
            }
        }
        _ => {}
    }
}

/// The fields that may be metadata of a text; lists of objects next to it are not.
fn scalar_fields(object: Map<String, Value>) -> impl Iterator<Item = (String, Value)> {
    object
        .into_iter()
        .filter(|(_, value)| match value {
            Value::Array(items) => items
                .iter()
                .all(|item| !item.is_object() && !item.is_array()),
            Value::Null => false,
            _ => true,
        })
        .rev_fields()
}

/// Reverses fields, as the fields around an item are read from its own outwards.
trait RevFields: Iterator<Item = (String, Value)> + Sized {
    fn rev_fields(self) -> impl Iterator<Item = (String, Value)> {
        let fields: Vec<_> = self.collect();
        fields.into_iter().rev()
    }
}

impl<I: Iterator<Item = (String, Value)>> RevFields for I {}

/// Returns a string, or the paragraphs of a list of strings.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) if !items.is_empty() => {
            let paragraphs: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            Some(paragraphs?.join("\n\n"))
        }
        _ => None,
    }
}

/// The paths of the strings of some values, with their number and length.
#[derive(Debug, Default)]
pub(super) struct Paths {
    found: BTreeMap<Path, (usize, usize)>,
}

impl Paths {
    pub(super) fn collect(&mut self, value: &Value, in_array: bool) {
        let mut steps = if in_array {
            vec![Step::Items]
        } else {
            Vec::new()
        };
        self.visit(value, &mut steps);
    }

    fn visit(&mut self, value: &Value, steps: &mut Vec<Step>) {
        match value {
            Value::String(text) => self.count(steps, text.len()),
            Value::Array(items) => {
                if let Some(text) = text_of(value) {
                    self.count(steps, text.len());
                    return;
                }
                steps.push(Step::Items);
                for item in items.iter().take(super::SAMPLE_ITEMS) {
                    self.visit(item, steps);
                }
                steps.pop();
            }
            Value::Object(object) => {
                let keyed =
                    object.len() >= MIN_KEYED_ITEMS && object.values().all(Value::is_object);
                for (key, inner) in object.iter().take(super::SAMPLE_ITEMS) {
                    steps.push(if keyed {
                        Step::Values
                    } else {
                        Step::Key(key.clone())
                    });
                    self.visit(inner, steps);
                    steps.pop();
                }
            }
            _ => {}
        }
    }

    fn count(&mut self, steps: &[Step], length: usize) {
        let path = Path {
            steps: steps.to_vec(),
        };
        if self.found.len() >= MAX_PATHS && !self.found.contains_key(&path) {
            return;
        }
        let (count, bytes) = self.found.entry(path).or_default();
        *count += 1;
        *bytes += length;
    }

    /// Returns the path whose last name is that of a text: the most telling name, and of equal ones the
    /// path with the fewest steps. `None` also if two are equally good.
    pub(super) fn text_path(&self, options: &ReadOptions) -> Option<Path> {
        let rank = |path: &Path| {
            let name = path.steps.iter().rev().find_map(|step| match step {
                Step::Key(key) => Some(key),
                _ => None,
            })?;
            if let Some(told) = &options.text_column {
                return same_name(told, name).then_some(0);
            }
            let name = normalized(name);
            TEXT_NAMES.iter().position(|text| *text == name)
        };
        let candidates = self
            .found
            .keys()
            .filter_map(|path| Some(((rank(path)?, path.steps.len()), path)));
        let (best, path) = candidates.clone().min_by_key(|(rank, _)| *rank)?;
        let equals = candidates.filter(|(rank, _)| *rank == best).count();
        (equals == 1).then(|| path.clone())
    }

    /// Returns the paths for an error, the longest strings first.
    pub(super) fn listed(&self) -> Vec<String> {
        let mut paths: Vec<_> = self.found.iter().collect();
        paths.sort_by_key(|(_, (count, bytes))| std::cmp::Reverse(bytes / (*count).max(1)));
        let paths = paths.into_iter().take(MAX_LISTED);
        paths.map(|(path, _)| path.to_string()).collect()
    }
}
