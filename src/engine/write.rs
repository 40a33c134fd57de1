//! Writes documents to the store; a corpus and uploads take the same path.
//!
//! A batch is compared with the stored versions, segmented in parallel, encoded together and written,
//! one transaction per document. The writer holds the write lock from the comparison to the
//! publication, so that nothing changes in between. Once a snapshot is published, segmenting and
//! encoding run on low-priority threads, and a write is searchable before it is acknowledged.

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
use super::precondition::Precondition;
use super::{Engine, EngineError, WriteTurn};

/// Pauses between the attempts to publish a write.
const PUBLICATION_RETRY_PAUSES: [Duration; 4] = [
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_secs(1),
];

/// A request to store a document.
#[derive(Debug, Clone)]
pub struct PutRequest {
    /// The document.
    pub document: Document,
    /// The file it was read from, or how it was sent.
    pub origin: String,
    /// The condition on the version stored under its id.
    pub precondition: Precondition,
}

/// The outcome of a [`PutRequest`].
#[derive(Debug)]
pub enum PutOutcome {
    /// It is stored.
    Stored(PutResult),
    /// The precondition is not met; contains the hash of the stored version.
    PreconditionFailed(Option<ContentHash>),
    /// No passage is left after removing navigation and page furniture.
    NoPassages {
        /// Whether the stored version was removed.
        removed: bool,
        /// The blocks that were removed.
        dropped: Vec<DroppedLines>,
    },
    /// It cannot be encoded; the stored version is kept.
    EncodeFailed(Arc<EncodeError>),
}

/// A stored document.
#[derive(Debug)]
pub struct PutResult {
    /// How the store changed.
    pub change: ChangeKind,
    /// Hash of id, metadata and clean text.
    pub content_hash: ContentHash,
    /// Number of passages.
    pub passages: usize,
    /// Sentences written.
    pub sentences: usize,
    /// Blocks left out of the clean text.
    pub dropped: Vec<DroppedLines>,
}

/// How a write changed the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// The id is new.
    Created,
    /// The text was replaced.
    Updated,
    /// Only the metadata were replaced.
    MetadataUpdated,
    /// Text and metadata were already stored.
    Unchanged,
}

/// The outcome of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeleteOutcome {
    /// The document was removed.
    Deleted,
    /// The document does not exist.
    NotFound,
    /// The precondition is not met; contains the hash of the stored version.
    PreconditionFailed(ContentHash),
}

/// Options of a write.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct WriteOptions {
    /// Keep navigation and page furniture.
    pub(super) keep_boilerplate: bool,
    /// Remove the stored version of a document that no longer has passages.
    pub(super) remove_if_empty: bool,
}

/// The outcome of a batch.
#[derive(Debug, Default)]
pub(super) struct BatchResult {
    /// In the order of the documents.
    pub(super) outcomes: Vec<PutOutcome>,
    /// Time spent encoding.
    pub(super) encode_time: Duration,
}

impl Engine {
    /// Writes documents in the given order. When this returns they are on disk, and searchable if a
    /// snapshot has been published before. Waits for earlier writers.
    ///
    /// # Errors
    ///
    /// If the store cannot be read or written; then some of the documents may be stored.
    pub fn put_documents(&self, documents: &[PutRequest]) -> Result<Vec<PutOutcome>, EngineError> {
        self.put_documents_in_turn(&self.write_lock.acquire_blocking(), documents)
    }

    /// Writes like [`Self::put_documents`], in a turn of [`Self::write_turn`].
    ///
    /// # Errors
    ///
    /// As [`Self::put_documents`].
    pub fn put_documents_in_turn(
        &self,
        turn: &WriteTurn,
        documents: &[PutRequest],
    ) -> Result<Vec<PutOutcome>, EngineError> {
        let options = WriteOptions {
            keep_boilerplate: self.keep_boilerplate,
            remove_if_empty: false,
        };
        let result = self.write_and_publish(turn, documents, options, &mut |_| {})?;
        Ok(result.outcomes)
    }

    /// Removes a document. When this returns it is no longer searchable. Waits for earlier writers.
    ///
    /// # Errors
    ///
    /// If the store cannot be read or written.
    pub fn delete_document(
        &self,
        id: &DocumentId,
        precondition: &Precondition,
    ) -> Result<DeleteOutcome, EngineError> {
        self.delete_document_in_turn(&self.write_lock.acquire_blocking(), id, precondition)
    }

