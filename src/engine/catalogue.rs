//! What is known of documents and passages without asking the store: metadata, and which row of the
//! index is which passage.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use roaring::RoaringBitmap;

use crate::index::RowOrder;
use crate::store::{DocumentEntry, DocumentSummary, Entries, PassageKey, StoreError, View};

use super::changes::Changes;
use super::rows::Indexed;

/// Documents in the order of their ids, with the rows of their passages.
#[derive(Default)]
pub struct Catalogue {
    documents: Vec<Catalogued>,
    /// Where each document's rows begin in `rows`, and where the last one's end.
    starts: Vec<u32>,
    /// Rows, document by document in the order of passages.
    rows: Vec<u32>,
    /// Key and row of each passage, in the order of keys.
    by_key: Vec<(i64, u32)>,
    places: Arc<Places>,
    attributes: OnceLock<BTreeSet<String>>,
}

/// A document and the database's name for it.
#[derive(Clone)]
struct Catalogued {
    key: i64,
    summary: Arc<DocumentSummary>,
}

/// Document and ordinal of each row: equal scores come in the order of passage ids.
#[derive(Default)]
struct Places(Vec<(u32, u32)>);

/// Stands for a row that is gone, which nobody asks for.
const NOWHERE: (u32, u32) = (u32::MAX, u32::MAX);

impl RowOrder for Places {
    fn compare(&self, a: u32, b: u32) -> Ordering {
        let place = |row: u32| self.0.get(row as usize);
        place(a).cmp(&place(b)).then(a.cmp(&b))
    }
}

