//! The input of a request for embeddings, which has four shapes.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Unexpected, Visitor};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::{Object, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// Most texts in one request.
pub(in crate::server) const MAX_INPUTS: usize = 2048;

/// One text or several, as words or as token ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) enum Input {
    /// A string.
    Text(String),
    /// A list of strings, each with a vector of its own.
    Texts(Vec<String>),
    /// A list of token ids: one text.
    Tokens(Vec<u32>),
    /// A list of lists of token ids, each with a vector of its own.
    ManyTokens(Vec<Vec<u32>>),
}

/// An item of a list of inputs.
enum Item {
    Text(String),
    Token(u32),
    Tokens(Vec<u32>),
}

impl Input {
    /// How many vectors are asked for.
    pub(in crate::server) fn len(&self) -> usize {
        match self {
            Self::Text(_) | Self::Tokens(_) => 1,
            Self::Texts(texts) => texts.len(),
            Self::ManyTokens(lists) => lists.len(),
        }
    }

    /// The name of one input for an error: the field, or its place in the list.
    pub(in crate::server) fn name(&self, index: usize) -> String {
        match self {
            Self::Text(_) | Self::Tokens(_) => "input".to_owned(),
            Self::Texts(_) | Self::ManyTokens(_) => format!("input[{index}]"),
        }
    }
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InputVisitor)
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemVisitor)
    }
}

struct InputVisitor;

impl<'de> Visitor<'de> for InputVisitor {
    type Value = Input;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a string, an array of strings, an array of token ids or an array of such arrays",
        )
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Input, E> {
        Ok(Input::Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Input, E> {
        Ok(Input::Text(text))
    }

    /// The first item says what the others must be.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Input, A::Error> {
        let mut input = match list.next_element()? {
            None => return Ok(Input::Texts(Vec::new())),
            Some(Item::Text(text)) => Input::Texts(vec![text]),
            Some(Item::Token(id)) => Input::Tokens(vec![id]),
            Some(Item::Tokens(ids)) => Input::ManyTokens(vec![ids]),
        };
        while let Some(item) = list.next_element()? {
            match (&mut input, item) {
                (Input::Texts(texts), Item::Text(text)) => texts.push(text),
                (Input::Tokens(ids), Item::Token(id)) => ids.push(id),
                (Input::ManyTokens(lists), Item::Tokens(ids)) => lists.push(ids),
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
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a token id or an array of token ids")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Item, E> {
        Ok(Item::Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Item, E> {
        Ok(Item::Text(text))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Item, E> {
        let id = number.try_into();
        id.map(Item::Token)
            .map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &"a token id"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Item, A::Error> {
        let mut ids = Vec::new();
        while let Some(id) = list.next_element()? {
            ids.push(id);
        }
        Ok(Item::Tokens(ids))
    }
}

impl PartialSchema for Input {
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

impl ToSchema for Input {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::json;

    fn read(json: &str) -> Result<Input, String> {
        json::read(json.as_bytes()).map_err(|e| e.to_string())
    }

    #[test]
    fn all_four_shapes_are_read() {
        assert_eq!(read("\"a\""), Ok(Input::Text("a".into())));
        assert_eq!(read("[\"a\"]"), Ok(Input::Texts(vec!["a".into()])));
        assert_eq!(read("[7, 8]"), Ok(Input::Tokens(vec![7, 8])));
        assert_eq!(
            read("[[7], []]"),
            Ok(Input::ManyTokens(vec![vec![7], vec![]]))
        );
        assert_eq!(read("[]").map(|input| input.len()), Ok(0));
    }

    #[test]
    fn what_is_mixed_or_no_id_is_refused() {
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
