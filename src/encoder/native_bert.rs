//! The fast encoder: BERT over our own kernels.

use super::kernels::Isa;
use super::model::{Activation, ModelFiles};
use super::native::{EncodeStageTime, NativeNetwork, NetworkShape, Precision};
use super::{Embedding, EncodeError, Encoder, Fingerprint, Tokenizer};

/// BERT with mean pooling over [`super::kernels`], in int8 or f32.
pub struct NativeBert {
    network: NativeNetwork,
    tokenizer: Tokenizer,
    fingerprint: Fingerprint,
}

impl NativeBert {
    /// Builds the encoder from verified files, on the fastest path of this processor or on the
    /// one that is named.
    ///
    /// # Errors
    ///
    /// If the path is not there, the tokenizer cannot be read, the weights do not have the
    /// configured shapes, or the model asks for something that only candle's BERT computes.
    pub fn load(
        files: &ModelFiles,
        precision: Precision,
        kernel: Option<&str>,
    ) -> Result<Self, EncodeError> {
        let path = match kernel {
            Some(name) => name.parse()?,
            None => Isa::best(),
        };
        let config = &files.config;
        if config.hidden_act != Activation::Gelu {
            return Err(EncodeError::UnsupportedActivation);
        }
        #[allow(clippy::cast_possible_truncation)] // an epsilon needs no more digits
        let shape = NetworkShape {
            hidden_size: config.hidden_size,
            num_hidden_layers: config.num_hidden_layers,
            num_attention_heads: config.num_attention_heads,
            intermediate_size: config.intermediate_size,
            vocab_size: config.vocab_size,
            type_vocab_size: config.type_vocab_size,
            max_position_embeddings: config.max_position_embeddings,
            layer_norm_eps: config.layer_norm_eps as f32,
        };
        Ok(Self {
            network: NativeNetwork::load(path, &shape, &files.weights, precision)?,
            tokenizer: Tokenizer::from_bytes(&files.tokenizer_json, files.max_seq_length)?,
            fingerprint: Fingerprint::new(files, precision),
        })
    }

    /// The time that each stage of the forward pass takes for one sequence after another, on one
    /// thread.
    ///
    /// # Errors
    ///
    /// As [`Encoder::encode_tokens`].
    pub fn profile(&self, sequences: &[&[u32]]) -> Result<Vec<EncodeStageTime>, EncodeError> {
        Ok(self.network.profile(sequences)?)
    }
}

impl Precision {
    /// Its name in settings, stores and answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Int8 => "int8",
            Self::F32 => "f32",
        }
    }

    /// See [`Fingerprint::arithmetic`]. In int8, 2 fused the layers' ends and their roundings.
    pub(super) fn arithmetic_version(self) -> u32 {
        match self {
            Self::Int8 => 2,
            Self::F32 => 1,
        }
    }
}

impl Encoder for NativeBert {
    fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    fn kernel(&self) -> &'static str {
        self.network.isa().name()
    }

    fn encode_tokens(&self, sequences: &[&[u32]]) -> Result<Vec<Embedding>, EncodeError> {
        let vectors = self
            .network
            .embed(sequences, rayon::current_num_threads())?;
        vectors
            .into_iter()
            .map(Embedding::from_unnormalized)
            .collect()
    }
}
