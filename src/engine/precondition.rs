//! Preconditions of writes: `If-Match` and `If-None-Match`.

use crate::store::ContentHash;

/// A condition on the content hash of the stored document, after RFC 9110's `If-Match` and
/// `If-None-Match`. The empty one is always met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Precondition {
    /// The stored document must be one of these.
    pub if_match: Option<EntityTags>,
    /// The stored document must be none of these.
    pub if_none_match: Option<EntityTags>,
}

/// Versions of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntityTags {
    /// Any version.
    Any,
    /// The versions with these content hashes, in hexadecimal.
    Hashes(Vec<String>),
}

impl Precondition {
    /// Returns whether the stored document, or its absence, meets the condition.
    #[must_use]
    pub fn is_met_by(&self, stored: Option<ContentHash>) -> bool {
        let includes_stored = |tags: &EntityTags| match (tags, stored) {
            (_, None) => false,
            (EntityTags::Any, Some(_)) => true,
            (EntityTags::Hashes(hashes), Some(stored)) => hashes.contains(&stored.to_string()),
        };
        self.if_match.as_ref().is_none_or(includes_stored)
            && !self.if_none_match.as_ref().is_some_and(includes_stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preconditions_follow_rfc_9110() {
        let [first, second] = [b"1", b"2"].map(|text| ContentHash::from_parts([text.as_slice()]));
        let tag = |hash: ContentHash| Some(EntityTags::Hashes(vec![hash.to_string()]));
        let condition = |if_match, if_none_match| Precondition {
            if_match,
            if_none_match,
        };
        for (condition, if_absent, if_first, if_second) in [
            (condition(None, None), true, true, true),
            (condition(Some(EntityTags::Any), None), false, true, true),
            (condition(tag(first), None), false, true, false),
            (condition(None, Some(EntityTags::Any)), true, false, false),
            (condition(None, tag(first)), true, false, true),
            (condition(tag(first), tag(first)), false, false, false),
            (
                condition(Some(EntityTags::Hashes(Vec::new())), None),
                false,
                false,
                false,
            ),
        ] {
            let is_met =
                [None, Some(first), Some(second)].map(|stored| condition.is_met_by(stored));
            assert_eq!(is_met, [if_absent, if_first, if_second], "{condition:?}");
        }
    }
}
