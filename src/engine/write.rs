//! Documents into the store: one way in for a corpus and for clients.
//!
//! A batch is compared with what is stored, segmented in parallel, encoded together and written,
//! one transaction a document. Whoever writes holds the turn from the comparison to the
//! publication, so that nothing changes in between. Where somebody searches already, the work is
//! left to threads that give way, and what is written is found before it is acknowledged.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use crate::corpus::{Document, DocumentId};
use crate::encoder::EncodeError;
use crate::passages::{
    Dropped, SEGMENTER_VERSION, SegmentOptions, Segmented, TokenCounter, segment,
};
use crate::store::{ContentHash, NewDocument};

use super::condition::Condition;
use super::encode::{DocumentVectors, encode};
use super::turns::Turn;
use super::{Engine, EngineError};

/// A document on its way in.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The document.
    pub document: Document,
    /// Where it comes from.
    pub origin: String,
    /// What must hold of the document that is stored under its id.
    pub condition: Condition,
}

/// What became of a document on its way in.
#[derive(Debug)]
pub enum Outcome {
    /// It is stored.
    Stored(Stored),
    /// The condition does not hold: this is what is stored.
    Refused(Option<ContentHash>),
    /// Nothing is left of it once navigation and page furniture are left out.
    NoPassage {
        /// Whether an older version was removed.
        removed: bool,
        /// What was left out.
        dropped: Vec<Dropped>,
    },
    /// It cannot be encoded; what was stored of it stays.
    NotEncoded(Arc<EncodeError>),
}

/// A document that is stored.
#[derive(Debug)]
pub struct Stored {
    /// What was done.
    pub change: Change,
    /// Hash of id, metadata and clean text.
    pub content_hash: ContentHash,
    /// Number of passages.
    pub passages: usize,
    /// Sentences written.
    pub sentences: usize,
    /// What was left out of the clean text.
    pub dropped: Vec<Dropped>,
}

/// What was done to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing had this id.
    Created,
    /// Another text had this id.
    Updated,
    /// The text was there with other metadata.
    MetadataUpdated,
    /// All of it was there.
    Unchanged,
}

/// What became of a document that was to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// It is gone.
    Gone,
    /// It was not there.
    Absent,
    /// The condition does not hold: this is what is stored.
    Refused(ContentHash),
}

/// How to write.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Manner {
    /// Keep navigation and page furniture.
    pub(super) keep_all: bool,
    /// Remove the older version of a document that has no passage any more.
    pub(super) remove_emptied: bool,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// In the order of the documents.
    pub(super) outcomes: Vec<Outcome>,
    /// Time spent encoding.
    pub(super) encoding: Duration,
}

impl Engine {
    /// Writes documents in their order; when this returns they are on disk, and found if a
    /// snapshot has been published before. Waits for everybody who writes already.
    ///
    /// # Errors
    ///
    /// If the store cannot be read or written; then some of the documents may be stored.
    pub fn put_documents(&self, documents: &[Incoming]) -> Result<Vec<Outcome>, EngineError> {
        let manner = Manner {
            keep_all: self.keep_all,
            remove_emptied: false,
        };
        let turn = self.turns.take();
        Ok(self.write(&turn, documents, manner, &mut |_| {})?.outcomes)
    }

    /// Removes a document; when this returns it is not found any more.
    ///
    /// # Errors
    ///
    /// If the store cannot be read or written.
    pub fn delete_document(
        &self,
        id: &DocumentId,
        condition: &Condition,
    ) -> Result<Deleted, EngineError> {
        let _turn = self.turns.take();
        let mut store = self.store();
        let Some(stored) = store.document_state(id)? else {
            return Ok(Deleted::Absent);
        };
        if !condition.holds(Some(stored.content_hash)) {
            return Ok(Deleted::Refused(stored.content_hash));
        }
        self.behind.store(true, Ordering::Relaxed);
        store.delete(id)?;
        drop(store);
        self.catch_up()?;
        Ok(Deleted::Gone)
    }

    /// Writes a batch by whoever has the turn.
    pub(super) fn write(
        &self,
        _turn: &Turn<'_>,
        batch: &[Incoming],
        manner: Manner,
        on_tokens: &mut (dyn FnMut(usize) + Send),
    ) -> Result<Written, EngineError> {
        let written = self.write_all(batch, manner, on_tokens);
        // What was written before a failure is found too.
        self.catch_up()?;
        written
    }

    fn write_all(
        &self,
        batch: &[Incoming],
        manner: Manner,
        on_tokens: &mut (dyn FnMut(usize) + Send),
    ) -> Result<Written, EngineError> {
        let mut written = Written::default();
        let mut rest = batch;
        // An id that comes again is compared with what its predecessor left.
        while !rest.is_empty() {
            let mut seen = HashSet::new();
            let repeated = rest.iter().position(|d| !seen.insert(&d.document.id));
            let (distinct, later) = rest.split_at(repeated.unwrap_or(rest.len()));
            self.write_distinct(distinct, manner, on_tokens, &mut written)?;
            rest = later;
        }
        Ok(written)
    }

    /// Publishes what has been written, where somebody searches.
    fn catch_up(&self) -> Result<(), EngineError> {
        if self.behind.load(Ordering::Relaxed) && self.snapshot().is_some() {
            self.publish()?;
        }
        Ok(())
    }

