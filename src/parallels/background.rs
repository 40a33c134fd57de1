//! How alike passages of a corpus are that have nothing to do with each other.

use crate::engine::Snapshot;
use crate::index::similarity;

/// Pairs that are drawn; all there are where there are fewer.
const DRAWN: usize = 1_000_000;

/// The distribution of cosines over random pairs of passages of different documents.
#[derive(Debug, Clone)]
pub struct Background {
    /// Cosines in ascending order.
    scores: Vec<f32>,
}

impl Background {
    /// Draws pairs: the same ones whenever the corpus is the same, whatever the order in which it came.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let catalogue = snapshot.catalogue();
        let places = 0..catalogue.len();
        let rows: Vec<u32> = places
            .flat_map(|place| catalogue.rows_in(place))
            .copied()
            .collect();
        let mut scores = if rows.len() * rows.len() / 2 <= DRAWN {
            every_pair(snapshot, &rows)
        } else {
            random_pairs(snapshot, &rows)
        };
        scores.sort_unstable_by(f32::total_cmp);
        Self { scores }
    }

    /// Of 100 random pairs, how many are less alike: 99.99 says that one in 10,000 is as alike. `None`
    /// where there are no pairs to compare with.
    #[must_use]
    pub fn percentile(&self, score: f32) -> Option<f64> {
        if self.scores.is_empty() {
            return None;
        }
        let below = self.scores.partition_point(|drawn| *drawn < score);
        #[allow(clippy::cast_precision_loss)] // at most a million
        Some(below as f64 * 100.0 / self.scores.len() as f64)
    }

    /// Number of pairs that were drawn.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.scores.len()
    }
}

fn every_pair(snapshot: &Snapshot, rows: &[u32]) -> Vec<f32> {
    let mut scores = Vec::new();
    for (place, a) in rows.iter().enumerate() {
        let later = rows[place + 1..].iter();
        scores.extend(later.filter_map(|b| score(snapshot, *a, *b)));
    }
    scores
}

fn random_pairs(snapshot: &Snapshot, rows: &[u32]) -> Vec<f32> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = || {
        // Marsaglia's xorshift: any machine draws the same.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        #[allow(clippy::cast_possible_truncation)] // a place among the rows
        let place = (state % rows.len() as u64) as usize;
        rows[place]
    };
    let mut scores = Vec::with_capacity(DRAWN);
    // Where nearly all passages are of one document, few pairs count; that must end as well.
    for _ in 0..2 * DRAWN {
        scores.extend(score(snapshot, draw(), draw()));
        if scores.len() == DRAWN {
            break;
        }
    }
    scores
}

/// The cosine of two passages of different documents.
fn score(snapshot: &Snapshot, a: u32, b: u32) -> Option<f32> {
    let document = |row| {
        snapshot
            .catalogue()
            .place_of_row(row)
            .map(|(document, _)| document)
    };
    if document(a)? == document(b)? {
        return None;
    }
    Some(similarity(snapshot.vector_of(a)?, snapshot.vector_of(b)?))
}
