//! Softmax attention inside one sequence (Vaswani et al., arXiv:1706.03762), head by head.
//!
//! The `f32` form is exact up to rounding. The byte form quantises queries and keys per head and
//! values per column of the head, always within one sequence, so that nothing depends on a
//! batch's other members; both products are exact integer sums.

mod float32;
mod int8;

use super::{
    buffer::{AlignedBuffer, AlignedMemory},
    simd::LANES,
};

pub use float32::F32Attention;
pub use int8::Int8Attention;

/// Added to a logit that belongs to no token; its probability rounds to nothing.
const MASK_LOGIT: f32 = -1e30;

/// Working memory for one sequence's attention; grows to the longest sequence seen.
#[derive(Debug, Default)]
pub struct AttentionWorkspace {
    /// Bands of queries, a slab each.
    queries: AlignedMemory,
    /// Panels of keys, a block each.
    keys: AlignedMemory,
    key_sums: AlignedBuffer<f32>,
    /// Panels of a head's columns.
    values: AlignedMemory,
    /// High bytes of one band's probabilities.
    probability_high_bytes: AlignedMemory,
    /// Low bytes of one band's probabilities.
    probability_low_bytes: AlignedMemory,
    logits: AlignedBuffer<f32>,
    mask: AlignedBuffer<f32>,
    f32_keys: AlignedBuffer<f32>,
    f32_values: AlignedBuffer<f32>,
}

/// Where the projected tokens lie and where the context goes.
pub struct AttentionBuffers<'a> {
    /// One row a token: all heads' queries, then all keys, then all values.
    pub qkv: &'a [f32],
    /// One row a token, head beside head.
    pub context: &'a mut [f32],
    /// Number of heads.
    #[allow(clippy::struct_field_names)] // the count of heads is what it is
    pub head_count: usize,
    /// Columns of a head; 16, 32, 48 or 64.
    pub head_size: usize,
}

impl AttentionBuffers<'_> {
    /// Columns of all heads.
    fn hidden(&self) -> usize {
        self.head_count * self.head_size
    }

    /// Number of tokens.
    fn tokens(&self) -> usize {
        self.context.len() / self.hidden()
    }

    /// One head's part of a token's query (0), key (1) or value (2).
    #[inline(always)]
    fn projection(&self, token: usize, which: usize, head: usize) -> &[[f32; LANES]] {
        let start = (3 * token + which) * self.hidden() + head * self.head_size;
        self.qkv[start..][..self.head_size].as_chunks().0
    }
}
