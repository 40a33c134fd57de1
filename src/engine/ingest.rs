//! A corpus into the store.
//!
//! Documents flow in batches of some kilobytes, each written as [`super::write`] says. A run that is
//! killed keeps every document it wrote; the next run finds them unchanged and goes on with the
//! rest.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::corpus::{Corpus, DocumentId, Reading, SkipReason};
use crate::passages::Dropped;

use super::condition::Condition;
use super::write::{Change, Incoming, Manner, Outcome};
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
                    self.report.read += 1;
                    self.seen.insert(document.id.clone());
                    batch_bytes += document.text.len();
                    batch.push(Incoming {
                        document,
                        origin,
                        condition: Condition::default(),
                    });
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

    fn write(&mut self, batch: &[Incoming]) -> Result<(), EngineError> {
        let manner = Manner {
            keep_all: self.options.keep_all,
            // Its older version must not be found as if it still stood there.
            remove_emptied: true,
        };
        let (state, report, progress) = (&mut self.state, &mut self.report, self.progress);
        let turn = self.engine.turns.take();
        let written = self.engine.write(&turn, batch, manner, &mut |tokens| {
            state.tokens += tokens;
            report.tokens += tokens;
            progress.update(state);
        })?;
        drop(turn);
        self.report.encode_seconds += written.encoding.as_secs_f64();
        for (incoming, outcome) in batch.iter().zip(written.outcomes) {
            self.count(incoming, outcome);
        }
        self.state.documents += batch.len();
        self.progress.update(&self.state);
        Ok(())
    }

    fn count(&mut self, incoming: &Incoming, outcome: Outcome) {
        let id = &incoming.document.id;
        let skip = |text: String| Remark {
            origin: incoming.origin.clone(),
            text,
        };
        match outcome {
            Outcome::Stored(stored) => {
                match stored.change {
                    Change::Created => self.report.added += 1,
                    Change::Updated => self.report.updated += 1,
                    Change::MetadataUpdated => self.report.metadata_updated += 1,
                    Change::Unchanged => self.report.unchanged += 1,
                }
                if matches!(stored.change, Change::Created | Change::Updated) {
                    self.report.passages += stored.passages;
                    self.report.sentences += stored.sentences;
                    self.drop_blocks(id, stored.dropped);
                }
            }
            Outcome::NoPassage { removed, dropped } => {
                self.report.skipped.push(skip(format!(
                    "{id} holds no passage once navigation and page furniture are left out; --keep-all keeps them"
                )));
                self.drop_blocks(id, dropped);
                if removed {
                    self.report.removed.push(id.to_string());
                }
            }
            Outcome::NotEncoded(error) => {
                self.report.skipped.push(skip(format!(
                    "{id} cannot be encoded: {error}; what was stored of it stays"
                )));
            }
            // A corpus sets no conditions.
            Outcome::Refused(_) => {}
        }
    }

    fn drop_blocks(&mut self, id: &DocumentId, blocks: Vec<Dropped>) {
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
        let _turn = self.engine.turns.take();
        let mut store = self.engine.store();
        self.engine.behind.store(true, Ordering::Relaxed);
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
