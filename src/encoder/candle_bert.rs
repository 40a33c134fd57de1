//! The reference encoder: BERT of candle-transformers in f32.

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config, HiddenAct, PositionEmbeddingType};
use rayon::prelude::*;

use super::model::{Activation, ModelFiles};
use super::{CANDLE_KERNEL, Embedding, EncodeError, Encoder, Fingerprint, Precision, Tokenizer};

/// Maximum number of tokens in a padded batch. Larger batches are not faster once a core is busy, and
/// the attention scores of a batch should fit into the cache.
const MAX_BATCH_TOKENS: usize = 4096;

/// BERT with masked mean pooling, in f32, computed by candle.
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

    fn check_sequence(&self, ids: &[u32]) -> Result<(), EncodeError> {
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

    /// Encodes one padded batch: `[batch, longest]` token ids to a unit vector for each sequence.
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
            self.check_sequence(ids)?;
        }
        // Sorted by length, so that batches need little padding.
        let mut order: Vec<usize> = (0..sequences.len()).collect();
        order.sort_by_key(|&i| std::cmp::Reverse(sequences[i].len()));
        let batches = batches(&order, |i| sequences[i].len());
        let encoded = batches
            .par_iter()
            .map(|batch| {
                let batch: Vec<&[u32]> = batch.iter().map(|&i| sequences[i]).collect();
                self.forward(&batch)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut indexed: Vec<(usize, Embedding)> = order
            .into_iter()
            .zip(encoded.into_iter().flatten())
            .collect();
        indexed.sort_by_key(|(i, _)| *i);
        Ok(indexed
            .into_iter()
            .map(|(_, embedding)| embedding)
            .collect())
    }
}

/// Splits sequences, given by descending length, into batches of at most [`MAX_BATCH_TOKENS`] padded
/// tokens.
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

/// Pools the first `length` rows of `[longest, dimension]`: those that are not padding.
fn mean_pool(rows: &[f32], length: usize, dimension: usize) -> Result<Embedding, EncodeError> {
    let mut sum = vec![0f32; dimension];
    for row in rows.chunks_exact(dimension).take(length) {
        for (s, x) in sum.iter_mut().zip(row) {
            *s += x;
        }
    }
    // The sum instead of the mean: normalization makes them equal.
    Embedding::from_unnormalized(sum)
}

fn candle_config(files: &ModelFiles) -> Config {
    let config = &files.config;
    Config {
        vocab_size: config.vocab_size,
        hidden_size: config.hidden_size,
        num_hidden_layers: config.num_hidden_layers,
        num_attention_heads: config.num_attention_heads,
        intermediate_size: config.intermediate_size,
        hidden_act: match config.hidden_act {
            Activation::Gelu => HiddenAct::Gelu,
            Activation::GeluApproximate => HiddenAct::GeluApproximate,
            Activation::Relu => HiddenAct::Relu,
        },
        hidden_dropout_prob: 0.0,
        max_position_embeddings: config.max_position_embeddings,
        type_vocab_size: config.type_vocab_size,
        initializer_range: 0.02,
        layer_norm_eps: config.layer_norm_eps,
        pad_token_id: config.pad_token_id,
        position_embedding_type: PositionEmbeddingType::Absolute,
        use_cache: false,
        classifier_dropout: None,
        model_type: Some("bert".to_owned()),
    }
}
