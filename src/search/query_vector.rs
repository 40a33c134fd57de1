//! What is looked for, as a vector.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::encoder::{Embedding, Encoder, Tokens};
use crate::engine::Snapshot;

use super::{Query, SearchError};

/// Embeddings that a cache keeps: about 16 MB.
const MAX_CACHED_EMBEDDINGS: u64 = 10_000;

/// The encoder for queries, with a memory for those that come again.
pub struct QueryEncoder {
    encoder: Arc<dyn Encoder>,
    cache: moka::sync::Cache<String, Arc<Embedding>>,
    hits: AtomicU64,
    misses: AtomicU64,
    bypassed: AtomicU64,
}

/// What became of the texts that were to be encoded, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Found in memory.
    pub hits: u64,
    /// Encoded and kept.
    pub misses: u64,
    /// Encoded without a look, as the client wished.
    pub bypassed: u64,
}

/// Whether a query may be answered from memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheMode {
    /// What was encoded before is used again, and what is encoded kept.
    ReadWrite,
    /// Neither.
    Bypass,
}

/// What one query looks for.
pub(super) struct QueryVector {
    /// None where only words count.
    pub(super) vector: Option<Arc<Embedding>>,
    /// Rows that were given as examples.
    pub(super) example_rows: Vec<u32>,
}

/// The subjects of several queries, and how long that took.
pub(super) struct QueryVectors {
    pub(super) results: Vec<Result<QueryVector, SearchError>>,
    pub(super) tokenize: Duration,
    pub(super) encode: Duration,
}

/// An example: a passage, or a text.
enum ExampleRef<'a> {
    Row(u32),
    Text(&'a str),
}

impl QueryEncoder {
    /// Encodes queries with this encoder.
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

    /// How the memory has been used so far.
    #[must_use]
    pub fn cache_stats(&self) -> CacheStats {
        CacheStats {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            bypassed: self.bypassed.load(Ordering::Relaxed),
        }
    }

