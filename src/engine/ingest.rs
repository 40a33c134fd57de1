//! A corpus into the store.
//!
//! Documents flow in batches of some kilobytes, each written as [`super::write`] says. A run that is
//! killed keeps every document it wrote; the next run finds them unchanged and goes on with the
//! rest.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::corpus::{Corpus, CorpusEvent, DocumentId, SkipReason};
use crate::passages::DroppedLines;

use super::precondition::Precondition;
use super::write::{ChangeKind, PutOutcome, PutRequest, WriteOptions};
use super::{DroppedBlock, Engine, EngineError, IngestReport, IngestWarning};

/// Text gathered before it is encoded: enough for full batches of sentences of like length,
/// little enough that a killed run loses seconds.
const BATCH_BYTES: usize = 48 * 1024;

/// What to do beside reading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IngestOptions {
    /// Keep navigation, footers and page furniture in the text.
    pub keep_boilerplate: bool,
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
pub struct NoIngestProgress;

impl IngestProgress for NoIngestProgress {
    fn update(&self, _: &IngestState) {}
}

struct IngestRun<'a> {
    engine: &'a Engine,
    options: IngestOptions,
    progress: &'a dyn IngestProgress,
    state: IngestState,
    report: IngestReport,
    seen: HashSet<DocumentId>,
    /// Places that may hold documents and could not be read.
    unreadable_sources: usize,
}

impl Engine {
    /// Takes a corpus into the store. What it wrote is searchable after [`Engine::publish`]; where
    /// something has been published before, it is so batch by batch.
    ///
    /// A document that cannot be used is skipped and reported; only the store's failure ends the
    /// run early, and what was written until then stays.
    ///
    /// Batches take turns with whoever else writes; encoding gives way to searches by itself.
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
        let mut run = IngestRun {
            engine: self,
            options,
            progress,
            state: IngestState {
                total_bytes: corpus.total_bytes(),
                ..IngestState::default()
            },
            report: IngestReport::default(),
            seen: HashSet::new(),
            unreadable_sources: 0,
        };
        run.read_corpus(corpus)?;
        if options.prune {
            run.prune()?;
        }
        run.report.seconds = start.elapsed().as_secs_f64();
        Ok(run.report)
    }
}

impl IngestRun<'_> {
    fn read_corpus(&mut self, corpus: &Corpus) -> Result<(), EngineError> {
        let bytes = corpus.progress();
        let mut batch = Vec::new();
        let mut batch_bytes = 0;
        for reading in corpus.events() {
            self.state.bytes = bytes.bytes_read();
            match reading {
                CorpusEvent::Document {
                    document,
                    origin,
                    notes,
                } => {
                    let origin = origin.to_string();
                    self.report
                        .notes
                        .extend(notes.iter().map(|note| IngestWarning {
                            origin: origin.clone(),
                            text: note.to_string(),
                        }));
                    self.report.read += 1;
                    self.seen.insert(document.id.clone());
                    batch_bytes += document.text.len();
                    batch.push(PutRequest {
                        document,
                        origin,
                        precondition: Precondition::default(),
                    });
                }
                CorpusEvent::Skipped(skipped) => {
                    self.unreadable_sources += usize::from(may_hold_documents(&skipped.reason));
                    self.report.skipped.push(IngestWarning {
                        origin: skipped.location.to_string(),
                        text: skipped.reason.to_string(),
                    });
                }
                CorpusEvent::Warning(remark) => self.report.notes.push(IngestWarning {
                    origin: remark.location.to_string(),
                    text: remark.to_string(),
                }),
            }
            if batch_bytes >= BATCH_BYTES {
                self.write_batch(&std::mem::take(&mut batch))?;
                batch_bytes = 0;
            }
            self.progress.update(&self.state);
        }
        self.write_batch(&batch)?;
        self.state.bytes = self.state.total_bytes;
        self.progress.update(&self.state);
        Ok(())
    }

    fn write_batch(&mut self, batch: &[PutRequest]) -> Result<(), EngineError> {
        let manner = WriteOptions {
            keep_boilerplate: self.options.keep_boilerplate,
            // Its older version must not be found as if it still stood there.
            remove_if_empty: true,
        };
        let (state, report, progress) = (&mut self.state, &mut self.report, self.progress);
        let turn = self.engine.write_lock.lock();
        let written = self
            .engine
            .write_and_publish(&turn, batch, manner, &mut |tokens| {
                state.tokens += tokens;
                report.tokens += tokens;
                progress.update(state);
            })?;
        drop(turn);
        self.report.encode_seconds += written.encode_time.as_secs_f64();
        for (incoming, outcome) in batch.iter().zip(written.outcomes) {
            self.record_outcome(incoming, outcome);
        }
        self.state.documents += batch.len();
        self.progress.update(&self.state);
        Ok(())
    }

    fn record_outcome(&mut self, incoming: &PutRequest, outcome: PutOutcome) {
        let id = &incoming.document.id;
        let skip = |text: String| IngestWarning {
            origin: incoming.origin.clone(),
            text,
        };
        match outcome {
            PutOutcome::Stored(stored) => {
                match stored.change {
                    ChangeKind::Created => self.report.added += 1,
                    ChangeKind::Updated => self.report.updated += 1,
                    ChangeKind::MetadataUpdated => self.report.metadata_updated += 1,
                    ChangeKind::Unchanged => self.report.unchanged += 1,
                }
                if matches!(stored.change, ChangeKind::Created | ChangeKind::Updated) {
                    self.report.passages += stored.passages;
                    self.report.sentences += stored.sentences;
                    self.record_dropped(id, stored.dropped);
                }
            }
            PutOutcome::NoPassages { removed, dropped } => {
                self.report.skipped.push(skip(format!(
                    "{id} holds no passage once navigation and page furniture are left out; --keep-all keeps them"
                )));
                self.record_dropped(id, dropped);
                if removed {
                    self.report.removed.push(id.to_string());
                }
            }
            PutOutcome::EncodeFailed(error) => {
                self.report.skipped.push(skip(format!(
                    "{id} cannot be encoded: {error}; what was stored of it stays"
                )));
            }
            // A corpus sets no conditions.
            PutOutcome::PreconditionFailed(_) => {}
        }
    }

    fn record_dropped(&mut self, id: &DocumentId, blocks: Vec<DroppedLines>) {
        self.report
            .dropped
            .extend(blocks.into_iter().map(|block| DroppedBlock {
                document: id.to_string(),
                block,
            }));
    }

    /// Removes what the corpus does not give, if the corpus could be read whole: a damaged file or
    /// an unmounted folder is no wish to delete.
    fn prune(&mut self) -> Result<(), EngineError> {
        let unread = self.unreadable_sources;
        if unread > 0 || self.report.read == 0 {
            self.report.notes.push(IngestWarning {
                origin: "--prune".to_owned(),
                text: format!(
                    "nothing was removed: {} documents were read and {unread} places could not be; what they held may still be wanted",
                    self.report.read
                ),
            });
            return Ok(());
        }
        let _turn = self.engine.write_lock.lock();
        let mut store = self.engine.lock_store();
        self.engine.snapshot_is_stale.store(true, Ordering::Relaxed);
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
            | SkipReason::ReadmeOrLicence
            | SkipReason::MetadataTable
            | SkipReason::DuplicateId { .. }
            | SkipReason::Empty
    )
}
