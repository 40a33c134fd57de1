//! Text to embedding.
//!
//! An [`Encoder`] turns token sequences into unit vectors; the [`Tokenizer`] beside it turns text
//! into tokens. [`model`] finds, fetches and verifies the files that both are made from. Rooms
//! further down know only the trait and its [`Fingerprint`]: which arithmetic runs below is this
//! room's affair.

mod candle_bert;
mod embedding;
mod fingerprint;
mod instrumented;
mod kernels;
pub mod model;
mod native;
mod native_bert;
mod tokenizer;

use std::sync::Arc;

pub use candle_bert::CandleBert;
pub use embedding::Embedding;
pub use fingerprint::Fingerprint;
pub use instrumented::{EncodeStats, InstrumentedEncoder};
pub use native::{EncodeStage, EncodeStageTime, NativeError, Precision};
pub use native_bert::NativeBert;
pub use tokenizer::{Tokenizer, Tokens};

use model::{Activation, ModelFiles};

/// Turns text into embeddings.
///
/// The contract that every implementation keeps:
///
/// - An embedding has [`Fingerprint::dimension`] coordinates and length 1.
/// - Embeddings come back in the order of the inputs, one for each.
/// - A sequence's embedding depends on its tokens alone. Neighbours in the batch may change it by
///   rounding at most (coordinates by less than 1e-5).
/// - The empty text is a text like any other: its two special tokens have an embedding.
pub trait Encoder: Send + Sync {
    /// What must be equal for two embeddings to be comparable.
    fn fingerprint(&self) -> &Fingerprint;

    /// The tokenizer that belongs to the model.
    fn tokenizer(&self) -> &Tokenizer;

    /// Which arithmetic runs: `candle`, or the instruction set of our own kernels.
    fn kernel(&self) -> &'static str;

    /// Encodes token sequences as [`Tokenizer::tokenize`] gives them, special tokens included.
    ///
    /// # Errors
    ///
    /// If a sequence is empty, longer than the model's positions or holds an unknown token id,
    /// or if the model yields something that has no direction (see [`Embedding::from_raw`]).
    fn encode_tokens(&self, sequences: &[&[u32]]) -> Result<Vec<Embedding>, EncodeError>;

    /// Tokenises and encodes texts; what is longer than the model's maximum is truncated.
    ///
    /// # Errors
    ///
    /// As [`Encoder::encode_tokens`], and if a text cannot be tokenised.
    fn encode(&self, texts: &[&str]) -> Result<Vec<Embedding>, EncodeError> {
        let tokens = texts
            .iter()
            .map(|text| self.tokenizer().tokenize(text))
            .collect::<Result<Vec<_>, _>>()?;
        let sequences: Vec<&[u32]> = tokens.iter().map(|t| t.ids.as_slice()).collect();
        self.encode_tokens(&sequences)
    }
}

/// Builds the encoder for a model: our own kernels where they compute it, candle where only it
/// does (activations other than the exact GELU, in f32). `kernel` names a path of the kernels or
/// [`CANDLE`], for tests and comparisons; without it the fastest of this processor is taken.
///
/// # Errors
///
/// If the model's files do not fit together, or ask for what the chosen arithmetic does not do.
pub fn load(
    files: &ModelFiles,
    precision: Precision,
    kernel: Option<&str>,
) -> Result<Arc<dyn Encoder>, EncodeError> {
    let named = kernel == Some(CANDLE_KERNEL);
    let needed = files.config.hidden_act != Activation::Gelu;
    match precision {
        Precision::F32 if named || needed => Ok(Arc::new(CandleBert::load(files)?)),
        Precision::Int8 if named => Err(EncodeError::CandleIsF32Only),
        _ => Ok(Arc::new(NativeBert::load(files, precision, kernel)?)),
    }
}

/// The kernel's name that asks for [`CandleBert`] instead of our own.
pub const CANDLE_KERNEL: &str = "candle";

impl From<kernels::UnknownIsa> for EncodeError {
    fn from(unknown: kernels::UnknownIsa) -> Self {
        Self::UnknownKernel {
            received: unknown.received,
            available: unknown.available,
        }
    }
}

/// Why a text has no embedding.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The tokenizer file cannot be used.
    #[error("tokenizer.json cannot be used: {0}")]
    Tokenizer(String),
    /// The text cannot be split into tokens.
    #[error("the text cannot be tokenised: {0}")]
    Tokenize(String),
    /// The weights do not fit the configuration.
    #[error("the model's weights do not fit its config.json: {0}")]
    Weights(#[source] candle_core::Error),
    /// A token sequence has an impossible length.
    #[error("a token sequence has {received} tokens; expected 1 to {maximum}")]
    SequenceLength {
        /// Tokens received.
        received: usize,
        /// Most tokens accepted.
        maximum: usize,
    },
    /// A token id is not in the vocabulary.
    #[error("token id {received} is not in the vocabulary of {vocabulary} tokens")]
    TokenId {
        /// The id received.
        received: u32,
        /// Size of the vocabulary.
        vocabulary: usize,
    },
    /// Our kernels do not compute this model in this precision.
    #[error("the model's activation is not the exact GELU, which int8 needs; use --precision f32")]
    UnsupportedActivation,
    /// candle has one precision.
    #[error("kernel \"candle\" computes in f32 only; use --precision f32")]
    CandleIsF32Only,
    /// No kernel of that name is there.
    #[error(
        "no kernel {received:?} on this processor; available: {}, and {CANDLE_KERNEL} in f32",
        .available.join(", ")
    )]
    UnknownKernel {
        /// The name asked for.
        received: String,
        /// What this processor has of our own, best first.
        available: Vec<&'static str>,
    },
    /// Our kernels refused.
    #[error(transparent)]
    Native(#[from] NativeError),
    /// The arithmetic failed.
    #[error("the model could not be computed: {0}")]
    Compute(#[source] candle_core::Error),
    /// The result is zero, infinite or not a number.
    #[error("the model gave a vector without a direction (length {length})")]
    DegenerateVector {
        /// The length of the vector.
        length: f32,
    },
}
