//! Buffers of a forward pass, reused between calls.

use antiphon_kernels::bert::{AlignedBuffer, AttentionWorkspace, QuantizedRows, RowMinMax};

use super::config::NetworkShape;

/// All buffers that a forward pass writes to.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// The residual stream.
    pub hidden: AlignedBuffer<f32>,
    /// Output of the attention heads.
    pub context: AlignedBuffer<f32>,
    /// Projections, and later the feed-forward layer.
    pub wide: AlignedBuffer<f32>,
    /// Quantized inputs of a linear layer, of the model's width.
    pub quantized: QuantizedRows,
    /// Minimum and maximum of the rows in `wide`.
    pub row_min_max: RowMinMax,
    /// The rows in `wide`, quantized for the second feed-forward layer.
    pub expanded: QuantizedRows,
    /// Buffers of attention.
    pub attention: AttentionWorkspace,
}

impl Scratch {
    /// Grows the buffers to this number of tokens.
    pub(super) fn reserve(&mut self, tokens: usize, config: &NetworkShape) {
        let hidden = config.hidden_size;
        let widest = config.intermediate_size.max(3 * hidden);
        self.hidden.reserve(tokens * hidden);
        self.context.reserve(tokens * hidden);
        self.wide.reserve(tokens * widest);
        self.row_min_max.reserve(tokens);
    }
}
