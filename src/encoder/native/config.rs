//! The shape of a BERT network, and which shapes the kernels support.

use super::error::NativeError;

/// The shape of a BERT network, from its `config.json`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct NetworkShape {
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Number of attention heads.
    pub num_attention_heads: usize,
    /// Width of the feed-forward layer.
    pub intermediate_size: usize,
    /// Number of token ids.
    pub vocab_size: usize,
    /// Rows of the token type table; only the first is used.
    pub type_vocab_size: usize,
    /// Maximum length of a sequence in tokens.
    pub max_position_embeddings: usize,
    /// Added to the variance in layer norm.
    pub layer_norm_eps: f32,
}

impl NetworkShape {
    /// Returns the number of columns of an attention head.
    #[must_use]
    pub(crate) fn head_size(&self) -> usize {
        self.hidden_size / self.num_attention_heads.max(1)
    }

    /// Checks that the kernels support the shape.
    ///
    /// # Errors
    ///
    /// [`NativeError::UnsupportedShape`] with the first unsupported dimension.
    pub(crate) fn validate(&self) -> Result<(), NativeError> {
        let unsupported = |dimension, received, expected| {
            Err(NativeError::UnsupportedShape {
                dimension,
                received,
                expected,
            })
        };
        let multiple_of_64 = "a positive multiple of 64";
        if self.hidden_size == 0 || !self.hidden_size.is_multiple_of(64) {
            return unsupported("hidden_size", self.hidden_size, multiple_of_64);
        }
        if self.intermediate_size == 0 || !self.intermediate_size.is_multiple_of(64) {
            return unsupported("intermediate_size", self.intermediate_size, multiple_of_64);
        }
        let heads = self.num_attention_heads;
        if heads == 0 || !self.hidden_size.is_multiple_of(heads) {
            return unsupported("num_attention_heads", heads, "a divisor of hidden_size");
        }
        if !matches!(self.head_size(), 16 | 32 | 48 | 64) {
            let expected = "a head size of 16, 32, 48 or 64";
            return unsupported("num_attention_heads", heads, expected);
        }
        for (dimension, received) in [
            ("num_hidden_layers", self.num_hidden_layers),
            ("vocab_size", self.vocab_size),
            ("type_vocab_size", self.type_vocab_size),
            ("max_position_embeddings", self.max_position_embeddings),
        ] {
            if received == 0 {
                return unsupported(dimension, received, "positive");
            }
        }
        Ok(())
    }
}
