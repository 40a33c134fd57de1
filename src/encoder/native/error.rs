//! Errors of the native network.

/// Why a model could not be loaded, or a sequence not encoded.
#[derive(Debug, thiserror::Error)]
pub enum NativeError {
    /// The kernels do not support this shape.
    #[error("{dimension} is {received}; expected {expected}")]
    UnsupportedShape {
        /// The name in `config.json`.
        dimension: &'static str,
        /// The value received.
        received: usize,
        /// The supported values.
        expected: &'static str,
    },
    /// The weights are not a valid safetensors file.
    #[error("cannot read the weights")]
    Safetensors(#[from] candle_core::Error),
    /// The weights lack a tensor.
    #[error("tensor {name:?} is missing from the weights")]
    MissingTensor {
        /// Its name.
        name: String,
    },
    /// A tensor's shape or type does not match the configuration.
    #[error("tensor {name:?} is {received}; expected {expected}")]
    TensorMismatch {
        /// Its name.
        name: String,
        /// Type and shape received.
        received: String,
        /// Type and shape expected.
        expected: String,
    },
    /// A tensor contains NaN or infinity.
    #[error("tensor {name:?} contains NaN or infinity")]
    NotFinite {
        /// Its name.
        name: String,
    },
    /// A sequence is empty or longer than the model's positions.
    #[error("sequence {index} has {received} tokens; expected 1 to {longest}")]
    SequenceLength {
        /// Its index in the batch.
        index: usize,
        /// Its number of tokens.
        received: usize,
        /// The model's maximum number of tokens.
        longest: usize,
    },
    /// A token id is not in the vocabulary.
    #[error(
        "sequence {index} contains token id {received}; the vocabulary has {vocabulary} tokens"
    )]
    UnknownTokenId {
        /// The sequence's index in the batch.
        index: usize,
        /// The id.
        received: u32,
        /// Number of token ids.
        vocabulary: usize,
    },
}
