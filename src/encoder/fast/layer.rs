//! One transformer layer: its weights and its way through the kernels, in each precision.

use super::{
    FastError, Shape,
    scratch::Scratch,
    watch::{Ranges, Stage, Watch, widen},
    weights::Weights,
};
use crate::encoder::kernels::{
    Add, ByteAttention, ByteLayer, ByteLinear, Gelu, Heads, NormBytes, NormRows, NormWeights,
    PackBytes, Path, QuantiseKnown, QuantiseRows, SingleAttention, SingleLayer, SingleLinear,
    Write, WriteGelu,
};

/// Rows that go through the feed-forward layers together, so that the widest stay in the
/// second-level cache; a multiple of the tile's.
const BLOCK_ROWS: usize = 64;

/// A learnt layer norm.
#[derive(Clone, Debug)]
pub struct Norm {
    gain: Vec<f32>,
    offset: Vec<f32>,
    epsilon: f32,
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

    /// The norm of these rows, yet to be taken.
    pub fn of<'a>(&'a self, rows: &'a mut [f32]) -> NormRows<'a> {
        NormRows {
            rows,
            weights: NormWeights {
                gain: &self.gain,
                offset: &self.offset,
                epsilon: self.epsilon,
            },
        }
    }
}

/// The weights of a linear layer as the file has them: one row for each output.
#[derive(Debug)]
pub struct Matrix {
    weights: Vec<f32>,
    bias: Vec<f32>,
}

/// One transformer layer, its linear layers in the form `L`.
#[derive(Debug)]
pub struct Layer<L> {
    /// Queries, keys and values side by side.
    projection: L,
    output: L,
    output_norm: Norm,
    expand: L,
    contract: L,
    contract_norm: Norm,
}

impl Layer<Matrix> {
    /// Reads layer `index`.
    pub fn read(weights: &Weights<'_>, index: usize, config: &Shape) -> Result<Self, FastError> {
        let (hidden, wide) = (config.hidden_size, config.intermediate_size);
        let name = |part: &str| format!("encoder.layer.{index}.{part}");
        let linear = |parts: &[&str], inputs: usize, outputs: usize| {
            let (mut matrix, mut bias) = (Vec::new(), Vec::new());
            for part in parts {
                let (part, shape) = (name(part), [outputs, inputs]);
                matrix.extend(weights.tensor(&format!("{part}.weight"), &shape)?);
                bias.extend(weights.tensor(&format!("{part}.bias"), &[outputs])?);
            }
            let weights = matrix;
            Ok::<_, FastError>(Matrix { weights, bias })
        };
        let attention = [
            "attention.self.query",
            "attention.self.key",
            "attention.self.value",
        ];
        Ok(Self {
            projection: linear(&attention, hidden, hidden)?,
            output: linear(&["attention.output.dense"], hidden, hidden)?,
            output_norm: Norm::read(weights, &name("attention.output.LayerNorm"), config)?,
            expand: linear(&["intermediate.dense"], hidden, wide)?,
            contract: linear(&["output.dense"], wide, hidden)?,
            contract_norm: Norm::read(weights, &name("output.LayerNorm"), config)?,
        })
    }

    /// The layer in `f32`.
    pub fn single(&self) -> Layer<SingleLayer> {
        self.with(|_, matrix| SingleLayer::new(&matrix.weights, &matrix.bias))
    }

    /// The layer in bytes for `path`, whose linear layers' inputs have these ranges.
    pub fn bytes(&self, path: Path, ranges: &Ranges) -> Layer<ByteLayer> {
        self.with(|place, matrix| {
            path.run(PackBytes {
                weights: &matrix.weights,
                bias: &matrix.bias,
                divisors: &smoothing(&ranges[place], &matrix.weights),
            })
        })
    }

