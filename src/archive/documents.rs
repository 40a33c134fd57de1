//! Documents and passages: reading, writing, deleting.

use std::sync::Arc;

use crate::corpus::DocumentId;
use crate::engine::{
    DeleteOutcome, Engine, Precondition, Provenance, PutOutcome, PutRequest, Snapshot, WriteTurn,
};
use crate::search::Filter;
use crate::store::{ContentHash, DocumentRecord, DocumentSummary, PassageRecord};

use super::{Archive, ArchiveError, UploadPermit};

/// A page of documents, in the order of their ids.
#[derive(Debug, Clone)]
pub struct DocumentPage {
    /// The documents, without their texts.
    pub documents: Vec<Arc<DocumentSummary>>,
    /// Number of documents that match the filter.
    pub total: usize,
    /// Whether documents follow after this page.
    pub has_more: bool,
}

/// A document, or the news that the caller has it already.
#[derive(Debug, Clone)]
pub struct DocumentVersion {
    /// Hash of id, metadata and text.
    pub content_hash: ContentHash,
    /// The document; `None` if the caller has this version.
    pub document: Option<DocumentRecord>,
}

/// A passage with its neighbours and its document.
#[derive(Debug, Clone)]
pub struct PassageInContext {
    /// The passage.
    pub passage: PassageRecord,
    /// The passage before it in the document.
    pub previous: Option<PassageRecord>,
    /// The passage after it.
    pub next: Option<PassageRecord>,
    /// The document, without its text.
    pub document: DocumentSummary,
}

