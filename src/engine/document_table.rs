//! Metadata of all documents in memory, and the mapping between index rows and passages.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use roaring::RoaringBitmap;

use crate::index::TieBreaker;
use crate::store::{DocumentEntry, DocumentSummary, PassageKey, StoreError, StoreManifest, View};

use super::passage_index::PassageIndex;
use super::snapshot_diff::SnapshotDiff;

/// Documents in id order, with the index rows of their passages.
#[derive(Default)]
pub struct DocumentTable {
    documents: Vec<TableEntry>,
    /// Offset of each document's rows in `rows`, and the end of the last one's.
    row_starts: Vec<u32>,
    /// Rows by document and ordinal.
    rows: Vec<u32>,
    /// Key and row of each passage, in key order.
    rows_by_key: Vec<(i64, u32)>,
    locations: Arc<RowLocations>,
    attribute_names: OnceLock<BTreeSet<String>>,
}

/// A document and its key.
#[derive(Clone)]
struct TableEntry {
    key: i64,
    summary: Arc<DocumentSummary>,
}

/// Document index and ordinal of each row. Equal scores are ordered by them, that is by passage id.
#[derive(Default)]
struct RowLocations(Vec<(u32, u32)>);

/// The location of a deleted row.
const NO_LOCATION: (u32, u32) = (u32::MAX, u32::MAX);

impl TieBreaker for RowLocations {
    fn compare(&self, a: u32, b: u32) -> Ordering {
        let location = |row: u32| self.0.get(row as usize);
        location(a).cmp(&location(b)).then(a.cmp(&b))
    }
}

impl DocumentTable {
    /// Builds the table of a view. Summaries of documents that `previous` has unchanged are shared with it.
    pub(super) fn build(
        view: &View,
        manifest: &StoreManifest,
        passage_index: &PassageIndex,
        previous: &Self,
    ) -> Result<Self, StoreError> {
        let by_key = passage_index.rows_by_key();
        let mut locations = vec![NO_LOCATION; passage_index.labels.len()];
        let mut counts = vec![0_u32; manifest.documents.len() + 1];
        // Both are in key order, and the index covers exactly these passages.
        for (entry, (_, row)) in manifest.passages.iter().zip(&by_key) {
            // A passage without its document is corruption, which is reported when it is read.
            if let Some(count) = counts.get_mut(entry.document_index as usize) {
                locations[*row as usize] = (entry.document_index, entry.ordinal);
                *count += 1;
            }
        }
        let starts: Vec<u32> = counts
            .iter()
            .scan(0, |sum, count| {
                let start = *sum;
                *sum += count;
                Some(start)
            })
            .collect();
        let mut rows: Vec<u32> = by_key.iter().map(|(_, row)| *row).collect();
        rows.sort_unstable_by_key(|row| locations[*row as usize]);
        Ok(Self {
            documents: load_documents(view, &manifest.documents, previous)?,
            row_starts: starts,
            rows,
            rows_by_key: by_key,
            locations: Arc::new(RowLocations(locations)),
            attribute_names: OnceLock::new(),
        })
    }

    /// Updates a table: new passages get the rows after all existing ones, in their order. Linear in the
    /// number of rows, but existing rows are neither looked up nor sorted again.
    pub(super) fn apply_diff(
        previous: &Self,
        view: &View,
        changes: &SnapshotDiff,
    ) -> Result<Self, StoreError> {
        let locations = previous.locations_after(changes);
        let by_key = previous.rows_by_key_after(changes, &locations);
        let (starts, rows, locations) = previous.layout_after(changes, locations);
        Ok(Self {
            documents: load_documents(view, &changes.documents, previous)?,
            row_starts: starts,
            rows,
            rows_by_key: by_key,
            locations: Arc::new(RowLocations(locations)),
            attribute_names: OnceLock::new(),
        })
    }

    /// Returns the locations of all rows; those of reused documents still have their previous document
    /// index.
    fn locations_after(&self, changes: &SnapshotDiff) -> Vec<(u32, u32)> {
        let mut locations = self.locations.0.clone();
        for row in &changes.deleted_rows {
            locations[*row as usize] = NO_LOCATION;
        }
        let new = changes.added_passages.iter();
        locations.extend(new.map(|passage| (passage.document_index, passage.ordinal)));
        locations
    }

