//! What is looked for, as a vector.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::encoder::{Embedding, Encoder, Tokens};
use crate::engine::Snapshot;

use super::{Query, SearchError};

/// Embeddings that a cache keeps: about 16 MB.
const CACHED: u64 = 10_000;

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
pub struct CacheUse {
    /// Found in memory.
    pub hits: u64,
    /// Encoded and kept.
    pub misses: u64,
    /// Encoded without a look, as the client wished.
    pub bypassed: u64,
}

/// Whether a query may be answered from memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caching {
    /// What was encoded before is used again, and what is encoded kept.
    Allowed,
    /// Neither.
    Bypassed,
}

/// What one query looks for.
pub(super) struct Subject {
    /// None where only words count.
    pub(super) vector: Option<Arc<Embedding>>,
    /// Rows that were given as examples.
    pub(super) examples: Vec<u32>,
}

/// The subjects of several queries, and how long that took.
pub(super) struct Subjects {
    pub(super) each: Vec<Result<Subject, SearchError>>,
    pub(super) tokenize: Duration,
    pub(super) encode: Duration,
}

/// An example: a passage, or a text.
enum Example<'a> {
    Row(u32),
    Text(&'a str),
}

impl QueryEncoder {
    /// Encodes queries with this encoder.
    #[must_use]
    pub fn new(encoder: Arc<dyn Encoder>) -> Self {
        Self {
            encoder,
            cache: moka::sync::Cache::new(CACHED),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            bypassed: AtomicU64::new(0),
        }
    }

    /// How the memory has been used so far.
    #[must_use]
    pub fn cache_use(&self) -> CacheUse {
        CacheUse {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            bypassed: self.bypassed.load(Ordering::Relaxed),
        }
    }

    /// What is remembered of a text, if it may be used.
    fn known(&self, text: &str, caching: Caching) -> Option<Arc<Embedding>> {
        if caching == Caching::Bypassed {
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
    pub(super) fn subjects(
        &self,
        snapshot: &Snapshot,
        queries: &[&Query],
        caching: Caching,
    ) -> Subjects {
        let start = Instant::now();
        let mut batch = Batch::new(self, caching);
        let wanted: Vec<_> = queries
            .iter()
            .map(|query| wanted(snapshot, query, &mut batch))
            .collect();
        let tokenized = Instant::now();
        let encoded = batch.encode().map_err(|error| error.to_string());
        let each = wanted
            .into_iter()
            .map(|wanted| {
                let encoded = encoded.as_ref();
                let encoded = encoded.map_err(|e| SearchError::EncodeTogether(e.clone()))?;
                subject(snapshot, &wanted?, encoded)
            })
            .collect();
        Subjects {
            each,
            tokenize: tokenized - start,
            encode: tokenized.elapsed(),
        }
    }
}

/// What a query needs encoded, by places in a batch.
struct Wanted {
    text: Option<usize>,
    like: Vec<Part>,
    unlike: Vec<Part>,
}

/// A vector that an example stands for.
enum Part {
    Row(u32),
    Encoded(usize),
}

fn wanted(
    snapshot: &Snapshot,
    query: &Query,
    batch: &mut Batch<'_>,
) -> Result<Wanted, SearchError> {
    let parts = query.parts();
    let mut examples = |texts: &[String]| -> Result<Vec<Part>, SearchError> {
        let part = |text: &String| {
            Ok(match example(snapshot, text)? {
                Example::Row(row) => Part::Row(row),
                Example::Text(text) => Part::Encoded(batch.add(text)?),
            })
        };
        texts.iter().map(part).collect()
    };
    let (like, unlike) = (examples(&parts.like)?, examples(&parts.unlike)?);
    let text = parts
        .text
        .as_ref()
        .filter(|_| parts.mode != super::Mode::Keyword);
    Ok(Wanted {
        text: text.map(|text| batch.add(text)).transpose()?,
        like,
        unlike,
    })
}

/// What looks like the id of a passage is one.
fn example<'a>(snapshot: &Snapshot, text: &'a str) -> Result<Example<'a>, SearchError> {
    let id = text.rsplit_once("#p").and_then(|(document, ordinal)| {
        let number = ordinal.starts_with(|c: char| ('1'..='9').contains(&c));
        let number = ordinal.parse().ok().filter(|_| number);
        number
            .filter(|_| !document.contains(char::is_whitespace))
            .map(|n| (document, n))
    });
    let Some((document, ordinal)) = id else {
        return Ok(Example::Text(text));
    };
    match snapshot.catalogue().row_at(document, ordinal) {
        Some(row) => Ok(Example::Row(row)),
        None => Err(SearchError::NoSuchPassage {
            id: text.to_owned(),
        }),
    }
}