impl Catalogue {
    /// The catalogue of a moment. What an earlier one knows of documents that have not changed is
    /// taken from there.
    pub(super) fn of(
        view: &View,
        entries: &Entries,
        indexed: &Indexed,
        before: &Self,
    ) -> Result<Self, StoreError> {
        let by_key = indexed.places();
        let mut places = vec![NOWHERE; indexed.labels.len()];
        let mut counts = vec![0_u32; entries.documents.len() + 1];
        // Both are in the order of keys, and the index holds exactly these passages.
        for (entry, (_, row)) in entries.passages.iter().zip(&by_key) {
            // A passage without a document is a damage that its reader will meet.
            if let Some(count) = counts.get_mut(entry.document as usize) {
                places[*row as usize] = (entry.document, entry.ordinal);
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
        rows.sort_unstable_by_key(|row| places[*row as usize]);
        Ok(Self {
            documents: documents(view, &entries.documents, before)?,
            starts,
            rows,
            by_key,
            places: Arc::new(Places(places)),
            attributes: OnceLock::new(),
        })
    }

    /// The catalogue after a change: what is new has the rows after all others, in its order. All rows
    /// are gone over, but none is looked up or sorted again.
    pub(super) fn after(before: &Self, view: &View, changes: &Changes) -> Result<Self, StoreError> {
        let places = before.places_after(changes);
        let by_key = before.keys_after(changes, &places);
        let (starts, rows, places) = before.laid_out_after(changes, places);
        Ok(Self {
            documents: documents(view, &changes.documents, before)?,
            starts,
            rows,
            by_key,
            places: Arc::new(Places(places)),
            attributes: OnceLock::new(),
        })
    }

    /// Places of all rows, those of documents that were kept still by the earlier order of documents.
    fn places_after(&self, changes: &Changes) -> Vec<(u32, u32)> {
        let mut places = self.places.0.clone();
        for row in &changes.gone {
            places[*row as usize] = NOWHERE;
        }
        let new = changes.new.iter();
        places.extend(new.map(|passage| (passage.document, passage.ordinal)));
        places
    }

    fn keys_after(&self, changes: &Changes, places: &[(u32, u32)]) -> Vec<(i64, u32)> {
        let mut by_key = self.by_key.clone();
        by_key.retain(|(_, row)| places[*row as usize] != NOWHERE);
        let new = changes.new.iter().map(|passage| passage.key.number());
        by_key.extend(new.zip(length(&self.places.0)..));
        // Keys grow, so there is nothing to do, unless somebody has exchanged the file.
        by_key.sort_unstable();
        by_key
    }

    /// Where each document's rows begin, the rows document by document, and the place of each row.
    fn laid_out_after(
        &self,
        changes: &Changes,
        mut places: Vec<(u32, u32)>,
    ) -> (Vec<u32>, Vec<u32>, Vec<(u32, u32)>) {
        let mut new: Vec<u32> = (length(&self.places.0)..length(&places)).collect();
        new.sort_unstable_by_key(|row| places[*row as usize]);
        let mut new = new.into_iter().peekable();
        let mut starts = Vec::with_capacity(changes.documents.len() + 1);
        let mut rows: Vec<u32> = Vec::with_capacity(places.len());
        for (document, kept) in (0..).zip(&changes.kept) {
            starts.push(length(&rows));
            for row in kept.map_or(&[][..], |earlier| self.rows_in(earlier)) {
                places[*row as usize].0 = document;
                rows.push(*row);
            }
            while let Some(row) = new.next_if(|row| places[*row as usize].0 == document) {
                rows.push(row);
            }
        }
        starts.push(length(&rows));
        (starts, rows, places)
    }

    /// Key and row of each passage, in the order of keys.
    pub(super) fn keys(&self) -> &[(i64, u32)] {
        &self.by_key
    }

    /// What tells the document at a place from others.
    pub(super) fn entry(&self, place: usize) -> Option<DocumentEntry> {
        let document = self.documents.get(place)?;
        Some(DocumentEntry {
            key: document.key,
            hash: document.summary.content_hash,
        })
    }

    /// The order of passage ids.
    pub(super) fn order(&self) -> Arc<dyn RowOrder> {
        Arc::clone(&self.places) as Arc<dyn RowOrder>
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
    pub fn passages(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    /// The document at a place, from 0, in the order of ids.
    #[must_use]
    pub fn document(&self, place: usize) -> Option<&Arc<DocumentSummary>> {
        self.documents.get(place).map(|document| &document.summary)
    }

    /// The place of a document.
    #[must_use]
    pub fn place_of(&self, id: &str) -> Option<usize> {
        let by_id = |d: &Catalogued| d.summary.id.as_str().cmp(id);
        self.documents.binary_search_by(by_id).ok()
    }

    /// The place of a row's document, and the row's ordinal in it.
    #[must_use]
    pub fn place_of_row(&self, row: u32) -> Option<(u32, u32)> {
        let place = self.places.0.get(row as usize).copied();
        place.filter(|place| *place != NOWHERE)
    }

    /// The document of a row.
    #[must_use]
    pub fn document_of(&self, row: u32) -> Option<&Arc<DocumentSummary>> {
        let (document, _) = self.places.0.get(row as usize)?;
        let document = self.documents.get(*document as usize)?;
        Some(&document.summary)
    }

    /// The row of a passage.
    #[must_use]
    pub fn row_of(&self, key: PassageKey) -> Option<u32> {
        let key = key.number();
        let place = self.by_key.binary_search_by_key(&key, |(key, _)| *key);
        place
            .ok()
            .and_then(|place| self.by_key.get(place))
            .map(|(_, row)| *row)
    }

    /// The row of a passage by its document's id and its place in it, from 1.
    #[must_use]
    pub fn row_at(&self, document: &str, ordinal: u32) -> Option<u32> {
        self.passage_in(self.place_of(document)?, ordinal)
    }

    /// The row of the passage so many places after a row in the same document, or before it.
    #[must_use]
    pub fn neighbour_of(&self, row: u32, by: i32) -> Option<u32> {
        let (document, ordinal) = *self.places.0.get(row as usize)?;
        self.passage_in(document as usize, ordinal.checked_add_signed(by)?)
    }

    fn passage_in(&self, document: usize, ordinal: u32) -> Option<u32> {
        let rows = self.rows_in(document);
        let ordinal_of = |row: &u32| self.places.0[*row as usize].1;
        let place = rows.binary_search_by_key(&ordinal, ordinal_of).ok()?;
        rows.get(place).copied()
    }

    /// The rows of the document at a place, in the order of its passages; none where there is no
    /// document.
    #[must_use]
    pub fn rows_in(&self, document: usize) -> &[u32] {
        let bounds = self.starts.get(document).zip(self.starts.get(document + 1));
        let rows = bounds.and_then(|(start, end)| self.rows.get(*start as usize..*end as usize));
        rows.unwrap_or_default()
    }

    /// The rows of the documents of which this is true.
    pub fn rows_where(&self, wanted: impl Fn(&DocumentSummary) -> bool) -> RoaringBitmap {
        let documents = self.documents.iter().enumerate();
        let wanted = documents.filter(|(_, document)| wanted(&document.summary));
        self.rows_of(wanted.map(|(place, _)| place))
    }

    /// The rows of the documents at these places.
    pub fn rows_of(&self, places: impl Iterator<Item = usize>) -> RoaringBitmap {
        let mut bits = vec![0_u8; self.places.0.len().div_ceil(8)];
        for row in places.flat_map(|place| self.rows_in(place)) {
            bits[*row as usize / 8] |= 1 << (row % 8);
        }
        RoaringBitmap::from_lsb0_bytes(0, &bits)
    }

    /// Which of two rows comes first by passage id.
    #[must_use]
    pub fn compare(&self, a: u32, b: u32) -> Ordering {
        self.places.compare(a, b)
    }

    /// The names of all attributes of all documents.
    pub fn attributes(&self) -> &BTreeSet<String> {
        self.attributes.get_or_init(|| {
            let names = self.documents().flat_map(|d| d.metadata.attributes.keys());
            names.cloned().collect()
        })
    }
}

/// How many rows there are.
fn length<T>(rows: &[T]) -> u32 {
    #[allow(clippy::cast_possible_truncation)] // at most 2^30
    let length = rows.len() as u32;
    length
}

/// The documents of a moment, of which only those are read that an earlier moment does not have.
fn documents(
    view: &View,
    entries: &[DocumentEntry],
    before: &Catalogue,
) -> Result<Vec<Catalogued>, StoreError> {
    let known: HashMap<i64, &Catalogued> = before.documents.iter().map(|d| (d.key, d)).collect();
    let known: Vec<Option<&Catalogued>> = entries
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
            None => read.next().map(|summary| Catalogued {
                key: entry.key,
                summary: Arc::new(summary),
            }),
        })
        .collect())
}
