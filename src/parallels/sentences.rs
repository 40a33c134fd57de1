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
use crate::index::{Cells, HnswParameters, IndexError, Near, Neighbour, SegmentedIndex, Vectors};
use crate::store::{PassageKey, StoreError};

use super::ParallelsError;

/// Sentences that are read before they are added.
const READ: usize = 8 * 1024;

/// From so many sentences on near ones are looked for in cells; fewer are all compared.
const MANY: usize = 50_000;

/// Where so many of ten sentences are gone all are read anew.
const GONE: usize = 5;

/// The embeddings of all sentences of a snapshot.
pub struct Sentences {
    index: SegmentedIndex,
    /// The same in cells, where there are many and they are asked for.
    cells: OnceLock<Cells>,
    /// Numbers of the sentences of each passage.
    by_key: HashMap<PassageKey, Range<u32>>,
    /// The same by the row of the passage; none where a row is gone.
    by_row: Vec<Range<u32>>,
    /// The row of the passage of each sentence.
    owners: Vec<u32>,
}

impl Sentences {
    /// Those of a snapshot, taken from another one's as far as these have them.
    pub(super) fn of(snapshot: &Snapshot, before: Option<&Self>) -> Result<Self, ParallelsError> {
        let catalogue = snapshot.catalogue();
        let places = 0..catalogue.len();
        let rows = places.flat_map(|place| catalogue.rows_in(place));
        let passages: Vec<(u32, PassageKey)> = rows
            .map(|row| Some((*row, snapshot.key_of(*row)?)))
            .collect::<Option<_>>()
            .ok_or(ParallelsError::OtherSnapshot)?;
        let mut sentences = match before {
            Some(before) => before.restricted_to(&passages),
            None => Self::none(snapshot.fingerprint().dimension)?,
        };
        let known = |key: &PassageKey| sentences.by_key.contains_key(key);
        let new: Vec<PassageKey> = passages
            .iter()
            .map(|(_, key)| *key)
            .filter(|key| !known(key))
            .collect();
        sentences.read(snapshot, &new)?;
        sentences.place(&passages, snapshot.rows());
        Ok(sentences)
    }

    fn none(dimension: usize) -> Result<Self, ParallelsError> {
        Ok(Self {
            index: SegmentedIndex::new(dimension, HnswParameters::default())?,
            cells: OnceLock::new(),
            by_key: HashMap::new(),
            by_row: Vec::new(),
            owners: Vec::new(),
        })
    }

    /// Without the sentences of all other passages.
    fn restricted_to(&self, passages: &[(u32, PassageKey)]) -> Self {
        let kept = passages.iter().filter_map(|(_, key)| {
            let range = self.by_key.get(key)?;
            Some((*key, range.clone()))
        });
        let by_key: HashMap<PassageKey, Range<u32>> = kept.collect();
        let live: usize = by_key.values().map(ExactSizeIterator::len).sum();
        let mut gone = RoaringBitmap::new();
        gone.insert_range(0..self.len());
        for range in by_key.values() {
            gone.remove_range(range.clone());
        }
        if (self.owners.len() - live) * 10 > self.owners.len() * GONE
            && let Ok(none) = Self::none(self.index.dimension())
        {
            return none;
        }
        Self {
            index: self.index.without(gone),
            cells: OnceLock::new(),
            by_key,
            by_row: Vec::new(),
            owners: Vec::new(),
        }
    }

    /// Adds the sentences of these passages.
    fn read(&mut self, snapshot: &Snapshot, keys: &[PassageKey]) -> Result<(), ParallelsError> {
        let dimension = self.index.dimension();
        let mut next = u32::try_from(self.index.rows()).unwrap_or(u32::MAX);
        let mut read = Vectors::new(dimension)?;
        let add = |index: &mut SegmentedIndex, read: &mut Vectors| {
            *index = index.with_rows(read)?;
            *read = Vectors::new(dimension)?;
            Ok::<_, ParallelsError>(())
        };
        let view = snapshot.view();
        view.sentence_vectors_of(keys.iter().copied(), |key, vectors| {
            let first = next;
            for vector in vectors.chunks_exact(dimension) {
                let refused = |error: IndexError| StoreError::Damaged {
                    what: "the embedding",
                    of: format!("a sentence of passage {}", key.number()),
                    expected: "a unit vector".to_owned(),
                    received: error.to_string(),
                };
                read.push(vector).map_err(refused)?;
                next = next.saturating_add(1);
            }
            self.by_key.insert(key, first..next);
            if read.len() >= READ {
                add(&mut self.index, &mut read)?;
            }
            Ok::<_, ParallelsError>(())
        })?;
        add(&mut self.index, &mut read)
    }

    /// Says which row each belongs to.
    fn place(&mut self, passages: &[(u32, PassageKey)], rows: usize) {
        self.by_row = vec![0..0; rows];
        self.owners = vec![u32::MAX; self.index.rows()];
        for (row, key) in passages {
            let range = self.by_key.get(key).cloned().unwrap_or_default();
            for owner in &mut self.owners[range.start as usize..range.end as usize] {
                *owner = *row;
            }
            self.by_row[*row as usize] = range;
        }
    }

    /// How many numbers are given away.
    fn len(&self) -> u32 {
        u32::try_from(self.owners.len()).unwrap_or(u32::MAX)
    }

    /// The numbers of a passage's sentences, in their order.
    pub(super) fn of_row(&self, row: u32) -> Range<u32> {
        self.by_row.get(row as usize).cloned().unwrap_or_default()
    }

    /// The numbers of the sentences of these passages.
    pub(super) fn of_rows(&self, rows: &[u32]) -> RoaringBitmap {
        let mut numbers = RoaringBitmap::new();
        for row in rows {
            numbers.insert_range(self.of_row(*row));
        }
        numbers
    }

    /// The row of a sentence's passage, and the sentence's place in it, from 0.
    pub(super) fn owner(&self, sentence: u32) -> Option<(u32, usize)> {
        let row = self.owners.get(sentence as usize).copied()?;
        let first = self.by_row.get(row as usize)?.start;
        Some((row, (sentence - first) as usize))
    }

    /// The embedding of a sentence.
    pub(super) fn vector(&self, sentence: u32) -> &[f32] {
        self.index.vector(sentence)
    }

    /// The embeddings of a passage's sentences.
    pub(super) fn vectors(&self, row: u32) -> Vec<&[f32]> {
        let numbers = self.of_row(row);
        numbers.map(|number| self.vector(number)).collect()
    }

    /// For each of these sentences those that are near to it, best first.
    pub(super) fn near(&self, sentences: &[u32], near: &Near<'_>) -> Vec<Vec<Neighbour>> {
        if near.exact || self.index.live() < MANY {
            return self.index.near(sentences, near);
        }
        let cells = self.cells.get_or_init(|| Cells::of(&self.index));
        cells.near(&self.index, sentences, near)
    }
}
