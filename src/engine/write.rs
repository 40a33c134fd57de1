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
    DroppedLines, SEGMENTER_VERSION, SegmentOptions, SegmentedText, TokenCounter, segment,
};
use crate::store::{ContentHash, NewDocument};

use super::encode::{DocumentVectors, encode_documents};
use super::fair_lock::TicketGuard;
use super::precondition::Precondition;
use super::{Engine, EngineError};

/// A document on its way in.
#[derive(Debug, Clone)]
pub struct PutRequest {
    /// The document.
    pub document: Document,
    /// Where it comes from.
    pub origin: String,
    /// What must hold of the document that is stored under its id.
    pub precondition: Precondition,
}

/// What became of a document on its way in.
#[derive(Debug)]
pub enum PutOutcome {
    /// It is stored.
    Stored(PutResult),
    /// The condition does not hold: this is what is stored.
    PreconditionFailed(Option<ContentHash>),
    /// Nothing is left of it once navigation and page furniture are left out.
    NoPassages {
        /// Whether an older version was removed.
        removed: bool,
        /// What was left out.
        dropped: Vec<DroppedLines>,
    },
    /// It cannot be encoded; what was stored of it stays.
    EncodeFailed(Arc<EncodeError>),
}

/// A document that is stored.
#[derive(Debug)]
pub struct PutResult {
    /// What was done.
    pub change: ChangeKind,
    /// Hash of id, metadata and clean text.
    pub content_hash: ContentHash,
    /// Number of passages.
    pub passages: usize,
    /// Sentences written.
    pub sentences: usize,
    /// What was left out of the clean text.
    pub dropped: Vec<DroppedLines>,
}

/// What was done to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
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
pub enum DeleteOutcome {
    /// It is gone.
    Deleted,
    /// It was not there.
    NotFound,
    /// The condition does not hold: this is what is stored.
    PreconditionFailed(ContentHash),
}

/// How to write.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct WriteOptions {
    /// Keep navigation and page furniture.
    pub(super) keep_boilerplate: bool,
    /// Remove the older version of a document that has no passage any more.
    pub(super) remove_if_empty: bool,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(super) struct BatchResult {
    /// In the order of the documents.
    pub(super) outcomes: Vec<PutOutcome>,
    /// Time spent encoding.
    pub(super) encode_time: Duration,
}

impl Engine {
    /// Writes documents in their order; when this returns they are on disk, and found if a
    /// snapshot has been published before. Waits for everybody who writes already.
    ///
    /// # Errors
    ///
    /// If the store cannot be read or written; then some of the documents may be stored.
    pub fn put_documents(&self, documents: &[PutRequest]) -> Result<Vec<PutOutcome>, EngineError> {
        let manner = WriteOptions {
            keep_boilerplate: self.keep_boilerplate,
            remove_if_empty: false,
        };
        let turn = self.write_lock.lock();
        Ok(self
            .write_and_publish(&turn, documents, manner, &mut |_| {})?
            .outcomes)
    }

    /// Removes a document; when this returns it is not found any more.
    ///
    /// # Errors
    ///
    /// If the store cannot be read or written.
    pub fn delete_document(
        &self,
        id: &DocumentId,
        condition: &Precondition,
    ) -> Result<DeleteOutcome, EngineError> {
        let _turn = self.write_lock.lock();
        let mut store = self.lock_store();
        let Some(stored) = store.document_state(id)? else {
            return Ok(DeleteOutcome::NotFound);
        };
        if !condition.is_met_by(Some(stored.content_hash)) {
            return Ok(DeleteOutcome::PreconditionFailed(stored.content_hash));
        }
        self.snapshot_is_stale.store(true, Ordering::Relaxed);
        store.delete(id)?;
        drop(store);
        self.publish_if_stale()?;
        Ok(DeleteOutcome::Deleted)
    }

    /// Writes a batch by whoever has the turn.
    pub(super) fn write_and_publish(
        &self,
        _write_lock: &TicketGuard<'_>,
        batch: &[PutRequest],
        manner: WriteOptions,
        on_tokens: &mut (dyn FnMut(usize) + Send),
    ) -> Result<BatchResult, EngineError> {
        let written = self.write_batch(batch, manner, on_tokens);
        // What was written before a failure is found too.
        self.publish_if_stale()?;
        written
    }

