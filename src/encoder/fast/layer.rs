//! One transformer layer: its weights and its way through the kernels.

use super::{FastError, Shape, scratch::Scratch, weights::Weights};
use crate::encoder::kernels::{
    ByteAttention, ByteLayer, ByteLinear, ByteRows, Gelu, Heads, NormRows, Path, QuantiseRows,
    SingleAttention, SingleLayer, SingleLinear,
};

/// The largest magnitude that each input column of a layer's four linear layers has shown, in the
/// order in which tokens meet them.
pub type Ranges = [Vec<f32>; 4];

/// Widens `ranges` to cover `rows`.
fn observe(ranges: &mut Vec<f32>, rows: &[f32], width: usize) {
    ranges.resize(width, 0.0);
    for row in rows.chunks_exact(width) {
        ranges
            .iter_mut()
            .zip(row)
            .for_each(|(m, x)| *m = m.max(x.abs()));
    }
}

/// Divisors of a linear layer's input columns that share the difficulty of quantising between
/// inputs and weights: the square root of the ratio of their ranges (Xiao et al., `SmoothQuant`,
/// arXiv:2211.10438, with alpha = 1/2), scaled to a geometric mean of one.
fn smoothing(ranges: &[f32], weights: &[f32]) -> Vec<f32> {
    let mut largest = vec![];
    observe(&mut largest, weights, ranges.len());
    let ratio = |(x, w): (&f32, &f32)| (x.max(1e-3) / w.max(1e-3)).sqrt();
    let divisors: Vec<f32> = ranges.iter().zip(&largest).map(ratio).collect();
    #[allow(clippy::cast_precision_loss)] // widths are far below 2^24
    let mean = divisors.iter().map(|d| d.ln()).sum::<f32>() / divisors.len() as f32;
    divisors.iter().map(|d| d / mean.exp()).collect()
}

/// Rows that go through the feed-forward layers together; a multiple of the tile's.
const BLOCK_ROWS: usize = 64;

/// A linear layer in one of the precisions.
#[derive(Debug)]
enum Linear {
    Byte(ByteLayer),
    Single(SingleLayer),
}

/// A learnt layer norm.
#[derive(Debug)]
pub struct Norm {
    pub gain: Vec<f32>,
    pub offset: Vec<f32>,
    pub epsilon: f32,
}

impl Norm {
    /// Reads `{name}.weight` and `{name}.bias`.
    pub fn read(weights: &Weights<'_>, name: &str, config: &Shape) -> Result<Self, FastError> {
        Ok(Self {
            gain: weights.tensor(&format!("{name}.weight"), &[config.hidden_size])?,
            offset: weights.tensor(&format!("{name}.bias"), &[config.hidden_size])?,
            epsilon: config.layer_norm_eps,
        })
    }

    /// Replaces `rows` by the norm of `rows + added`.
    pub fn apply(&self, path: Path, rows: &mut [f32], added: &[f32]) {
        path.run(NormRows {
            rows,
            added,
            gain: &self.gain,
            offset: &self.offset,
            epsilon: self.epsilon,
        });
    }
}

/// The weights of one transformer layer.
#[derive(Debug)]
pub struct Layer {
    /// Queries, keys and values side by side.
    projection: Linear,
    output: Linear,
    output_norm: Norm,
    expand: Linear,
    contract: Linear,
    contract_norm: Norm,
}

