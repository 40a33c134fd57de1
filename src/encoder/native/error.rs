//! What can go wrong when a model is loaded or asked.

/// Why a model could not be loaded or a sequence not be embedded.
#[derive(Debug, thiserror::Error)]
pub enum NativeError {
    /// The kernels do not run this shape.
    #[error("{dimension} is {received}; it must be {expected}")]
    UnsupportedShape {
        /// The name in `config.json`.
        dimension: &'static str,
        /// What it is.
        received: usize,
        /// What it must be.
        expected: &'static str,
    },
    /// The weights are no safetensors file, or a damaged one.
    #[error("the weights cannot be read")]
    Safetensors(#[from] candle_core::Error),
    /// The weights lack a tensor.
    #[error("the weights have no tensor {name:?}")]
    MissingTensor {
        /// Its name.
        name: String,
    },
    /// A tensor has another shape or type than the configuration says.
    #[error("tensor {name:?} is {received}; expected {expected}")]
    TensorMismatch {
        /// Its name.
        name: String,
        /// Type and shape found.
        received: String,
        /// Type and shape wanted.
        expected: String,
    },
    /// A tensor holds a NaN or an infinity.
    #[error("tensor {name:?} holds a number that is not finite")]
    NotFinite {
        /// Its name.
        name: String,
    },
    /// A sequence is empty or longer than the model's positions.
    #[error("sequence {index} has {received} tokens; expected 1 to {longest}")]
    SequenceLength {
        /// Its place in the batch.
        index: usize,
        /// Its tokens.
        received: usize,
        /// The most that the model takes.
        longest: usize,
    },
    /// A token id is outside the vocabulary.
    #[error("sequence {index} holds token id {received}; the vocabulary has {vocabulary}")]
    UnknownTokenId {
        /// The sequence's place in the batch.
        index: usize,
        /// The id.
        received: u32,
        /// Number of ids.
        vocabulary: usize,
    },
}