    /// Removes like [`Self::delete_document`], in a turn of [`Self::write_turn`].
    ///
    /// # Errors
    ///
    /// As [`Self::delete_document`].
    pub fn delete_document_in_turn(
        &self,
        _turn: &WriteTurn,
        id: &DocumentId,
        precondition: &Precondition,
    ) -> Result<DeleteOutcome, EngineError> {
        let mut store = self.lock_store();
        let Some(stored) = store.document_state(id)? else {
            return Ok(DeleteOutcome::NotFound);
        };
        if !precondition.is_met_by(Some(stored.content_hash)) {
            return Ok(DeleteOutcome::PreconditionFailed(stored.content_hash));
        }
        self.snapshot_is_stale.store(true, Ordering::Relaxed);
        let deleted = store.delete(id).map_err(EngineError::from);
        drop(store);
        self.observe_write(&deleted);
        deleted?;
        self.publish_written()?;
        Ok(DeleteOutcome::Deleted)
    }

    /// Writes a batch and publishes it, in a writer's turn.
    pub(super) fn write_and_publish(
        &self,
        _turn: &WriteTurn,
        batch: &[PutRequest],
        options: WriteOptions,
        on_tokens: &mut (dyn FnMut(usize) + Send),
    ) -> Result<BatchResult, EngineError> {
        let result = self.write_batch(batch, options, on_tokens);
        // A batch without changes says nothing about whether the store can be written.
        if result.is_err() || self.snapshot_is_stale.load(Ordering::Relaxed) {
            self.observe_write(&result);
        }
        // Also what was written before a failure is published.
        let published = self.publish_written();
        let result = result?;
        published?;
        Ok(result)
    }

    /// Publishes what was written. A failure, such as too many open files, may pass: publication is retried,
    /// since the writer would otherwise be told of a failure although the write is done.
    fn publish_written(&self) -> Result<(), EngineError> {
        for pause in PUBLICATION_RETRY_PAUSES {
            match self.publish_if_stale() {
                Ok(()) => return Ok(()),
                Err(error) => {
                    tracing::warn!("cannot publish a write, trying again: {error}");
                    std::thread::sleep(pause);
                }
            }
        }
        self.publish_if_stale()
            .map_err(|error| EngineError::NotPublished(Box::new(error)))
    }

    fn write_batch(
        &self,
        batch: &[PutRequest],
        options: WriteOptions,
        on_tokens: &mut (dyn FnMut(usize) + Send),
    ) -> Result<BatchResult, EngineError> {
        let mut result = BatchResult::default();
        let mut rest = batch;
        // A repeated id is compared with what its predecessor stored.
        while !rest.is_empty() {
            let mut seen = HashSet::new();
            let repeated = rest.iter().position(|d| !seen.insert(&d.document.id));
            let (distinct, later) = rest.split_at(repeated.unwrap_or(rest.len()));
            self.write_distinct(distinct, options, on_tokens, &mut result)?;
            rest = later;
        }
        Ok(result)
    }

    /// Publishes pending writes if a snapshot has been published before.
    pub(super) fn publish_if_stale(&self) -> Result<(), EngineError> {
        if self.snapshot_is_stale.load(Ordering::Relaxed) && self.snapshot().is_some() {
            self.publish()?;
        }
        Ok(())
    }

    fn write_distinct(
        &self,
        batch: &[PutRequest],
        options: WriteOptions,
        on_tokens: &mut (dyn FnMut(usize) + Send),
        result: &mut BatchResult,
    ) -> Result<(), EngineError> {
        let changes = batch
            .iter()
            .map(|request| self.detect_change(request, options))
            .collect::<Result<Vec<_>, _>>()?;
        let texts: Vec<&str> = batch
            .iter()
            .zip(&changes)
            .filter(|(_, change)| matches!(change, ChangeDetection::TextChanged { .. }))
            .map(|(request, _)| request.document.text.as_str())
            .collect();
        let mut work = || self.segment_and_encode(&texts, options, on_tokens);
        let (encoded, encode_time) = if self.snapshot().is_some() && !texts.is_empty() {
            self.ingest_pool.run(work)
        } else {
            work()
        };
        result.encode_time += encode_time;
        let mut encoded = encoded.into_iter();
        for (request, change) in batch.iter().zip(changes) {
            let outcome = match change {
                ChangeDetection::Done(outcome) => outcome,
                ChangeDetection::TextChanged {
                    source_hash,
                    is_new,
                } => {
                    // One entry per changed text, in the same order.
                    let Some((segmented, vectors)) = encoded.next() else {
                        break;
                    };
                    let new = PendingWrite {
                        request,
                        source_hash,
                        is_new,
                        segmented,
                    };
                    self.write_document(&new, vectors, options)?
                }
            };
            result.outcomes.push(outcome);
        }
        Ok(())
    }