impl Layer {
    /// Reads layer `index`: in bytes where the ranges of its inputs are known, else in `f32`.
    pub fn read(
        weights: &Weights<'_>,
        index: usize,
        config: &Shape,
        ranges: Option<&Ranges>,
    ) -> Result<Self, FastError> {
        let (hidden, wide) = (config.hidden_size, config.intermediate_size);
        let name = |part: &str| format!("encoder.layer.{index}.{part}");
        let linear = |place: usize, parts: &[&str], inputs: usize, outputs: usize| {
            let (mut matrix, mut bias) = (Vec::new(), Vec::new());
            for part in parts {
                let (part, shape) = (name(part), [outputs, inputs]);
                matrix.extend(weights.tensor(&format!("{part}.weight"), &shape)?);
                bias.extend(weights.tensor(&format!("{part}.bias"), &[outputs])?);
            }
            Ok::<_, FastError>(match ranges {
                Some(ranges) => {
                    let divisors = smoothing(&ranges[place], &matrix);
                    Linear::Byte(ByteLayer::new(&matrix, &bias, &divisors))
                }
                None => Linear::Single(SingleLayer::new(&matrix, &bias)),
            })
        };
        let attention = [
            "attention.self.query",
            "attention.self.key",
            "attention.self.value",
        ];
        Ok(Self {
            projection: linear(0, &attention, hidden, hidden)?,
            output: linear(1, &["attention.output.dense"], hidden, hidden)?,
            output_norm: Norm::read(weights, &name("attention.output.LayerNorm"), config)?,
            expand: linear(2, &["intermediate.dense"], hidden, wide)?,
            contract: linear(3, &["output.dense"], wide, hidden)?,
            contract_norm: Norm::read(weights, &name("output.LayerNorm"), config)?,
        })
    }

    /// Takes the tokens in `scratch.hidden` through the layer, sequence after sequence of these
    /// lengths.
    pub fn apply(
        &self,
        path: Path,
        config: &Shape,
        lengths: &[usize],
        scratch: &mut Scratch,
        mut ranges: Option<&mut Ranges>,
    ) {
        let mut seen = |place: usize, rows: &[f32], width| {
            if let Some(ranges) = &mut ranges {
                observe(&mut ranges[place], rows, width);
            }
        };
        let (hidden, wide) = (config.hidden_size, config.intermediate_size);
        let tokens: usize = lengths.iter().sum();
        let s = scratch;
        let stream = &mut s.hidden[..tokens * hidden];
        let projected = &mut s.wide[..tokens * 3 * hidden];
        seen(0, stream, hidden);
        linear(path, &self.projection, stream, projected, &mut s.bytes);

        let context = &mut s.context[..tokens * hidden];
        let mut start = 0;
        for length in lengths {
            let heads = Heads {
                projected: &projected[3 * hidden * start..3 * hidden * (start + length)],
                context: &mut context[hidden * start..hidden * (start + length)],
                heads: config.num_attention_heads,
                head_size: config.head_size(),
            };
            let workspace = &mut s.attention;
            match self.projection {
                Linear::Byte(_) => path.run(ByteAttention { heads, workspace }),
                Linear::Single(_) => path.run(SingleAttention { heads, workspace }),
            }
            start += length;
        }

        let update = &mut s.update[..tokens * hidden];
        seen(1, context, hidden);
        linear(path, &self.output, context, update, &mut s.bytes);
        self.output_norm.apply(path, stream, update);

        // Block by block, so that the widest rows stay in the second-level cache.
        let blocks = stream.chunks(BLOCK_ROWS * hidden);
        for (rows, update) in blocks.zip(update.chunks_mut(BLOCK_ROWS * hidden)) {
            let expanded = &mut s.wide[..rows.len() / hidden * wide];
            seen(2, rows, hidden);
            linear(path, &self.expand, rows, expanded, &mut s.bytes);
            path.run(Gelu(expanded));
            seen(3, expanded, wide);
            linear(path, &self.contract, expanded, update, &mut s.bytes);
        }
        self.contract_norm.apply(path, stream, update);
    }
}

/// `out = rows * layer`, by way of bytes where the layer is made of bytes.
fn linear(
    path: Path,
    layer: &Linear,
    rows: &[f32],
    out: &mut [f32],
    s: &mut super::scratch::Bytes,
) {
    match layer {
        Linear::Single(layer) => path.run(SingleLinear { layer, rows, out }),
        Linear::Byte(layer) => {
            let width = layer.inputs();
            let count = rows.len() / width;
            path.run(QuantiseRows {
                rows,
                width,
                smoothing: layer.smoothing(),
                to: ByteRows {
                    bytes: &mut s.rows[..count * width],
                    scales: &mut s.scales[..count],
                    lows: &mut s.lows[..count],
                },
            });
            path.run(ByteLinear {
                layer,
                bytes: &s.rows,
                scales: &s.scales[..count],
                lows: &s.lows[..count],
                out,
            });
        }
    }
}
