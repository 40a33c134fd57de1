//! A transformer layer: its weights, and its forward pass in each precision.

use antiphon_kernels::bert::{
    AddEpilogue, AttentionBuffers, F32Attention, F32Layer, F32Linear, Gelu, GeluEpilogue,
    Int8Attention, Int8Layer, Int8Linear, Isa, LayerNormQuantize, LayerNormRows, LayerNormWeights,
    PackInt8, QuantizeRows, QuantizeWithKnownRange, StoreEpilogue,
};

use super::{
    config::NetworkShape,
    error::NativeError,
    profile::{EncodeStage, InputRanges, LayerObserver, widen_ranges},
    scratch::Scratch,
    weights::Weights,
};

/// Rows per block of the feed-forward layers, so that their widest activations stay in the
/// second-level cache; a multiple of the tiles' rows.
const FEED_FORWARD_BLOCK_ROWS: usize = 64;

/// The weights of a layer norm.
#[derive(Clone, Debug)]
pub(super) struct LayerNorm {
    gain: Vec<f32>,
    offset: Vec<f32>,
    epsilon: f32,
}

impl LayerNorm {
    /// Reads `{name}.weight` and `{name}.bias`.
    pub(super) fn read(
        weights: &Weights<'_>,
        name: &str,
        config: &NetworkShape,
    ) -> Result<Self, NativeError> {
        Ok(Self {
            gain: weights.tensor(&format!("{name}.weight"), &[config.hidden_size])?,
            offset: weights.tensor(&format!("{name}.bias"), &[config.hidden_size])?,
            epsilon: config.layer_norm_eps,
        })
    }

    /// Returns the kernel that normalizes these rows in place.
    pub(super) fn for_rows<'a>(&'a self, rows: &'a mut [f32]) -> LayerNormRows<'a> {
        LayerNormRows {
            rows,
            weights: LayerNormWeights {
                gain: &self.gain,
                offset: &self.offset,
                epsilon: self.epsilon,
            },
        }
    }
}

/// The weights of a linear layer in the order of the file: one row per output.
#[derive(Debug)]
pub(super) struct DenseWeights {
    weights: Vec<f32>,
    bias: Vec<f32>,
}

/// A transformer layer; `L` is the representation of its linear layers.
#[derive(Debug)]
pub(super) struct TransformerLayer<L> {
    /// Projects to queries, keys and values, concatenated.
    qkv_projection: L,
    attention_output: L,
    attention_norm: LayerNorm,
    expand: L,
    contract: L,
    feed_forward_norm: LayerNorm,
}

impl TransformerLayer<DenseWeights> {
    /// Reads layer `index`.
    pub(super) fn read(
        weights: &Weights<'_>,
        index: usize,
        config: &NetworkShape,
    ) -> Result<Self, NativeError> {
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
            Ok::<_, NativeError>(DenseWeights { weights, bias })
        };
        let attention = [
            "attention.self.query",
            "attention.self.key",
            "attention.self.value",
        ];
        Ok(Self {
            qkv_projection: linear(&attention, hidden, hidden)?,
            attention_output: linear(&["attention.output.dense"], hidden, hidden)?,
            attention_norm: LayerNorm::read(weights, &name("attention.output.LayerNorm"), config)?,
            expand: linear(&["intermediate.dense"], hidden, wide)?,
            contract: linear(&["output.dense"], wide, hidden)?,
            feed_forward_norm: LayerNorm::read(weights, &name("output.LayerNorm"), config)?,
        })
    }

    /// Packs the layer in `f32`.
    pub(super) fn to_f32(&self) -> TransformerLayer<F32Layer> {
        self.map_linears(|_, matrix| F32Layer::new(&matrix.weights, &matrix.bias))
    }

    /// Quantizes and packs the layer for an instruction set, given the ranges of the inputs of its linear
    /// layers.
    pub(super) fn to_int8(&self, isa: Isa, ranges: &InputRanges) -> TransformerLayer<Int8Layer> {
        self.map_linears(|index, matrix| {
            isa.run(PackInt8 {
                weights: &matrix.weights,
                bias: &matrix.bias,
                divisors: &smoothing(&ranges[index], &matrix.weights),
            })
        })
    }

    /// Converts the four linear layers, which are numbered in the order of the forward pass.
    fn map_linears<L>(&self, convert: impl Fn(usize, &DenseWeights) -> L) -> TransformerLayer<L> {
        TransformerLayer {
            qkv_projection: convert(0, &self.qkv_projection),
            attention_output: convert(1, &self.attention_output),
            attention_norm: self.attention_norm.clone(),
            expand: convert(2, &self.expand),
            contract: convert(3, &self.contract),
            feed_forward_norm: self.feed_forward_norm.clone(),
        }
    }
}

