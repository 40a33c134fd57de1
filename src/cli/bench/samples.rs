//! Real token sequences to measure with.

use std::path::PathBuf;

use anyhow::ensure;

use crate::config::Settings;
use crate::corpus::CorpusEvent;
use crate::encoder::Tokenizer;
use crate::passages::{SegmentOptions, segment};

use super::super::open;

/// Passages of a corpus, in tokens.
pub(super) struct Samples {
    /// The passages' texts.
    pub(super) texts: Vec<String>,
    /// Their token ids, special tokens included.
    pub(super) passages: Vec<Vec<u32>>,
}

impl Samples {
    /// Reads at most `max_passages` passages, spread evenly over the corpus.
    pub(super) fn read(
        paths: &[PathBuf],
        max_passages: usize,
        tokenizer: &Tokenizer,
    ) -> anyhow::Result<Self> {
        let corpus = open::corpus(&Settings::default(), paths)?;
        let mut texts: Vec<String> = Vec::new();
        for event in corpus.events() {
            if let CorpusEvent::Document { document, .. } = event {
                let segmented = segment(&document.text, tokenizer, &SegmentOptions::default());
                texts.extend(segmented.passages.into_iter().map(|p| p.text));
            }
            // Enough to sample from, without segmenting all of a large archive.
            if texts.len() >= max_passages.saturating_mul(8) {
                break;
            }
        }
        ensure!(!texts.is_empty(), "the corpus contains no passages");
        let total = texts.len();
        let texts: Vec<String> = texts
            .into_iter()
            .enumerate()
            // The indices i * total / max_passages, rounded up.
            .filter(|(index, _)| {
                max_passages >= total || (index * max_passages) % total < max_passages
            })
            .map(|(_, text)| text)
            .collect();
        let passages = texts
            .iter()
            .map(|text| Ok(tokenizer.tokenize(text)?.ids))
            .collect::<anyhow::Result<_>>()?;
        Ok(Self { texts, passages })
    }

    /// Returns queries of exactly `length` tokens: the first words of at most `max_queries` passages.
    pub(super) fn queries(
        &self,
        length: usize,
        max_queries: usize,
        tokenizer: &Tokenizer,
    ) -> anyhow::Result<Vec<String>> {
        let mut queries = Vec::new();
        for text in &self.texts {
            let mut words = text.split_whitespace();
            let mut query = String::new();
            let mut tokens = 0;
            while let (true, Some(word)) = (tokens < length, words.next()) {
                query.push_str(word);
                tokens = tokenizer.tokenize(&query)?.ids.len();
                query.push(' ');
            }
            if tokens == length {
                queries.push(query.trim_end().to_owned());
            }
            if queries.len() == max_queries {
                break;
            }
        }
        Ok(queries)
    }

    /// Returns a sequence of exactly `length` tokens: those of the corpus in order, between the first
    /// and the last special token.
    pub(super) fn sequence_of_length(&self, length: usize) -> Vec<u32> {
        let inner = self
            .passages
            .iter()
            .cycle()
            .flat_map(|ids| ids.get(1..ids.len().saturating_sub(1)).unwrap_or(&[]));
        let first = self.passages.first().map_or(&[][..], Vec::as_slice);
        first
            .first()
            .into_iter()
            .chain(inner.take(length.saturating_sub(2)))
            .chain(first.last())
            .copied()
            .collect()
    }
}
