//! A reader of valid JSON that knows at each value which type was requested.
//!
//! Each method of a deserializer requests a type. Errors state that type, not the message of the visitor
//! that rejected the value.

use serde::de::value::StringDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use super::fault::{Fault, FaultKind};
use super::token::{ExpectedType, Token, decoded, visit_number};

/// Maximum nesting of arrays and objects, the same as in `serde_json`.
const MAX_DEPTH: usize = 127;

/// The unread rest of a text whose syntax has been checked.
pub(super) struct Reader<'de> {
    rest: &'de str,
    depth: usize,
}

impl<'de> Reader<'de> {
    pub(super) fn new(text: &'de str) -> Self {
        Self {
            rest: text,
            depth: 0,
        }
    }

    /// Skips blanks and returns the next byte.
    fn first(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        self.rest.bytes().next()
    }

    fn take(&mut self, bytes: usize) -> &'de str {
        let (token, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        token
    }

    fn take_string(&mut self) -> &'de str {
        let mut is_escaped = false;
        let end = self.rest.bytes().skip(1).position(|byte| {
            let ends = byte == b'"' && !is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            ends
        });
        self.take(end.map_or(self.rest.len(), |end| end + 2))
    }

    /// Reads the start of a value: the bracket of an array or object, all of any other value.
    fn token(&mut self) -> Token<'de> {
        match self.first() {
            Some(b'"') => Token::String(self.take_string()),
            Some(b'[') => {
                self.take(1);
                Token::Array
            }
            Some(b'{') => {
                self.take(1);
                Token::Object
            }
            _ => {
                let end = self.rest.find([',', ']', '}', ' ', '\t', '\n', '\r']);
                match self.take(end.unwrap_or(self.rest.len())) {
                    "true" => Token::Boolean(true),
                    "false" => Token::Boolean(false),
                    "null" => Token::Null,
                    number => Token::Number(number),
                }
            }
        }
    }

    /// Skips the comma before the next item; returns whether there is one.
    fn has_next(&mut self, end: u8) -> bool {
        if self.first() == Some(b',') {
            self.take(1);
        }
        self.first().is_some_and(|byte| byte != end)
    }

    /// Skips a value of any depth.
    fn skip(&mut self) {
        let mut open = 0_usize;
        loop {
            match self.first() {
                None => return,
                Some(b',' | b':') => {
                    self.take(1);
                    continue;
                }
                Some(b']' | b'}') => {
                    self.take(1);
                    open = open.saturating_sub(1);
                }
                Some(_) => {
                    if let Token::Array | Token::Object = self.token() {
                        open += 1;
                    }
                }
            }
            if open == 0 {
                return;
            }
        }
    }

    fn read<V: Visitor<'de>>(
        &mut self,
        expected: ExpectedType,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let token = self.token();
        self.value(expected, token, visitor)
            .map_err(|fault| fault.completed(expected, token))
    }

    fn value<V: Visitor<'de>>(
        &mut self,
        expected: ExpectedType,
        token: Token<'de>,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match (expected, token) {
            (ExpectedType::OneOf(_), Token::String(raw)) => {
                visitor.visit_enum(decoded(raw)?.into_deserializer())
            }
            // A struct's visitor would accept an array of its fields in order.
            (ExpectedType::Object, Token::Array) | (ExpectedType::OneOf(_), _) => {
                Err(Fault::new(FaultKind::WrongType {
                    expected: String::new(),
                    received: None,
                }))
            }
            (_, Token::Null) => visitor.visit_unit(),
            (_, Token::Boolean(value)) => visitor.visit_bool(value),
            (_, Token::Number(number)) => visit_number(number, visitor),
            (_, Token::String(raw)) => visitor.visit_string(decoded(raw)?),
            (_, Token::Array) => self.nested(b']', |container| visitor.visit_seq(container)),
            (_, Token::Object) => self.nested(b'}', |container| visitor.visit_map(container)),
        }
    }

    fn nested<T>(
        &mut self,
        end: u8,
        visit: impl FnOnce(&mut Container<'_, 'de>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        if self.depth == MAX_DEPTH {
            return Err(Fault::new(FaultKind::TooDeep { limit: MAX_DEPTH }));
        }
        self.depth += 1;
        let mut container = Container {
            reader: self,
            index: 0,
            name: String::new(),
        };
        let value = visit(&mut container)?;
        // Skips what the visitor did not read.
        while self.has_next(end) {
            self.skip();
            if self.first() == Some(b':') {
                self.take(1);
                self.skip();
            }
        }
        self.take(1);
        self.depth -= 1;
        Ok(value)
    }
}

macro_rules! integers {
    ($($method:ident $min:expr, $max:expr;)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
                let (min, max) = ($min, $max);
                self.read(ExpectedType::Integer { min, max }, visitor)
            }
        )*
    };
}

macro_rules! types {
    ($($method:ident $expected:ident),*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
                self.read(ExpectedType::$expected, visitor)
            }
        )*
    };
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Fault;

    integers! {
        deserialize_i8 i8::MIN.into(), i8::MAX.cast_unsigned().into();
        deserialize_i16 i16::MIN.into(), i16::MAX.cast_unsigned().into();
        deserialize_i32 i32::MIN.into(), i32::MAX.cast_unsigned().into();
        deserialize_i64 i64::MIN, i64::MAX.cast_unsigned();
        deserialize_u8 0, u8::MAX.into();
        deserialize_u16 0, u16::MAX.into();
        deserialize_u32 0, u32::MAX.into();
        deserialize_u64 0, u64::MAX;
    }

    types! {
        deserialize_any ByVisitor, deserialize_bytes ByVisitor,
        deserialize_byte_buf ByVisitor, deserialize_bool Boolean, deserialize_f32 Number,
        deserialize_f64 Number, deserialize_char String, deserialize_str String,
        deserialize_string String, deserialize_identifier String, deserialize_unit Null,
        deserialize_seq Array, deserialize_map Object
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.first() == Some(b'n') {
            self.token();
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.read(ExpectedType::Null, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.read(ExpectedType::Array, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.read(ExpectedType::Array, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.read(ExpectedType::Object, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.read(ExpectedType::OneOf(names), visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.skip();
        visitor.visit_unit()
    }
}

/// Access to the items of an array or the fields of an object.
struct Container<'r, 'de> {
    reader: &'r mut Reader<'de>,
    index: usize,
    /// The field whose value comes next.
    name: String,
}

impl<'de> SeqAccess<'de> for Container<'_, 'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        if !self.reader.has_next(b']') {
            return Ok(None);
        }
        let index = self.index;
        self.index += 1;
        let item = seed.deserialize(&mut *self.reader);
        item.map(Some).map_err(|fault| fault.in_item(index))
    }
}

impl<'de> MapAccess<'de> for Container<'_, 'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        if !self.reader.has_next(b'}') {
            return Ok(None);
        }
        let name = decoded(self.reader.take_string())?;
        self.name.clone_from(&name);
        let name: StringDeserializer<Fault> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        if self.reader.first() == Some(b':') {
            self.reader.take(1);
        }
        let value = seed.deserialize(&mut *self.reader);
        value.map_err(|fault| fault.in_field(&self.name))
    }
}
