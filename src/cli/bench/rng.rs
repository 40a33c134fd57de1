//! Pseudorandom numbers that are the same in every run.

/// A linear congruential generator (Knuth, The Art of Computer Programming, section 3.3.4).
pub(super) struct Lcg(u64);

impl Lcg {
    pub(super) fn new() -> Self {
        Self(1)
    }

    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        self.0 >> 11
    }

    /// Returns a number from 0 (inclusive) to 1 (exclusive).
    #[allow(clippy::cast_precision_loss)] // 53 bits
    pub(super) fn next_unit(&mut self) -> f64 {
        self.next() as f64 / (1_u64 << 53) as f64
    }

    /// Shuffles a list (Knuth, section 3.4.2, algorithm P).
    pub(super) fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            #[allow(clippy::cast_possible_truncation)] // not above `last`
            let other = (self.next() % (last as u64 + 1)) as usize;
            list.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shuffle_is_a_permutation() {
        let mut list: Vec<u32> = (0..100).collect();
        Lcg::new().shuffle(&mut list);
        assert_ne!(list[..10], (0..10).collect::<Vec<_>>());
        list.sort_unstable();
        assert_eq!(list, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn numbers_cover_the_unit_interval() {
        let mut draw = Lcg::new();
        let mean = (0..10_000).map(|_| draw.next_unit()).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
    }
}