fn subject(
    snapshot: &Snapshot,
    wanted: &Wanted,
    encoded: &[Arc<Embedding>],
) -> Result<Subject, SearchError> {
    if let Some(place) = wanted.text {
        return Ok(Subject {
            vector: encoded.get(place).cloned(),
            examples: Vec::new(),
        });
    }
    let mean = |parts: &[Part]| -> Vec<f32> {
        let mut sum = Vec::new();
        for part in parts {
            let vector = match part {
                Part::Row(row) => snapshot.vector_of(*row),
                Part::Encoded(place) => encoded.get(*place).map(|e| e.as_slice()),
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
    if wanted.like.is_empty() {
        return Ok(Subject {
            vector: None,
            examples: Vec::new(),
        });
    }
    let mut vector = mean(&wanted.like);
    // Away from what it should not be like, as far as that is away from it.
    for (x, unlike) in vector.iter_mut().zip(mean(&wanted.unlike)) {
        *x = 2.0 * *x - unlike;
    }
    let vector = Embedding::from_raw(vector).map_err(|_| SearchError::ExamplesCancelOut)?;
    let rows = wanted.like.iter().chain(&wanted.unlike);
    Ok(Subject {
        vector: Some(Arc::new(vector)),
        examples: rows
            .filter_map(|part| match part {
                Part::Row(row) => Some(*row),
                Part::Encoded(_) => None,
            })
            .collect(),
    })
}

/// Texts that are encoded together.
struct Batch<'a> {
    encoder: &'a QueryEncoder,
    caching: Caching,
    texts: Vec<String>,
    /// What is known of each, or what must be encoded.
    states: Vec<State>,
}

enum State {
    Known(Arc<Embedding>),
    Tokens(Tokens),
}

impl<'a> Batch<'a> {
    fn new(encoder: &'a QueryEncoder, caching: Caching) -> Self {
        Self {
            encoder,
            caching,
            texts: Vec::new(),
            states: Vec::new(),
        }
    }

    /// The place of a text's embedding in what [`Batch::encode`] gives.
    fn add(&mut self, text: &str) -> Result<usize, SearchError> {
        if let Some(place) = self.texts.iter().position(|own| own == text) {
            return Ok(place);
        }
        let state = match self.encoder.known(text, self.caching) {
            Some(embedding) => State::Known(embedding),
            None => State::Tokens(tokens(self.encoder.encoder.as_ref(), text)?),
        };
        self.texts.push(text.to_owned());
        self.states.push(state);
        Ok(self.states.len() - 1)
    }

    fn encode(self) -> Result<Vec<Arc<Embedding>>, SearchError> {
        let sequences: Vec<&[u32]> = self
            .states
            .iter()
            .filter_map(|state| match state {
                State::Tokens(tokens) => Some(tokens.ids.as_slice()),
                State::Known(_) => None,
            })
            .collect();
        let mut encoded = if sequences.is_empty() {
            Vec::new()
        } else {
            self.encoder.encoder.encode_tokens(&sequences)?
        }
        .into_iter();
        let texts = self.texts.iter().zip(&self.states);
        Ok(texts
            .filter_map(|(text, state)| match state {
                State::Known(embedding) => Some(Arc::clone(embedding)),
                State::Tokens(_) => encoded.next().map(|embedding| {
                    let embedding = Arc::new(embedding);
                    if self.caching == Caching::Allowed {
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
fn tokens(encoder: &dyn Encoder, text: &str) -> Result<Tokens, SearchError> {
    let tokens = encoder.tokenizer().tokenize(text)?;
    if tokens.is_truncated() {
        return Err(SearchError::QueryTooLong {
            received: tokens.untruncated,
            expected: encoder.tokenizer().max_tokens(),
            unit: "tokens",
        });
    }
    Ok(tokens)
}
