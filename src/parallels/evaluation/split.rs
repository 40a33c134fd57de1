//! The split of items into those for fitting and those held out.

use serde::Serialize;

/// A split of the items: rows and labelled pairs are numbered from 0 in the order of their file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// All items.
    All,
    /// The items that a calibration is fitted on.
    Even,
    /// The held-out items.
    Odd,
}

impl Split {
    pub(super) fn contains(self, number: usize) -> bool {
        match self {
            Self::All => true,
            Self::Even => number.is_multiple_of(2),
            Self::Odd => !number.is_multiple_of(2),
        }
    }
}
