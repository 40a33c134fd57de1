//! A corpus into the store.
//!
//! Documents flow in batches of some kilobytes: read, compared with what is stored, segmented in
//! parallel, encoded together, and written one transaction each. A run that is killed keeps every
//! document it wrote; the next run finds them unchanged and goes on with the rest.

use std::collections::HashSet;
use std::time::Instant;

use rayon::prelude::*;

use crate::corpus::{Corpus, Document, DocumentId, Reading, SkipReason};
use crate::passages::{SEGMENTER_VERSION, SegmentOptions, Segmented, TokenCounter, segment};
use crate::store::{ContentHash, NewDocument};

use super::encode::{DocumentVectors, encode};
use super::{DroppedBlock, Engine, EngineError, IngestReport, Remark};

/// Text gathered before it is encoded: enough for full batches of sentences of like length,
/// little enough that a killed run loses seconds.
const BATCH_BYTES: usize = 48 * 1024;

/// What to do beside reading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IngestOptions {
    /// Keep navigation, footers and page furniture in the text.
    pub keep_all: bool,
    /// Remove stored documents that this corpus does not give.
    pub prune: bool,
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IngestState {
    /// Bytes of the files read so far, compressed as they are.
    pub bytes: u64,
    /// Bytes of all files.
    pub total_bytes: u64,
    /// Documents done.
    pub documents: usize,
    /// Tokens encoded.
    pub tokens: usize,
}

/// Someone who watches a run.
pub trait IngestProgress: Sync {
    /// Called often, from one thread at a time.
    fn update(&self, state: &IngestState);
}

/// Nobody watches.
#[derive(Debug, Clone, Copy)]
pub struct NoProgress;

impl IngestProgress for NoProgress {
    fn update(&self, _: &IngestState) {}
}

/// A document that must be encoded.
struct Changed {
    document: Document,
    origin: String,
    source_hash: ContentHash,
    replaces: bool,
}

struct Run<'a> {
    engine: &'a Engine,
    options: IngestOptions,
    progress: &'a dyn IngestProgress,
    state: IngestState,
    report: IngestReport,
    seen: HashSet<DocumentId>,
    /// Places that may hold documents and could not be read.
    unread: usize,
}

impl Engine {
    /// Takes a corpus into the store. What it wrote is searchable after [`Engine::publish`]; where
    /// something has been published before, it is so batch by batch.
    ///
    /// A document that cannot be used is skipped and reported; only the store's failure ends the
    /// run early, and what was written until then stays.
    ///
    /// # Errors
    ///
    /// If the store cannot be read or written.
    pub fn ingest(
        &self,
        corpus: &Corpus,
        options: IngestOptions,
        progress: &dyn IngestProgress,
    ) -> Result<IngestReport, EngineError> {
        let start = Instant::now();
        let mut run = Run {
            engine: self,
            options,
            progress,
            state: IngestState {
                total_bytes: corpus.total_bytes(),
                ..IngestState::default()
            },
            report: IngestReport::default(),
            seen: HashSet::new(),
            unread: 0,
        };
        run.read(corpus)?;
        if options.prune {
            run.prune()?;
        }
        run.report.seconds = start.elapsed().as_secs_f64();
        Ok(run.report)
    }
}

