//! The dot product, in one fixed order of summation.

/// Independent sums, so that the compiler can keep them in vector registers. The number fixes the
/// order of summation and with it the last bit of every score.
const LANES: usize = 16;

/// Dot product of two vectors of equal length, clamped to [-1, 1]: rounding may carry the product
/// of two unit vectors just past 1, and `hnsw_rs` panics on a negative distance.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0f32; LANES];
    let (a_lanes, a_rest) = a.as_chunks::<LANES>();
    let (b_lanes, b_rest) = b.as_chunks::<LANES>();
    for (x, y) in a_lanes.iter().zip(b_lanes) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    (sums.iter().sum::<f32>() + rest).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_a_plain_sum() {
        for length in [1, 3, 15, 16, 17, 100, 384] {
            let a: Vec<f32> = (0u16..length).map(|i| f32::from(i % 7) / 100.0).collect();
            let b: Vec<f32> = (0u16..length)
                .map(|i| f32::from(i % 5) / 100.0 - 0.01)
                .collect();
            let plain: f64 = a
                .iter()
                .zip(&b)
                .map(|(x, y)| f64::from(*x) * f64::from(*y))
                .sum();
            assert!(
                (f64::from(dot(&a, &b)) - plain).abs() < 1e-6,
                "length {length}"
            );
        }
    }

    #[test]
    fn never_leaves_the_range_of_a_cosine() {
        let a = [1.000_001_f32];
        assert!((dot(&a, &a) - 1.0).abs() < f32::EPSILON);
        assert!((dot(&a, &[-1.000_001]) + 1.0).abs() < f32::EPSILON);
    }
}
