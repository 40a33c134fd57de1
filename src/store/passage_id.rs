//! The public ids of passages.

use std::str::FromStr;

use crate::corpus::{DocumentId, IdError};

/// The public id of a passage, `{document}#p{ordinal}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassageId {
    /// The document.
    pub document: DocumentId,
    /// From 1.
    pub ordinal: u32,
}

impl FromStr for PassageId {
    type Err = InvalidPassageId;

    fn from_str(text: &str) -> Result<Self, InvalidPassageId> {
        let (document, ordinal) = text.rsplit_once("#p").ok_or(InvalidPassageId::Form)?;
        // A passage has exactly one id: no sign, no leading zero.
        if !ordinal.starts_with(|c: char| ('1'..='9').contains(&c)) {
            return Err(InvalidPassageId::Form);
        }
        Ok(Self {
            document: document.parse()?,
            ordinal: ordinal.parse().map_err(|_| InvalidPassageId::Form)?,
        })
    }
}

/// Why a text is not the id of a passage.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPassageId {
    /// It has another form.
    #[error("expected {{document}}#p{{ordinal}}, e.g. un-cyber-statement-2015#p3")]
    Form,
    /// The part before the ordinal is no id of a document.
    #[error("{0}")]
    Document(#[from] IdError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passage_has_one_id() {
        let id: PassageId = "a-p1#p20".parse().unwrap();
        assert_eq!((id.document.as_str(), id.ordinal), ("a-p1", 20));
        for text in [
            "a",
            "a#p",
            "a#p0",
            "a#p01",
            "a#p+1",
            "a#p1 ",
            "a#p4294967296",
        ] {
            assert_eq!(
                text.parse::<PassageId>(),
                Err(InvalidPassageId::Form),
                "{text}"
            );
        }
        assert!(matches!(
            "#p1".parse::<PassageId>(),
            Err(InvalidPassageId::Document(_))
        ));
    }
}
