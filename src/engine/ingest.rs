//! Ingests a corpus into the store.
//!
//! Documents are written in batches of some kilobytes by [`super::write`]. A run that is killed keeps
//! every document it wrote; the next run finds them unchanged and continues with the others.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::corpus::{Corpus, CorpusEvent, DocumentId, SkipReason};
use crate::passages::DroppedLines;

use super::precondition::Precondition;
use super::write::{ChangeKind, PutOutcome, PutRequest, WriteOptions};
use super::{DroppedBlock, Engine, EngineError, IngestReport, IngestWarning};

/// Bytes of text per batch: enough for full encoder batches of sentences of similar length, little
/// enough that a killed run loses seconds.
const BATCH_BYTES: usize = 48 * 1024;

/// The characters of a document that are looked at to recognize its script.
const SCRIPT_SAMPLE_CHARS: usize = 4000;
/// With fewer letters in unknown words, in percent, embeddings still tell texts apart.
const MIN_UNKNOWN_PERCENT: usize = 50;

/// Options of an ingest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IngestOptions {
    /// Keep navigation, footers and page furniture in the text.
    pub keep_boilerplate: bool,
    /// Remove stored documents that are not in this corpus.
    pub prune: bool,
}

/// Progress of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IngestState {
    /// Bytes of the files read so far; of compressed files, compressed bytes.
    pub bytes: u64,
    /// Bytes of all files.
    pub total_bytes: u64,
    /// Documents processed.
    pub documents: usize,
    /// Tokens encoded.
    pub tokens: usize,
}

/// Observes a run.
pub trait IngestProgress: Sync {
    /// Called often, from one thread at a time.
    fn update(&self, state: &IngestState);
}

/// Ignores all progress.
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
    /// Sources that may contain documents and could not be read.
    unreadable_sources: usize,
}

impl Engine {
    /// Ingests a corpus. Its documents become searchable with [`Engine::publish`], or batch by batch if a
    /// snapshot has been published before.
    ///
    /// A document that cannot be used is skipped and reported. Only a failure of the store ends the run
    /// early; what was written by then stays.
    ///
    /// The write lock is released between batches, so other writers take turns. Once a snapshot is
    /// published, encoding runs at low priority.
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
        for event in corpus.events() {
            self.state.bytes = bytes.bytes_read();
            match event {
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
                    if let Some(text) = self.unknown_script_note(&document.text) {
                        let origin = origin.clone();
                        self.report.notes.push(IngestWarning { origin, text });
                    }
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
                CorpusEvent::Warning(warning) => self.report.notes.push(IngestWarning {
                    origin: warning.location.to_string(),
                    text: warning.issue.to_string(),
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

    /// Returns a note if the model does not know the script of a text, whose words then all have the same
    /// embedding.
    fn unknown_script_note(&self, text: &str) -> Option<String> {
        let end = text
            .char_indices()
            .nth(SCRIPT_SAMPLE_CHARS)
            .map_or(text.len(), |(end, _)| end);
        let sample = text.get(..end)?;
        let letters = sample.chars().filter(|c| c.is_alphabetic()).count();
        let foreign = sample
            .chars()
            .filter(|c| c.is_alphabetic() && !c.is_ascii());
        // Tokenizing twice is left to texts that may need it.
        if foreign.count() * 2 <= letters {
            return None;
        }
        let tokenizer = self.engine.encoder().tokenizer();
        let percent = tokenizer.unknown_letters_percent(sample).ok()?;
        (percent >= MIN_UNKNOWN_PERCENT).then(|| {
            format!(
                "{percent} % of the letters are in words that the model does not know: \
                 the document can be found by keywords only"
            )
        })
    }

    fn write_batch(&mut self, batch: &[PutRequest]) -> Result<(), EngineError> {
        let options = WriteOptions {
            keep_boilerplate: self.options.keep_boilerplate,
            // The older version is no longer in the corpus and must not be found.
            remove_if_empty: true,
        };
        let (state, report, progress) = (&mut self.state, &mut self.report, self.progress);
        let turn = self.engine.write_lock.acquire_blocking();
        let written = self
            .engine
            .write_and_publish(&turn, batch, options, &mut |tokens| {
                state.tokens += tokens;
                report.tokens += tokens;
                progress.update(state);
            })?;
        drop(turn);
        self.report.encode_seconds += written.encode_time.as_secs_f64();
        for (request, outcome) in batch.iter().zip(written.outcomes) {
            self.record_outcome(request, outcome);
        }
        self.state.documents += batch.len();
        self.progress.update(&self.state);
        Ok(())
    }

    fn record_outcome(&mut self, request: &PutRequest, outcome: PutOutcome) {
        let id = &request.document.id;
        let skip = |text: String| IngestWarning {
            origin: request.origin.clone(),
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
                    "{id} contains no passages after removing navigation and page furniture; --keep-boilerplate keeps them"
                )));
                self.record_dropped(id, dropped);
                if removed {
                    self.report.removed.push(id.to_string());
                }
            }
            PutOutcome::EncodeFailed(error) => {
                self.report.skipped.push(skip(format!(
                    "{id} cannot be encoded: {error}; the stored version is kept"
                )));
            }
            // A corpus sets no preconditions.
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

    /// Removes stored documents that are not in the corpus, provided that all of it could be read: a
    /// damaged file or an unmounted folder is no request to delete.
    fn prune(&mut self) -> Result<(), EngineError> {
        let unread = self.unreadable_sources;
        if unread > 0 || self.report.read == 0 {
            self.report.notes.push(IngestWarning {
                origin: "--prune".to_owned(),
                text: format!(
                    "nothing was pruned: {} documents were read and {unread} sources could not be; stored documents may come from those",
                    self.report.read
                ),
            });
            return Ok(());
        }
        let _turn = self.engine.write_lock.acquire_blocking();
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

/// Returns whether a skipped source may be a damaged version of stored documents.
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
