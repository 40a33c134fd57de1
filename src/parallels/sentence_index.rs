//! The sentences of a corpus, searchable: a statement may be shared by passages that have nothing else
//! in common.
//!
//! Sentences are numbered by themselves. What is known of the passages of one snapshot serves the next
//! one too: only sentences that are new are read.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::OnceLock;

use roaring::RoaringBitmap;

use crate::engine::Snapshot;
use crate::index::{
    HnswParameters, IndexError, IvfIndex, Neighbour, RangeQuery, SegmentedIndex, Vectors,
};
use crate::store::{PassageKey, StoreError};

use super::ParallelsError;

/// Sentences that are read before they are added.
const INSERT_BATCH_SENTENCES: usize = 8 * 1024;

/// From so many sentences on near ones are looked for in cells; fewer are all compared.
const IVF_FROM_SENTENCES: usize = 50_000;

/// Where so many of ten sentences are gone all are read anew.
const REBUILD_AFTER_DELETED_TENTHS: usize = 5;

/// The embeddings of all sentences of a snapshot.
pub struct SentenceIndex {
    index: SegmentedIndex,
    /// The same in cells, where there are many and they are asked for.
    ivf: OnceLock<IvfIndex>,
    /// Numbers of the sentences of each passage.
    ids_by_key: HashMap<PassageKey, Range<u32>>,
    /// The same by the row of the passage; none where a row is gone.
    ids_by_row: Vec<Range<u32>>,
    /// The row of the passage of each sentence.
    passage_rows: Vec<u32>,
}

impl SentenceIndex {
    /// Those of a snapshot, taken from another one's as far as these have them.
    pub(super) fn from_snapshot(
        snapshot: &Snapshot,
        before: Option<&Self>,
    ) -> Result<Self, ParallelsError> {
        let catalogue = snapshot.document_table();
        let places = 0..catalogue.len();
        let rows = places.flat_map(|place| catalogue.rows_of_document(place));
        let passages: Vec<(u32, PassageKey)> = rows
            .map(|row| Some((*row, snapshot.key_of(*row)?)))
            .collect::<Option<_>>()
            .ok_or(ParallelsError::SnapshotMismatch)?;
        let mut sentences = match before {
            Some(before) => before.retaining(&passages),
            None => Self::empty(snapshot.fingerprint().dimension)?,
        };
        let known = |key: &PassageKey| sentences.ids_by_key.contains_key(key);
        let new: Vec<PassageKey> = passages
            .iter()
            .map(|(_, key)| *key)
            .filter(|key| !known(key))
            .collect();
        sentences.append_passages(snapshot, &new)?;
        sentences.assign_rows(&passages, snapshot.row_count());
        Ok(sentences)
    }

    fn empty(dimension: usize) -> Result<Self, ParallelsError> {
        Ok(Self {
            index: SegmentedIndex::new(dimension, HnswParameters::default())?,
            ivf: OnceLock::new(),
            ids_by_key: HashMap::new(),
            ids_by_row: Vec::new(),
            passage_rows: Vec::new(),
        })
    }

    /// Without the sentences of all other passages.
    fn retaining(&self, passages: &[(u32, PassageKey)]) -> Self {
        let retained = passages.iter().filter_map(|(_, key)| {
            let range = self.ids_by_key.get(key)?;
            Some((*key, range.clone()))
        });
        let by_key: HashMap<PassageKey, Range<u32>> = retained.collect();
        let live: usize = by_key.values().map(ExactSizeIterator::len).sum();
        let mut deleted = RoaringBitmap::new();
        deleted.insert_range(0..self.id_count());
        for range in by_key.values() {
            deleted.remove_range(range.clone());
        }
        if (self.passage_rows.len() - live) * 10
            > self.passage_rows.len() * REBUILD_AFTER_DELETED_TENTHS
            && let Ok(none) = Self::empty(self.index.dimension())
        {
            return none;
        }
        Self {
            index: self.index.without_rows(deleted),
            ivf: OnceLock::new(),
            ids_by_key: by_key,
            ids_by_row: Vec::new(),
            passage_rows: Vec::new(),
        }
    }