/// Computes divisors of a linear layer's input columns that balance the difficulty of quantization
/// between inputs and weights: the square root of the ratio of their ranges (Xiao et al.,
/// `SmoothQuant`, arXiv:2211.10438, with alpha = 1/2), scaled to a geometric mean of one.
fn smoothing(ranges: &[f32], weights: &[f32]) -> Vec<f32> {
    let mut largest = vec![];
    widen_ranges(&mut largest, weights, ranges.len());
    let ratio = |(x, w): (&f32, &f32)| (x.max(1e-3) / w.max(1e-3)).sqrt();
    let divisors: Vec<f32> = ranges.iter().zip(&largest).map(ratio).collect();
    #[allow(clippy::cast_precision_loss)] // widths are far below 2^24
    let mean = divisors.iter().map(|d| d.ln()).sum::<f32>() / divisors.len() as f32;
    divisors.iter().map(|d| d / mean.exp()).collect()
}

/// What a layer needs to know of a micro-batch.
pub(super) struct LayerInput<'a> {
    /// The instruction set.
    pub isa: Isa,
    /// The network's shape.
    pub config: &'a NetworkShape,
    /// The sequences' lengths.
    pub lengths: &'a [usize],
    /// Index of the layer in the network.
    pub layer_index: usize,
}

impl LayerInput<'_> {
    /// Calls `attend` with each sequence's slices of the projections and the context.
    fn for_each_sequence(
        &self,
        projected: &[f32],
        context: &mut [f32],
        mut attend: impl FnMut(AttentionBuffers<'_>),
    ) {
        let hidden = self.config.hidden_size;
        let (mut projected, mut context) = (projected, context);
        for length in self.lengths {
            let (qkv, projected_rest) = projected.split_at(3 * hidden * length);
            let (sequence_context, context_rest) = context.split_at_mut(hidden * length);
            attend(AttentionBuffers {
                qkv,
                context: sequence_context,
                head_count: self.config.num_attention_heads,
                head_size: self.config.head_size(),
            });
            (projected, context) = (projected_rest, context_rest);
        }
    }
}

impl TransformerLayer<Int8Layer> {
    /// Returns the factor of each column of the layer's quantized inputs.
    pub(super) fn smoothing(&self) -> &[f32] {
        self.qkv_projection.smoothing()
    }

