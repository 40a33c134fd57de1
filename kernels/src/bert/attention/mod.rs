//! Softmax attention within a sequence (Vaswani et al., arXiv:1706.03762), head by head.
//!
//! In `f32` it is exact up to rounding. In int8, queries and keys are quantized per head and values per
//! column of the head, within one sequence, so that nothing depends on other sequences of a batch; both
//! products are exact integer sums.

mod float32;
mod int8;

use super::{
    buffer::{AlignedBuffer, AlignedMemory},
    simd::LANES,
};

pub use float32::F32Attention;
pub use int8::Int8Attention;

/// Added to logits of the padding; their probabilities become zero.
const MASK_LOGIT: f32 = -1e30;

/// Buffers of the attention of a sequence; grow to the longest sequence seen.
#[derive(Debug, Default)]
pub struct AttentionWorkspace {
    /// Bands of queries, of one block each.
    queries: AlignedMemory,
    /// Panels of keys, of one block each.
    keys: AlignedMemory,
    key_sums: AlignedBuffer<f32>,
    /// Panels of columns of the values.
    values: AlignedMemory,
    /// High bytes of the probabilities of a band.
    probability_high_bytes: AlignedMemory,
    /// Low bytes of the probabilities of a band.
    probability_low_bytes: AlignedMemory,
    logits: AlignedBuffer<f32>,
    mask: AlignedBuffer<f32>,
    f32_keys: AlignedBuffer<f32>,
    f32_values: AlignedBuffer<f32>,
}

/// Input and output of the attention of a sequence.
pub struct AttentionBuffers<'a> {
    /// One row per token: the queries of all heads, then all keys, then all values.
    pub qkv: &'a [f32],
    /// One row per token: the contexts of all heads.
    pub context: &'a mut [f32],
    /// Number of heads.
    pub head_count: usize,
    /// Columns of a head; 16, 32, 48 or 64.
    pub head_size: usize,
}

impl AttentionBuffers<'_> {
    /// Returns the number of columns of all heads.
    fn hidden(&self) -> usize {
        self.head_count * self.head_size
    }

    /// Returns the number of tokens.
    fn tokens(&self) -> usize {
        self.context.len() / self.hidden()
    }

    /// Returns a head's part of a token's query (0), key (1) or value (2).
    #[inline(always)]
    fn projection(&self, token: usize, which: usize, head: usize) -> &[[f32; LANES]] {
        let start = (3 * token + which) * self.hidden() + head * self.head_size;
        self.qkv[start..][..self.head_size].as_chunks().0
    }
}