    fn rows_by_key_after(
        &self,
        changes: &SnapshotDiff,
        locations: &[(u32, u32)],
    ) -> Vec<(i64, u32)> {
        let mut by_key = self.rows_by_key.clone();
        by_key.retain(|(_, row)| locations[*row as usize] != NO_LOCATION);
        let new = changes
            .added_passages
            .iter()
            .map(|passage| passage.key.rowid());
        by_key.extend(new.zip(len_u32(&self.locations.0)..));
        // Keys only grow, so this is already sorted, unless the database file was replaced.
        by_key.sort_unstable();
        by_key
    }

    /// Returns the offset of each document's rows, the rows by document and ordinal, and the location of
    /// each row.
    fn layout_after(
        &self,
        changes: &SnapshotDiff,
        mut locations: Vec<(u32, u32)>,
    ) -> (Vec<u32>, Vec<u32>, Vec<(u32, u32)>) {
        let mut new: Vec<u32> = (len_u32(&self.locations.0)..len_u32(&locations)).collect();
        new.sort_unstable_by_key(|row| locations[*row as usize]);
        let mut new = new.into_iter().peekable();
        let mut starts = Vec::with_capacity(changes.documents.len() + 1);
        let mut rows: Vec<u32> = Vec::with_capacity(locations.len());
        for (document, reused) in (0..).zip(&changes.reused_from) {
            starts.push(len_u32(&rows));
            for row in reused.map_or(&[][..], |index| self.rows_of_document(index)) {
                locations[*row as usize].0 = document;
                rows.push(*row);
            }
            while let Some(row) = new.next_if(|row| locations[*row as usize].0 == document) {
                rows.push(row);
            }
        }
        starts.push(len_u32(&rows));
        (starts, rows, locations)
    }

    /// Key and row of each passage, in key order.
    pub(super) fn rows_by_key(&self) -> &[(i64, u32)] {
        &self.rows_by_key
    }

    /// Returns key, hash and rows of all documents in id order.
    pub(super) fn entries(&self) -> impl Iterator<Item = (DocumentEntry, &[u32])> {
        self.documents.iter().enumerate().map(|(index, document)| {
            let entry = DocumentEntry {
                key: document.key,
                hash: document.summary.content_hash,
            };
            (entry, self.rows_of_document(index))
        })
    }

    /// Returns the tie breaker that orders rows by passage id.
    pub(super) fn tie_breaker(&self) -> Arc<dyn TieBreaker> {
        Arc::clone(&self.locations) as Arc<dyn TieBreaker>
    }

    /// Returns all documents in id order.
    pub fn documents(&self) -> impl Iterator<Item = &Arc<DocumentSummary>> {
        self.documents.iter().map(|document| &document.summary)
    }

    /// Returns the number of documents.
    #[must_use]
    pub fn len(&self) -> usize {
        self.documents.len()
    }

    /// Returns the number of passages.
    #[must_use]
    pub fn passage_count(&self) -> usize {
        self.rows.len()
    }

    /// Returns whether there are no documents.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    /// Returns the document at an index, from 0, in id order.
    #[must_use]
    pub fn document(&self, index: usize) -> Option<&Arc<DocumentSummary>> {
        self.documents.get(index).map(|document| &document.summary)
    }

    /// Returns the index of a document.
    #[must_use]
    pub fn document_index_of(&self, id: &str) -> Option<usize> {
        let by_id = |d: &TableEntry| d.summary.id.as_str().cmp(id);
        self.documents.binary_search_by(by_id).ok()
    }

    /// Returns the index of a row's document, and the row's ordinal in it; `None` for a deleted row.
    #[must_use]
    pub fn location_of_row(&self, row: u32) -> Option<(u32, u32)> {
        let location = self.locations.0.get(row as usize).copied();
        location.filter(|location| *location != NO_LOCATION)
    }

    /// Returns the document of a row.
    #[must_use]
    pub fn document_of_row(&self, row: u32) -> Option<&Arc<DocumentSummary>> {
        let (document, _) = self.locations.0.get(row as usize)?;
        let document = self.documents.get(*document as usize)?;
        Some(&document.summary)
    }

    /// Returns the row of a passage.
    #[must_use]
    pub fn row_of_passage(&self, key: PassageKey) -> Option<u32> {
        let key = key.rowid();
        let position = self.rows_by_key.binary_search_by_key(&key, |(key, _)| *key);
        position
            .ok()
            .and_then(|position| self.rows_by_key.get(position))
            .map(|(_, row)| *row)
    }

    /// Returns the row of a passage by its document's id and its ordinal, from 1.
    #[must_use]
    pub fn row_at(&self, document: &str, ordinal: u32) -> Option<u32> {
        self.row_in_document(self.document_index_of(document)?, ordinal)
    }

