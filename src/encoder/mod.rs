//! Text to embedding.
//!
//! A [`Tokenizer`] turns text into tokens, an [`Encoder`] turns token sequences into unit vectors.
//! [`model`] finds, downloads and verifies the files that both are loaded from. Other modules use only
//! the trait and its [`Fingerprint`]; the arithmetic behind it is private: [`native`] on the
//! instructions of [`antiphon_kernels`], or candle.

mod candle_bert;
mod embedding;
mod fingerprint;
mod instrumented;
pub mod model;
mod native;
mod native_bert;
mod tokenizer;

use std::sync::Arc;

use antiphon_kernels::bert::UnknownIsa;

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
/// Every implementation keeps this contract:
///
/// - An embedding has [`Fingerprint::dimension`] components and unit length.
/// - Embeddings are returned in the order of the inputs, one for each.
/// - The embedding of a sequence depends on its tokens only. Other sequences in the batch may change
///   it by rounding at most (components by less than 1e-5).
/// - The empty text is valid: its two special tokens have an embedding.
pub trait Encoder: Send + Sync {
    /// Returns what must be equal for embeddings to be comparable.
    fn fingerprint(&self) -> &Fingerprint;

    /// Returns the tokenizer of the model.
    fn tokenizer(&self) -> &Tokenizer;

    /// Returns the kernel in use: `candle`, or the instruction set of the native kernels.
    fn kernel(&self) -> &'static str;

    /// Encodes token sequences as [`Tokenizer::tokenize`] returns them, including special tokens.
    ///
    /// # Errors
    ///
    /// If a sequence is empty, longer than the model's maximum or contains an unknown token id, or if
    /// the model returns a vector that cannot be normalized (see [`Embedding::from_unnormalized`]).
    fn encode_tokens(&self, sequences: &[&[u32]]) -> Result<Vec<Embedding>, EncodeError>;

    /// Tokenizes and encodes texts, truncated to the model's maximum.
    ///
    /// # Errors
    ///
    /// As [`Encoder::encode_tokens`], and if a text cannot be tokenized.
    fn encode(&self, texts: &[&str]) -> Result<Vec<Embedding>, EncodeError> {
        let tokens = texts
            .iter()
            .map(|text| self.tokenizer().tokenize(text))
            .collect::<Result<Vec<_>, _>>()?;
        let sequences: Vec<&[u32]> = tokens.iter().map(|t| t.ids.as_slice()).collect();
        self.encode_tokens(&sequences)
    }
}

/// Loads the encoder of a model: on the native kernels if they support it, otherwise on candle
/// (activations other than the exact GELU, in f32). `kernel` is an instruction set or
/// [`CANDLE_KERNEL`], for tests and comparisons; by default the fastest of this processor is used.
///
/// # Errors
///
/// If the model's files are inconsistent, or the kernel does not support the model or the precision.
pub fn load(
    files: &ModelFiles,
    precision: Precision,
    kernel: Option<&str>,
) -> Result<Arc<dyn Encoder>, EncodeError> {
    let is_requested = kernel == Some(CANDLE_KERNEL);
    let is_required = files.config.hidden_act != Activation::Gelu;
    match precision {
        Precision::F32 if is_requested || is_required => Ok(Arc::new(CandleBert::load(files)?)),
        Precision::Int8 if is_requested => Err(EncodeError::CandleIsF32Only),
        _ => Ok(Arc::new(NativeBert::load(files, precision, kernel)?)),
    }
}

/// The name of the kernel that runs on every processor.
pub const PORTABLE_KERNEL: &str = "portable";

/// The name of the kernel that selects [`CandleBert`].
pub const CANDLE_KERNEL: &str = "candle";

impl From<UnknownIsa> for EncodeError {
    fn from(unknown: UnknownIsa) -> Self {
        Self::UnknownKernel {
            received: unknown.received,
            available: unknown.available,
        }
    }
}

/// Why a text has no embedding.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The tokenizer file is invalid.
    #[error("cannot load tokenizer.json: {0}")]
    Tokenizer(String),
    /// The text cannot be split into tokens.
    #[error("cannot tokenize the text: {0}")]
    Tokenize(String),
    /// The weights do not match the configuration.
    #[error("model weights do not match config.json: {0}")]
    Weights(#[source] candle_core::Error),
    /// A token sequence is empty or too long.
    #[error("token sequence has {received} tokens; expected 1 to {maximum}")]
    SequenceLength {
        /// Tokens received.
        received: usize,
        /// Maximum number of tokens.
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
    /// The native kernels do not support the model's activation.
    #[error("int8 supports only the exact GELU activation; use --precision f32")]
    UnsupportedActivation,
    /// candle does not support int8.
    #[error("kernel \"candle\" supports f32 only; use --precision f32")]
    CandleIsF32Only,
    /// The kernel does not exist, or this processor does not support it.
    #[error(
        "kernel {received:?} is not available on this processor; available: {}, and {CANDLE_KERNEL} in f32",
        .available.join(", ")
    )]
    UnknownKernel {
        /// The requested name.
        received: String,
        /// The instruction sets that this processor supports, fastest first.
        available: Vec<&'static str>,
    },
    /// The native network failed.
    #[error(transparent)]
    Native(#[from] NativeError),
    /// candle failed.
    #[error("model inference failed: {0}")]
    Compute(#[source] candle_core::Error),
    /// The output is zero or not finite.
    #[error("the model returned a vector that cannot be normalized (norm {norm})")]
    DegenerateVector {
        /// The norm of the vector.
        norm: f32,
    },
}
