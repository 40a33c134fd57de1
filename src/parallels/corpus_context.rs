//! What is known of each passage's place in its corpus: its words, who is near to it, how common it is.
//!
//! A survey belongs to one snapshot. It is filled as it is asked: two documents need a few hundred
//! passages of it, a whole corpus all.

mod neighbourhood_search;
mod scoring;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::engine::Snapshot;
use crate::passages;
use crate::store::{DocumentSummary, HitRecord, PassageRecord};

use super::compared_passage::ComparedPassage;
use super::tf_idf::IdfTable;
use super::{
    Calibration, MatchUnit, Neighbourhood, NullDistribution, ParallelsError, SentenceIndex,
    TextUnit,
};

/// Neighbours whose mean likeness is a statement's neighbourhood (Artetxe & Schwenk 2019 have 4 too).
pub const MARGIN_NEIGHBOURS: usize = 4;

/// A statement is said to be near to another from this cosine on, if it is also [`EQUIVALENT`].
pub const MIN_COSINE: f32 = 0.7;

/// The confidence from which on a statement counts as one that says nearly the same.
pub const MIN_EQUIVALENT_CONFIDENCE: f32 = 0.3;

/// Bytes of passages that are kept as they are compared; those of other passages are read again.
const CACHE_BYTES: u64 = 1 << 30;

/// What is known of the passages of one snapshot.
pub struct CorpusContext {
    snapshot: Arc<Snapshot>,
    calibration: Calibration,
    /// Whether neighbours are looked for by comparing everything.
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
    /// Knows nothing yet.
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>, exact: bool) -> Self {
        Self::reusing_sentences(snapshot, exact, None)
    }

    /// Knows nothing yet but the sentences of an earlier snapshot.
    #[must_use]
    pub fn reusing_sentences(
        snapshot: Arc<Snapshot>,
        exact: bool,
        before: Option<Arc<SentenceIndex>>,
    ) -> Self {
        let rows = snapshot.row_count();
        let weigh = |_: &u32, statement: &Arc<ComparedPassage>| {
            u32::try_from(statement.estimated_bytes()).unwrap_or(u32::MAX)
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
            previous_sentences: Mutex::new(before),
            neighbourhoods: (0..rows).map(|_| OnceLock::new()).collect(),
            null_distributions: [OnceLock::new(), OnceLock::new()],
            snapshot,
        }
    }

    /// The snapshot.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// How confidence is computed.
    #[must_use]
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// Whether neighbours are looked for by comparing everything.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.exact
    }

    /// Cosines of random pairs, of passages or of sentences as the carrier is.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn null_distribution(
        &self,
        carrier: MatchUnit,
    ) -> Result<&NullDistribution, ParallelsError> {
        let [passages, of_sentences] = &self.null_distributions;
        if carrier == MatchUnit::Passage {
            return Ok(passages.get_or_init(|| NullDistribution::from_passages(&self.snapshot)));
        }
        let sentences = self.sentence_index()?;
        let drawn = || NullDistribution::from_sentences(&self.snapshot, sentences);
        Ok(of_sentences.get_or_init(drawn))
    }

    pub(super) fn idf_table(&self) -> &IdfTable {
        &self.idf_table
    }

    /// Reads how common every word is, for whoever will need most of them.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn preload_idf(&self) -> Result<(), ParallelsError> {
        Ok(self.idf_table.load_all(self.snapshot.view())?)
    }

    /// A passage as it is compared.
    pub(super) fn compared_passage(
        &self,
        row: u32,
    ) -> Result<Arc<ComparedPassage>, ParallelsError> {
        if let Some(known) = self.compared_passages.get(&row) {
            return Ok(known);
        }
        let hit = self.hit_records(&[row])?.pop();
        let passage = hit.ok_or(ParallelsError::SnapshotMismatch)?.passage;
        let words = passages::tokenize_words_from(&passage.text, passage.range.start);
        self.idf_table.load_missing(self.snapshot.view(), &words)?;
        let statement = ComparedPassage::new(&words, &passage.sentences, &self.idf_table);
        let statement = Arc::new(statement);
        self.compared_passages.insert(row, Arc::clone(&statement));
        Ok(statement)
    }

    /// How many words a passage or sentence has.
    pub(super) fn term_count(&self, unit: TextUnit) -> Result<usize, ParallelsError> {
        Ok(self.compared_passage(unit.row)?.term_count(unit.sentence))
    }

    /// All sentences of the corpus, which are read when they are first asked for.
    pub(super) fn sentence_index(&self) -> Result<&SentenceIndex, ParallelsError> {
        if let Some(known) = self.sentence_index.get() {
            return Ok(known);
        }
        let mut before = self
            .previous_sentences
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = self.sentence_index.get() {
            return Ok(known);
        }
        let read = SentenceIndex::from_snapshot(&self.snapshot, before.as_deref())?;
        *before = None;
        drop(before);
        Ok(self.sentence_index.get_or_init(|| Arc::new(read)))
    }

    /// The sentences, for a survey of a later snapshot, if they were asked for here.
    #[must_use]
    pub fn cached_sentence_index(&self) -> Option<Arc<SentenceIndex>> {
        self.sentence_index.get().map(Arc::clone)
    }

    /// The id of a passage.
    #[must_use]
    pub fn passage_id(&self, row: u32) -> Option<String> {
        let catalogue = self.snapshot.document_table();
        let (document, (_, ordinal)) = catalogue
            .document_of_row(row)
            .zip(catalogue.location_of_row(row))?;
        Some(format!("{}#p{ordinal}", document.id))
    }

    /// The passages of these rows with their documents, in their order.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn passages(
        &self,
        rows: &[u32],
    ) -> Result<Vec<(PassageRecord, &DocumentSummary)>, ParallelsError> {
        let read = self.hit_records(rows)?.into_iter().zip(rows);
        let with = |(hit, row): (HitRecord, &u32)| {
            let document = self.snapshot.document_table().document_of_row(*row);
            let document = document.ok_or(ParallelsError::SnapshotMismatch)?;
            Ok((hit.passage, &**document))
        };
        read.map(with).collect()
    }

    /// What the store has of these rows.
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