impl Run<'_> {
    fn read(&mut self, corpus: &Corpus) -> Result<(), EngineError> {
        let bytes = corpus.progress();
        let mut batch = Vec::new();
        let mut batch_bytes = 0;
        for reading in corpus.readings() {
            self.state.bytes = bytes.bytes_read();
            match reading {
                Reading::Document {
                    document,
                    origin,
                    notes,
                } => {
                    let origin = origin.to_string();
                    self.report.notes.extend(notes.iter().map(|note| Remark {
                        origin: origin.clone(),
                        text: note.to_string(),
                    }));
                    if let Some(changed) = self.sort(document, origin)? {
                        batch_bytes += changed.document.text.len();
                        batch.push(changed);
                    }
                }
                Reading::Skipped(skipped) => {
                    self.unread += usize::from(may_hold_documents(&skipped.reason));
                    self.report.skipped.push(Remark {
                        origin: skipped.origin.to_string(),
                        text: skipped.reason.to_string(),
                    });
                }
                Reading::Remark(remark) => self.report.notes.push(Remark {
                    origin: remark.origin.to_string(),
                    text: remark.to_string(),
                }),
            }
            if batch_bytes >= BATCH_BYTES {
                self.write(&std::mem::take(&mut batch))?;
                batch_bytes = 0;
            }
            self.progress.update(&self.state);
        }
        self.write(&batch)?;
        self.state.bytes = self.state.total_bytes;
        self.progress.update(&self.state);
        Ok(())
    }

    /// Counts a document and gives it back if it must be encoded.
    fn sort(&mut self, document: Document, origin: String) -> Result<Option<Changed>, EngineError> {
        self.report.read += 1;
        self.seen.insert(document.id.clone());
        let source_hash = source_hash(&document.text, self.options.keep_all);
        let mut store = self.engine.store();
        let stored = store.document_state(&document.id)?;
        match stored {
            Some(stored) if stored.source_hash == source_hash => {
                if stored.metadata == document.metadata {
                    self.report.unchanged += 1;
                } else {
                    store.put_metadata(&document.id, &document.metadata)?;
                    self.report.metadata_updated += 1;
                }
                self.state.documents += 1;
                Ok(None)
            }
            stored => Ok(Some(Changed {
                document,
                origin,
                source_hash,
                replaces: stored.is_some(),
            })),
        }
    }

    fn write(&mut self, batch: &[Changed]) -> Result<(), EngineError> {
        let options = SegmentOptions {
            keep_all: self.options.keep_all,
        };
        let counter: &(dyn TokenCounter + Sync) = self.engine.encoder().tokenizer();
        let segmented: Vec<Segmented> = batch
            .par_iter()
            .map(|changed| segment(&changed.document.text, counter, &options))
            .collect();
        let start = Instant::now();
        let (state, report, progress) = (&mut self.state, &mut self.report, self.progress);
        let vectors = encode(self.engine.encoder(), &segmented, |tokens| {
            state.tokens += tokens;
            report.tokens += tokens;
            progress.update(state);
        });
        self.report.encode_seconds += start.elapsed().as_secs_f64();
        for ((changed, segmented), vectors) in batch.iter().zip(&segmented).zip(vectors) {
            self.write_one(changed, segmented, vectors)?;
            self.state.documents += 1;
            self.progress.update(&self.state);
        }
        // Where somebody searches already, what is written is found at once.
        if !batch.is_empty() && self.engine.snapshot().is_some() {
            self.engine.publish()?;
        }
        Ok(())
    }

    fn write_one(
        &mut self,
        changed: &Changed,
        segmented: &Segmented,
        vectors: DocumentVectors,
    ) -> Result<(), EngineError> {
        let id = &changed.document.id;
        self.report
            .dropped
            .extend(segmented.dropped.iter().map(|block| DroppedBlock {
                document: id.to_string(),
                block: block.clone(),
            }));
        let skip = |text: String| Remark {
            origin: changed.origin.clone(),
            text,
        };
        let vectors = match vectors {
            Ok(vectors) if vectors.is_empty() => {
                self.report.skipped.push(skip(format!(
                    "{id} holds no passage once navigation and page furniture are left out; --keep-all keeps them"
                )));
                // Its older version must not be found as if it still stood there.
                if self.engine.store().delete(id)? {
                    self.report.removed.push(id.to_string());
                }
                return Ok(());
            }
            Ok(vectors) => vectors,
            Err(error) => {
                let older = if changed.replaces {
                    "; what was stored of it stays"
                } else {
                    ""
                };
                let text = format!("{id} cannot be encoded: {error}{older}");
                self.report.skipped.push(skip(text));
                return Ok(());
            }
        };
        self.report.passages += vectors.len();
        self.report.sentences += vectors.iter().map(|v| v.sentences.len()).sum::<usize>();
        if changed.replaces {
            self.report.updated += 1;
        } else {
            self.report.added += 1;
        }
        self.engine.store().put(&NewDocument {
            id,
            metadata: &changed.document.metadata,
            origin: &changed.origin,
            source_hash: changed.source_hash,
            segmented,
            vectors: &vectors,
        })?;
        Ok(())
    }

    /// Removes what the corpus does not give, if the corpus could be read whole: a damaged file or
    /// an unmounted folder is no wish to delete.
    fn prune(&mut self) -> Result<(), EngineError> {
        let unread = self.unread;
        if unread > 0 || self.report.read == 0 {
            self.report.notes.push(Remark {
                origin: "--prune".to_owned(),
                text: format!(
                    "nothing was removed: {} documents were read and {unread} places could not be; what they held may still be wanted",
                    self.report.read
                ),
            });
            return Ok(());
        }
        let mut store = self.engine.store();
        for id in store.document_ids()? {
            if !self.seen.contains(&id) && store.delete(&id)? {
                self.report.removed.push(id.to_string());
            }
        }
        Ok(())
    }
}

/// Whether something that was skipped may be a stored document, damaged.
fn may_hold_documents(reason: &SkipReason) -> bool {
    !matches!(
        reason,
        SkipReason::UnknownFormat { .. }
            | SkipReason::AboutTheCorpus
            | SkipReason::MetadataTable
            | SkipReason::DuplicateId { .. }
            | SkipReason::Empty
    )
}

/// Changes when the text, or the way it is cut into passages, does.
fn source_hash(text: &str, keep_all: bool) -> ContentHash {
    ContentHash::of_parts([
        SEGMENTER_VERSION.to_le_bytes().as_slice(),
        &[u8::from(keep_all)],
        text.as_bytes(),
    ])
}
