//! Text to token ids.

use tokenizers::TruncationParams;

use super::EncodeError;
use crate::passages::TokenCounter;

/// The model's tokenizer with the model's limits, whatever its file ships.
///
/// The published `tokenizer.json` of all-MiniLM-L6-v2 truncates and pads to 128 tokens; the model
/// was made for 256. So truncation is set from the model's `max_seq_length` and padding is off.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    special_tokens: usize,
    max_tokens: usize,
    vocabulary: usize,
}

/// A text as the model sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// Token ids, special tokens included, at most [`Tokenizer::max_tokens`].
    pub ids: Vec<u32>,
    /// How many there would be without truncation.
    pub untruncated: usize,
}

impl Tokens {
    /// Whether part of the text was cut off.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.untruncated > self.ids.len()
    }
}

impl Tokenizer {
    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    ///
    /// If the bytes are not a tokenizer, or `max_tokens` leaves no room for text.
    pub fn from_bytes(tokenizer_json: &[u8], max_tokens: usize) -> Result<Self, EncodeError> {
        let unusable = |e: tokenizers::Error| EncodeError::Tokenizer(e.to_string());
        let mut inner = tokenizers::Tokenizer::from_bytes(tokenizer_json).map_err(unusable)?;
        let special_tokens = inner
            .get_post_processor()
            .map_or(0, |p| tokenizers::PostProcessor::added_tokens(p, false));
        if max_tokens <= special_tokens {
            return Err(EncodeError::Tokenizer(format!(
                "a maximum of {max_tokens} tokens leaves no room beside {special_tokens} special tokens"
            )));
        }
        inner.with_padding(None);
        inner
            .with_truncation(Some(TruncationParams {
                max_length: max_tokens,
                ..TruncationParams::default()
            }))
            .map_err(unusable)?;
        let vocabulary = inner.get_vocab_size(true);
        Ok(Self {
            inner,
            special_tokens,
            max_tokens,
            vocabulary,
        })
    }

    /// Splits a text into token ids, truncated at [`Tokenizer::max_tokens`].
    ///
    /// # Errors
    ///
    /// If the tokenizer refuses the text; a WordPiece tokenizer with an unknown token never does.
    pub fn tokenize(&self, text: &str) -> Result<Tokens, EncodeError> {
        let encoding = self
            .inner
            .encode_fast(text, true)
            .map_err(|e| EncodeError::Tokenize(e.to_string()))?;
        let cut_off: usize = encoding
            .get_overflowing()
            .iter()
            .map(|rest| rest.len().saturating_sub(self.special_tokens))
            .sum();
        Ok(Tokens {
            untruncated: encoding.len() + cut_off,
            ids: encoding.get_ids().to_vec(),
        })
    }

    /// Longest sequence in tokens, special tokens included.
    #[must_use]
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// Number of token ids.
    #[must_use]
    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }
}

impl TokenCounter for Tokenizer {
    /// A text that cannot be tokenised counts as one token a character, so that it is split
    /// rather than trusted; encoding it then reports why.
    fn count_tokens(&self, text: &str) -> usize {
        self.tokenize(text)
            .map_or_else(|_| text.chars().count(), |tokens| tokens.untruncated)
    }

    fn max_tokens(&self) -> usize {
        self.max_tokens
    }
}
