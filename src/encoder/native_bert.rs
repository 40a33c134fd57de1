//! The native encoder: BERT on the kernels of this crate.

use std::time::Instant;

use antiphon_kernels::bert::{Isa, PeakProducts};

use super::model::{Activation, ModelFiles};
use super::native::{EncodeStageTime, NativeNetwork, NetworkShape, Precision};
use super::{Embedding, EncodeError, Encoder, Fingerprint, Tokenizer};

/// BERT with mean pooling on [`antiphon_kernels::bert`], in int8 or f32.
pub struct NativeBert {
    network: NativeNetwork,
    tokenizer: Tokenizer,
    fingerprint: Fingerprint,
}

impl NativeBert {
    /// Builds the encoder from verified files, for the fastest instruction set of this processor or the
    /// given one.
    ///
    /// # Errors
    ///
    /// If the instruction set is not available, the tokenizer cannot be read, the weights do not have
    /// the configured shapes, or only candle supports the model.
    pub fn load(
        files: &ModelFiles,
        precision: Precision,
        kernel: Option<&str>,
    ) -> Result<Self, EncodeError> {
        let isa = match kernel {
            Some(name) => name.parse()?,
            None => Isa::best(),
        };
        let config = &files.config;
        if config.hidden_act != Activation::Gelu {
            return Err(EncodeError::UnsupportedActivation);
        }
        #[allow(clippy::cast_possible_truncation)] // f32 is precise enough for an epsilon
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
            network: NativeNetwork::load(isa, &shape, &files.weights, precision)?,
            tokenizer: Tokenizer::from_bytes(&files.tokenizer_json, files.max_seq_length)?,
            fingerprint: Fingerprint::new(files, precision),
        })
    }

    /// Returns the kernels that this processor has, fastest first.
    #[must_use]
    pub fn kernels() -> Vec<&'static str> {
        Isa::available().into_iter().map(Isa::name).collect()
    }

    /// Measures the multiply-adds of bytes per nanosecond on operands in the first-level cache, the best
    /// of many short runs.
    #[must_use]
    pub fn peak_products_per_ns(&self) -> f64 {
        const RUNS: u32 = 40;
        let isa = self.network.isa();
        let run = |_| {
            let start = Instant::now();
            let products = isa.run(PeakProducts { passes: 16 });
            #[allow(clippy::cast_precision_loss)] // far below 2^52
            let products = products as f64;
            products / (start.elapsed().as_secs_f64() * 1e9)
        };
        (0..RUNS).map(run).fold(0.0, f64::max)
    }

    /// Measures the time of each stage of the forward pass, for one sequence at a time on one thread.
    ///
    /// # Errors
    ///
    /// As [`Encoder::encode_tokens`].
    pub fn profile(&self, sequences: &[&[u32]]) -> Result<Vec<EncodeStageTime>, EncodeError> {
        Ok(self.network.profile(sequences)?)
    }
}

impl Precision {
    /// Returns the name in settings, stores and responses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Int8 => "int8",
            Self::F32 => "f32",
        }
    }

    /// Returns the value of [`Fingerprint::arithmetic`]. In int8, version 2 fused the last steps of each
    /// layer, which changed their rounding.
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
