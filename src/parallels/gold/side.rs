//! Texts as passages of a corpus would be compared: words, sentences, vectors.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;

use crate::encoder::Encoder;
use crate::engine::encode_texts;
use crate::passages::{self, TextRange, Word};

use super::super::statement::{Embedded, Statement};
use super::super::words::{Lexicon, hash};
use super::{GoldError, Progress};

/// Texts and sentences of a file that are kept in memory with their vectors.
const MOST_TEXTS: usize = 500_000;

/// A text, and where its words and sentences stand.
pub(super) struct Text {
    pub(super) whole: String,
    words: Vec<Word>,
    sentences: Vec<TextRange>,
}

impl Text {
    pub(super) fn of(text: String) -> Self {
        Self {
            words: passages::words(&text),
            sentences: passages::sentences(&text),
            whole: text,
        }
    }

    fn sentences(&self) -> impl Iterator<Item = &str> {
        self.sentences
            .iter()
            .map(|range| range.within(&self.whole, 0))
    }
}

/// The vectors of all texts of a file and of their sentences.
pub(super) struct Vectors<'a> {
    vectors: HashMap<&'a str, Vec<f32>>,
    truncated: HashSet<&'a str>,
}

impl<'a> Vectors<'a> {
    /// Encodes every distinct text once.
    pub(super) fn of(
        texts: impl Iterator<Item = &'a Text>,
        encoder: &dyn Encoder,
        progress: Progress<'_>,
    ) -> Result<Self, GoldError> {
        let mut seen = HashSet::new();
        let mut distinct = Vec::new();
        for text in texts {
            let parts = std::iter::once(text.whole.as_str()).chain(text.sentences());
            distinct.extend(parts.filter(|part| seen.insert(*part)));
        }
        if distinct.len() > MOST_TEXTS {
            return Err(GoldError::TooManyTexts {
                received: distinct.len(),
                most: MOST_TEXTS,
            });
        }
        let tokenizer = encoder.tokenizer();
        let lengths: Vec<usize> = distinct
            .par_iter()
            .map(|text| tokenizer.tokenize(text).map(|tokens| tokens.untruncated))
            .collect::<Result<_, _>>()?;
        let most = tokenizer.max_tokens();
        let all = lengths.iter().map(|length| (*length).min(most)).sum();
        let mut done = 0;
        let embeddings = encode_texts(encoder, &distinct, |tokens| {
            done += tokens;
            progress("embedding", done, all);
        });
        let truncated = distinct.iter().zip(lengths);
        let truncated = truncated.filter(|(_, length)| *length > most);
        Ok(Self {
            truncated: truncated.map(|(text, _)| *text).collect(),
            vectors: distinct
                .iter()
                .zip(embeddings)
                .map(|(text, embedding)| Ok((*text, embedding?.into())))
                .collect::<Result<_, GoldError>>()?,
        })
    }

    fn get(&self, text: &str) -> &[f32] {
        self.vectors.get(text).map_or(&[], Vec::as_slice)
    }
}

/// The texts on one side of a task.
pub(super) struct Side {
    statements: Vec<Arc<Statement>>,
    /// `[sentences, dimension]` of each text.
    sentences: Vec<Vec<f32>>,
    /// The hashes of each text's words, in order.
    words: Vec<Box<[u64]>>,
    /// `[texts, dimension]`
    vectors: Vec<f32>,
    dimension: usize,
    /// Texts of which the model does not read the end.
    pub(super) truncated: usize,
}

impl Side {
    /// The vectors must hold all texts.
    pub(super) fn of(texts: &[&Text], lexicon: &Lexicon, vectors: &Vectors<'_>) -> Self {
        let statement =
            |text: &&Text| Arc::new(Statement::new(&text.words, &text.sentences, lexicon));
        let sentences = |text: &&Text| {
            let sentences = text.sentences().flat_map(|sentence| vectors.get(sentence));
            sentences.copied().collect()
        };
        let hashes = |text: &&Text| text.words.iter().map(|word| hash(&word.text)).collect();
        let truncated = |text: &&&Text| vectors.truncated.contains(text.whole.as_str());
        let dimension = texts
            .first()
            .map_or(1, |text| vectors.get(&text.whole).len());
        Self {
            statements: texts.par_iter().map(statement).collect(),
            sentences: texts.par_iter().map(sentences).collect(),
            words: texts.iter().map(hashes).collect(),
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
        self.statements.len()
    }

    pub(super) fn words_in_common(&self, place: usize, other: &Self, theirs: usize) -> f32 {
        self.statements[place].words_in_common(&other.statements[theirs])
    }

    /// A text beside the vectors of its sentences.
    pub(super) fn embedded(&self, place: usize) -> Embedded<'_> {
        let vectors = self.sentences[place].chunks_exact(self.dimension.max(1));
        Embedded::new(Arc::clone(&self.statements[place]), vectors.collect())
    }

    pub(super) fn words(&self, place: usize) -> &[u64] {
        &self.words[place]
    }

    pub(super) fn vector(&self, place: usize) -> &[f32] {
        &self.vectors[place * self.dimension..(place + 1) * self.dimension]
    }
}

/// What the words of all these texts tell.
pub(super) fn lexicon<'a>(texts: impl Iterator<Item = &'a Text>) -> Lexicon {
    Lexicon::of(texts.map(|text| text.words.as_slice()))
}