impl Archive {
    /// Lists documents that match a filter, in the order of their ids: the first `limit` after an id.
    ///
    /// # Errors
    ///
    /// If a field of the filter does not exist, or the call is rejected.
    pub async fn documents<T: Send + 'static>(
        &self,
        filter: Filter,
        after: Option<DocumentId>,
        limit: usize,
        render: impl FnOnce(DocumentPage) -> T + Send + 'static,
    ) -> Result<T, ArchiveError> {
        let snapshot = self.snapshot()?;
        filter.check_fields(snapshot.document_table())?;
        let work = move || {
            let documents = snapshot.document_table().documents();
            let matching: Vec<_> = documents.filter(|d| filter.matches(d)).collect();
            let first = after.map_or(0, |id| {
                matching.partition_point(|d| d.id.as_str() <= id.as_str())
            });
            let rest = matching.get(first..).unwrap_or_default();
            let page = rest.get(..limit).unwrap_or(rest);
            Ok(render(DocumentPage {
                documents: page.iter().map(|document| Arc::clone(document)).collect(),
                total: matching.len(),
                has_more: page.len() < rest.len(),
            }))
        };
        self.admission.run(work).await
    }

    /// Returns a document with its text, unless `is_known` accepts its hash.
    ///
    /// # Errors
    ///
    /// If the document does not exist, or the call is rejected or fails.
    pub async fn document<T: Send + 'static>(
        &self,
        id: DocumentId,
        is_known: impl FnOnce(ContentHash) -> bool + Send + 'static,
        render: impl FnOnce(DocumentVersion) -> T + Send + 'static,
    ) -> Result<T, ArchiveError> {
        let snapshot = self.snapshot()?;
        let work = move || {
            let view = snapshot.view();
            let missing = || ArchiveError::DocumentNotFound { id: id.clone() };
            let content_hash = view.summary(&id)?.ok_or_else(missing)?.content_hash;
            let document = if is_known(content_hash) {
                None
            } else {
                Some(view.document(&id)?.ok_or_else(missing)?)
            };
            Ok(render(DocumentVersion {
                content_hash,
                document,
            }))
        };
        self.admission.run(work).await
    }

    /// Returns a passage, given by its document and its ordinal from 1, with its neighbours.
    ///
    /// # Errors
    ///
    /// If the passage does not exist, or the call is rejected or fails.
    pub async fn passage(
        &self,
        document: DocumentId,
        ordinal: u32,
    ) -> Result<PassageInContext, ArchiveError> {
        let snapshot = self.snapshot()?;
        let work = move || read_passage(&snapshot, &document, ordinal);
        self.admission.run(work).await
    }

    /// Writes documents in the given order: when this returns they are on disk and searchable. They take
    /// one turn, for which they wait behind earlier writes.
    ///
    /// # Errors
    ///
    /// If too many writes are waiting, or the store cannot be read or written; then some of the documents
    /// may be stored.
    pub async fn put(&self, documents: Vec<PutRequest>) -> Result<Vec<PutOutcome>, ArchiveError> {
        let work = move |engine: &Engine, turn: &WriteTurn| {
            Ok(engine.put_documents_in_turn(turn, &documents)?)
        };
        self.write_queue.run(self.engine()?, work).await
    }

    /// Admits an upload of several batches; each takes a turn of its own, so that other writers get
    /// theirs in between.
    ///
    /// # Errors
    ///
    /// If too many uploads are active, or the archive cannot be written.
    pub fn begin_upload(&self) -> Result<UploadPermit, ArchiveError> {
        self.engine()?;
        Ok(self.write_queue.acquire_stream()?)
    }

    /// Returns whether no further upload would be admitted, so that a slow one should give way.
    #[must_use]
    pub fn uploads_are_full(&self) -> bool {
        self.write_queue.streams_are_full()
    }

    /// Writes another batch of an upload, like [`Self::put`] but however many writes are waiting.
    ///
    /// # Errors
    ///
    /// If the store cannot be read or written; then some of the documents may be stored.
    pub async fn put_next(
        &self,
        documents: Vec<PutRequest>,
    ) -> Result<Vec<PutOutcome>, ArchiveError> {
        let work = move |engine: &Engine, turn: &WriteTurn| {
            Ok(engine.put_documents_in_turn(turn, &documents)?)
        };
        self.write_queue.run_admitted(self.engine()?, work).await
    }

    /// Removes a document: when this returns the removal is on disk, and the document is not found any
    /// more.
    ///
    /// # Errors
    ///
    /// If too many writes are waiting, or the store cannot be read or written.
    pub async fn delete(
        &self,
        id: DocumentId,
        precondition: Precondition,
    ) -> Result<DeleteOutcome, ArchiveError> {
        let work = move |engine: &Engine, turn: &WriteTurn| {
            Ok(engine.delete_document_in_turn(turn, &id, &precondition)?)
        };
        self.write_queue.run(self.engine()?, work).await
    }

    /// Returns the ids of all passages, in the order of [`Self::for_each_embedding`], and the number of
    /// dimensions of their embeddings.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn passage_ids(&self) -> Result<(Vec<String>, usize, Provenance), ArchiveError> {
        let snapshot = self.snapshot()?;
        let ids = snapshot.view().passage_ids()?;
        Ok((ids, snapshot.fingerprint().dimension, snapshot.provenance()))
    }

    /// Visits the embeddings of all passages, in the order of document id and ordinal.
    ///
    /// # Errors
    ///
    /// If the store cannot be read, or `visit` fails.
    pub fn for_each_embedding<E: From<ArchiveError>>(
        &self,
        mut visit: impl FnMut(&[f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        let snapshot = self.snapshot()?;
        let mut outcome = Ok(());
        let read = snapshot.view().for_each_vector(|stored| {
            outcome = visit(stored.vector);
            match outcome {
                Ok(()) => Ok(()),
                Err(_) => Err(ArchiveError::Aborted),
            }
        });
        outcome?;
        Ok(read?)
    }
}

fn read_passage(
    snapshot: &Snapshot,
    document: &DocumentId,
    ordinal: u32,
) -> Result<PassageInContext, ArchiveError> {
    let view = snapshot.view();
    let missing = || ArchiveError::PassageNotFound {
        id: format!("{document}#p{ordinal}"),
    };
    let neighbour = |ordinal: Option<u32>| match ordinal {
        Some(ordinal) => view.passage(document, ordinal),
        None => Ok(None),
    };
    Ok(PassageInContext {
        passage: view.passage(document, ordinal)?.ok_or_else(missing)?,
        previous: neighbour(ordinal.checked_sub(1))?,
        next: neighbour(ordinal.checked_add(1))?,
        document: view.summary(document)?.ok_or_else(missing)?,
    })
}
