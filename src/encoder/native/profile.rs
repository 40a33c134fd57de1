//! Looking on while tokens go through the model.
//!
//! The forward pass is generic over who looks on, so that it costs nothing where nobody does.

use std::time::{Duration, Instant};

use super::NetworkShape;

/// A step of the forward pass, as far as steps can be told apart: what is fused is one stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeStage {
    /// Looking up the embeddings of tokens and positions, and their layer norm.
    Embed,
    /// Queries, keys and values.
    Project,
    /// Attention between them.
    Attend,
    /// The context in bytes.
    QuantizeContext,
    /// Attention's output layer, added to the stream.
    Output,
    /// Layer norm, in int8 with the norms in bytes.
    Norm,
    /// The first feed-forward layer, in int8 with its GELU.
    Expand,
    /// GELU by itself.
    Gelu,
    /// The outputs of GELU in bytes.
    QuantizeExpanded,
    /// The second feed-forward layer, added to the stream.
    Contract,
    /// The mean of the tokens, at length one.
    Pool,
}

impl EncodeStage {
    /// All, in the order in which tokens meet them.
    const ALL: [Self; 11] = [
        Self::Embed,
        Self::Project,
        Self::Attend,
        Self::QuantizeContext,
        Self::Output,
        Self::Norm,
        Self::Expand,
        Self::Gelu,
        Self::QuantizeExpanded,
        Self::Contract,
        Self::Pool,
    ];

    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Embed => "embed",
            Self::Project => "project",
            Self::Attend => "attend",
            Self::QuantizeContext => "quantise_context",
            Self::Output => "output",
            Self::Norm => "norm",
            Self::Expand => "expand",
            Self::Gelu => "gelu",
            Self::QuantizeExpanded => "quantise_expanded",
            Self::Contract => "contract",
            Self::Pool => "pool",
        }
    }

    /// Multiplications and additions that the model asks of the stage's matrix products for one
    /// sequence of `length` tokens; none where it has no product.
    fn operations(self, shape: &NetworkShape, length: usize) -> u64 {
        let (hidden, wide) = (shape.hidden_size, shape.intermediate_size);
        let products = match self {
            Self::Project => length * hidden * 3 * hidden,
            Self::Attend => 2 * length * length * hidden,
            Self::Output => length * hidden * hidden,
            Self::Expand | Self::Contract => length * hidden * wide,
            _ => 0,
        };
        2 * (products * shape.num_hidden_layers) as u64
    }
}

/// What one stage took, over all layers.
#[derive(Clone, Copy, Debug)]
pub struct EncodeStageTime {
    /// The stage.
    pub stage: EncodeStage,
    /// How long it took.
    pub time: Duration,
    /// Multiplications and additions in its matrix products.
    pub operations: u64,
}

/// Someone who looks on.
pub trait LayerObserver {
    /// These rows are about to enter linear layer `place` of layer `layer`, in `f32`.
    fn on_linear_inputs(&mut self, layer: usize, place: usize, rows: &[f32], width: usize) {
        let _ = (layer, place, rows, width);
    }

    /// A stage has ended, and the next begins.
    fn stage_finished(&mut self, stage: EncodeStage) {
        let _ = stage;
    }
}

/// Nobody.
impl LayerObserver for () {}

/// Adds up the time that each stage takes.
#[derive(Debug)]
pub struct StageTimer {
    last: Instant,
    /// In the order of [`Stage::ALL`].
    totals: [Duration; EncodeStage::ALL.len()],
}

impl StageTimer {
    /// Starts.
    pub fn start() -> Self {
        Self {
            last: Instant::now(),
            totals: [Duration::ZERO; EncodeStage::ALL.len()],
        }
    }

    /// Lets the time since the last stage pass.
    pub fn resume(&mut self) {
        self.last = Instant::now();
    }

    /// The stages that took any time, for sequences of these lengths.
    pub fn stage_times(&self, shape: &NetworkShape, lengths: &[usize]) -> Vec<EncodeStageTime> {
        let all = EncodeStage::ALL.into_iter().zip(self.totals);
        let took = all.filter(|(_, time)| !time.is_zero());
        let operations =
            |stage: EncodeStage| lengths.iter().map(move |n| stage.operations(shape, *n));
        took.map(|(stage, time)| EncodeStageTime {
            stage,
            time,
            operations: operations(stage).sum(),
        })
        .collect()
    }
}

impl LayerObserver for StageTimer {
    fn stage_finished(&mut self, stage: EncodeStage) {
        let now = Instant::now();
        self.totals[stage as usize] += now - self.last;
        self.last = now;
    }
}

/// The largest magnitude that each input column of a layer's four linear layers has shown, in the
/// order in which tokens meet them.
pub type InputRanges = [Vec<f32>; 4];

/// Widens `ranges` to cover `rows`.
pub fn widen_ranges(ranges: &mut Vec<f32>, rows: &[f32], width: usize) {
    ranges.resize(width, 0.0);
    for row in rows.chunks_exact(width) {
        ranges
            .iter_mut()
            .zip(row)
            .for_each(|(m, x)| *m = m.max(x.abs()));
    }
}

/// Observes the ranges of every layer.
impl LayerObserver for Vec<InputRanges> {
    fn on_linear_inputs(&mut self, layer: usize, place: usize, rows: &[f32], width: usize) {
        widen_ranges(&mut self[layer][place], rows, width);
    }
}
