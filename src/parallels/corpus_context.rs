//! What comparisons need to know of a corpus: terms and their IDF, sentences, neighbours, prevalence.
//!
//! A context belongs to one snapshot and is filled lazily: two documents need a few hundred passages of
//! it, a corpus all.

mod neighbourhood_search;
mod scoring;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::engine::Snapshot;
use crate::passages;
use crate::store::{DocumentSummary, HitRecord, PassageRecord};

use super::calibration::Calibration;
use super::compared_passage::ComparedPassage;
use super::error::ParallelsError;
use super::neighbourhood::Neighbourhood;
use super::null_distribution::NullDistribution;
use super::pair::{MatchUnit, TextUnit};
use super::sentence_index::SentenceIndex;
use super::tf_idf::IdfTable;

/// Capacity of the cache of compared passages, in bytes; others are read again.
const CACHE_BYTES: u64 = 1 << 30;

/// Lazily computed data about the passages of one snapshot.
pub struct CorpusContext {
    snapshot: Arc<Snapshot>,
    calibration: Calibration,
    /// Whether neighbours are searched exhaustively instead of by index.
    exact: bool,
    idf_table: IdfTable,
    compared_passages: moka::sync::Cache<u32, Arc<ComparedPassage>>,
    sentence_index: OnceLock<Arc<SentenceIndex>>,
    /// Sentences of an earlier snapshot; locked while those of this one are read.
    previous_sentences: Mutex<Option<Arc<SentenceIndex>>>,
    neighbourhoods: Vec<OnceLock<Neighbourhood>>,
    null_distributions: [OnceLock<NullDistribution>; 2],
}

impl CorpusContext {
    /// Creates an empty context.
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>, exact: bool) -> Self {
        Self::reusing_sentences(snapshot, exact, None)
    }

    /// Creates an empty context that takes over the sentences of an earlier snapshot.
    #[must_use]
    pub fn reusing_sentences(
        snapshot: Arc<Snapshot>,
        exact: bool,
        previous: Option<Arc<SentenceIndex>>,
    ) -> Self {
        let rows = snapshot.row_count();
        let weigh = |_: &u32, passage: &Arc<ComparedPassage>| {
            u32::try_from(passage.estimated_bytes()).unwrap_or(u32::MAX)
        };
        Self {
            calibration: Calibration::DEFAULT,
            exact,
            idf_table: IdfTable::new(snapshot.info().passages),
            compared_passages: moka::sync::Cache::builder()
                .max_capacity(CACHE_BYTES)
                .weigher(weigh)
                .build(),
            sentence_index: OnceLock::new(),
            previous_sentences: Mutex::new(previous),
            neighbourhoods: (0..rows).map(|_| OnceLock::new()).collect(),
            null_distributions: [OnceLock::new(), OnceLock::new()],
            snapshot,
        }
    }

    /// Returns the snapshot.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// Returns the calibration of confidence.
    #[must_use]
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// Returns whether neighbours are searched exhaustively instead of by index.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.exact
    }

    /// Returns the distribution of cosines over random pairs, of passages or sentences as `unit`.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn null_distribution(&self, unit: MatchUnit) -> Result<&NullDistribution, ParallelsError> {
        let [passages, sentence_distribution] = &self.null_distributions;
        if unit == MatchUnit::Passage {
            return Ok(passages.get_or_init(|| NullDistribution::from_passages(&self.snapshot)));
        }
        let sentences = self.sentence_index()?;
        let sample = || NullDistribution::from_sentences(&self.snapshot, sentences);
        Ok(sentence_distribution.get_or_init(sample))
    }

    pub(super) fn idf_table(&self) -> &IdfTable {
        &self.idf_table
    }

    /// Reads the document frequency of every term, which is faster than one by one for callers that need
    /// most of them.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn preload_idf(&self) -> Result<(), ParallelsError> {
        Ok(self.idf_table.load_all(self.snapshot.view())?)
    }

    /// Returns a passage as it is compared, cached.
    pub(super) fn compared_passage(
        &self,
        row: u32,
    ) -> Result<Arc<ComparedPassage>, ParallelsError> {
        if let Some(cached) = self.compared_passages.get(&row) {
            return Ok(cached);
        }
        let hit = self.hit_records(&[row])?.pop();
        let passage = hit.ok_or(ParallelsError::SnapshotMismatch)?.passage;
        let words = passages::tokenize_words_from(&passage.text, passage.range.start);
        self.idf_table.load_missing(self.snapshot.view(), &words)?;
        let compared = ComparedPassage::new(&words, &passage.sentences, &self.idf_table);
        let compared = Arc::new(compared);
        self.compared_passages.insert(row, Arc::clone(&compared));
        Ok(compared)
    }

    /// Returns the number of words of a passage or sentence.
    pub(super) fn term_count(&self, unit: TextUnit) -> Result<usize, ParallelsError> {
        Ok(self.compared_passage(unit.row)?.term_count(unit.sentence))
    }

    /// Returns all sentences of the corpus, read on first use.
    pub(super) fn sentence_index(&self) -> Result<&SentenceIndex, ParallelsError> {
        if let Some(cached) = self.sentence_index.get() {
            return Ok(cached);
        }
        let mut previous = self
            .previous_sentences
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(cached) = self.sentence_index.get() {
            return Ok(cached);
        }
        let read = SentenceIndex::from_snapshot(&self.snapshot, previous.as_deref())?;
        *previous = None;
        drop(previous);
        Ok(self.sentence_index.get_or_init(|| Arc::new(read)))
    }

    /// Returns the sentences for the context of a later snapshot, if they have been read.
    #[must_use]
    pub fn cached_sentence_index(&self) -> Option<Arc<SentenceIndex>> {
        self.sentence_index.get().map(Arc::clone)
    }

    /// Returns the id of a passage.
    #[must_use]
    pub fn passage_id(&self, row: u32) -> Option<String> {
        let table = self.snapshot.document_table();
        let (document, (_, ordinal)) =
            table.document_of_row(row).zip(table.location_of_row(row))?;
        Some(format!("{}#p{ordinal}", document.id))
    }

    /// Returns the passages of these rows with their documents, in the order of `rows`.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn passages(
        &self,
        rows: &[u32],
    ) -> Result<Vec<(PassageRecord, &DocumentSummary)>, ParallelsError> {
        let read = self.hit_records(rows)?.into_iter().zip(rows);
        let with_document = |(hit, row): (HitRecord, &u32)| {
            let document = self.snapshot.document_table().document_of_row(*row);
            let document = document.ok_or(ParallelsError::SnapshotMismatch)?;
            Ok((hit.passage, &**document))
        };
        read.map(with_document).collect()
    }

    /// Returns the records of these rows, in the order of `rows`.
    pub(super) fn hit_records(&self, rows: &[u32]) -> Result<Vec<HitRecord>, ParallelsError> {
        let keys = rows.iter().map(|row| {
            let document = self.snapshot.document_table().document_of_row(*row)?;
            Some((self.snapshot.key_of(*row)?, &document.id))
        });
        let keys: Option<Vec<_>> = keys.collect();
        let keys = keys.ok_or(ParallelsError::SnapshotMismatch)?;
        Ok(self.snapshot.view().hit_records_in_documents(&keys)?)
    }
}