    /// The layer with its linear layers, four in the order in which tokens meet them, made anew.
    fn with<L>(&self, make: impl Fn(usize, &Matrix) -> L) -> Layer<L> {
        Layer {
            projection: make(0, &self.projection),
            output: make(1, &self.output),
            output_norm: self.output_norm.clone(),
            expand: make(2, &self.expand),
            contract: make(3, &self.contract),
            contract_norm: self.contract_norm.clone(),
        }
    }
}

/// Divisors of a linear layer's input columns that share the difficulty of quantising between
/// inputs and weights: the square root of the ratio of their ranges (Xiao et al., `SmoothQuant`,
/// arXiv:2211.10438, with alpha = 1/2), scaled to a geometric mean of one.
fn smoothing(ranges: &[f32], weights: &[f32]) -> Vec<f32> {
    let mut largest = vec![];
    widen(&mut largest, weights, ranges.len());
    let ratio = |(x, w): (&f32, &f32)| (x.max(1e-3) / w.max(1e-3)).sqrt();
    let divisors: Vec<f32> = ranges.iter().zip(&largest).map(ratio).collect();
    #[allow(clippy::cast_precision_loss)] // widths are far below 2^24
    let mean = divisors.iter().map(|d| d.ln()).sum::<f32>() / divisors.len() as f32;
    divisors.iter().map(|d| d / mean.exp()).collect()
}

/// Where the tokens of a portion are on their way.
pub struct Tokens<'a> {
    /// The instruction set.
    pub path: Path,
    /// The model's shape.
    pub config: &'a Shape,
    /// The sequences' lengths.
    pub lengths: &'a [usize],
    /// Place of the layer in the model.
    pub layer: usize,
}

impl Tokens<'_> {
    /// Calls `attend` with each sequence's part of the projections and the context.
    fn sequences(&self, projected: &[f32], context: &mut [f32], mut attend: impl FnMut(Heads<'_>)) {
        let hidden = self.config.hidden_size;
        let (mut projected, mut context) = (projected, context);
        for length in self.lengths {
            let (part, rest) = projected.split_at(3 * hidden * length);
            let (to, to_rest) = context.split_at_mut(hidden * length);
            attend(Heads {
                projected: part,
                context: to,
                heads: self.config.num_attention_heads,
                head_size: self.config.head_size(),
            });
            (projected, context) = (rest, to_rest);
        }
    }
}

impl Layer<ByteLayer> {
    /// Factor of each column of the bytes that the layer takes.
    pub fn smoothing(&self) -> &[f32] {
        self.projection.smoothing()
    }

