//! Rows that are alike side by side, so that what is near is looked for in a few places only: an inverted
//! file (Sivic & Zisserman 2003) whose cells are those of spherical k-means (Dhillon & Modha 2001).
//!
//! For a block of rows that all look for what is near to them this takes less than a graph: a cell is
//! built in no time, and scanned for several queries at once. The same rows in the same order make the
//! same cells.
//!
//! They are built on one thread. Whoever builds them is waited for, perhaps under a lock; a thread of a
//! pool that waits for its own work meanwhile takes up other work, which may want the same lock.

use super::codes::{CodedQuery, Codes, Quantiser};
use super::kernels::Path;
use super::near::Queries;
use super::scan::Scan;
use super::segment::Admitted;
use super::{Near, Neighbour, SegmentedIndex};

/// Cells that are looked into. Of the pairs that carry parallels in 173,462 sentences of speeches, in 416
/// cells, 64 find 0.996, 32 find 0.989; all take 48 s, 64 took 31 s, 32 took 27 s.
const PROBED: usize = 64;

/// Rows of which cells are made, for each of these.
const SAMPLED: usize = 40;

/// Times that cells are moved to the middle of their rows.
const ROUNDS: usize = 6;

/// The rows of an index in cells, deleted ones left out.
pub struct Cells {
    /// The middle of each cell.
    middles: Codes,
    cells: Vec<Cell>,
}

/// Rows of one cell.
struct Cell {
    codes: Codes,
    /// Their numbers in the index.
    rows: Vec<u32>,
}

impl Cells {
    /// Puts the rows of an index into cells, as many as the square root of their number: what a query
    /// is compared with grows with it as well.
    #[must_use]
    pub fn of(index: &SegmentedIndex) -> Self {
        #[allow(clippy::cast_possible_truncation)] // at most 2^30
        let rows = 0..index.rows() as u32;
        let live: Vec<u32> = rows.filter(|row| index.is_live(*row)).collect();
        let count = live.len().isqrt();
        let middles = middles_of(index, &live, count);
        let mut rows = vec![Vec::new(); count];
        for row in live {
            rows[nearest(&middles, index.vector(row))].push(row);
        }
        let cell = |rows: Vec<u32>| Cell {
            codes: index.gathered(&rows),
            rows,
        };
        Self {
            middles,
            cells: rows.into_iter().map(cell).collect(),
        }
    }

    /// For each of these rows of the index that the cells were made of those that are near to it, best
    /// first. Some may be missed; [`Near::exact`] is not heeded.
    #[must_use]
    pub fn near(
        &self,
        index: &SegmentedIndex,
        rows: &[u32],
        near: &Near<'_>,
    ) -> Vec<Vec<Neighbour>> {
        let admitted = Admitted::of(near.allowed, index.deleted_rows()).without(near.excluded);
        let mut queries = Queries::of(index, rows, near);
        // Which queries look into each cell.
        let mut looking = vec![Vec::new(); self.cells.len()];
        for (query, coded) in queries.all().0.into_iter().enumerate() {
            for cell in self.probed(coded) {
                looking[cell].push(query);
            }
        }
        for (cell, looking) in self.cells.iter().zip(looking) {
            let scan = Scan {
                codes: &cell.codes,
                number_of: |row: usize| cell.rows[row],
                admits: |row| admitted.admits(row),
            };
            let (coded, mut fields) = queries.some(&looking);
            scan.several(&coded, &mut fields);
        }
        queries.nearest(index, rows, near)
    }

    /// The cells whose middles are nearest to a query, in no order.
    fn probed(&self, query: &CodedQuery) -> Vec<usize> {
        let mut products = vec![0; self.cells.len()];
        query.products_from(self.middles.lines(), 0, &mut products);
        let mut cells: Vec<usize> = (0..self.cells.len()).collect();
        if PROBED < cells.len() {
            cells.select_nth_unstable_by_key(PROBED, |cell| (-products[*cell], *cell));
            cells.truncate(PROBED);
        }
        cells
    }
}

/// The middles of so many cells, of a sample of rows at even distances.
fn middles_of(index: &SegmentedIndex, rows: &[u32], count: usize) -> Codes {
    let evenly = |wanted: usize| {
        let step = (rows.len() / wanted.max(1)).max(1);
        let sample = rows.iter().step_by(step).take(wanted);
        sample.map(|row| index.vector(*row))
    };
    let in_bytes = |middles: &[Vec<f32>]| {
        let none = Codes::new(Quantiser::new(index.dimension()));
        none.extended(middles.iter().map(Vec::as_slice))
    };
    let sample: Vec<&[f32]> = evenly(count * SAMPLED).collect();
    let mut middles: Vec<Vec<f32>> = evenly(count).map(<[f32]>::to_vec).collect();
    for _ in 0..ROUNDS {
        let codes = in_bytes(&middles);
        let mut sums = vec![vec![0.0; index.dimension()]; count];
        for vector in &sample {
            for (sum, x) in sums[nearest(&codes, vector)].iter_mut().zip(*vector) {
                *sum += x;
            }
        }
        for (middle, sum) in middles.iter_mut().zip(sums) {
            let length = Path::best().dot_f32(&sum, &sum).sqrt();
            // A cell without rows stays where it is.
            if length > f32::EPSILON {
                *middle = sum.into_iter().map(|x| x / length).collect();
            }
        }
    }
    in_bytes(&middles)
}

/// The place of the nearest of the middles, of equals the first.
fn nearest(middles: &Codes, vector: &[f32]) -> usize {
    let mut products = vec![0; middles.len()];
    CodedQuery::new(vector, middles.quantiser()).products_from(middles.lines(), 0, &mut products);
    let places = (0..).zip(products);
    let best = places.max_by_key(|(place, product)| (*product, std::cmp::Reverse(*place)));
    best.map_or(0, |(place, _)| place)
}
