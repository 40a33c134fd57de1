//! Text to token ids.

use tokenizers::TruncationDirection;

use super::EncodeError;
use crate::passages::TokenCounter;

/// The model's tokenizer with the model's limits, whatever its file ships.
///
/// The published `tokenizer.json` of all-MiniLM-L6-v2 truncates and pads to 128 tokens; the model
/// was made for 256. So both are switched off and truncation is done here, at the model's
/// `max_seq_length`: the crate's own would not tell how long the text really is.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    special_token_count: usize,
    /// Special tokens before a text's own and after them.
    special_token_affixes: (Vec<u32>, Vec<u32>),
    max_tokens: usize,
    vocab_size: usize,
}

/// A text as the model sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// Token ids, special tokens included, at most [`Tokenizer::max_tokens`].
    pub ids: Vec<u32>,
    /// How many there would be without truncation.
    pub untruncated_len: usize,
}

impl Tokens {
    /// Whether part of the text was cut off.
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
        inner.with_truncation(None).map_err(unusable)?;
        let vocabulary = inner.get_vocab_size(true);
        let frame = special_token_affixes(&inner).map_err(unusable)?;
        Ok(Self {
            inner,
            special_token_count: special_tokens,
            special_token_affixes: frame,
            max_tokens,
            vocab_size: vocabulary,
        })
    }

    /// Splits a text into token ids, truncated at [`Tokenizer::max_tokens`].
    ///
    /// # Errors
    ///
    /// If the tokenizer refuses the text; a `WordPiece` tokenizer with an unknown token never does.
    pub fn tokenize(&self, text: &str) -> Result<Tokens, EncodeError> {
        let refused = |e: tokenizers::Error| EncodeError::Tokenize(e.to_string());
        let mut encoding = self.inner.encode_fast(text, true).map_err(refused)?;
        let untruncated = encoding.len();
        if untruncated > self.max_tokens {
            // Cut the text's tokens and put the special tokens around what is left.
            let mut bare = self.inner.encode_fast(text, false).map_err(refused)?;
            let room = self.max_tokens - self.special_token_count;
            bare.truncate(room, 0, TruncationDirection::Right);
            encoding = self.inner.post_process(bare, None, true).map_err(refused)?;
        }
        Ok(Tokens {
            ids: encoding.get_ids().to_vec(),
            untruncated_len: untruncated,
        })
    }

    /// Takes token ids that somebody else made of a text, truncated at
    /// [`Tokenizer::max_tokens`].
    ///
    /// Special tokens are put around them, unless they have them already: they begin and end with
    /// the model's own. Whether the ids are in the vocabulary is not looked at.
    #[must_use]
    pub fn add_special_tokens(&self, ids: &[u32]) -> Tokens {
        let (before, after) = &self.special_token_affixes;
        let bare = ids
            .strip_prefix(before.as_slice())
            .and_then(|rest| rest.strip_suffix(after.as_slice()))
            .unwrap_or(ids);
        let room = self.max_tokens.saturating_sub(before.len() + after.len());
        let kept = bare.get(..room).unwrap_or(bare);
        Tokens {
            ids: [before, kept, after].concat(),
            untruncated_len: before.len() + bare.len() + after.len(),
        }
    }

    /// Longest sequence in tokens, special tokens included.
    #[must_use]
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// Number of token ids.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }
}

/// What stands around the tokens of any text.
fn special_token_affixes(
    tokenizer: &tokenizers::Tokenizer,
) -> tokenizers::Result<(Vec<u32>, Vec<u32>)> {
    let bare = tokenizer.encode_fast("a", false)?;
    let whole = tokenizer.encode_fast("a", true)?;
    let (bare, whole) = (bare.get_ids(), whole.get_ids());
    let place = whole
        .windows(bare.len().max(1))
        .position(|window| window == bare)
        .unwrap_or(whole.len());
    let (before, rest) = whole.split_at(place);
    let after = rest.get(bare.len()..).unwrap_or(&[]);
    Ok((before.to_vec(), after.to_vec()))
}

impl TokenCounter for Tokenizer {
    /// A text that cannot be tokenised counts as one token a character, so that it is split
    /// rather than trusted; encoding it then reports why.
    fn count_tokens(&self, text: &str) -> usize {
        self.tokenize(text)
            .map_or_else(|_| text.chars().count(), |tokens| tokens.untruncated_len)
    }

    fn max_tokens(&self) -> usize {
        self.max_tokens
    }
}