    /// Returns the row of the passage `offset` after a row in the same document; before it if negative.
    #[must_use]
    pub fn adjacent_row(&self, row: u32, offset: i32) -> Option<u32> {
        let (document, ordinal) = *self.locations.0.get(row as usize)?;
        self.row_in_document(document as usize, ordinal.checked_add_signed(offset)?)
    }

    fn row_in_document(&self, document: usize, ordinal: u32) -> Option<u32> {
        let rows = self.rows_of_document(document);
        let ordinal_of = |row: &u32| self.locations.0[*row as usize].1;
        let position = rows.binary_search_by_key(&ordinal, ordinal_of).ok()?;
        rows.get(position).copied()
    }

    /// Returns the rows of the document at an index, by ordinal; empty if the index is out of range.
    #[must_use]
    pub fn rows_of_document(&self, document: usize) -> &[u32] {
        let bounds = self
            .row_starts
            .get(document)
            .zip(self.row_starts.get(document + 1));
        let rows = bounds.and_then(|(start, end)| self.rows.get(*start as usize..*end as usize));
        rows.unwrap_or_default()
    }

    /// Returns the rows of the documents that satisfy a predicate.
    pub fn filter_rows(&self, predicate: impl Fn(&DocumentSummary) -> bool) -> RoaringBitmap {
        let documents = self.documents.iter().enumerate();
        let matching = documents.filter(|(_, document)| predicate(&document.summary));
        self.rows_of_documents(matching.map(|(index, _)| index))
    }

    /// Returns the rows of the documents at these indexes.
    pub fn rows_of_documents(&self, documents: impl Iterator<Item = usize>) -> RoaringBitmap {
        let mut bits = vec![0_u8; self.locations.0.len().div_ceil(8)];
        for row in documents.flat_map(|index| self.rows_of_document(index)) {
            bits[*row as usize / 8] |= 1 << (row % 8);
        }
        RoaringBitmap::from_lsb0_bytes(0, &bits)
    }

    /// Compares two rows by passage id.
    #[must_use]
    pub fn compare_rows(&self, a: u32, b: u32) -> Ordering {
        self.locations.compare(a, b)
    }

    /// Returns the documents of these rows, each once, in the order of their ids.
    #[must_use]
    pub fn documents_of_rows(
        &self,
        rows: impl IntoIterator<Item = u32>,
    ) -> Vec<Arc<DocumentSummary>> {
        let locations = rows.into_iter().filter_map(|row| self.location_of_row(row));
        let indices: BTreeSet<u32> = locations.map(|(document, _)| document).collect();
        let documents = indices.into_iter();
        let documents = documents.filter_map(|index| self.document(index as usize));
        documents.map(Arc::clone).collect()
    }

    /// Returns the names of all attributes of all documents.
    pub fn attribute_names(&self) -> &BTreeSet<String> {
        self.attribute_names.get_or_init(|| {
            let names = self.documents().flat_map(|d| d.metadata.attributes.keys());
            names.cloned().collect()
        })
    }
}

fn len_u32<T>(rows: &[T]) -> u32 {
    #[allow(clippy::cast_possible_truncation)] // at most 2^30
    let length = rows.len() as u32;
    length
}

/// Loads the documents of a view; only those that `previous` lacks are read from the store.
fn load_documents(
    view: &View,
    entries: &[DocumentEntry],
    previous: &DocumentTable,
) -> Result<Vec<TableEntry>, StoreError> {
    let by_key: HashMap<i64, &TableEntry> = previous.documents.iter().map(|d| (d.key, d)).collect();
    let reusable: Vec<Option<&TableEntry>> = entries
        .iter()
        .map(|entry| {
            let document = by_key.get(&entry.key)?;
            (document.summary.content_hash == entry.hash).then_some(*document)
        })
        .collect();
    let missing = entries.iter().zip(&reusable);
    let missing: Vec<_> = missing
        .filter(|(_, reused)| reused.is_none())
        .map(|(entry, _)| *entry)
        .collect();
    let mut read = view.summaries_of(&missing)?.into_iter();
    let both = entries.iter().zip(reusable);
    Ok(both
        .filter_map(|(entry, reused)| match reused {
            Some(document) => Some(document.clone()),
            None => read.next().map(|summary| TableEntry {
                key: entry.key,
                summary: Arc::new(summary),
            }),
        })
        .collect())
}
