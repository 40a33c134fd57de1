//! What is known of documents and passages without asking the store: metadata, and which row of the
//! index is which passage.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use roaring::RoaringBitmap;

use crate::index::TieBreaker;
use crate::store::{DocumentEntry, DocumentSummary, PassageKey, StoreError, StoreManifest, View};

use super::passage_index::PassageIndex;
use super::snapshot_diff::SnapshotDiff;

/// Documents in the order of their ids, with the rows of their passages.
#[derive(Default)]
pub struct DocumentTable {
    documents: Vec<TableEntry>,
    /// Where each document's rows begin in `rows`, and where the last one's end.
    row_starts: Vec<u32>,
    /// Rows, document by document in the order of passages.
    rows: Vec<u32>,
    /// Key and row of each passage, in the order of keys.
    rows_by_key: Vec<(i64, u32)>,
    locations: Arc<RowLocations>,
    attribute_names: OnceLock<BTreeSet<String>>,
}

/// A document and the database's name for it.
#[derive(Clone)]
struct TableEntry {
    key: i64,
    summary: Arc<DocumentSummary>,
}

/// Document and ordinal of each row: equal scores come in the order of passage ids.
#[derive(Default)]
struct RowLocations(Vec<(u32, u32)>);

/// Stands for a row that is gone, which nobody asks for.
const NO_LOCATION: (u32, u32) = (u32::MAX, u32::MAX);

impl TieBreaker for RowLocations {
    fn compare(&self, a: u32, b: u32) -> Ordering {
        let place = |row: u32| self.0.get(row as usize);
        place(a).cmp(&place(b)).then(a.cmp(&b))
    }
}

