//! One suite for all indexes, and tests of the features of single ones.

mod changes;
mod filters;
mod ivf;
mod range_search;
mod suite;
mod two_level;

use std::sync::Arc;

use super::*;

/// Returns unit vectors of dimension 24 in twelve clusters, the same on every call.
pub(super) fn clustered(count: usize) -> Arc<Vectors> {
    let mut next = noise(1);
    let centres: Vec<Vec<f32>> = (0..12).map(|_| (0..24).map(|_| next()).collect()).collect();
    let mut vectors = Vectors::new(24).unwrap();
    for i in 0..count {
        let row: Vec<f32> = centres[i % 12].iter().map(|c| c + 0.3 * next()).collect();
        vectors.push(&unit(row)).unwrap();
    }
    Arc::new(vectors)
}

/// Returns pseudorandom numbers in [-0.5, 0.5] (Marsaglia's xorshift).
pub(super) fn noise(seed: u64) -> impl FnMut() -> f32 {
    let mut state = 0x2545_F491_4F6C_DD1D_u64.wrapping_mul(seed | 1);
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        f32::from(u16::try_from(state >> 48).unwrap()) / f32::from(u16::MAX) - 0.5
    }
}

pub(super) fn unit(mut row: Vec<f32>) -> Vec<f32> {
    let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
    for x in &mut row {
        *x /= length;
    }
    row
}

pub(super) fn append_only_index(vectors: &Vectors) -> SegmentedIndex {
    let empty = SegmentedIndex::new(vectors.dimension(), HnswParameters::default()).unwrap();
    empty.with_rows(vectors).unwrap()
}

/// Returns an index with a graph, and the row of `vectors` of each of its rows.
pub(super) fn compacted_index(vectors: &Vectors) -> (SegmentedIndex, Vec<u32>) {
    append_only_index(vectors)
        .compacted(BuildOptions::default(), &NoBuildProgress)
        .unwrap()
}

/// Returns a compaction, from which an index file is written.
pub(super) fn full_compaction(vectors: &Vectors) -> Compaction {
    let built = Compaction::build(
        &append_only_index(vectors),
        BuildOptions::default(),
        &NoBuildProgress,
    );
    built.unwrap().unwrap()
}
