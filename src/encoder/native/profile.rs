//! Hooks between the stages of the forward pass, for profiling and calibration.
//!
//! The forward pass is generic over its observer, so that hooks cost nothing without one.

use std::time::{Duration, Instant};

use super::config::NetworkShape;

/// A stage of the forward pass; fused steps are one stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeStage {
    /// Look-up of token and position embeddings, and their layer norm.
    Embed,
    /// Projection to queries, keys and values.
    Project,
    /// Attention.
    Attend,
    /// Quantization of the context.
    QuantizeContext,
    /// Attention's output layer, added to the residual stream.
    Output,
    /// Layer norm; in int8 including quantization.
    Norm,
    /// The first feed-forward layer; in int8 including GELU.
    Expand,
    /// GELU, in f32.
    Gelu,
    /// Quantization of the outputs of GELU.
    QuantizeExpanded,
    /// The second feed-forward layer, added to the residual stream.
    Contract,
    /// Mean pooling and normalization.
    Pool,
}

impl EncodeStage {
    /// All stages in the order of the forward pass.
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

    /// Returns the name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Embed => "embed",
            Self::Project => "project",
            Self::Attend => "attend",
            Self::QuantizeContext => "quantize_context",
            Self::Output => "output",
            Self::Norm => "norm",
            Self::Expand => "expand",
            Self::Gelu => "gelu",
            Self::QuantizeExpanded => "quantize_expanded",
            Self::Contract => "contract",
            Self::Pool => "pool",
        }
    }

    /// Returns the number of multiplications and additions in the stage's matrix products for
    /// a sequence of `length` tokens.
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

/// The time of a stage, over all layers.
#[derive(Clone, Copy, Debug)]
pub struct EncodeStageTime {
    /// The stage.
    pub stage: EncodeStage,
    /// Its time.
    pub time: Duration,
    /// Multiplications and additions in its matrix products.
    pub operations: u64,
}

/// Observes the forward pass.
pub(super) trait LayerObserver {
    /// Receives the inputs of linear layer `linear` (0 to 3) of layer `layer`, in `f32`.
    fn on_linear_inputs(&mut self, layer: usize, linear: usize, rows: &[f32], width: usize) {
        let _ = (layer, linear, rows, width);
    }

    /// Receives the stage that has just finished; the next one begins.
    fn stage_finished(&mut self, stage: EncodeStage) {
        let _ = stage;
    }
}

/// Observes nothing.
impl LayerObserver for () {}

/// Sums the time of each stage.
#[derive(Debug)]
pub(super) struct StageTimer {
    last: Instant,
    /// In the order of [`EncodeStage::ALL`].
    totals: [Duration; EncodeStage::ALL.len()],
}

impl StageTimer {
    /// Starts the clock.
    pub(super) fn start() -> Self {
        Self {
            last: Instant::now(),
            totals: [Duration::ZERO; EncodeStage::ALL.len()],
        }
    }

    /// Excludes the time since the last stage.
    pub(super) fn resume(&mut self) {
        self.last = Instant::now();
    }

    /// Returns the stages that took any time, for sequences of these lengths.
    pub(super) fn stage_times(
        &self,
        shape: &NetworkShape,
        lengths: &[usize],
    ) -> Vec<EncodeStageTime> {
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

/// The greatest magnitude observed in each input column of a layer's four linear layers, in the order
/// of the forward pass.
pub(super) type InputRanges = [Vec<f32>; 4];

/// Widens `ranges` to cover `rows`.
pub(super) fn widen_ranges(ranges: &mut Vec<f32>, rows: &[f32], width: usize) {
    ranges.resize(width, 0.0);
    for row in rows.chunks_exact(width) {
        ranges
            .iter_mut()
            .zip(row)
            .for_each(|(m, x)| *m = m.max(x.abs()));
    }
}

/// Measures the ranges of the inputs of every layer.
impl LayerObserver for Vec<InputRanges> {
    fn on_linear_inputs(&mut self, layer: usize, linear: usize, rows: &[f32], width: usize) {
        widen_ranges(&mut self[layer][linear], rows, width);
    }
}
