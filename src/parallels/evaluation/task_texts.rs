//! Texts, prepared like passages of a corpus: words, sentences, vectors.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;

use crate::encoder::Encoder;
use crate::engine::encode_texts;
use crate::passages::{self, TextRange, WordToken};

use super::super::compared_passage::{ComparedPassage, EmbeddedPassage};
use super::super::tf_idf::{IdfTable, term_hash};
use super::error::{EvaluationError, EvaluationProgress};

/// Maximum number of distinct texts and sentences of a file, whose vectors are kept in memory.
const MAX_TEXTS: usize = 500_000;

/// A text with the ranges of its words and sentences.
pub(super) struct TokenizedText {
    pub(super) whole: String,
    words: Vec<WordToken>,
    sentences: Vec<TextRange>,
}

impl TokenizedText {
    pub(super) fn new(text: String) -> Self {
        Self {
            words: passages::tokenize_words(&text),
            sentences: passages::sentences(&text),
            whole: text,
        }
    }

    fn sentences(&self) -> impl Iterator<Item = &str> {
        self.sentences
            .iter()
            .map(|range| range.slice(&self.whole, 0))
    }
}

/// The embeddings of all texts of a file and of their sentences.
pub(super) struct TextVectors<'a> {
    vectors: HashMap<&'a str, Vec<f32>>,
    truncated: HashSet<&'a str>,
}

impl<'a> TextVectors<'a> {
    /// Encodes every distinct text once.
    pub(super) fn encode(
        texts: impl Iterator<Item = &'a TokenizedText>,
        encoder: &dyn Encoder,
        progress: EvaluationProgress<'_>,
    ) -> Result<Self, EvaluationError> {
        let mut seen = HashSet::new();
        let mut distinct = Vec::new();
        for text in texts {
            let parts = std::iter::once(text.whole.as_str()).chain(text.sentences());
            distinct.extend(parts.filter(|part| seen.insert(*part)));
        }
        if distinct.len() > MAX_TEXTS {
            return Err(EvaluationError::TooManyTexts {
                received: distinct.len(),
                max: MAX_TEXTS,
            });
        }
        let tokenizer = encoder.tokenizer();
        let lengths: Vec<usize> = distinct
            .par_iter()
            .map(|text| {
                tokenizer
                    .tokenize(text)
                    .map(|tokens| tokens.untruncated_len)
            })
            .collect::<Result<_, _>>()?;
        let max_tokens = tokenizer.max_tokens();
        let all = lengths.iter().map(|length| (*length).min(max_tokens)).sum();
        let mut done = 0;
        let embeddings = encode_texts(encoder, &distinct, |tokens| {
            done += tokens;
            progress("embedding", done, all);
        });
        let truncated = distinct.iter().zip(lengths);
        let truncated = truncated.filter(|(_, length)| *length > max_tokens);
        Ok(Self {
            truncated: truncated.map(|(text, _)| *text).collect(),
            vectors: distinct
                .iter()
                .zip(embeddings)
                .map(|(text, embedding)| Ok((*text, embedding?.into())))
                .collect::<Result<_, EvaluationError>>()?,
        })
    }

    fn get(&self, text: &str) -> &[f32] {
        self.vectors.get(text).map_or(&[], Vec::as_slice)
    }
}

/// The texts on one side of a task.
pub(super) struct TaskSide {
    passages: Vec<Arc<ComparedPassage>>,
    /// `[sentences, dimension]` of each text.
    sentences: Vec<Vec<f32>>,
    /// The hashes of each text's words, in order.
    term_hashes: Vec<Box<[u64]>>,
    /// `[texts, dimension]`
    vectors: Vec<f32>,
    dimension: usize,
    /// Number of texts truncated to the model's maximum length.
    pub(super) truncated: usize,
}

impl TaskSide {
    /// Creates a side; `vectors` must contain all texts.
    pub(super) fn new(
        texts: &[&TokenizedText],
        idf_table: &IdfTable,
        vectors: &TextVectors<'_>,
    ) -> Self {
        let compared = |text: &&TokenizedText| {
            Arc::new(ComparedPassage::new(
                &text.words,
                &text.sentences,
                idf_table,
            ))
        };
        let sentences = |text: &&TokenizedText| {
            let sentences = text.sentences().flat_map(|sentence| vectors.get(sentence));
            sentences.copied().collect()
        };
        let hashes = |text: &&TokenizedText| {
            text.words
                .iter()
                .map(|word| term_hash(&word.text))
                .collect()
        };
        let truncated = |text: &&&TokenizedText| vectors.truncated.contains(text.whole.as_str());
        let dimension = texts
            .first()
            .map_or(1, |text| vectors.get(&text.whole).len());
        Self {
            passages: texts.par_iter().map(compared).collect(),
            sentences: texts.par_iter().map(sentences).collect(),
            term_hashes: texts.iter().map(hashes).collect(),
            vectors: texts
                .iter()
                .flat_map(|text| vectors.get(&text.whole))
                .copied()
                .collect(),
            dimension,
            truncated: texts.iter().filter(truncated).count(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.passages.len()
    }

    pub(super) fn lexical_overlap(&self, index: usize, other: &Self, other_index: usize) -> f32 {
        self.passages[index].lexical_overlap(&other.passages[other_index])
    }

    /// Returns a text with the embeddings of its sentences.
    pub(super) fn embedded_passage(&self, index: usize) -> EmbeddedPassage<'_> {
        let vectors = self.sentences[index].chunks_exact(self.dimension.max(1));
        EmbeddedPassage::new(Arc::clone(&self.passages[index]), vectors.collect())
    }

    pub(super) fn term_hashes(&self, index: usize) -> &[u64] {
        &self.term_hashes[index]
    }

    pub(super) fn vector(&self, index: usize) -> &[f32] {
        &self.vectors[index * self.dimension..(index + 1) * self.dimension]
    }
}

/// Returns the document frequencies of the terms of these texts.
pub(super) fn idf_table<'a>(texts: impl Iterator<Item = &'a TokenizedText>) -> IdfTable {
    IdfTable::from_texts(texts.map(|text| text.words.as_slice()))
}
