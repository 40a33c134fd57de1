//! What must hold of a stored document for a write to happen.

use crate::store::ContentHash;

/// A condition on the content hash of what is stored under an id, after RFC 9110's `If-Match` and
/// `If-None-Match`. The empty one always holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Condition {
    /// The stored document is one of these.
    pub one_of: Option<Versions>,
    /// It is none of these.
    pub none_of: Option<Versions>,
}

/// Versions of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Versions {
    /// Whatever is stored.
    Any,
    /// Those with these content hashes, in hexadecimal.
    Of(Vec<String>),
}

impl Condition {
    /// Whether the condition holds of what is stored, or of nothing.
    #[must_use]
    pub fn holds(&self, stored: Option<ContentHash>) -> bool {
        let among = |versions: &Versions| match (versions, stored) {
            (_, None) => false,
            (Versions::Any, Some(_)) => true,
            (Versions::Of(hashes), Some(stored)) => hashes.contains(&stored.to_string()),
        };
        self.one_of.as_ref().is_none_or(among) && !self.none_of.as_ref().is_some_and(among)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_hold_as_rfc_9110_says() {
        let [first, second] = [b"1", b"2"].map(|text| ContentHash::of_parts([text.as_slice()]));
        let of = |hash: ContentHash| Some(Versions::Of(vec![hash.to_string()]));
        let condition = |one_of, none_of| Condition { one_of, none_of };
        for (condition, absent, is_first, is_second) in [
            (condition(None, None), true, true, true),
            (condition(Some(Versions::Any), None), false, true, true),
            (condition(of(first), None), false, true, false),
            (condition(None, Some(Versions::Any)), true, false, false),
            (condition(None, of(first)), true, false, true),
            (condition(of(first), of(first)), false, false, false),
            (
                condition(Some(Versions::Of(Vec::new())), None),
                false,
                false,
                false,
            ),
        ] {
            let holds = [None, Some(first), Some(second)].map(|stored| condition.holds(stored));
            assert_eq!(holds, [absent, is_first, is_second], "{condition:?}");
        }
    }
}
