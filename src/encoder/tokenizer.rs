//! Text to token ids.

use tokenizers::TruncationDirection;

use super::EncodeError;
use crate::passages::TokenCounter;

/// The tokenizer of a model, with the limits of the model instead of those in its file.
///
/// The published `tokenizer.json` of all-MiniLM-L6-v2 truncates and pads to 128 tokens; the model
/// supports 256. Both are therefore disabled, and truncation to the model's `max_seq_length` is done
/// here: that of the library does not report the untruncated length.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    special_token_count: usize,
    /// Special tokens before and after the tokens of a text.
    special_token_affixes: (Vec<u32>, Vec<u32>),
    max_tokens: usize,
    vocab_size: usize,
}

/// The unknown token, as vocabularies spell it.
const UNKNOWN_TOKENS: [&str; 2] = ["[UNK]", "<unk>"];

/// The tokens of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// Token ids, including special tokens, at most [`Tokenizer::max_tokens`].
    pub ids: Vec<u32>,
    /// Number of tokens without truncation.
    pub untruncated_len: usize,
}

impl Tokens {
    /// Whether the text was truncated.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.untruncated_len > self.ids.len()
    }
}

impl Tokenizer {
    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    ///
    /// If the bytes are not a tokenizer, or `max_tokens` does not exceed the number of special tokens.
    pub fn from_bytes(tokenizer_json: &[u8], max_tokens: usize) -> Result<Self, EncodeError> {
        let load_error = |e: tokenizers::Error| EncodeError::Tokenizer(e.to_string());
        let mut inner = tokenizers::Tokenizer::from_bytes(tokenizer_json).map_err(load_error)?;
        let special_token_count = inner
            .get_post_processor()
            .map_or(0, |p| tokenizers::PostProcessor::added_tokens(p, false));
        if max_tokens <= special_token_count {
            return Err(EncodeError::Tokenizer(format!(
                "max_tokens is {max_tokens}; expected more than the {special_token_count} special tokens"
            )));
        }
        inner.with_padding(None);
        inner.with_truncation(None).map_err(load_error)?;
        let vocab_size = inner.get_vocab_size(true);
        let special_token_affixes = special_token_affixes(&inner).map_err(load_error)?;
        Ok(Self {
            inner,
            special_token_count,
            special_token_affixes,
            max_tokens,
            vocab_size,
        })
    }

    /// Splits a text into token ids, truncated to [`Tokenizer::max_tokens`].
    ///
    /// # Errors
    ///
    /// If the tokenizer cannot tokenize the text; a `WordPiece` tokenizer with an unknown token always
    /// can.
    pub fn tokenize(&self, text: &str) -> Result<Tokens, EncodeError> {
        let tokenize_error = |e: tokenizers::Error| EncodeError::Tokenize(e.to_string());
        let mut encoding = self.inner.encode_fast(text, true).map_err(tokenize_error)?;
        let untruncated_len = encoding.len();
        if untruncated_len > self.max_tokens {
            // Truncates the text's own tokens and adds the special tokens again.
            let mut bare = self
                .inner
                .encode_fast(text, false)
                .map_err(tokenize_error)?;
            let max_own = self.max_tokens - self.special_token_count;
            bare.truncate(max_own, 0, TruncationDirection::Right);
            encoding = self
                .inner
                .post_process(bare, None, true)
                .map_err(tokenize_error)?;
        }
        Ok(Tokens {
            ids: encoding.get_ids().to_vec(),
            untruncated_len,
        })
    }

    /// Returns the share of the letters of a text that are in words without a token, in percent. Such
    /// words all have the embedding of the unknown token.
    ///
    /// # Errors
    ///
    /// If the tokenizer cannot tokenize the text.
    pub fn unknown_letters_percent(&self, text: &str) -> Result<usize, EncodeError> {
        let encoding = self
            .inner
            .encode(text, false)
            .map_err(|e| EncodeError::Tokenize(e.to_string()))?;
        let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).count();
        let tokens = encoding.get_tokens().iter().zip(encoding.get_offsets());
        let unknown: usize = tokens
            .filter(|(token, _)| UNKNOWN_TOKENS.contains(&token.as_str()))
            .filter_map(|(_, &(start, end))| text.get(start..end))
            .map(letters)
            .sum();
        Ok(unknown * 100 / letters(text).max(1))
    }

    /// Adds the special tokens to token ids from another source, truncated to
    /// [`Tokenizer::max_tokens`], unless the ids begin and end with them already. Does not check whether
    /// the ids are in the vocabulary.
    #[must_use]
    pub fn add_special_tokens(&self, ids: &[u32]) -> Tokens {
        let (before, after) = &self.special_token_affixes;
        let bare = ids
            .strip_prefix(before.as_slice())
            .and_then(|rest| rest.strip_suffix(after.as_slice()))
            .unwrap_or(ids);
        let max_own = self.max_tokens.saturating_sub(before.len() + after.len());
        let kept = bare.get(..max_own).unwrap_or(bare);
        Tokens {
            ids: [before, kept, after].concat(),
            untruncated_len: before.len() + bare.len() + after.len(),
        }
    }

    /// Returns the maximum length of a sequence in tokens, including special tokens.
    #[must_use]
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// Returns the number of token ids.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }
}

/// Returns the special tokens before and after the tokens of a text.
fn special_token_affixes(
    tokenizer: &tokenizers::Tokenizer,
) -> tokenizers::Result<(Vec<u32>, Vec<u32>)> {
    let bare = tokenizer.encode_fast("a", false)?;
    let full = tokenizer.encode_fast("a", true)?;
    let (bare, full) = (bare.get_ids(), full.get_ids());
    let start = full
        .windows(bare.len().max(1))
        .position(|window| window == bare)
        .unwrap_or(full.len());
    let (before, rest) = full.split_at(start);
    let after = rest.get(bare.len()..).unwrap_or(&[]);
    Ok((before.to_vec(), after.to_vec()))
}

impl TokenCounter for Tokenizer {
    /// Counts a text that cannot be tokenized as one token per character, so that it is split; encoding
    /// it then reports the error.
    fn count_tokens(&self, text: &str) -> usize {
        self.tokenize(text)
            .map_or_else(|_| text.chars().count(), |tokens| tokens.untruncated_len)
    }

    fn max_tokens(&self) -> usize {
        self.max_tokens
    }
}
