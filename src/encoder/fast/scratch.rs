//! Working memory of one thread, kept between calls.

use super::Shape;
use crate::encoder::kernels::{Buffer, TILE_ROWS, Workspace};

/// Quantised rows on their way into a linear layer.
#[derive(Debug, Default)]
pub struct Bytes {
    /// The rows, as many as fit whole tiles.
    pub rows: Buffer<u8>,
    /// Scale of each row.
    pub scales: Buffer<f32>,
    /// Lowest value of each row.
    pub lows: Buffer<f32>,
}

/// Everything that a forward pass writes.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The residual stream.
    pub hidden: Buffer<f32>,
    /// Attention's output.
    pub context: Buffer<f32>,
    /// What a layer adds to the stream.
    pub update: Buffer<f32>,
    /// Projections, and later the feed-forward layer.
    pub wide: Buffer<f32>,
    /// Quantised rows.
    pub bytes: Bytes,
    /// Attention's own.
    pub attention: Workspace,
}

impl Scratch {
    /// Makes room for this many tokens.
    pub fn reserve(&mut self, tokens: usize, config: &Shape) {
        let rows = tokens.next_multiple_of(TILE_ROWS);
        let hidden = config.hidden_size;
        let widest = config.intermediate_size.max(3 * hidden);
        self.hidden.reserve(rows * hidden);
        self.context.reserve(rows * hidden);
        self.update.reserve(rows * hidden);
        self.wide.reserve(rows * widest);
        self.bytes.rows.reserve(rows * widest);
        self.bytes.scales.reserve(rows);
        self.bytes.lows.reserve(rows);
    }
}
