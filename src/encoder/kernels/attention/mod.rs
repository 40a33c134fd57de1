//! Softmax attention inside one sequence (Vaswani et al., arXiv:1706.03762), head by head.
//!
//! The `f32` form is exact up to rounding. The byte form quantises queries and keys per head and
//! values per column of the head, always within one sequence, so that nothing depends on a
//! batch's other members; both products are exact integer sums.

mod bytes;
mod single;

use super::{
    buffer::{Buffer, Memory},
    simd::LANES,
};

pub use bytes::ByteAttention;
pub use single::SingleAttention;

/// Added to a logit that belongs to no token; its probability rounds to nothing.
const MASKED: f32 = -1e30;

/// Working memory for one sequence's attention; grows to the longest sequence seen.
#[derive(Debug, Default)]
pub struct Workspace {
    /// Bands of queries, a slab each.
    queries: Memory,
    /// Panels of keys, a block each.
    keys: Memory,
    key_sums: Buffer<f32>,
    /// Panels of a head's columns.
    values: Memory,
    /// High bytes of one band's probabilities.
    high: Memory,
    /// Low bytes of one band's probabilities.
    low: Memory,
    logits: Buffer<f32>,
    mask: Buffer<f32>,
    single_keys: Buffer<f32>,
    single_values: Buffer<f32>,
}

/// Where the projected tokens lie and where the context goes.
pub struct Heads<'a> {
    /// One row a token: all heads' queries, then all keys, then all values.
    pub projected: &'a [f32],
    /// One row a token, head beside head.
    pub context: &'a mut [f32],
    /// Number of heads.
    #[allow(clippy::struct_field_names)] // the count of heads is what it is
    pub heads: usize,
    /// Columns of a head; 16, 32, 48 or 64.
    pub head_size: usize,
}

impl Heads<'_> {
    /// Columns of all heads.
    fn hidden(&self) -> usize {
        self.heads * self.head_size
    }

    /// Number of tokens.
    fn tokens(&self) -> usize {
        self.context.len() / self.hidden()
    }

    /// One head's part of a token's query (0), key (1) or value (2).
    #[inline(always)]
    fn part(&self, token: usize, which: usize, head: usize) -> &[[f32; LANES]] {
        let start = (3 * token + which) * self.hidden() + head * self.head_size;
        self.projected[start..][..self.head_size].as_chunks().0
    }
}