    fn write_distinct(
        &self,
        batch: &[Incoming],
        manner: Manner,
        on_tokens: &mut (dyn FnMut(usize) + Send),
        written: &mut Written,
    ) -> Result<(), EngineError> {
        let compared = batch
            .iter()
            .map(|incoming| self.compare(incoming, manner))
            .collect::<Result<Vec<_>, _>>()?;
        let texts: Vec<&str> = batch
            .iter()
            .zip(&compared)
            .filter(|(_, compared)| matches!(compared, Compared::Differs { .. }))
            .map(|(incoming, _)| incoming.document.text.as_str())
            .collect();
        let mut work = || self.segment_and_encode(&texts, manner, on_tokens);
        let (made, encoding) = if self.snapshot().is_some() && !texts.is_empty() {
            self.readers.run(work)
        } else {
            work()
        };
        written.encoding += encoding;
        let mut made = made.into_iter();
        for (incoming, compared) in batch.iter().zip(compared) {
            let outcome = match compared {
                Compared::Settled(outcome) => outcome,
                Compared::Differs {
                    source_hash,
                    is_new,
                } => {
                    // One for each that differs, in their order.
                    let Some((segmented, vectors)) = made.next() else {
                        break;
                    };
                    let new = Differing {
                        incoming,
                        source_hash,
                        is_new,
                        segmented,
                    };
                    self.write_one(&new, vectors, manner)?
                }
            };
            written.outcomes.push(outcome);
        }
        Ok(())
    }

    /// Settles what needs no encoding.
    fn compare(&self, incoming: &Incoming, manner: Manner) -> Result<Compared, EngineError> {
        let Document { id, text, metadata } = &incoming.document;
        let source_hash = source_hash(text, manner.keep_all);
        let mut store = self.store();
        let stored = store.document_state(id)?;
        let found = stored.as_ref().map(|stored| stored.content_hash);
        if !incoming.condition.holds(found) {
            return Ok(Compared::Settled(Outcome::Refused(found)));
        }
        let stored = match stored {
            Some(stored) if stored.source_hash == source_hash => stored,
            stored => {
                return Ok(Compared::Differs {
                    source_hash,
                    is_new: stored.is_none(),
                });
            }
        };
        let mut settled = Stored {
            change: Change::Unchanged,
            content_hash: stored.content_hash,
            passages: stored.passages,
            sentences: 0,
            dropped: Vec::new(),
        };
        if stored.metadata != *metadata {
            self.behind.store(true, Ordering::Relaxed);
            settled.change = Change::MetadataUpdated;
            // It is there: nobody else writes.
            settled.content_hash = store
                .put_metadata(id, metadata)?
                .unwrap_or(stored.content_hash);
        }
        Ok(Compared::Settled(Outcome::Stored(settled)))
    }

    fn segment_and_encode(
        &self,
        texts: &[&str],
        manner: Manner,
        on_tokens: &mut (dyn FnMut(usize) + Send),
    ) -> (Vec<(Segmented, DocumentVectors)>, Duration) {
        let options = SegmentOptions {
            keep_all: manner.keep_all,
        };
        let counter: &(dyn TokenCounter + Sync) = self.encoder().tokenizer();
        let segmented: Vec<Segmented> = texts
            .par_iter()
            .map(|text| segment(text, counter, &options))
            .collect();
        let start = Instant::now();
        let vectors = encode(self.encoder(), &segmented, on_tokens);
        let encoding = start.elapsed();
        (segmented.into_iter().zip(vectors).collect(), encoding)
    }

    fn write_one(
        &self,
        new: &Differing<'_>,
        vectors: DocumentVectors,
        manner: Manner,
    ) -> Result<Outcome, EngineError> {
        let Document { id, metadata, .. } = &new.incoming.document;
        let dropped = new.segmented.dropped.clone();
        let vectors = match vectors {
            Ok(vectors) => vectors,
            Err(error) => return Ok(Outcome::NotEncoded(error)),
        };
        let mut store = self.store();
        // While the store is locked: who publishes sees the write or is followed by another.
        self.behind.store(true, Ordering::Relaxed);
        if vectors.is_empty() {
            let removed = manner.remove_emptied && store.delete(id)?;
            return Ok(Outcome::NoPassage { removed, dropped });
        }
        let content_hash = store.put(&NewDocument {
            id,
            metadata,
            origin: &new.incoming.origin,
            source_hash: new.source_hash,
            segmented: &new.segmented,
            vectors: &vectors,
        })?;
        Ok(Outcome::Stored(Stored {
            change: if new.is_new {
                Change::Created
            } else {
                Change::Updated
            },
            content_hash,
            passages: vectors.len(),
            sentences: vectors.iter().map(|v| v.sentences.len()).sum(),
            dropped,
        }))
    }
}

/// What the comparison with the store gave.
enum Compared {
    /// There is nothing more to do.
    Settled(Outcome),
    /// The text is another one, or new.
    Differs {
        source_hash: ContentHash,
        is_new: bool,
    },
}

/// A document that must be written whole.
struct Differing<'a> {
    incoming: &'a Incoming,
    source_hash: ContentHash,
    is_new: bool,
    segmented: Segmented,
}

/// Changes when the text, or the way it is cut into passages, does.
fn source_hash(text: &str, keep_all: bool) -> ContentHash {
    ContentHash::of_parts([
        SEGMENTER_VERSION.to_le_bytes().as_slice(),
        &[u8::from(keep_all)],
        text.as_bytes(),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_a_source_stays() {
        let hash = |keep_all| source_hash("Peace is the work of justice.", keep_all).to_string();
        assert_eq!(
            hash(false),
            "83fc4c5df23ba5c952496b12c34023733991cc2cebb640acf84ec2fc9e589534"
        );
        assert_eq!(
            hash(true),
            "c203e73dd7c03d835074833eee0443bf68f5578f894b824ffdf49239403d31eb"
        );
    }
}