impl DocumentTable {
    /// The catalogue of a moment. What an earlier one knows of documents that have not changed is
    /// taken from there.
    pub(super) fn build(
        view: &View,
        entries: &StoreManifest,
        indexed: &PassageIndex,
        before: &Self,
    ) -> Result<Self, StoreError> {
        let by_key = indexed.rows_by_key();
        let mut locations = vec![NO_LOCATION; indexed.labels.len()];
        let mut counts = vec![0_u32; entries.documents.len() + 1];
        // Both are in the order of keys, and the index holds exactly these passages.
        for (entry, (_, row)) in entries.passages.iter().zip(&by_key) {
            // A passage without a document is a damage that its reader will meet.
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
            documents: load_documents(view, &entries.documents, before)?,
            row_starts: starts,
            rows,
            rows_by_key: by_key,
            locations: Arc::new(RowLocations(locations)),
            attribute_names: OnceLock::new(),
        })
    }

    /// The catalogue after a change: what is new has the rows after all others, in its order. All rows
    /// are gone over, but none is looked up or sorted again.
    pub(super) fn apply_diff(
        before: &Self,
        view: &View,
        changes: &SnapshotDiff,
    ) -> Result<Self, StoreError> {
        let places = before.locations_after(changes);
        let by_key = before.rows_by_key_after(changes, &places);
        let (starts, rows, places) = before.layout_after(changes, places);
        Ok(Self {
            documents: load_documents(view, &changes.documents, before)?,
            row_starts: starts,
            rows,
            rows_by_key: by_key,
            locations: Arc::new(RowLocations(places)),
            attribute_names: OnceLock::new(),
        })
    }

    /// Places of all rows, those of documents that were kept still by the earlier order of documents.
    fn locations_after(&self, changes: &SnapshotDiff) -> Vec<(u32, u32)> {
        let mut places = self.locations.0.clone();
        for row in &changes.deleted_rows {
            places[*row as usize] = NO_LOCATION;
        }
        let new = changes.added_passages.iter();
        places.extend(new.map(|passage| (passage.document_index, passage.ordinal)));
        places
    }

    fn rows_by_key_after(&self, changes: &SnapshotDiff, places: &[(u32, u32)]) -> Vec<(i64, u32)> {
        let mut by_key = self.rows_by_key.clone();
        by_key.retain(|(_, row)| places[*row as usize] != NO_LOCATION);
        let new = changes
            .added_passages
            .iter()
            .map(|passage| passage.key.rowid());
        by_key.extend(new.zip(len_u32(&self.locations.0)..));
        // Keys grow, so there is nothing to do, unless somebody has exchanged the file.
        by_key.sort_unstable();
        by_key
    }

    /// Where each document's rows begin, the rows document by document, and the place of each row.
    fn layout_after(
        &self,
        changes: &SnapshotDiff,
        mut places: Vec<(u32, u32)>,
    ) -> (Vec<u32>, Vec<u32>, Vec<(u32, u32)>) {
        let mut new: Vec<u32> = (len_u32(&self.locations.0)..len_u32(&places)).collect();
        new.sort_unstable_by_key(|row| places[*row as usize]);
        let mut new = new.into_iter().peekable();
        let mut starts = Vec::with_capacity(changes.documents.len() + 1);
        let mut rows: Vec<u32> = Vec::with_capacity(places.len());
        for (document, kept) in (0..).zip(&changes.reused_from) {
            starts.push(len_u32(&rows));
            for row in kept.map_or(&[][..], |earlier| self.rows_of_document(earlier)) {
                places[*row as usize].0 = document;
                rows.push(*row);
            }
            while let Some(row) = new.next_if(|row| places[*row as usize].0 == document) {
                rows.push(row);
            }
        }
        starts.push(len_u32(&rows));
        (starts, rows, places)
    }

    /// Key and row of each passage, in the order of keys.
    pub(super) fn rows_by_key(&self) -> &[(i64, u32)] {
        &self.rows_by_key
    }

    /// What tells the document at a place from others.
    pub(super) fn entry(&self, index: usize) -> Option<DocumentEntry> {
        let document = self.documents.get(index)?;
        Some(DocumentEntry {
            key: document.key,
            hash: document.summary.content_hash,
        })
    }

    /// The order of passage ids.
    pub(super) fn tie_breaker(&self) -> Arc<dyn TieBreaker> {
        Arc::clone(&self.locations) as Arc<dyn TieBreaker>
    }

    /// All documents in the order of their ids.
    pub fn documents(&self) -> impl Iterator<Item = &Arc<DocumentSummary>> {
        self.documents.iter().map(|document| &document.summary)
    }

    /// Number of documents.
    #[must_use]
    pub fn len(&self) -> usize {
        self.documents.len()
    }

    /// Number of passages.
    #[must_use]
    pub fn passage_count(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    /// The document at a place, from 0, in the order of ids.
    #[must_use]
    pub fn document(&self, index: usize) -> Option<&Arc<DocumentSummary>> {
        self.documents.get(index).map(|document| &document.summary)
    }

    /// The place of a document.
    #[must_use]
    pub fn document_index_of(&self, id: &str) -> Option<usize> {
        let by_id = |d: &TableEntry| d.summary.id.as_str().cmp(id);
        self.documents.binary_search_by(by_id).ok()
    }

    /// The place of a row's document, and the row's ordinal in it.
    #[must_use]
    pub fn location_of_row(&self, row: u32) -> Option<(u32, u32)> {
        let place = self.locations.0.get(row as usize).copied();
        place.filter(|place| *place != NO_LOCATION)
    }

    /// The document of a row.
    #[must_use]
    pub fn document_of_row(&self, row: u32) -> Option<&Arc<DocumentSummary>> {
        let (document, _) = self.locations.0.get(row as usize)?;
        let document = self.documents.get(*document as usize)?;
        Some(&document.summary)
    }

    /// The row of a passage.
    #[must_use]
    pub fn row_of_passage(&self, key: PassageKey) -> Option<u32> {
        let key = key.rowid();
        let place = self.rows_by_key.binary_search_by_key(&key, |(key, _)| *key);
        place
            .ok()
            .and_then(|place| self.rows_by_key.get(place))
            .map(|(_, row)| *row)
    }

    /// The row of a passage by its document's id and its place in it, from 1.
    #[must_use]
    pub fn row_at(&self, document: &str, ordinal: u32) -> Option<u32> {
        self.row_in_document(self.document_index_of(document)?, ordinal)
    }

    /// The row of the passage so many places after a row in the same document, or before it.
    #[must_use]
    pub fn adjacent_row(&self, row: u32, offset: i32) -> Option<u32> {
        let (document, ordinal) = *self.locations.0.get(row as usize)?;
        self.row_in_document(document as usize, ordinal.checked_add_signed(offset)?)
    }

    fn row_in_document(&self, document: usize, ordinal: u32) -> Option<u32> {
        let rows = self.rows_of_document(document);
        let ordinal_of = |row: &u32| self.locations.0[*row as usize].1;
        let place = rows.binary_search_by_key(&ordinal, ordinal_of).ok()?;
        rows.get(place).copied()
    }

    /// The rows of the document at a place, in the order of its passages; none where there is no
    /// document.
    #[must_use]
    pub fn rows_of_document(&self, document: usize) -> &[u32] {
        let bounds = self
            .row_starts
            .get(document)
            .zip(self.row_starts.get(document + 1));
        let rows = bounds.and_then(|(start, end)| self.rows.get(*start as usize..*end as usize));
        rows.unwrap_or_default()
    }

    /// The rows of the documents of which this is true.
    pub fn filter_rows(&self, predicate: impl Fn(&DocumentSummary) -> bool) -> RoaringBitmap {
        let documents = self.documents.iter().enumerate();
        let matching = documents.filter(|(_, document)| predicate(&document.summary));
        self.rows_of_documents(matching.map(|(place, _)| place))
    }

    /// The rows of the documents at these places.
    pub fn rows_of_documents(&self, documents: impl Iterator<Item = usize>) -> RoaringBitmap {
        let mut bits = vec![0_u8; self.locations.0.len().div_ceil(8)];
        for row in documents.flat_map(|place| self.rows_of_document(place)) {
            bits[*row as usize / 8] |= 1 << (row % 8);
        }
        RoaringBitmap::from_lsb0_bytes(0, &bits)
    }

    /// Which of two rows comes first by passage id.
    #[must_use]
    pub fn compare_rows(&self, a: u32, b: u32) -> Ordering {
        self.locations.compare(a, b)
    }

    /// The names of all attributes of all documents.
    pub fn attribute_names(&self) -> &BTreeSet<String> {
        self.attribute_names.get_or_init(|| {
            let names = self.documents().flat_map(|d| d.metadata.attributes.keys());
            names.cloned().collect()
        })
    }
}