    /// Adds the sentences of these passages.
    fn append_passages(
        &mut self,
        snapshot: &Snapshot,
        keys: &[PassageKey],
    ) -> Result<(), ParallelsError> {
        let dimension = self.index.dimension();
        let mut next = u32::try_from(self.index.row_count()).unwrap_or(u32::MAX);
        let mut read = Vectors::new(dimension)?;
        let add = |index: &mut SegmentedIndex, read: &mut Vectors| {
            *index = index.with_rows(read)?;
            *read = Vectors::new(dimension)?;
            Ok::<_, ParallelsError>(())
        };
        let view = snapshot.view();
        view.for_each_sentence_vectors_of(keys.iter().copied(), |key, vectors| {
            let first = next;
            for vector in vectors.chunks_exact(dimension) {
                let refused = |error: IndexError| StoreError::CorruptRecord {
                    what: "the embedding",
                    record: format!("a sentence of passage {}", key.rowid()),
                    expected: "a unit vector".to_owned(),
                    received: error.to_string(),
                };
                read.push(vector).map_err(refused)?;
                next = next.saturating_add(1);
            }
            self.ids_by_key.insert(key, first..next);
            if read.len() >= INSERT_BATCH_SENTENCES {
                add(&mut self.index, &mut read)?;
            }
            Ok::<_, ParallelsError>(())
        })?;
        add(&mut self.index, &mut read)
    }

    /// Says which row each belongs to.
    fn assign_rows(&mut self, passages: &[(u32, PassageKey)], rows: usize) {
        self.ids_by_row = vec![0..0; rows];
        self.passage_rows = vec![u32::MAX; self.index.row_count()];
        for (row, key) in passages {
            let range = self.ids_by_key.get(key).cloned().unwrap_or_default();
            for owner in &mut self.passage_rows[range.start as usize..range.end as usize] {
                *owner = *row;
            }
            self.ids_by_row[*row as usize] = range;
        }
    }

    /// How many numbers are given away.
    fn id_count(&self) -> u32 {
        u32::try_from(self.passage_rows.len()).unwrap_or(u32::MAX)
    }

    /// The numbers of a passage's sentences, in their order.
    pub(super) fn ids_of_passage(&self, row: u32) -> Range<u32> {
        self.ids_by_row
            .get(row as usize)
            .cloned()
            .unwrap_or_default()
    }

    /// The numbers of the sentences of these passages.
    pub(super) fn ids_of_passages(&self, rows: &[u32]) -> RoaringBitmap {
        let mut numbers = RoaringBitmap::new();
        for row in rows {
            numbers.insert_range(self.ids_of_passage(*row));
        }
        numbers
    }

    /// The row of a sentence's passage, and the sentence's place in it, from 0.
    pub(super) fn locate(&self, sentence: u32) -> Option<(u32, usize)> {
        let row = self.passage_rows.get(sentence as usize).copied()?;
        let first = self.ids_by_row.get(row as usize)?.start;
        Some((row, (sentence - first) as usize))
    }

    /// The embedding of a sentence.
    pub(super) fn vector(&self, sentence: u32) -> &[f32] {
        self.index.vector(sentence)
    }

    /// The embeddings of a passage's sentences.
    pub(super) fn vectors(&self, row: u32) -> Vec<&[f32]> {
        let numbers = self.ids_of_passage(row);
        numbers.map(|number| self.vector(number)).collect()
    }

    /// For each of these sentences those that are near to it, best first.
    pub(super) fn range_search(
        &self,
        sentences: &[u32],
        near: &RangeQuery<'_>,
    ) -> Vec<Vec<Neighbour>> {
        if near.exact || self.index.live_row_count() < IVF_FROM_SENTENCES {
            return self.index.range_search(sentences, near);
        }
        let cells = self.ivf.get_or_init(|| IvfIndex::build(&self.index));
        cells.range_search(&self.index, sentences, near)
    }
}
