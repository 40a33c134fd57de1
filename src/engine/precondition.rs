//! What must hold of a stored document for a write to happen.

use crate::store::ContentHash;

/// A condition on the content hash of what is stored under an id, after RFC 9110's `If-Match` and
/// `If-None-Match`. The empty one always holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Precondition {
    /// The stored document is one of these.
    pub if_match: Option<EntityTags>,
    /// It is none of these.
    pub if_none_match: Option<EntityTags>,
}

/// Versions of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntityTags {
    /// Whatever is stored.
    Any,
    /// Those with these content hashes, in hexadecimal.
    Hashes(Vec<String>),
}

impl Precondition {
    /// Whether the condition holds of what is stored, or of nothing.
    #[must_use]
    pub fn is_met_by(&self, stored: Option<ContentHash>) -> bool {
        let among = |versions: &EntityTags| match (versions, stored) {
            (_, None) => false,
            (EntityTags::Any, Some(_)) => true,
            (EntityTags::Hashes(hashes), Some(stored)) => hashes.contains(&stored.to_string()),
        };
        self.if_match.as_ref().is_none_or(among) && !self.if_none_match.as_ref().is_some_and(among)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preconditions_follow_rfc_9110() {
        let [first, second] = [b"1", b"2"].map(|text| ContentHash::from_parts([text.as_slice()]));
        let of = |hash: ContentHash| Some(EntityTags::Hashes(vec![hash.to_string()]));
        let condition = |one_of, none_of| Precondition {
            if_match: one_of,
            if_none_match: none_of,
        };
        for (condition, absent, is_first, is_second) in [
            (condition(None, None), true, true, true),
            (condition(Some(EntityTags::Any), None), false, true, true),
            (condition(of(first), None), false, true, false),
            (condition(None, Some(EntityTags::Any)), true, false, false),
            (condition(None, of(first)), true, false, true),
            (condition(of(first), of(first)), false, false, false),
            (
                condition(Some(EntityTags::Hashes(Vec::new())), None),
                false,
                false,
                false,
            ),
        ] {
            let holds = [None, Some(first), Some(second)].map(|stored| condition.is_met_by(stored));
            assert_eq!(holds, [absent, is_first, is_second], "{condition:?}");
        }
    }
}
