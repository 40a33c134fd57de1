//! Working memory of one thread, kept between calls.

use super::Shape;
use crate::encoder::kernels::{Buffer, ByteRows, Extremes, Workspace};

/// Everything that a forward pass writes.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The residual stream.
    pub hidden: Buffer<f32>,
    /// Attention's output.
    pub context: Buffer<f32>,
    /// Projections, and later the feed-forward layer.
    pub wide: Buffer<f32>,
    /// Rows of the model's width on their way into a linear layer.
    pub bytes: ByteRows,
    /// Extremes of the rows in `wide`.
    pub extremes: Extremes,
    /// The rows in `wide`, as the second feed-forward layer takes them.
    pub expanded: ByteRows,
    /// Attention's own.
    pub attention: Workspace,
}

impl Scratch {
    /// Makes room for this many tokens.
    pub fn reserve(&mut self, tokens: usize, config: &Shape) {
        let hidden = config.hidden_size;
        let widest = config.intermediate_size.max(3 * hidden);
        self.hidden.reserve(tokens * hidden);
        self.context.reserve(tokens * hidden);
        self.wide.reserve(tokens * widest);
        self.extremes.reserve(tokens);
    }
}
