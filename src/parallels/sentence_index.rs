//! A vector index of the sentences of a corpus: passages may share a statement and nothing else.
//!
//! Sentences have ids of their own. The index of one snapshot is the basis for that of the next one:
//! only new sentences are read.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::OnceLock;

use roaring::RoaringBitmap;

use crate::engine::Snapshot;
use crate::index::{
    HnswParameters, IndexError, IvfIndex, Neighbour, RangeQuery, SegmentedIndex, Vectors,
};
use crate::store::{PassageKey, StoreError};

use super::error::ParallelsError;

/// Number of sentences that are read before they are added to the index.
const INSERT_BATCH_SENTENCES: usize = 8 * 1024;

/// Number of sentences from which the IVF index is used; fewer are scanned.
const IVF_FROM_SENTENCES: usize = 50_000;

/// Share of deleted sentences, in tenths, above which the index is rebuilt.
const REBUILD_AFTER_DELETED_TENTHS: usize = 5;

/// The embeddings of all sentences of a snapshot, searchable.
pub struct SentenceIndex {
    index: SegmentedIndex,
    /// The IVF index over the same sentences, built on first use.
    ivf: OnceLock<IvfIndex>,
    /// Ids of the sentences of each passage.
    ids_by_key: HashMap<PassageKey, Range<u32>>,
    /// The same by the passage's row; empty for deleted rows.
    ids_by_row: Vec<Range<u32>>,
    /// Row of each sentence's passage.
    passage_rows: Vec<u32>,
}

impl SentenceIndex {
    /// Creates the index of a snapshot from that of another one, reading only what that lacks.
    pub(super) fn from_snapshot(
        snapshot: &Snapshot,
        previous: Option<&Self>,
    ) -> Result<Self, ParallelsError> {
        let table = snapshot.document_table();
        let documents = 0..table.len();
        let rows = documents.flat_map(|document| table.rows_of_document(document));
        let passages: Vec<(u32, PassageKey)> = rows
            .map(|row| Some((*row, snapshot.key_of(*row)?)))
            .collect::<Option<_>>()
            .ok_or(ParallelsError::SnapshotMismatch)?;
        let mut sentences = match previous {
            Some(previous) => previous.retaining(&passages),
            None => Self::empty(snapshot.fingerprint().dimension)?,
        };
        let is_indexed = |key: &PassageKey| sentences.ids_by_key.contains_key(key);
        let new: Vec<PassageKey> = passages
            .iter()
            .map(|(_, key)| *key)
            .filter(|key| !is_indexed(key))
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

    /// Returns the index without the sentences of all other passages, or an empty one if too little
    /// remains.
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
            && let Ok(empty) = Self::empty(self.index.dimension())
        {
            return empty;
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
        let mut batch = Vectors::new(dimension)?;
        let add = |index: &mut SegmentedIndex, batch: &mut Vectors| {
            *index = index.with_rows(batch)?;
            *batch = Vectors::new(dimension)?;
            Ok::<_, ParallelsError>(())
        };
        let view = snapshot.view();
        view.for_each_sentence_vectors_of(keys.iter().copied(), |key, vectors| {
            let first = next;
            for vector in vectors.chunks_exact(dimension) {
                let corrupt = |error: IndexError| StoreError::CorruptRecord {
                    what: "the embedding",
                    record: format!("a sentence of passage {}", key.rowid()),
                    expected: "a unit vector".to_owned(),
                    received: error.to_string(),
                };
                batch.push(vector).map_err(corrupt)?;
                next = next.saturating_add(1);
            }
            self.ids_by_key.insert(key, first..next);
            if batch.len() >= INSERT_BATCH_SENTENCES {
                add(&mut self.index, &mut batch)?;
            }
            Ok::<_, ParallelsError>(())
        })?;
        add(&mut self.index, &mut batch)
    }

    /// Assigns each sentence the row of its passage.
    fn assign_rows(&mut self, passages: &[(u32, PassageKey)], rows: usize) {
        self.ids_by_row = vec![0..0; rows];
        self.passage_rows = vec![u32::MAX; self.index.row_count()];
        for (row, key) in passages {
            let range = self.ids_by_key.get(key).cloned().unwrap_or_default();
            for passage_row in &mut self.passage_rows[range.start as usize..range.end as usize] {
                *passage_row = *row;
            }
            self.ids_by_row[*row as usize] = range;
        }
    }

    /// Returns the number of assigned ids, including deleted ones.
    fn id_count(&self) -> u32 {
        u32::try_from(self.passage_rows.len()).unwrap_or(u32::MAX)
    }

    /// Returns the ids of a passage's sentences, in order.
    pub(super) fn ids_of_passage(&self, row: u32) -> Range<u32> {
        self.ids_by_row
            .get(row as usize)
            .cloned()
            .unwrap_or_default()
    }

    /// Returns the ids of the sentences of these passages.
    pub(super) fn ids_of_passages(&self, rows: &[u32]) -> RoaringBitmap {
        let mut ids = RoaringBitmap::new();
        for row in rows {
            ids.insert_range(self.ids_of_passage(*row));
        }
        ids
    }

    /// Returns the row of a sentence's passage and the sentence's index in it, from 0.
    pub(super) fn locate(&self, sentence: u32) -> Option<(u32, usize)> {
        let row = self.passage_rows.get(sentence as usize).copied()?;
        let first = self.ids_by_row.get(row as usize)?.start;
        Some((row, (sentence - first) as usize))
    }

    /// Returns the embedding of a sentence.
    pub(super) fn vector(&self, sentence: u32) -> &[f32] {
        self.index.vector(sentence)
    }

    /// Returns the embeddings of a passage's sentences.
    pub(super) fn vectors(&self, row: u32) -> Vec<&[f32]> {
        let ids = self.ids_of_passage(row);
        ids.map(|id| self.vector(id)).collect()
    }

    /// Returns the neighbours of each of these sentences, nearest first.
    pub(super) fn range_search(
        &self,
        sentences: &[u32],
        query: &RangeQuery<'_>,
    ) -> Vec<Vec<Neighbour>> {
        if query.exact || self.index.live_row_count() < IVF_FROM_SENTENCES {
            return self.index.range_search(sentences, query);
        }
        let ivf = self.ivf.get_or_init(|| IvfIndex::build(&self.index));
        ivf.range_search(&self.index, sentences, query)
    }
}
