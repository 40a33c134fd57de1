//! From the measures of a pair to its confidence.

use serde::Serialize;

/// A logistic regression of the label of a pair on its combined similarity.
///
/// `confidence = 1 / (1 + exp(-slope * (combined_similarity - midpoint)))`. The combined similarity of
/// two texts is the mean of their cosine and their lexical overlap, the latter weighted by
/// [`Calibration::lexical_weight`]; that of two passages is their own or that of their most similar
/// sentences, whichever is greater.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Calibration {
    /// Weight of the lexical overlap relative to the cosine.
    pub lexical_weight: f32,
    /// Slope of the logistic curve.
    pub slope: f32,
    /// Combined similarity with a confidence of one half.
    pub midpoint: f32,
}

impl Calibration {
    /// Fitted on labelled pairs (STS-B) and on verses in two translations (KJV and WEB), single and
    /// joined to paragraphs. `docs/parallels.md` has the figures on held-out pairs; `antiphon evaluate
    /// --fit` fits another calibration.
    pub const DEFAULT: Self = Self {
        lexical_weight: 0.43,
        slope: 20.6,
        midpoint: 0.65,
    };

    /// Returns the combined similarity of two texts, in [-1, 1].
    #[must_use]
    pub fn combined_similarity(&self, cosine: f32, lexical_overlap: f32) -> f32 {
        (cosine + self.lexical_weight * lexical_overlap) / (1.0 + self.lexical_weight)
    }

    /// Returns the probability that two passages of this combined similarity say the same thing, in (0,
    /// 1).
    #[must_use]
    pub fn confidence(&self, combined_similarity: f32) -> f32 {
        1.0 / (1.0 + (-self.slope * (combined_similarity - self.midpoint)).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidence_grows_with_cosine_and_lexical_overlap() {
        let default = Calibration::DEFAULT;
        let confidence = |cosine, lexical_overlap| {
            default.confidence(default.combined_similarity(cosine, lexical_overlap))
        };
        assert!(confidence(0.9, 0.3) > confidence(0.8, 0.3));
        assert!(confidence(0.8, 0.4) > confidence(0.8, 0.3));
        assert!(confidence(1.0, 1.0) > 0.99 && confidence(0.5, 0.1) < 0.02);
        assert!((default.confidence(default.midpoint) - 0.5).abs() < 1e-6);
    }
}
