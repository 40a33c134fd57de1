//! The embedding of a text: a unit vector.

use super::EncodeError;

/// A unit vector of `f32`; the similarity of two is their dot product, in [-1, 1].
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding(Box<[f32]>);

impl Embedding {
    /// Scales a vector to unit length.
    ///
    /// # Errors
    ///
    /// If the vector cannot be normalized: it is zero or not finite. sentence-transformers would return
    /// zeros, which have the same similarity to everything.
    pub fn from_unnormalized(mut raw: Vec<f32>) -> Result<Self, EncodeError> {
        let norm = raw.iter().map(|x| x * x).sum::<f32>().sqrt();
        if !norm.is_finite() || norm < 1e-12 {
            return Err(EncodeError::DegenerateVector { norm });
        }
        for x in &mut raw {
            *x /= norm;
        }
        Ok(Self(raw.into_boxed_slice()))
    }

    /// Returns the components.
    #[must_use]
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }

    /// Returns the similarity to another embedding, in [-1, 1].
    #[must_use]
    pub fn similarity(&self, other: &Self) -> f32 {
        self.similarity_to(&other.0)
    }

    /// Returns the similarity to a unit vector of the same dimension, in [-1, 1].
    #[must_use]
    pub fn similarity_to(&self, other: &[f32]) -> f32 {
        let dot: f32 = self.0.iter().zip(other).map(|(a, b)| a * b).sum();
        dot.clamp(-1.0, 1.0)
    }
}

impl From<Embedding> for Vec<f32> {
    fn from(embedding: Embedding) -> Self {
        embedding.0.into_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_scaled_to_unit_length() {
        let e = Embedding::from_unnormalized(vec![3.0, 0.0, 4.0]).unwrap();
        assert_eq!(e.as_slice(), [0.6, 0.0, 0.8]);
        assert!((e.similarity(&e) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn degenerate_vectors_are_rejected() {
        for raw in [vec![0.0; 4], vec![f32::NAN, 1.0], vec![f32::INFINITY, 1.0]] {
            assert!(matches!(
                Embedding::from_unnormalized(raw),
                Err(EncodeError::DegenerateVector { .. })
            ));
        }
    }
}
