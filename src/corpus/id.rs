//! Document ids.

use std::fmt;
use std::hash::Hasher;
use std::str::FromStr;

use fnv::FnvHasher;
use icu_normalizer::ComposingNormalizer;
use serde::{Deserialize, Serialize};

/// The id of a document: 1 to 200 visible characters that are allowed in a URL path segment
/// (`/v1/documents/{id}`) and before the `#` of a passage id (`{id}#p{ordinal}`).
///
/// Letters of every script are allowed. White space, control and invisible characters, the
/// replacement character U+FFFD, any of `# / \ ? %`, and the ids `.` and `..`, which URL libraries
/// resolve, are not. Ids are normalized to NFC, so that the same name typed on two systems is the
/// same id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct DocumentId(String);

/// Maximum length of an id.
const MAX_ID_CHARS: usize = 200;

/// Why a text is not a document id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The id is empty.
    #[error("a document id must have 1 to {MAX_ID_CHARS} characters; it is empty")]
    Empty,
    /// More than 200 characters.
    #[error("a document id must have at most {MAX_ID_CHARS} characters, received {received}")]
    TooLong {
        /// Its number of characters.
        received: usize,
    },
    /// A character that is not allowed in an id.
    #[error(
        "a document id must not contain white space, invisible characters or any of # / \\ ? %; \
         received {character:?} as character {position} of {received:?}"
    )]
    ForbiddenCharacter {
        /// The character.
        character: char,
        /// Its position, counted from 1.
        position: usize,
        /// The id.
        received: String,
    },
    /// `.` or `..`.
    #[error(
        "a document id must not be {received:?}: it would be a path segment with a meaning of its own"
    )]
    DotSegment {
        /// The id.
        received: String,
    },
}

impl DocumentId {
    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Derives an id from any name, always the same one; a valid id is returned unchanged.
    ///
    /// Runs of forbidden characters become one `-`. A name that is too long is cut and a hash of the
    /// whole name appended, so that ids of long names differ.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        let name = normalize_nfc(name);
        if validate(&name).is_ok() {
            return Self(name);
        }
        let mut id = String::with_capacity(name.len());
        let mut replaced = false;
        for character in name.chars() {
            if is_forbidden(character) {
                if !id.ends_with('-') {
                    id.push('-');
                }
                replaced = true;
            } else if !(character == '-' && replaced) {
                id.push(character);
                replaced = false;
            }
        }
        let id = id.trim_matches('-');
        if id.chars().count() > MAX_ID_CHARS {
            let prefix: String = id.chars().take(MAX_ID_CHARS - 17).collect();
            return Self(format!("{prefix}-{:016x}", hash(&name)));
        }
        if validate(id).is_err() {
            return Self(format!("document-{:016x}", hash(&name)));
        }
        Self(id.to_owned())
    }
}

fn normalize_nfc(text: &str) -> String {
    ComposingNormalizer::new_nfc().normalize(text).into_owned()
}

fn validate(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    let received = text.chars().count();
    if received > MAX_ID_CHARS {
        return Err(IdError::TooLong { received });
    }
    if let Some((index, character)) = text.chars().enumerate().find(|(_, c)| is_forbidden(*c)) {
        return Err(IdError::ForbiddenCharacter {
            character,
            position: index + 1,
            received: text.to_owned(),
        });
    }
    if text == "." || text == ".." {
        return Err(IdError::DotSegment {
            received: text.to_owned(),
        });
    }
    Ok(())
}

fn is_forbidden(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(character, '#' | '/' | '\\' | '?' | '%')
        // Soft hyphen, zero-width characters, direction marks, BOM, replacement character: ids
        // that look the same must be the same.
        || matches!(character,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fffd}')
}

/// Returns the FNV-1a hash, which is the same on every machine and in every version, unlike that of the
/// standard library.
fn hash(text: &str) -> u64 {
    let mut hasher = FnvHasher::default();
    hasher.write(text.as_bytes());
    hasher.finish()
}

impl FromStr for DocumentId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let text = normalize_nfc(text);
        validate(&text)?;
        Ok(Self(text))
    }
}

impl TryFrom<String> for DocumentId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<DocumentId> for String {
    fn from(id: DocumentId) -> Self {
        id.0
    }
}

impl AsRef<str> for DocumentId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
