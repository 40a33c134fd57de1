//! How alike passages and sentences of a corpus are that have nothing to do with each other.

use crate::engine::Snapshot;
use crate::index::similarity;

use super::SentenceIndex;

/// Pairs that are drawn; all there are where there are fewer.
const SAMPLE_PAIRS: usize = 1_000_000;

/// The distribution of cosines over random pairs of different documents.
#[derive(Debug, Clone)]
pub struct NullDistribution {
    /// Cosines in ascending order.
    scores: Vec<f32>,
}

/// What pairs are drawn of: passages or sentences, in the order of documents.
struct StatementSampler<'a> {
    /// The place of each one's document.
    documents: Vec<u32>,
    vectors: Vec<&'a [f32]>,
}

impl NullDistribution {
    /// Draws pairs of passages: the same ones whenever the corpus is the same, whatever the order in which
    /// it came.
    pub(super) fn from_passages(snapshot: &Snapshot) -> Self {
        Self::from_sampler(&StatementSampler::new(snapshot, |row| {
            snapshot.vector_of(row).into_iter().collect()
        }))
    }

    /// Draws pairs of sentences in the same way.
    pub(super) fn from_sentences(snapshot: &Snapshot, sentences: &SentenceIndex) -> Self {
        Self::from_sampler(&StatementSampler::new(snapshot, |row| {
            sentences.vectors(row)
        }))
    }

    fn from_sampler(statements: &StatementSampler<'_>) -> Self {
        let all = statements.vectors.len();
        let mut scores = if all * all / 2 <= SAMPLE_PAIRS {
            all_pair_scores(statements)
        } else {
            random_pair_scores(statements)
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
    pub fn sample_size(&self) -> usize {
        self.scores.len()
    }
}

impl<'a> StatementSampler<'a> {
    fn new(snapshot: &Snapshot, vectors_of: impl Fn(u32) -> Vec<&'a [f32]>) -> Self {
        let catalogue = snapshot.document_table();
        let (mut documents, mut vectors) = (Vec::new(), Vec::new());
        for (document, place) in (0..).zip(0..catalogue.len()) {
            for row in catalogue.rows_of_document(place) {
                vectors.extend(vectors_of(*row));
                documents.resize(vectors.len(), document);
            }
        }
        Self { documents, vectors }
    }

    /// The cosine of two statements of different documents.
    fn score(&self, a: usize, b: usize) -> Option<f32> {
        let apart = self.documents[a] != self.documents[b];
        apart.then(|| similarity(self.vectors[a], self.vectors[b]))
    }
}

fn all_pair_scores(statements: &StatementSampler<'_>) -> Vec<f32> {
    let all = statements.vectors.len();
    let pairs = (0..all).flat_map(|a| (a + 1..all).map(move |b| (a, b)));
    pairs.filter_map(|(a, b)| statements.score(a, b)).collect()
}

fn random_pair_scores(statements: &StatementSampler<'_>) -> Vec<f32> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = || {
        // Marsaglia's xorshift: any machine draws the same.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        #[allow(clippy::cast_possible_truncation)] // a place among the statements
        let place = (state % statements.vectors.len() as u64) as usize;
        place
    };
    let mut scores = Vec::with_capacity(SAMPLE_PAIRS);
    // Where nearly all are of one document, few pairs count; that must end as well.
    for _ in 0..2 * SAMPLE_PAIRS {
        scores.extend(statements.score(draw(), draw()));
        if scores.len() == SAMPLE_PAIRS {
            break;
        }
    }
    scores
}