    /// Takes the tokens through the layer: those in `scratch.hidden`, in bytes in
    /// `scratch.bytes`. Afterwards they are there in bytes for the layer with the smoothing
    /// `next`, if any.
    pub fn apply(
        &self,
        tokens: &Tokens<'_>,
        next: Option<&[f32]>,
        scratch: &mut Scratch,
        watch: &mut impl Watch,
    ) {
        let (path, hidden) = (tokens.path, tokens.config.hidden_size);
        let (wide, s) = (tokens.config.intermediate_size, scratch);
        let count: usize = tokens.lengths.iter().sum();
        let stream = &mut s.hidden[..count * hidden];
        let projected = &mut s.wide[..count * 3 * hidden];
        path.run(ByteLinear {
            layer: &self.projection,
            rows: &s.bytes,
            range: 0..count,
            outputs: Write {
                to: projected,
                width: 3 * hidden,
            },
        });
        watch.ended(Stage::Project);

        let context = &mut s.context[..count * hidden];
        tokens.sequences(projected, context, |heads| {
            let workspace = &mut s.attention;
            path.run(ByteAttention { heads, workspace });
        });
        watch.ended(Stage::Attend);
        path.run(QuantiseRows {
            rows: context,
            smoothing: self.output.smoothing(),
            to: &mut s.bytes,
        });
        watch.ended(Stage::QuantiseContext);
        path.run(ByteLinear {
            layer: &self.output,
            rows: &s.bytes,
            range: 0..count,
            outputs: Add {
                to: stream,
                width: hidden,
            },
        });
        watch.ended(Stage::Output);
        path.run(NormBytes {
            norm: self.output_norm.of(stream),
            smoothing: self.expand.smoothing(),
            to: &mut s.bytes,
        });
        watch.ended(Stage::Norm);

        let blocks = stream.chunks_mut(BLOCK_ROWS * hidden);
        for (rows, start) in blocks.zip((0..count).step_by(BLOCK_ROWS)) {
            let block = rows.len() / hidden;
            let expanded = &mut s.wide[..block * wide];
            path.run(ByteLinear {
                layer: &self.expand,
                rows: &s.bytes,
                range: start..start + block,
                outputs: WriteGelu {
                    to: expanded,
                    smoothing: self.contract.smoothing(),
                    extremes: &mut s.extremes,
                },
            });
            watch.ended(Stage::Expand);
            path.run(QuantiseKnown {
                rows: expanded,
                width: wide,
                extremes: &s.extremes,
                to: &mut s.expanded,
            });
            watch.ended(Stage::QuantiseExpanded);
            path.run(ByteLinear {
                layer: &self.contract,
                rows: &s.expanded,
                range: 0..block,
                outputs: Add {
                    to: rows,
                    width: hidden,
                },
            });
            watch.ended(Stage::Contract);
        }
        let norm = self.contract_norm.of(stream);
        match next {
            Some(smoothing) => path.run(NormBytes {
                norm,
                smoothing,
                to: &mut s.bytes,
            }),
            None => path.run(norm),
        }
        watch.ended(Stage::Norm);
    }
}

impl Layer<SingleLayer> {
    /// Takes the tokens in `scratch.hidden` through the layer.
    pub fn apply(&self, tokens: &Tokens<'_>, scratch: &mut Scratch, watch: &mut impl Watch) {
        let (path, hidden) = (tokens.path, tokens.config.hidden_size);
        let (wide, s) = (tokens.config.intermediate_size, scratch);
        let count: usize = tokens.lengths.iter().sum();
        let stream = &mut s.hidden[..count * hidden];
        let projected = &mut s.wide[..count * 3 * hidden];
        watch.inputs(tokens.layer, 0, stream, hidden);
        path.run(linear::<false>(&self.projection, stream, projected));
        watch.ended(Stage::Project);

        let context = &mut s.context[..count * hidden];
        tokens.sequences(projected, context, |heads| {
            let workspace = &mut s.attention;
            path.run(SingleAttention { heads, workspace });
        });
        watch.ended(Stage::Attend);
        watch.inputs(tokens.layer, 1, context, hidden);
        path.run(linear::<true>(&self.output, context, stream));
        watch.ended(Stage::Output);
        path.run(self.output_norm.of(stream));
        watch.ended(Stage::Norm);

        for rows in stream.chunks_mut(BLOCK_ROWS * hidden) {
            let expanded = &mut s.wide[..rows.len() / hidden * wide];
            watch.inputs(tokens.layer, 2, rows, hidden);
            path.run(linear::<false>(&self.expand, rows, expanded));
            watch.ended(Stage::Expand);
            path.run(Gelu(expanded));
            watch.ended(Stage::Gelu);
            watch.inputs(tokens.layer, 3, expanded, wide);
            path.run(linear::<true>(&self.contract, expanded, rows));
            watch.ended(Stage::Contract);
        }
        path.run(self.contract_norm.of(stream));
        watch.ended(Stage::Norm);
    }
}

/// A linear layer in `f32`, its outputs written or added to what is there.
fn linear<'a, const ADD: bool>(
    layer: &'a SingleLayer,
    rows: &'a [f32],
    out: &'a mut [f32],
) -> SingleLinear<'a, ADD> {
    SingleLinear { layer, rows, out }
}