/// How many rows there are.
fn len_u32<T>(rows: &[T]) -> u32 {
    #[allow(clippy::cast_possible_truncation)] // at most 2^30
    let length = rows.len() as u32;
    length
}

/// The documents of a moment, of which only those are read that an earlier moment does not have.
fn load_documents(
    view: &View,
    entries: &[DocumentEntry],
    before: &DocumentTable,
) -> Result<Vec<TableEntry>, StoreError> {
    let known: HashMap<i64, &TableEntry> = before.documents.iter().map(|d| (d.key, d)).collect();
    let known: Vec<Option<&TableEntry>> = entries
        .iter()
        .map(|entry| {
            let document = known.get(&entry.key)?;
            (document.summary.content_hash == entry.hash).then_some(*document)
        })
        .collect();
    let missing = entries.iter().zip(&known);
    let missing: Vec<_> = missing
        .filter(|(_, known)| known.is_none())
        .map(|(entry, _)| *entry)
        .collect();
    let mut read = view.summaries_of(&missing)?.into_iter();
    let both = entries.iter().zip(known);
    Ok(both
        .filter_map(|(entry, known)| match known {
            Some(document) => Some(document.clone()),
            None => read.next().map(|summary| TableEntry {
                key: entry.key,
                summary: Arc::new(summary),
            }),
        })
        .collect())
}
