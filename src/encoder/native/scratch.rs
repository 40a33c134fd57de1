//! Working memory of one thread, kept between calls.

use super::NetworkShape;
use crate::encoder::kernels::{AlignedBuffer, AttentionWorkspace, QuantizedRows, RowMinMax};

/// Everything that a forward pass writes.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The residual stream.
    pub hidden: AlignedBuffer<f32>,
    /// Attention's output.
    pub context: AlignedBuffer<f32>,
    /// Projections, and later the feed-forward layer.
    pub wide: AlignedBuffer<f32>,
    /// Rows of the model's width on their way into a linear layer.
    pub quantized: QuantizedRows,
    /// Extremes of the rows in `wide`.
    pub row_min_max: RowMinMax,
    /// The rows in `wide`, as the second feed-forward layer takes them.
    pub expanded: QuantizedRows,
    /// Attention's own.
    pub attention: AttentionWorkspace,
}

impl Scratch {
    /// Makes room for this many tokens.
    pub fn reserve(&mut self, tokens: usize, config: &NetworkShape) {
        let hidden = config.hidden_size;
        let widest = config.intermediate_size.max(3 * hidden);
        self.hidden.reserve(tokens * hidden);
        self.context.reserve(tokens * hidden);
        self.wide.reserve(tokens * widest);
        self.row_min_max.reserve(tokens);
    }
}