    /// Compares a document with its stored version, and completes writes that need no encoding.
    fn detect_change(
        &self,
        request: &PutRequest,
        options: WriteOptions,
    ) -> Result<ChangeDetection, EngineError> {
        let Document { id, text, metadata } = &request.document;
        let source_hash = source_hash(text, options.keep_boilerplate);
        let mut store = self.lock_store();
        let stored = store.document_state(id)?;
        let stored_hash = stored.as_ref().map(|stored| stored.content_hash);
        if !request.precondition.is_met_by(stored_hash) {
            return Ok(ChangeDetection::Done(PutOutcome::PreconditionFailed(
                stored_hash,
            )));
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
        let mut result = PutResult {
            change: ChangeKind::Unchanged,
            content_hash: stored.content_hash,
            passages: stored.passages,
            sentences: 0,
            dropped: Vec::new(),
        };
        if stored.metadata != *metadata {
            self.snapshot_is_stale.store(true, Ordering::Relaxed);
            result.change = ChangeKind::MetadataUpdated;
            // It still exists: this writer holds the write lock.
            result.content_hash = store
                .put_metadata(id, metadata)?
                .unwrap_or(stored.content_hash);
        }
        Ok(ChangeDetection::Done(PutOutcome::Stored(result)))
    }

    fn segment_and_encode(
        &self,
        texts: &[&str],
        options: WriteOptions,
        on_tokens: &mut (dyn FnMut(usize) + Send),
    ) -> (Vec<(SegmentedText, DocumentVectors)>, Duration) {
        let segment_options = SegmentOptions {
            keep_boilerplate: options.keep_boilerplate,
        };
        let counter: &(dyn TokenCounter + Sync) = self.encoder().tokenizer();
        let segmented: Vec<SegmentedText> = texts
            .par_iter()
            .map(|text| segment(text, counter, &segment_options))
            .collect();
        let start = Instant::now();
        let vectors = encode_documents(self.encoder(), &segmented, on_tokens);
        let encode_time = start.elapsed();
        (segmented.into_iter().zip(vectors).collect(), encode_time)
    }

    fn write_document(
        &self,
        new: &PendingWrite<'_>,
        vectors: DocumentVectors,
        options: WriteOptions,
    ) -> Result<PutOutcome, EngineError> {
        let Document { id, metadata, .. } = &new.request.document;
        let dropped = new.segmented.dropped.clone();
        let vectors = match vectors {
            Ok(vectors) => vectors,
            Err(error) => return Ok(PutOutcome::EncodeFailed(error)),
        };
        let mut store = self.lock_store();
        // Set while the store is locked: a concurrent publication either sees the write, or leaves the
        // flag set for the next one.
        self.snapshot_is_stale.store(true, Ordering::Relaxed);
        if vectors.is_empty() {
            let removed = options.remove_if_empty && store.delete(id)?;
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

/// The result of comparing a document with its stored version.
enum ChangeDetection {
    /// The outcome is known; nothing is left to write.
    Done(PutOutcome),
    /// The text is new or has changed.
    TextChanged {
        source_hash: ContentHash,
        is_new: bool,
    },
}

/// A document that must be rewritten.
struct PendingWrite<'a> {
    request: &'a PutRequest,
    source_hash: ContentHash,
    is_new: bool,
    segmented: SegmentedText,
}

/// Returns a hash that changes with the text and with how it is segmented.
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
    fn the_hash_of_a_source_is_pinned() {
        let hash = |keep_boilerplate| {
            source_hash("Peace is the work of justice.", keep_boilerplate).to_string()
        };
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
