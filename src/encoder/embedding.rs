//! The unit vector that stands for a text.

use super::EncodeError;

/// A unit vector of `f32`; the similarity of two is their dot product, in [-1, 1].
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding(Box<[f32]>);

impl Embedding {
    /// Scales a vector to length 1.
    ///
    /// # Errors
    ///
    /// If the vector has no direction: all zero, or not finite. sentence-transformers would answer
    /// zeros here, which are "equally near" to everything.
    pub fn from_unnormalized(mut raw: Vec<f32>) -> Result<Self, EncodeError> {
        let length = raw.iter().map(|x| x * x).sum::<f32>().sqrt();
        if !length.is_finite() || length < 1e-12 {
            return Err(EncodeError::DegenerateVector { length });
        }
        for x in &mut raw {
            *x /= length;
        }
        Ok(Self(raw.into_boxed_slice()))
    }

    /// The coordinates.
    #[must_use]
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }

    /// The similarity to another embedding, in [-1, 1].
    #[must_use]
    pub fn similarity(&self, other: &Self) -> f32 {
        self.similarity_to(&other.0)
    }

    /// The similarity to a stored unit vector of the same dimension, in [-1, 1].
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
    fn is_scaled_to_length_one() {
        let e = Embedding::from_unnormalized(vec![3.0, 0.0, 4.0]).unwrap();
        assert_eq!(e.as_slice(), [0.6, 0.0, 0.8]);
        assert!((e.similarity(&e) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_vector_without_direction_is_refused() {
        for raw in [vec![0.0; 4], vec![f32::NAN, 1.0], vec![f32::INFINITY, 1.0]] {
            assert!(matches!(
                Embedding::from_unnormalized(raw),
                Err(EncodeError::DegenerateVector { .. })
            ));
        }
    }
}
