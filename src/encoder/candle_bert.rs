//! The reference encoder: candle-transformers' BERT in f32.

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config, HiddenAct, PositionEmbeddingType};
use rayon::prelude::*;

use super::model::{Activation, ModelFiles};
use super::{CANDLE_KERNEL, Embedding, EncodeError, Encoder, Fingerprint, Precision, Tokenizer};

/// Most tokens in one padded batch. Larger batches gain nothing once a core is busy, and the
/// attention scores of a batch must fit the cache.
const MAX_BATCH_TOKENS: usize = 4096;

/// BERT with masked mean pooling, in f32, as candle computes it.
pub struct CandleBert {
    model: BertModel,
    tokenizer: Tokenizer,
    fingerprint: Fingerprint,
    max_positions: usize,
    pad_id: u32,
    vocab_size: usize,
}

impl CandleBert {
    /// Builds the encoder from verified files.
    ///
    /// # Errors
    ///
    /// If the tokenizer cannot be read or the weights do not have the configured shapes.
    pub fn load(files: &ModelFiles) -> Result<Self, EncodeError> {
        let tokenizer = Tokenizer::from_bytes(&files.tokenizer_json, files.max_seq_length)?;
        let weights = VarBuilder::from_slice_safetensors(&files.weights, DType::F32, &Device::Cpu)
            .map_err(EncodeError::Weights)?;
        let model =
            BertModel::load(weights, &candle_config(files)).map_err(EncodeError::Weights)?;
        Ok(Self {
            model,
            tokenizer,
            fingerprint: Fingerprint::new(files, Precision::F32),
            max_positions: files.config.max_position_embeddings,
            pad_id: u32::try_from(files.config.pad_token_id).unwrap_or(0),
            vocab_size: files.config.vocab_size,
        })
    }

    fn check(&self, ids: &[u32]) -> Result<(), EncodeError> {
        if ids.is_empty() || ids.len() > self.max_positions {
            return Err(EncodeError::SequenceLength {
                received: ids.len(),
                maximum: self.max_positions,
            });
        }
        match ids.iter().find(|id| **id as usize >= self.vocab_size) {
            Some(&received) => Err(EncodeError::TokenId {
                received,
                vocabulary: self.vocab_size,
            }),
            None => Ok(()),
        }
    }

    /// One padded batch: `[batch, longest]` ids in, a pooled unit vector for each out.
    fn forward(&self, batch: &[&[u32]]) -> Result<Vec<Embedding>, EncodeError> {
        let longest = batch.iter().map(|ids| ids.len()).max().unwrap_or(0);
        let shape = (batch.len(), longest);
        let mut ids = vec![self.pad_id; batch.len() * longest];
        let mut mask = vec![0u32; batch.len() * longest];
        for (row, sequence) in batch.iter().enumerate() {
            let start = row * longest;
            ids[start..start + sequence.len()].copy_from_slice(sequence);
            mask[start..start + sequence.len()].fill(1);
        }
        let hidden = || -> candle_core::Result<Vec<f32>> {
            let ids = Tensor::from_vec(ids, shape, &Device::Cpu)?;
            let mask = Tensor::from_vec(mask, shape, &Device::Cpu)?;
            let types = ids.zeros_like()?;
            let hidden = self.model.forward(&ids, &types, Some(&mask))?;
            hidden.flatten_all()?.to_vec1::<f32>()
        };
        let hidden = hidden().map_err(EncodeError::Compute)?; // [batch, longest, dimension]
        let dimension = self.fingerprint.dimension;
        batch
            .iter()
            .zip(hidden.chunks_exact(longest * dimension))
            .map(|(sequence, rows)| mean_pool(rows, sequence.len(), dimension))
            .collect()
    }
}

impl Encoder for CandleBert {
    fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    fn kernel(&self) -> &'static str {
        CANDLE_KERNEL
    }

    fn encode_tokens(&self, sequences: &[&[u32]]) -> Result<Vec<Embedding>, EncodeError> {
        for ids in sequences {
            self.check(ids)?;
        }
        // Sorted by length, so that a batch's members need little padding.
        let mut order: Vec<usize> = (0..sequences.len()).collect();
        order.sort_by_key(|&i| std::cmp::Reverse(sequences[i].len()));
        let batches = batches(&order, |i| sequences[i].len());
        let encoded = batches
            .par_iter()
            .map(|batch| {
                let members: Vec<&[u32]> = batch.iter().map(|&i| sequences[i]).collect();
                self.forward(&members)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut placed: Vec<(usize, Embedding)> = order
            .into_iter()
            .zip(encoded.into_iter().flatten())
            .collect();
        placed.sort_by_key(|(i, _)| *i);
        Ok(placed.into_iter().map(|(_, embedding)| embedding).collect())
    }
}

/// Cuts a descending order of lengths into runs of at most [`BATCH_TOKENS`] padded tokens.
fn batches(order: &[usize], length: impl Fn(usize) -> usize) -> Vec<&[usize]> {
    let mut batches = Vec::new();
    let mut rest = order;
    while let Some(&longest) = rest.first() {
        let size = (MAX_BATCH_TOKENS / length(longest)).clamp(1, rest.len());
        let (batch, tail) = rest.split_at(size);
        batches.push(batch);
        rest = tail;
    }
    batches
}

/// Mean over the real tokens: rows `[length, dimension]` of `[longest, dimension]`.
fn mean_pool(rows: &[f32], length: usize, dimension: usize) -> Result<Embedding, EncodeError> {
    let mut sum = vec![0f32; dimension];
    for row in rows.chunks_exact(dimension).take(length) {
        for (s, x) in sum.iter_mut().zip(row) {
            *s += x;
        }
    }
    // The mean's scale is the normalisation's business: dividing by the length changes nothing.
    Embedding::from_unnormalized(sum)
}

fn candle_config(files: &ModelFiles) -> Config {
    let ours = &files.config;
    Config {
        vocab_size: ours.vocab_size,
        hidden_size: ours.hidden_size,
        num_hidden_layers: ours.num_hidden_layers,
        num_attention_heads: ours.num_attention_heads,
        intermediate_size: ours.intermediate_size,
        hidden_act: match ours.hidden_act {
            Activation::Gelu => HiddenAct::Gelu,
            Activation::GeluApproximate => HiddenAct::GeluApproximate,
            Activation::Relu => HiddenAct::Relu,
        },
        hidden_dropout_prob: 0.0,
        max_position_embeddings: ours.max_position_embeddings,
        type_vocab_size: ours.type_vocab_size,
        initializer_range: 0.02,
        layer_norm_eps: ours.layer_norm_eps,
        pad_token_id: ours.pad_token_id,
        position_embedding_type: PositionEmbeddingType::Absolute,
        use_cache: false,
        classifier_dropout: None,
        model_type: Some("bert".to_owned()),
    }
}
