//! The four forms of the input of a request for embeddings.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Unexpected, Visitor};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::{Object, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::archive::EmbedInput;

/// Maximum number of inputs in a request.
pub(in crate::server) const MAX_INPUTS: usize = 2048;

/// One text or several, as text or as token ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) enum EmbeddingInput {
    /// A string.
    Text(String),
    /// An array of strings: one vector each.
    Texts(Vec<String>),
    /// An array of token ids: one vector.
    Tokens(Vec<u32>),
    /// An array of arrays of token ids: one vector each.
    ManyTokens(Vec<Vec<u32>>),
}

/// An item of an array of inputs.
enum InputItem {
    Text(String),
    Token(u32),
    Tokens(Vec<u32>),
}

impl EmbeddingInput {
    /// Returns the number of requested vectors.
    pub(in crate::server) fn len(&self) -> usize {
        match self {
            Self::Text(_) | Self::Tokens(_) => 1,
            Self::Texts(texts) => texts.len(),
            Self::ManyTokens(lists) => lists.len(),
        }
    }

    /// Returns the names of the inputs.
    pub(in crate::server) fn names(&self) -> InputNames {
        InputNames {
            is_array: matches!(self, Self::Texts(_) | Self::ManyTokens(_)),
        }
    }
}

/// The names of inputs in errors: the field, with an index if it is an array.
#[derive(Debug, Clone, Copy)]
pub(in crate::server) struct InputNames {
    is_array: bool,
}

impl InputNames {
    pub(in crate::server) fn of(self, index: usize) -> String {
        if self.is_array {
            format!("input[{index}]")
        } else {
            "input".to_owned()
        }
    }
}

impl From<EmbeddingInput> for Vec<EmbedInput> {
    fn from(input: EmbeddingInput) -> Self {
        match input {
            EmbeddingInput::Text(text) => vec![EmbedInput::Text(text)],
            EmbeddingInput::Tokens(ids) => vec![EmbedInput::Tokens(ids)],
            EmbeddingInput::Texts(texts) => texts.into_iter().map(EmbedInput::Text).collect(),
            EmbeddingInput::ManyTokens(lists) => {
                lists.into_iter().map(EmbedInput::Tokens).collect()
            }
        }
    }
}

impl<'de> Deserialize<'de> for EmbeddingInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InputVisitor)
    }
}

impl<'de> Deserialize<'de> for InputItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemVisitor)
    }
}

struct InputVisitor;

impl<'de> Visitor<'de> for InputVisitor {
    type Value = EmbeddingInput;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a string, an array of strings, an array of token ids or an array of such arrays",
        )
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<EmbeddingInput, E> {
        Ok(EmbeddingInput::Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<EmbeddingInput, E> {
        Ok(EmbeddingInput::Text(text))
    }

    /// Reads an array; its first item determines the type of the others.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<EmbeddingInput, A::Error> {
        let mut input = match list.next_element()? {
            None => return Ok(EmbeddingInput::Texts(Vec::new())),
            Some(InputItem::Text(text)) => EmbeddingInput::Texts(vec![text]),
            Some(InputItem::Token(id)) => EmbeddingInput::Tokens(vec![id]),
            Some(InputItem::Tokens(ids)) => EmbeddingInput::ManyTokens(vec![ids]),
        };
        while let Some(item) = list.next_element()? {
            match (&mut input, item) {
                (EmbeddingInput::Texts(texts), InputItem::Text(text)) => texts.push(text),
                (EmbeddingInput::Tokens(ids), InputItem::Token(id)) => ids.push(id),
                (EmbeddingInput::ManyTokens(lists), InputItem::Tokens(ids)) => lists.push(ids),
                _ => {
                    return Err(A::Error::custom(
                        "expected items of one type, received strings, token ids and arrays together",
                    ));
                }
            }
        }
        Ok(input)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = InputItem;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a token id or an array of token ids")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<InputItem, E> {
        Ok(InputItem::Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<InputItem, E> {
        Ok(InputItem::Text(text))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<InputItem, E> {
        let id = number.try_into();
        id.map(InputItem::Token)
            .map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &"a token id"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<InputItem, A::Error> {
        let mut ids = Vec::new();
        while let Some(id) = list.next_element()? {
            ids.push(id);
        }
        Ok(InputItem::Tokens(ids))
    }
}

impl PartialSchema for EmbeddingInput {
    fn schema() -> RefOr<Schema> {
        let text = || -> Object {
            let text = ObjectBuilder::new().schema_type(Type::String);
            text.min_length(Some(1)).build()
        };
        let tokens = || {
            let id = ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(0));
            ArrayBuilder::new().items(id.build()).min_items(Some(1))
        };
        OneOfBuilder::new()
            .item(text())
            .item(
                ArrayBuilder::new()
                    .items(text())
                    .min_items(Some(1))
                    .max_items(Some(MAX_INPUTS)),
            )
            .item(tokens())
            .item(
                ArrayBuilder::new()
                    .items(tokens())
                    .min_items(Some(1))
                    .max_items(Some(MAX_INPUTS)),
            )
            .description(Some(
                "A string, an array of strings, an array of token ids or an array of such arrays.",
            ))
            .into()
    }
}

impl ToSchema for EmbeddingInput {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::json;

    fn read(json: &str) -> Result<EmbeddingInput, String> {
        json::read(json.as_bytes()).map_err(|e| e.to_string())
    }

    #[test]
    fn all_four_forms_are_accepted() {
        assert_eq!(read("\"a\""), Ok(EmbeddingInput::Text("a".into())));
        assert_eq!(read("[\"a\"]"), Ok(EmbeddingInput::Texts(vec!["a".into()])));
        assert_eq!(read("[7, 8]"), Ok(EmbeddingInput::Tokens(vec![7, 8])));
        assert_eq!(
            read("[[7], []]"),
            Ok(EmbeddingInput::ManyTokens(vec![vec![7], vec![]]))
        );
        assert_eq!(read("[]").map(|input| input.len()), Ok(0));
    }

    #[test]
    fn mixed_types_and_invalid_ids_are_rejected() {
        for json in [
            "[\"a\", 1]",
            "[1, \"a\"]",
            "[1, [2]]",
            "[[1], 2]",
            "[[\"a\"]]",
            "[[[1]]]",
            "[-1]",
            "[1.5]",
            "[1e3]",
            "[4294967296]",
            "[18446744073709551616]",
            "[null]",
            "null",
            "5",
            "{}",
            "[true]",
            "[{}]",
        ] {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