    /// What is remembered of a text, if it may be used.
    fn cached(&self, text: &str, caching: CacheMode) -> Option<Arc<Embedding>> {
        if caching == CacheMode::Bypass {
            self.bypassed.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let known = self.cache.get(text);
        let counter = if known.is_some() {
            &self.hits
        } else {
            &self.misses
        };
        counter.fetch_add(1, Ordering::Relaxed);
        known
    }

    /// The subjects of these queries; what must be encoded is encoded in one batch.
    pub(super) fn resolve_query_vectors(
        &self,
        snapshot: &Snapshot,
        queries: &[&Query],
        caching: CacheMode,
    ) -> QueryVectors {
        let start = Instant::now();
        let mut batch = EmbeddingBatch::new(self, caching);
        let inputs: Vec<_> = queries
            .iter()
            .map(|query| batch_inputs(snapshot, query, &mut batch))
            .collect();
        let tokenized = Instant::now();
        let encoded = batch.encode().map_err(|error| error.to_string());
        let each = inputs
            .into_iter()
            .map(|inputs| {
                let encoded = encoded.as_ref();
                let encoded = encoded.map_err(|e| SearchError::EncodeBatch(e.clone()))?;
                resolve_query_vector(snapshot, &inputs?, encoded)
            })
            .collect();
        QueryVectors {
            results: each,
            tokenize: tokenized - start,
            encode: tokenized.elapsed(),
        }
    }
}

/// What a query needs encoded, by places in a batch.
struct QueryInputs {
    text: Option<usize>,
    like: Vec<ExampleVector>,
    unlike: Vec<ExampleVector>,
}

/// A vector that an example stands for.
enum ExampleVector {
    Row(u32),
    Encoded(usize),
}

fn batch_inputs(
    snapshot: &Snapshot,
    query: &Query,
    batch: &mut EmbeddingBatch<'_>,
) -> Result<QueryInputs, SearchError> {
    let parts = query.params();
    let mut examples = |texts: &[String]| -> Result<Vec<ExampleVector>, SearchError> {
        let part = |text: &String| {
            Ok(match resolve_example(snapshot, text)? {
                ExampleRef::Row(row) => ExampleVector::Row(row),
                ExampleRef::Text(text) => ExampleVector::Encoded(batch.add(text)?),
            })
        };
        texts.iter().map(part).collect()
    };
    let (like, unlike) = (examples(&parts.like)?, examples(&parts.unlike)?);
    let text = parts
        .text
        .as_ref()
        .filter(|_| parts.mode != super::Mode::Keyword);
    Ok(QueryInputs {
        text: text.map(|text| batch.add(text)).transpose()?,
        like,
        unlike,
    })
}

/// What looks like the id of a passage is one.
fn resolve_example<'a>(snapshot: &Snapshot, text: &'a str) -> Result<ExampleRef<'a>, SearchError> {
    let id = text.rsplit_once("#p").and_then(|(document, ordinal)| {
        let number = ordinal.starts_with(|c: char| ('1'..='9').contains(&c));
        let number = ordinal.parse().ok().filter(|_| number);
        number
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
    if let Some(place) = inputs.text {
        return Ok(QueryVector {
            vector: encoded.get(place).cloned(),
            example_rows: Vec::new(),
        });
    }
    let mean = |parts: &[ExampleVector]| -> Vec<f32> {
        let mut sum = Vec::new();
        for part in parts {
            let vector = match part {
                ExampleVector::Row(row) => snapshot.vector_of(*row),
                ExampleVector::Encoded(place) => encoded.get(*place).map(|e| e.as_slice()),
            };
            let vector = vector.unwrap_or_default();
            sum.resize(vector.len().max(sum.len()), 0.0);
            for (sum, x) in sum.iter_mut().zip(vector) {
                *sum += x;
            }
        }
        #[allow(clippy::cast_precision_loss)] // a hundred
        let count = parts.len().max(1) as f32;
        sum.iter().map(|x| x / count).collect()
    };
    if inputs.like.is_empty() {
        return Ok(QueryVector {
            vector: None,
            example_rows: Vec::new(),
        });
    }
    let mut vector = mean(&inputs.like);
    // Away from what it should not be like, as far as that is away from it.
    for (x, unlike) in vector.iter_mut().zip(mean(&inputs.unlike)) {
        *x = 2.0 * *x - unlike;
    }
    let vector =
        Embedding::from_unnormalized(vector).map_err(|_| SearchError::ExamplesCancelOut)?;
    let rows = inputs.like.iter().chain(&inputs.unlike);
    Ok(QueryVector {
        vector: Some(Arc::new(vector)),
        example_rows: rows
            .filter_map(|part| match part {
                ExampleVector::Row(row) => Some(*row),
                ExampleVector::Encoded(_) => None,
            })
            .collect(),
    })
}

/// Texts that are encoded together.
struct EmbeddingBatch<'a> {
    encoder: &'a QueryEncoder,
    caching: CacheMode,
    texts: Vec<String>,
    /// What is known of each, or what must be encoded.
    entries: Vec<BatchEntry>,
}

enum BatchEntry {
    Cached(Arc<Embedding>),
    Tokenized(Tokens),
}

impl<'a> EmbeddingBatch<'a> {
    fn new(encoder: &'a QueryEncoder, caching: CacheMode) -> Self {
        Self {
            encoder,
            caching,
            texts: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// The place of a text's embedding in what [`Batch::encode`] gives.
    fn add(&mut self, text: &str) -> Result<usize, SearchError> {
        if let Some(place) = self.texts.iter().position(|own| own == text) {
            return Ok(place);
        }
        let state = match self.encoder.cached(text, self.caching) {
            Some(embedding) => BatchEntry::Cached(embedding),
            None => BatchEntry::Tokenized(tokenize_query(self.encoder.encoder.as_ref(), text)?),
        };
        self.texts.push(text.to_owned());
        self.entries.push(state);
        Ok(self.entries.len() - 1)
    }

    fn encode(self) -> Result<Vec<Arc<Embedding>>, SearchError> {
        let sequences: Vec<&[u32]> = self
            .entries
            .iter()
            .filter_map(|state| match state {
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
            .filter_map(|(text, state)| match state {
                BatchEntry::Cached(embedding) => Some(Arc::clone(embedding)),
                BatchEntry::Tokenized(_) => encoded.next().map(|embedding| {
                    let embedding = Arc::new(embedding);
                    if self.caching == CacheMode::ReadWrite {
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

/// A text that is longer than the model reads would be searched in part.
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