    /// Applies the layer to the rows of `scratch.hidden`, given quantized in `scratch.quantized`. Then
    /// quantizes the result for the next layer, whose smoothing is `next`, if there is one.
    pub(super) fn apply(
        &self,
        input: &LayerInput<'_>,
        next: Option<&[f32]>,
        scratch: &mut Scratch,
        observer: &mut impl LayerObserver,
    ) {
        let (isa, hidden) = (input.isa, input.config.hidden_size);
        let (wide, s) = (input.config.intermediate_size, scratch);
        let count: usize = input.lengths.iter().sum();
        let stream = &mut s.hidden[..count * hidden];
        let projected = &mut s.wide[..count * 3 * hidden];
        isa.run(Int8Linear {
            layer: &self.qkv_projection,
            rows: &s.quantized,
            range: 0..count,
            epilogue: StoreEpilogue {
                to: projected,
                width: 3 * hidden,
            },
        });
        observer.stage_finished(EncodeStage::Project);

        let context = &mut s.context[..count * hidden];
        input.for_each_sequence(projected, context, |heads| {
            let workspace = &mut s.attention;
            isa.run(Int8Attention {
                buffers: heads,
                workspace,
            });
        });
        observer.stage_finished(EncodeStage::Attend);
        isa.run(QuantizeRows {
            rows: context,
            smoothing: self.attention_output.smoothing(),
            to: &mut s.quantized,
        });
        observer.stage_finished(EncodeStage::QuantizeContext);
        isa.run(Int8Linear {
            layer: &self.attention_output,
            rows: &s.quantized,
            range: 0..count,
            epilogue: AddEpilogue {
                to: stream,
                width: hidden,
            },
        });
        observer.stage_finished(EncodeStage::Output);
        isa.run(LayerNormQuantize {
            norm: self.attention_norm.for_rows(stream),
            smoothing: self.expand.smoothing(),
            to: &mut s.quantized,
        });
        observer.stage_finished(EncodeStage::Norm);

        let blocks = stream.chunks_mut(FEED_FORWARD_BLOCK_ROWS * hidden);
        for (rows, start) in blocks.zip((0..count).step_by(FEED_FORWARD_BLOCK_ROWS)) {
            let block = rows.len() / hidden;
            let expanded = &mut s.wide[..block * wide];
            isa.run(Int8Linear {
                layer: &self.expand,
                rows: &s.quantized,
                range: start..start + block,
                epilogue: GeluEpilogue {
                    to: expanded,
                    smoothing: self.contract.smoothing(),
                    row_min_max: &mut s.row_min_max,
                },
            });
            observer.stage_finished(EncodeStage::Expand);
            isa.run(QuantizeWithKnownRange {
                rows: expanded,
                width: wide,
                row_min_max: &s.row_min_max,
                to: &mut s.expanded,
            });
            observer.stage_finished(EncodeStage::QuantizeExpanded);
            isa.run(Int8Linear {
                layer: &self.contract,
                rows: &s.expanded,
                range: 0..block,
                epilogue: AddEpilogue {
                    to: rows,
                    width: hidden,
                },
            });
            observer.stage_finished(EncodeStage::Contract);
        }
        let norm = self.feed_forward_norm.for_rows(stream);
        match next {
            Some(smoothing) => isa.run(LayerNormQuantize {
                norm,
                smoothing,
                to: &mut s.quantized,
            }),
            None => isa.run(norm),
        }
        observer.stage_finished(EncodeStage::Norm);
    }
}

impl TransformerLayer<F32Layer> {
    /// Applies the layer to the rows of `scratch.hidden`.
    pub(super) fn apply(
        &self,
        input: &LayerInput<'_>,
        scratch: &mut Scratch,
        observer: &mut impl LayerObserver,
    ) {
        let (isa, hidden) = (input.isa, input.config.hidden_size);
        let (wide, s) = (input.config.intermediate_size, scratch);
        let count: usize = input.lengths.iter().sum();
        let stream = &mut s.hidden[..count * hidden];
        let projected = &mut s.wide[..count * 3 * hidden];
        observer.on_linear_inputs(input.layer_index, 0, stream, hidden);
        isa.run(f32_linear::<false>(&self.qkv_projection, stream, projected));
        observer.stage_finished(EncodeStage::Project);

        let context = &mut s.context[..count * hidden];
        input.for_each_sequence(projected, context, |heads| {
            let workspace = &mut s.attention;
            isa.run(F32Attention {
                buffers: heads,
                workspace,
            });
        });
        observer.stage_finished(EncodeStage::Attend);
        observer.on_linear_inputs(input.layer_index, 1, context, hidden);
        isa.run(f32_linear::<true>(&self.attention_output, context, stream));
        observer.stage_finished(EncodeStage::Output);
        isa.run(self.attention_norm.for_rows(stream));
        observer.stage_finished(EncodeStage::Norm);

        for rows in stream.chunks_mut(FEED_FORWARD_BLOCK_ROWS * hidden) {
            let expanded = &mut s.wide[..rows.len() / hidden * wide];
            observer.on_linear_inputs(input.layer_index, 2, rows, hidden);
            isa.run(f32_linear::<false>(&self.expand, rows, expanded));
            observer.stage_finished(EncodeStage::Expand);
            isa.run(Gelu(expanded));
            observer.stage_finished(EncodeStage::Gelu);
            observer.on_linear_inputs(input.layer_index, 3, expanded, wide);
            isa.run(f32_linear::<true>(&self.contract, expanded, rows));
            observer.stage_finished(EncodeStage::Contract);
        }
        isa.run(self.feed_forward_norm.for_rows(stream));
        observer.stage_finished(EncodeStage::Norm);
    }
}

/// Returns the kernel of an `f32` linear layer, which writes to `out` or adds to it.
fn f32_linear<'a, const ADD: bool>(
    layer: &'a F32Layer,
    rows: &'a [f32],
    out: &'a mut [f32],
) -> F32Linear<'a, ADD> {
    F32Linear { layer, rows, out }
}
