//! Query vectors: encodes query texts and resolves examples.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::encoder::{Embedding, Encoder, Tokens};
use crate::engine::Snapshot;

use super::{Query, SearchError};

/// Maximum number of cached embeddings: about 16 MB.
const MAX_CACHED_EMBEDDINGS: u64 = 10_000;

/// An encoder for queries, with a cache.
pub struct QueryEncoder {
    encoder: Arc<dyn Encoder>,
    cache: moka::sync::Cache<String, Arc<Embedding>>,
    hits: AtomicU64,
    misses: AtomicU64,
    bypassed: AtomicU64,
}

/// Cache statistics: number of texts by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Found in the cache.
    pub hits: u64,
    /// Encoded and cached.
    pub misses: u64,
    /// Encoded without the cache, at the client's request.
    pub bypassed: u64,
}

/// How a query uses the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheMode {
    /// Reads from the cache and adds to it.
    ReadWrite,
    /// Neither reads nor adds.
    Bypass,
}

/// The vector of a query, and its examples.
pub(super) struct QueryVector {
    /// `None` in keyword mode.
    pub(super) vector: Option<Arc<Embedding>>,
    /// Rows of the examples that are passages.
    pub(super) example_rows: Vec<u32>,
}

/// The vectors of several queries, and the times they took.
pub(super) struct QueryVectors {
    pub(super) results: Vec<Result<QueryVector, SearchError>>,
    pub(super) tokenize: Duration,
    pub(super) encode: Duration,
}

/// A parsed example.
enum ExampleRef<'a> {
    Row(u32),
    Text(&'a str),
}

impl QueryEncoder {
    /// Creates a query encoder with an empty cache.
    #[must_use]
    pub fn new(encoder: Arc<dyn Encoder>) -> Self {
        Self {
            encoder,
            cache: moka::sync::Cache::new(MAX_CACHED_EMBEDDINGS),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            bypassed: AtomicU64::new(0),
        }
    }

    /// Returns the cache statistics since the start.
    #[must_use]
    pub fn cache_stats(&self) -> CacheStats {
        CacheStats {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            bypassed: self.bypassed.load(Ordering::Relaxed),
        }
    }

    /// Returns the cached embedding of a text and counts the lookup.
    fn cached(&self, text: &str, cache_mode: CacheMode) -> Option<Arc<Embedding>> {
        if cache_mode == CacheMode::Bypass {
            self.bypassed.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let cached = self.cache.get(text);
        let counter = if cached.is_some() {
            &self.hits
        } else {
            &self.misses
        };
        counter.fetch_add(1, Ordering::Relaxed);
        cached
    }

    /// Resolves the vectors of these queries; all texts that are not cached are encoded in one batch.
    pub(super) fn resolve_query_vectors(
        &self,
        snapshot: &Snapshot,
        queries: &[&Query],
        cache_mode: CacheMode,
    ) -> QueryVectors {
        let start = Instant::now();
        let mut batch = EmbeddingBatch::new(self, cache_mode);
        let inputs: Vec<_> = queries
            .iter()
            .map(|query| batch_inputs(snapshot, query, &mut batch))
            .collect();
        let tokenized = Instant::now();
        let encoded = batch.encode().map_err(|error| error.to_string());
        let results = inputs
            .into_iter()
            .map(|inputs| {
                let encoded = encoded.as_ref();
                let encoded = encoded.map_err(|e| SearchError::EncodeBatch(e.clone()))?;
                resolve_query_vector(snapshot, &inputs?, encoded)
            })
            .collect();
        QueryVectors {
            results,
            tokenize: tokenized - start,
            encode: tokenized.elapsed(),
        }
    }
}

/// The inputs of a query vector; texts by their index in the batch.
struct QueryInputs {
    text: Option<usize>,
    like: Vec<ExampleVector>,
    unlike: Vec<ExampleVector>,
}

/// The source of an example's vector: a row of the index, or an index in the batch.
enum ExampleVector {
    Row(u32),
    Encoded(usize),
}

fn batch_inputs(
    snapshot: &Snapshot,
    query: &Query,
    batch: &mut EmbeddingBatch<'_>,
) -> Result<QueryInputs, SearchError> {
    let params = query.params();
    let mut examples = |texts: &[String]| -> Result<Vec<ExampleVector>, SearchError> {
        let resolve = |text: &String| {
            Ok(match resolve_example(snapshot, text)? {
                ExampleRef::Row(row) => ExampleVector::Row(row),
                ExampleRef::Text(text) => ExampleVector::Encoded(batch.add(text)?),
            })
        };
        texts.iter().map(resolve).collect()
    };
    let (like, unlike) = (examples(&params.like)?, examples(&params.unlike)?);
    let text = params
        .text
        .as_ref()
        .filter(|_| params.mode != super::Mode::Keyword);
    Ok(QueryInputs {
        text: text.map(|text| batch.add(text)).transpose()?,
        like,
        unlike,
    })
}

/// Parses an example; a text in the form of a passage id is one.
fn resolve_example<'a>(snapshot: &Snapshot, text: &'a str) -> Result<ExampleRef<'a>, SearchError> {
    let id = text.rsplit_once("#p").and_then(|(document, ordinal)| {
        let is_ordinal = ordinal.starts_with(|c: char| ('1'..='9').contains(&c));
        let ordinal = ordinal.parse().ok().filter(|_| is_ordinal);
        ordinal
            .filter(|_| !document.contains(char::is_whitespace))
            .map(|n| (document, n))
    });
    let Some((document, ordinal)) = id else {
        return Ok(ExampleRef::Text(text));
    };
    match snapshot.document_table().row_at(document, ordinal) {
        Some(row) => Ok(ExampleRef::Row(row)),
        None => Err(SearchError::UnknownPassage {
            id: text.to_owned(),
        }),
    }
}

