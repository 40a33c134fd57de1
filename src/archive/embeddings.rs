//! Embeddings of texts, for other programs.

use std::sync::Arc;

use crate::encoder::{Embedding, Fingerprint, Tokenizer, Tokens};

use super::error::{EmbedError, EmbedErrorKind, MAX_TEXT_CHARS};
use super::{Archive, ArchiveError};

/// Tokens per batch. A large call returns to the queue after each batch, so that searches need not wait
/// for all of it.
const BATCH_TOKENS: usize = 4096;

/// A text to embed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmbedInput {
    /// A text.
    Text(String),
    /// The ids of a text's tokens; special tokens are added unless it begins and ends with them.
    Tokens(Vec<u32>),
}

/// The embeddings of several texts.
#[derive(Debug)]
pub struct Embedded {
    /// One for each input, in their order.
    pub embeddings: Vec<Embedding>,
    /// Number of tokens of all inputs, special tokens included.
    pub tokens: usize,
}

impl Archive {
    /// Returns the identity of the encoder.
    ///
    /// # Errors
    ///
    /// If the archive is not ready.
    pub fn encoder_fingerprint(&self) -> Result<Fingerprint, ArchiveError> {
        Ok(self.encoder()?.fingerprint().clone())
    }

    /// Embeds texts. Those above the model's maximum length are truncated if `truncate`, or refused.
    ///
    /// # Errors
    ///
    /// If an input cannot be embedded, the call is rejected, or the encoder fails.
    pub async fn embed(
        &self,
        inputs: Vec<EmbedInput>,
        truncate: bool,
    ) -> Result<Embedded, ArchiveError> {
        let encoder = self.encoder()?;
        let tokenizing = Arc::clone(&encoder);
        let work = move || Ok(tokenize_all(tokenizing.tokenizer(), &inputs, truncate)?);
        let sequences = self.admission.run(work).await?;
        let tokens = sequences.iter().map(Vec::len).sum();
        let mut embeddings = Vec::with_capacity(sequences.len());
        for batch in split_into_batches(sequences) {
            let encoder = Arc::clone(&encoder);
            let encode = move || {
                let sequences: Vec<&[u32]> = batch.iter().map(Vec::as_slice).collect();
                Ok(encoder.encode_tokens(&sequences)?)
            };
            embeddings.extend(self.admission.run(encode).await?);
        }
        Ok(Embedded { embeddings, tokens })
    }
}

/// Splits sequences, in order, into batches of at most [`BATCH_TOKENS`].
fn split_into_batches(sequences: Vec<Vec<u32>>) -> Vec<Vec<Vec<u32>>> {
    let mut batches: Vec<Vec<Vec<u32>>> = Vec::new();
    let mut tokens_left = 0;
    for sequence in sequences {
        match batches.last_mut() {
            Some(batch) if sequence.len() <= tokens_left => {
                tokens_left -= sequence.len();
                batch.push(sequence);
            }
            _ => {
                tokens_left = BATCH_TOKENS.saturating_sub(sequence.len());
                batches.push(vec![sequence]);
            }
        }
    }
    batches
}

/// Tokenizes every input; all are valid before the first is refused for its length in tokens.
fn tokenize_all(
    tokenizer: &Tokenizer,
    inputs: &[EmbedInput],
    truncate: bool,
) -> Result<Vec<Vec<u32>>, EmbedError> {
    let outcomes = inputs.iter().enumerate().map(|(index, input)| {
        let tokens = match input {
            EmbedInput::Text(text) => tokenize_text(tokenizer, text),
            EmbedInput::Tokens(ids) => validate_token_ids(tokenizer, ids),
        };
        tokens.map_err(|kind| EmbedError { index, kind })
    });
    let all: Vec<Tokens> = outcomes.collect::<Result<_, _>>()?;
    if let Some(index) = all.iter().position(Tokens::is_truncated)
        && !truncate
    {
        let kind = EmbedErrorKind::TooManyTokens {
            received: all[index].untruncated_len,
            expected: tokenizer.max_tokens(),
        };
        return Err(EmbedError { index, kind });
    }
    Ok(all.into_iter().map(|tokens| tokens.ids).collect())
}

fn tokenize_text(tokenizer: &Tokenizer, text: &str) -> Result<Tokens, EmbedErrorKind> {
    if text.trim().is_empty() {
        return Err(EmbedErrorKind::EmptyText);
    }
    let received = text.chars().count();
    if received > MAX_TEXT_CHARS {
        return Err(EmbedErrorKind::TooManyCharacters {
            received,
            max_tokens: tokenizer.max_tokens(),
        });
    }
    tokenizer.tokenize(text).map_err(EmbedErrorKind::Tokenizer)
}

fn validate_token_ids(tokenizer: &Tokenizer, ids: &[u32]) -> Result<Tokens, EmbedErrorKind> {
    let tokens = tokenizer.add_special_tokens(ids);
    if tokens == tokenizer.add_special_tokens(&[]) {
        return Err(EmbedErrorKind::NoTokens);
    }
    let vocabulary = tokenizer.vocab_size();
    let is_unknown = |id: &&u32| usize::try_from(**id).map_or(true, |id| id >= vocabulary);
    if let Some(id) = ids.iter().find(is_unknown) {
        return Err(EmbedErrorKind::UnknownToken {
            id: *id,
            last: vocabulary.saturating_sub(1),
        });
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_keep_order_and_size() {
        let sequences: Vec<Vec<u32>> = (0..100).map(|n| vec![n; 100]).collect();
        let batches = split_into_batches(sequences.clone());
        assert!(batches.len() > 1);
        for batch in &batches {
            assert!(batch.iter().map(Vec::len).sum::<usize>() <= BATCH_TOKENS);
        }
        assert_eq!(batches.concat(), sequences);
        let long = vec![vec![0; 2 * BATCH_TOKENS]];
        assert_eq!(split_into_batches(long).len(), 1);
    }
}
