//! Rows that are alike side by side, so that what is near is looked for in a few places only: an inverted
//! file (Sivic & Zisserman 2003) whose cells are those of spherical k-means (Dhillon & Modha 2001).
//!
//! For a block of rows that all look for what is near to them this takes less than a graph: a cell is
//! built in no time, and scanned for several queries at once. The same rows in the same order make the
//! same cells.
//!
//! They are built on one thread. Whoever builds them is waited for, perhaps under a lock; a thread of a
//! pool that waits for its own work meanwhile takes up other work, which may want the same lock.

use super::kernels::SimdLevel;
use super::range_search::RowQueries;
use super::scalar_quantization::{QuantizedQuery, QuantizedVectors, ScalarQuantizer};
use super::scan::CodeScan;
use super::segment::RowSet;
use super::{Neighbour, RangeQuery, SegmentedIndex};

/// Cells that are looked into. Of the pairs that carry parallels in 173,462 sentences of speeches, in 416
/// cells, 64 find 0.996, 32 find 0.989; all take 48 s, 64 took 31 s, 32 took 27 s.
const NPROBE: usize = 64;

/// Rows of which cells are made, for each of these.
const TRAIN_POINTS_PER_CENTROID: usize = 40;

/// Times that cells are moved to the middle of their rows.
const KMEANS_ITERATIONS: usize = 6;

/// The rows of an index in cells, deleted ones left out.
pub struct IvfIndex {
    /// The middle of each cell.
    centroids: QuantizedVectors,
    lists: Vec<InvertedList>,
}

/// Rows of one cell.
struct InvertedList {
    codes: QuantizedVectors,
    /// Their numbers in the index.
    rows: Vec<u32>,
}

impl IvfIndex {
    /// Puts the rows of an index into cells, as many as the square root of their number: what a query
    /// is compared with grows with it as well.
    #[must_use]
    pub fn build(index: &SegmentedIndex) -> Self {
        #[allow(clippy::cast_possible_truncation)] // at most 2^30
        let rows = 0..index.row_count() as u32;
        let live: Vec<u32> = rows.filter(|row| index.is_live(*row)).collect();
        let count = live.len().isqrt();
        let centroids = train_centroids(index, &live, count);
        let mut rows = vec![Vec::new(); count];
        for row in live {
            rows[nearest_centroid(&centroids, index.vector(row))].push(row);
        }
        let inverted_list = |rows: Vec<u32>| InvertedList {
            codes: index.gather_rows(&rows),
            rows,
        };
        Self {
            centroids,
            lists: rows.into_iter().map(inverted_list).collect(),
        }
    }

    /// For each of these rows of the index that the cells were made of those that are near to it, best
    /// first. Some may be missed; [`Near::exact`] is not heeded.
    #[must_use]
    pub fn range_search(
        &self,
        index: &SegmentedIndex,
        rows: &[u32],
        range: &RangeQuery<'_>,
    ) -> Vec<Vec<Neighbour>> {
        let admitted =
            RowSet::new(range.allowed_rows, index.tombstones()).excluding(range.excluded_rows);
        let mut queries = RowQueries::new(index, rows, range);
        // Which queries look into each cell.
        let mut queries_by_list = vec![Vec::new(); self.lists.len()];
        for (query, coded) in queries.all_mut().0.into_iter().enumerate() {
            for cell in self.probe_clusters(coded) {
                queries_by_list[cell].push(query);
            }
        }
        for (list, list_queries) in self.lists.iter().zip(queries_by_list) {
            let scan = CodeScan {
                codes: &list.codes,
                row_id: |row: usize| list.rows[row],
                matches: |row| admitted.contains(row),
            };
            let (coded, mut fields) = queries.select_mut(&list_queries);
            scan.scan_batch(&coded, &mut fields);
        }
        queries.into_neighbours(index, rows, range)
    }

    /// The cells whose middles are nearest to a query, in no order.
    fn probe_clusters(&self, query: &QuantizedQuery) -> Vec<usize> {
        let mut products = vec![0; self.lists.len()];
        query.dot_products_from(self.centroids.code_lines(), 0, &mut products);
        let mut cells: Vec<usize> = (0..self.lists.len()).collect();
        if NPROBE < cells.len() {
            cells.select_nth_unstable_by_key(NPROBE, |cell| (-products[*cell], *cell));
            cells.truncate(NPROBE);
        }
        cells
    }
}

/// The middles of so many cells, of a sample of rows at even distances.
fn train_centroids(index: &SegmentedIndex, rows: &[u32], count: usize) -> QuantizedVectors {
    let evenly_spaced = |sample_size: usize| {
        let step = (rows.len() / sample_size.max(1)).max(1);
        let sample = rows.iter().step_by(step).take(sample_size);
        sample.map(|row| index.vector(*row))
    };
    let quantize = |points: &[Vec<f32>]| {
        let empty = QuantizedVectors::new(ScalarQuantizer::new(index.dimension()));
        empty.with_appended(points.iter().map(Vec::as_slice))
    };
    let sample: Vec<&[f32]> = evenly_spaced(count * TRAIN_POINTS_PER_CENTROID).collect();
    let mut centroids: Vec<Vec<f32>> = evenly_spaced(count).map(<[f32]>::to_vec).collect();
    for _ in 0..KMEANS_ITERATIONS {
        let codes = quantize(&centroids);
        let mut sums = vec![vec![0.0; index.dimension()]; count];
        for vector in &sample {
            for (sum, x) in sums[nearest_centroid(&codes, vector)]
                .iter_mut()
                .zip(*vector)
            {
                *sum += x;
            }
        }
        for (centroid, sum) in centroids.iter_mut().zip(sums) {
            let length = SimdLevel::best().dot_f32(&sum, &sum).sqrt();
            // A cell without rows stays where it is.
            if length > f32::EPSILON {
                *centroid = sum.into_iter().map(|x| x / length).collect();
            }
        }
    }
    quantize(&centroids)
}

/// The place of the nearest of the middles, of equals the first.
fn nearest_centroid(centroids: &QuantizedVectors, vector: &[f32]) -> usize {
    let mut products = vec![0; centroids.len()];
    QuantizedQuery::new(vector, centroids.quantizer()).dot_products_from(
        centroids.code_lines(),
        0,
        &mut products,
    );
    let places = (0..).zip(products);
    let best = places.max_by_key(|(place, product)| (*product, std::cmp::Reverse(*place)));
    best.map_or(0, |(place, _)| place)
}
