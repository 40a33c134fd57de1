//! Thresholds of pairs, and the treatment of formulas.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::ParallelsError;
use super::neighbourhood::MIN_COSINE;

/// Thresholds that a pair must reach to be returned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Minimum cosine of the matched text; lower ones are not examined.
    pub min_score: f32,
    /// Minimum confidence.
    pub min_confidence: f32,
    /// Minimum margin: a text that is close to everything is close to nothing in particular (hubness).
    pub min_margin: f32,
    /// How to treat formulas.
    pub formulas: FormulaPolicy,
    /// A statement is a formula if this share of all documents restates it, and at least
    /// [`MIN_FORMULA_DOCUMENTS`].
    pub formula_share: f32,
}

/// Minimum number of documents that restate a formula, however small the corpus.
pub const MIN_FORMULA_DOCUMENTS: usize = 5;

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            min_score: MIN_COSINE,
            min_confidence: 0.8,
            min_margin: 0.9,
            formulas: FormulaPolicy::Exclude,
            formula_share: 0.01,
        }
    }
}

impl Thresholds {
    /// Rejects values out of range.
    ///
    /// # Errors
    ///
    /// [`ParallelsError::OutOfRange`] with the name of the value and its range.
    pub fn check(&self) -> Result<(), ParallelsError> {
        let checks = [
            ("min_score", self.min_score, -1.0, 1.0),
            ("min_confidence", self.min_confidence, 0.0, 1.0),
            ("min_margin", self.min_margin, 0.0, 10.0),
            ("formula_share", self.formula_share, 0.0, 1.0),
        ];
        for (name, received, min, max) in checks {
            if !(min..=max).contains(&received) {
                return Err(ParallelsError::OutOfRange {
                    name,
                    expected: format!("{min} to {max}"),
                    received: received.to_string(),
                });
            }
        }
        Ok(())
    }

    /// Returns the number of documents from which a statement counts as a formula.
    #[must_use]
    pub fn min_formula_documents(&self, documents: usize) -> usize {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss
        )]
        let share = (documents as f32 * self.formula_share).ceil() as usize;
        share.max(MIN_FORMULA_DOCUMENTS)
    }
}

/// How to treat formulaic text.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum FormulaPolicy {
    /// Exclude and count them.
    #[default]
    Exclude,
    /// Include and mark them.
    Include,
    /// Only formulas.
    Only,
}

impl FormulaPolicy {
    /// Returns its name on the command line, in files and in requests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Exclude => "exclude",
            Self::Include => "include",
            Self::Only => "only",
        }
    }
}
