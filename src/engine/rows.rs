//! What the rows of an index stand for, and how an index follows the store.

use crate::index::file::Label;
use crate::index::{SegmentedIndex, Vectors};
use crate::store::{Entries, PassageEntry, PassageKey, View};

use super::EngineError;

/// An index and the passage of each of its rows.
#[derive(Clone)]
pub(super) struct Indexed {
    pub(super) index: SegmentedIndex,
    pub(super) labels: Vec<Label>,
}

impl Indexed {
    /// The same index brought to the moment of a view: rows whose passage is gone, or whose text is
    /// another one, are not found any more, and passages that it does not have are added. How it
    /// came to differ does not matter, so an index from any earlier moment will do.
    pub(super) fn brought_to(&self, view: &View, entries: &Entries) -> Result<Self, EngineError> {
        let known = self.places();
        let mut known = known.iter().peekable();
        let (mut gone, mut new) = (Vec::new(), Vec::new());
        for entry in &entries.passages {
            // Both are in the order of keys.
            while let Some((_, row)) = known.next_if(|(key, _)| *key < entry.key.number()) {
                gone.push(*row);
            }
            match known.next_if(|(key, _)| *key == entry.key.number()) {
                Some((_, row)) if self.labels[*row as usize].hash == entry.hash => {}
                Some((_, row)) => {
                    gone.push(*row);
                    new.push(*entry);
                }
                None => new.push(*entry),
            }
        }
        gone.extend(known.map(|(_, row)| *row));
        self.changed(view, gone, &new)
    }

    /// The same index without these rows, and with passages that it does not have after all others.
    pub(super) fn changed(
        &self,
        view: &View,
        gone: Vec<u32>,
        new: &[PassageEntry],
    ) -> Result<Self, EngineError> {
        let mut vectors = Vectors::new(view.fingerprint().dimension)?;
        view.vectors_of(new.iter().map(|entry| entry.key), |stored| {
            vectors.push(stored.vector)?;
            Ok::<_, EngineError>(())
        })?;
        let mut labels = self.labels.clone();
        labels.extend(new.iter().map(label));
        let index = self.index.without(gone).with_rows(&vectors)?;
        Ok(Self { index, labels })
    }

    /// Whether these rows stand for these passages.
    pub(super) fn holds(&self, rows: &[u32], passages: &[PassageEntry]) -> bool {
        let stands = |(row, passage): (&u32, &PassageEntry)| {
            self.labels.get(*row as usize) == Some(&label(passage))
        };
        rows.len() == passages.len() && rows.iter().zip(passages).all(stands)
    }

    /// The rows that can be found, in the order of their keys.
    pub(super) fn places(&self) -> Vec<(i64, u32)> {
        let labelled = (0..).zip(&self.labels);
        let live = labelled.filter(|(row, _)| self.index.is_live(*row));
        let mut places: Vec<(i64, u32)> = live.map(|(row, label)| (label.key, row)).collect();
        places.sort_unstable();
        places
    }

    /// The passage of a row.
    pub(super) fn key(&self, row: u32) -> Option<PassageKey> {
        let label = self.labels.get(row as usize)?;
        Some(PassageKey::from_number(label.key))
    }

    /// The labels of these rows, in their order.
    pub(super) fn labels_of(&self, rows: &[u32]) -> Vec<Label> {
        let labels = rows.iter().map(|row| self.labels.get(*row as usize));
        labels.flatten().copied().collect()
    }
}

fn label(entry: &PassageEntry) -> Label {
    Label {
        key: entry.key.number(),
        hash: entry.hash,
    }
}