    fn write_batch(
        &self,
        batch: &[PutRequest],
        manner: WriteOptions,
        on_tokens: &mut (dyn FnMut(usize) + Send),
    ) -> Result<BatchResult, EngineError> {
        let mut written = BatchResult::default();
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
    fn publish_if_stale(&self) -> Result<(), EngineError> {
        if self.snapshot_is_stale.load(Ordering::Relaxed) && self.snapshot().is_some() {
            self.publish()?;
        }
        Ok(())
    }

    fn write_distinct(
        &self,
        batch: &[PutRequest],
        manner: WriteOptions,
        on_tokens: &mut (dyn FnMut(usize) + Send),
        written: &mut BatchResult,
    ) -> Result<(), EngineError> {
        let compared = batch
            .iter()
            .map(|incoming| self.detect_change(incoming, manner))
            .collect::<Result<Vec<_>, _>>()?;
        let texts: Vec<&str> = batch
            .iter()
            .zip(&compared)
            .filter(|(_, compared)| matches!(compared, ChangeDetection::TextChanged { .. }))
            .map(|(incoming, _)| incoming.document.text.as_str())
            .collect();
        let mut work = || self.segment_and_encode(&texts, manner, on_tokens);
        let (made, encoding) = if self.snapshot().is_some() && !texts.is_empty() {
            self.ingest_pool.run(work)
        } else {
            work()
        };
        written.encode_time += encoding;
        let mut made = made.into_iter();
        for (incoming, compared) in batch.iter().zip(compared) {
            let outcome = match compared {
                ChangeDetection::Done(outcome) => outcome,
                ChangeDetection::TextChanged {
                    source_hash,
                    is_new,
                } => {
                    // One for each that differs, in their order.
                    let Some((segmented, vectors)) = made.next() else {
                        break;
                    };
                    let new = PendingWrite {
                        request: incoming,
                        source_hash,
                        is_new,
                        segmented,
                    };
                    self.write_document(&new, vectors, manner)?
                }
            };
            written.outcomes.push(outcome);
        }
        Ok(())
    }

    /// Settles what needs no encoding.
    fn detect_change(
        &self,
        incoming: &PutRequest,
        manner: WriteOptions,
    ) -> Result<ChangeDetection, EngineError> {
        let Document { id, text, metadata } = &incoming.document;
        let source_hash = source_hash(text, manner.keep_boilerplate);
        let mut store = self.lock_store();
        let stored = store.document_state(id)?;
        let found = stored.as_ref().map(|stored| stored.content_hash);
        if !incoming.precondition.is_met_by(found) {
            return Ok(ChangeDetection::Done(PutOutcome::PreconditionFailed(found)));
        }
        let stored = match stored {
            Some(stored) if stored.source_hash == source_hash => stored,
            stored => {
                return Ok(ChangeDetection::TextChanged {
                    source_hash,
                    is_new: stored.is_none(),
                });
            }
        };
        let mut settled = PutResult {
            change: ChangeKind::Unchanged,
            content_hash: stored.content_hash,
            passages: stored.passages,
            sentences: 0,
            dropped: Vec::new(),
        };
        if stored.metadata != *metadata {
            self.snapshot_is_stale.store(true, Ordering::Relaxed);
            settled.change = ChangeKind::MetadataUpdated;
            // It is there: nobody else writes.
            settled.content_hash = store
                .put_metadata(id, metadata)?
                .unwrap_or(stored.content_hash);
        }
        Ok(ChangeDetection::Done(PutOutcome::Stored(settled)))
    }

    fn segment_and_encode(
        &self,
        texts: &[&str],
        manner: WriteOptions,
        on_tokens: &mut (dyn FnMut(usize) + Send),
    ) -> (Vec<(SegmentedText, DocumentVectors)>, Duration) {
        let options = SegmentOptions {
            keep_boilerplate: manner.keep_boilerplate,
        };
        let counter: &(dyn TokenCounter + Sync) = self.encoder().tokenizer();
        let segmented: Vec<SegmentedText> = texts
            .par_iter()
            .map(|text| segment(text, counter, &options))
            .collect();
        let start = Instant::now();
        let vectors = encode_documents(self.encoder(), &segmented, on_tokens);
        let encoding = start.elapsed();
        (segmented.into_iter().zip(vectors).collect(), encoding)
    }

    fn write_document(
        &self,
        new: &PendingWrite<'_>,
        vectors: DocumentVectors,
        manner: WriteOptions,
    ) -> Result<PutOutcome, EngineError> {
        let Document { id, metadata, .. } = &new.request.document;
        let dropped = new.segmented.dropped.clone();
        let vectors = match vectors {
            Ok(vectors) => vectors,
            Err(error) => return Ok(PutOutcome::EncodeFailed(error)),
        };
        let mut store = self.lock_store();
        // While the store is locked: who publishes sees the write or is followed by another.
        self.snapshot_is_stale.store(true, Ordering::Relaxed);
        if vectors.is_empty() {
            let removed = manner.remove_if_empty && store.delete(id)?;
            return Ok(PutOutcome::NoPassages { removed, dropped });
        }
        let content_hash = store.put(&NewDocument {
            id,
            metadata,
            origin: &new.request.origin,
            source_hash: new.source_hash,
            segmented: &new.segmented,
            vectors: &vectors,
        })?;
        Ok(PutOutcome::Stored(PutResult {
            change: if new.is_new {
                ChangeKind::Created
            } else {
                ChangeKind::Updated
            },
            content_hash,
            passages: vectors.len(),
            sentences: vectors.iter().map(|v| v.sentences.len()).sum(),
            dropped,
        }))
    }
}

/// What the comparison with the store gave.
enum ChangeDetection {
    /// There is nothing more to do.
    Done(PutOutcome),
    /// The text is another one, or new.
    TextChanged {
        source_hash: ContentHash,
        is_new: bool,
    },
}

/// A document that must be written whole.
struct PendingWrite<'a> {
    request: &'a PutRequest,
    source_hash: ContentHash,
    is_new: bool,
    segmented: SegmentedText,
}

/// Changes when the text, or the way it is cut into passages, does.
fn source_hash(text: &str, keep_boilerplate: bool) -> ContentHash {
    ContentHash::from_parts([
        SEGMENTER_VERSION.to_le_bytes().as_slice(),
        &[u8::from(keep_boilerplate)],
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