fn resolve_query_vector(
    snapshot: &Snapshot,
    inputs: &QueryInputs,
    encoded: &[Arc<Embedding>],
) -> Result<QueryVector, SearchError> {
    if let Some(index) = inputs.text {
        return Ok(QueryVector {
            vector: encoded.get(index).cloned(),
            example_rows: Vec::new(),
        });
    }
    let mean = |examples: &[ExampleVector]| -> Vec<f32> {
        let mut sum = Vec::new();
        for example in examples {
            let vector = match example {
                ExampleVector::Row(row) => snapshot.vector_of(*row),
                ExampleVector::Encoded(index) => encoded.get(*index).map(|e| e.as_slice()),
            };
            let vector = vector.unwrap_or_default();
            sum.resize(vector.len().max(sum.len()), 0.0);
            for (sum, x) in sum.iter_mut().zip(vector) {
                *sum += x;
            }
        }
        #[allow(clippy::cast_precision_loss)] // a hundred
        let count = examples.len().max(1) as f32;
        sum.iter().map(|x| x / count).collect()
    };
    if inputs.like.is_empty() {
        return Ok(QueryVector {
            vector: None,
            example_rows: Vec::new(),
        });
    }
    let mut vector = mean(&inputs.like);
    // Reflect the negative mean at the positive one.
    for (x, unlike) in vector.iter_mut().zip(mean(&inputs.unlike)) {
        *x = 2.0 * *x - unlike;
    }
    let vector =
        Embedding::from_unnormalized(vector).map_err(|_| SearchError::ExamplesCancelOut)?;
    let rows = inputs.like.iter().chain(&inputs.unlike);
    Ok(QueryVector {
        vector: Some(Arc::new(vector)),
        example_rows: rows
            .filter_map(|example| match example {
                ExampleVector::Row(row) => Some(*row),
                ExampleVector::Encoded(_) => None,
            })
            .collect(),
    })
}

/// Texts that are encoded together.
struct EmbeddingBatch<'a> {
    encoder: &'a QueryEncoder,
    cache_mode: CacheMode,
    texts: Vec<String>,
    /// For each text, the cached embedding or the tokens to encode.
    entries: Vec<BatchEntry>,
}

enum BatchEntry {
    Cached(Arc<Embedding>),
    Tokenized(Tokens),
}

impl<'a> EmbeddingBatch<'a> {
    fn new(encoder: &'a QueryEncoder, cache_mode: CacheMode) -> Self {
        Self {
            encoder,
            cache_mode,
            texts: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// Adds a text; returns the index of its embedding in the result of [`EmbeddingBatch::encode`].
    fn add(&mut self, text: &str) -> Result<usize, SearchError> {
        if let Some(index) = self.texts.iter().position(|added| added == text) {
            return Ok(index);
        }
        let entry = match self.encoder.cached(text, self.cache_mode) {
            Some(embedding) => BatchEntry::Cached(embedding),
            None => BatchEntry::Tokenized(tokenize_query(self.encoder.encoder.as_ref(), text)?),
        };
        self.texts.push(text.to_owned());
        self.entries.push(entry);
        Ok(self.entries.len() - 1)
    }

    fn encode(self) -> Result<Vec<Arc<Embedding>>, SearchError> {
        let sequences: Vec<&[u32]> = self
            .entries
            .iter()
            .filter_map(|entry| match entry {
                BatchEntry::Tokenized(tokens) => Some(tokens.ids.as_slice()),
                BatchEntry::Cached(_) => None,
            })
            .collect();
        let mut encoded = if sequences.is_empty() {
            Vec::new()
        } else {
            self.encoder.encoder.encode_tokens(&sequences)?
        }
        .into_iter();
        let texts = self.texts.iter().zip(&self.entries);
        Ok(texts
            .filter_map(|(text, entry)| match entry {
                BatchEntry::Cached(embedding) => Some(Arc::clone(embedding)),
                BatchEntry::Tokenized(_) => encoded.next().map(|embedding| {
                    let embedding = Arc::new(embedding);
                    if self.cache_mode == CacheMode::ReadWrite {
                        self.encoder
                            .cache
                            .insert(text.clone(), Arc::clone(&embedding));
                    }
                    embedding
                }),
            })
            .collect())
    }
}

/// Tokenizes a query; rejects one that the model would truncate.
fn tokenize_query(encoder: &dyn Encoder, text: &str) -> Result<Tokens, SearchError> {
    let tokens = encoder.tokenizer().tokenize(text)?;
    if tokens.is_truncated() {
        return Err(SearchError::QueryTooLong {
            received: tokens.untruncated_len,
            expected: encoder.tokenizer().max_tokens(),
            unit: "tokens",
        });
    }
    Ok(tokens)
}
