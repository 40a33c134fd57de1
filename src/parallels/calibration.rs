//! From the numbers of a pair to how sure we are of it.

use serde::Serialize;

/// What labelled pairs say: a logistic regression on likeness.
///
/// `confidence = 1 / (1 + exp(-slope * (likeness - middle)))`. The likeness of two texts is the mean of
/// their cosine and of their words in common, the words weighing [`Calibration::words`] times as much;
/// that of two passages is their own or that of their most alike sentences, whichever is greater.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Calibration {
    /// Weight of the words in common beside a cosine of weight 1.
    pub lexical_weight: f32,
    /// How fast confidence grows with likeness.
    pub slope: f32,
    /// The likeness of which one half is sure.
    pub midpoint: f32,
}

impl Calibration {
    /// Fitted on judged pairs (STS-B) and on verses in two translations (KJV and WEB), alone and joined to
    /// paragraphs; `docs/parallels.md` has the figures of pairs that it was not fitted on, and
    /// `antiphon evaluate --fit` fits others.
    pub const DEFAULT: Self = Self {
        lexical_weight: 0.43,
        slope: 20.6,
        midpoint: 0.65,
    };

    /// How alike two texts are, in [-1, 1].
    #[must_use]
    pub fn combined_similarity(&self, cosine: f32, words: f32) -> f32 {
        (cosine + self.lexical_weight * words) / (1.0 + self.lexical_weight)
    }

    /// How sure it is that two passages of this likeness say the same thing, in (0, 1).
    #[must_use]
    pub fn confidence(&self, likeness: f32) -> f32 {
        1.0 / (1.0 + (-self.slope * (likeness - self.midpoint)).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidence_grows_with_cosine_and_lexical_overlap() {
        let shipped = Calibration::DEFAULT;
        let sure = |cosine, words| shipped.confidence(shipped.combined_similarity(cosine, words));
        assert!(sure(0.9, 0.3) > sure(0.8, 0.3));
        assert!(sure(0.8, 0.4) > sure(0.8, 0.3));
        assert!(sure(1.0, 1.0) > 0.99 && sure(0.5, 0.1) < 0.02);
        assert!((shipped.confidence(shipped.midpoint) - 0.5).abs() < 1e-6);
    }
}
