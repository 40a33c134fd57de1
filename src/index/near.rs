//! Which rows are near to those of a block, however many they are.

use roaring::RoaringBitmap;

use super::codes::{CodedQuery, Quantiser};
use super::field::Field;
use super::graph::MAX_EF;
use super::segment::{Admitted, Wanted};
use super::{Neighbour, SegmentedIndex};

/// Neighbours that a walk looks for first. Most rows have fewer that are near.
const FIRST: usize = 32;

/// A walk that did not come to the end of what is near looks for so many times more.
const MORE: usize = 4;

/// So few rows are compared as fast as a graph is walked.
const SMALL: usize = 4_000;

/// Candidates of a walk beyond those that it looks for.
const SPARE: usize = 64;

/// Candidates kept at least: rows are looked for from among themselves, which takes fewer than queries.
const WIDTH: usize = 96;

/// What is near.
#[derive(Debug, Clone, Copy)]
pub struct Near<'a> {
    /// All rows with at least this score are wanted.
    pub floor: f32,
    /// So many are wanted in any case, if there are so many.
    pub least: usize,
    /// Compare with every row: none is missed.
    pub exact: bool,
    /// The only rows that may be found; all if not given.
    pub allowed: Option<&'a RoaringBitmap>,
    /// Rows that may not be found, such as those of the block itself.
    pub excluded: &'a RoaringBitmap,
}

impl SegmentedIndex {
    /// For each of these rows those that are near to it, best first. Rows that do not exist have no
    /// neighbours.
    ///
    /// With [`Near::exact`], or where there are so few rows that it is no slower, every row is
    /// compared, and the result is complete. Otherwise the graph is walked, again and with more
    /// candidates as long as all that was found is near; then some may be missed.
    #[must_use]
    pub fn near(&self, rows: &[u32], near: &Near<'_>) -> Vec<Vec<Neighbour>> {
        let admitted = Admitted::of(near.allowed, self.deleted_rows()).without(near.excluded);
        #[allow(clippy::cast_possible_truncation)] // at most 2^30
        let end = self.rows() as u32;
        let found = admitted.count(0..end);
        if near.exact || !self.has_graph() || found <= SMALL {
            return self.near_exactly(rows, near, &admitted);
        }
        let walk = |row: &u32| {
            let known = self.is_live(*row);
            known.then(|| self.near_by_walk(*row, near, &admitted, found))
        };
        rows.iter()
            .map(|row| walk(row).unwrap_or_default())
            .collect()
    }

    /// Every row of every segment, which is fetched once for the whole block.
    fn near_exactly(
        &self,
        rows: &[u32],
        near: &Near<'_>,
        admitted: &Admitted<'_>,
    ) -> Vec<Vec<Neighbour>> {
        let mut queries = Queries::of(self, rows, near);
        for (first, segment) in self.placed_segments() {
            let (coded, mut fields) = queries.all();
            segment
                .scanned(first, admitted)
                .several(&coded, &mut fields);
        }
        queries.nearest(self, rows, near)
    }

    fn near_by_walk(
        &self,
        row: u32,
        near: &Near<'_>,
        admitted: &Admitted<'_>,
        most: usize,
    ) -> Vec<Neighbour> {
        let query = self.vector(row);
        let mut k = near.least.max(FIRST).min(most);
        loop {
            let wanted = Wanted {
                k,
                ef: (k + SPARE).clamp(WIDTH, MAX_EF),
                exact: k + SPARE > MAX_EF,
                admitted,
            };
            let mut neighbours = self.find(query, &wanted).neighbours;
            let goes_on = neighbours
                .last()
                .is_some_and(|last| last.score >= near.floor);
            if !goes_on || k >= most {
                cut(&mut neighbours, near);
                return neighbours;
            }
            k = (k * MORE).min(most);
        }
    }

    /// All rows, deleted ones included.
    #[must_use]
    pub fn rows(&self) -> usize {
        super::VectorIndex::len(self)
    }
}

/// Drops what is neither near nor among the first.
fn cut(neighbours: &mut Vec<Neighbour>, near: &Near<'_>) {
    let reached = neighbours.partition_point(|neighbour| neighbour.score >= near.floor);
    neighbours.truncate(reached.max(near.least));
}

/// Rows that look for what is near to them, those that are not found any more left out.
pub(super) struct Queries(Vec<(u32, CodedQuery, Field)>);

impl Queries {
    pub(super) fn of(index: &SegmentedIndex, rows: &[u32], near: &Near<'_>) -> Self {
        let quantiser = Quantiser::new(index.dimension());
        let live = rows.iter().copied().filter(|row| index.is_live(*row));
        let query = |row| {
            let coded = CodedQuery::new(index.vector(row), quantiser);
            (row, coded, Field::reaching(near.least, near.floor))
        };
        Self(live.map(query).collect())
    }

    /// All of them, each with its field.
    pub(super) fn all(&mut self) -> (Vec<&CodedQuery>, Vec<&mut Field>) {
        self.0
            .iter_mut()
            .map(|(_, coded, field)| (&*coded, field))
            .unzip()
    }

    /// Those at these places, which ascend, each with its field.
    pub(super) fn some(&mut self, places: &[usize]) -> (Vec<&CodedQuery>, Vec<&mut Field>) {
        let mut places = places.iter().peekable();
        let all = self.0.iter_mut().enumerate();
        let some = all.filter(|(place, _)| places.next_if_eq(&place).is_some());
        some.map(|(_, (_, coded, field))| (&*coded, field)).unzip()
    }

    /// What their fields hold in the end, best first; nothing for a row that is not among them.
    pub(super) fn nearest(
        self,
        index: &SegmentedIndex,
        rows: &[u32],
        near: &Near<'_>,
    ) -> Vec<Vec<Neighbour>> {
        let mut queries = self.0.into_iter().peekable();
        let of_row = |row: &u32| {
            let (row, _, field) = queries.next_if(|(query, ..)| query == row)?;
            let mut neighbours = field.rescore(index.vector(row), |other| index.vector(other));
            index.sort(&mut neighbours);
            cut(&mut neighbours, near);
            Some(neighbours)
        };
        let found = rows.iter().map(of_row);
        found.map(Option::unwrap_or_default).collect()
    }
}
