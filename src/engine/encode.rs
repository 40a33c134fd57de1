//! Encodes a batch of documents, each distinct text once.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use crate::encoder::{Embedding, EncodeError, Encoder, Tokens};
use crate::passages::{Passage, SegmentedText};
use crate::store::PassageVectors;

/// Texts encoded between two progress updates.
const CHUNK_TEXTS: usize = 256;

/// The vectors of one document's passages. All documents that contain a text share its error.
pub(super) type DocumentVectors = Result<Vec<PassageVectors>, Arc<EncodeError>>;

/// Encodes all passages and sentences of the documents; `on_tokens` receives the number of tokens of
/// each chunk.
pub(super) fn encode_documents(
    encoder: &dyn Encoder,
    documents: &[SegmentedText],
    on_tokens: impl FnMut(usize),
) -> Vec<DocumentVectors> {
    let mut text_indexes: HashMap<&str, usize> = HashMap::new();
    let mut texts: Vec<&str> = Vec::new();
    for text in documents
        .iter()
        .flat_map(|d| &d.passages)
        .flat_map(texts_to_encode)
    {
        text_indexes.entry(text).or_insert_with(|| {
            texts.push(text);
            texts.len() - 1
        });
    }
    let embeddings = encode_texts(encoder, &texts, on_tokens);
    let embedding_of = |text: &str| embeddings[text_indexes[text]].clone();
    let vectors_of = |passage: &Passage| {
        Ok(PassageVectors {
            passage: embedding_of(&passage.text)?,
            sentences: passage
                .sentences
                .iter()
                .map(|range| embedding_of(passage.slice(*range)))
                .collect::<Result<_, _>>()?,
        })
    };
    documents
        .iter()
        .map(|document| document.passages.iter().map(vectors_of).collect())
        .collect()
}

fn texts_to_encode(passage: &Passage) -> impl Iterator<Item = &str> {
    let sentences = passage.sentences.iter().map(|range| passage.slice(*range));
    std::iter::once(passage.text.as_str()).chain(sentences)
}

/// Encodes texts sorted by length, so that batches need little padding, and returns the embeddings in
/// the order of the texts. Texts longer than the model's limit are truncated. `on_tokens` receives the
/// number of tokens of each chunk.
pub fn encode_texts(
    encoder: &dyn Encoder,
    texts: &[&str],
    mut on_tokens: impl FnMut(usize),
) -> Vec<Result<Embedding, Arc<EncodeError>>> {
    let tokens: Vec<Result<Tokens, EncodeError>> = texts
        .par_iter()
        .map(|text| encoder.tokenizer().tokenize(text))
        .collect();
    let mut results: Vec<(usize, Result<Embedding, Arc<EncodeError>>)> = Vec::new();
    let mut sequences: Vec<(usize, Vec<u32>)> = Vec::new();
    for (position, tokens) in tokens.into_iter().enumerate() {
        match tokens {
            Ok(tokens) => sequences.push((position, tokens.ids)),
            Err(error) => results.push((position, Err(Arc::new(error)))),
        }
    }
    sequences.sort_by_key(|(_, ids)| std::cmp::Reverse(ids.len()));
    for chunk in sequences.chunks(CHUNK_TEXTS) {
        let members: Vec<&[u32]> = chunk.iter().map(|(_, ids)| ids.as_slice()).collect();
        let positions = chunk.iter().map(|(position, _)| *position);
        results.extend(positions.zip(encode_with_fallback(encoder, &members)));
        on_tokens(members.iter().map(|ids| ids.len()).sum());
    }
    results.sort_by_key(|(position, _)| *position);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Encodes a batch; if it fails, text by text, so that a bad text does not fail the others.
fn encode_with_fallback(
    encoder: &dyn Encoder,
    sequences: &[&[u32]],
) -> Vec<Result<Embedding, Arc<EncodeError>>> {
    match encoder.encode_tokens(sequences) {
        Ok(embeddings) => embeddings.into_iter().map(Ok).collect(),
        Err(error) if sequences.len() == 1 => vec![Err(Arc::new(error))],
        Err(_) => sequences
            .iter()
            .flat_map(|sequence| encode_with_fallback(encoder, &[sequence]))
            .collect(),
    }
}
