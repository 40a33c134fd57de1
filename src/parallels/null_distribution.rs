//! The null distribution of the cosine: between unrelated passages or sentences of a corpus.

use crate::engine::Snapshot;
use crate::index::similarity;

use super::sentence_index::SentenceIndex;

/// Number of pairs that are drawn; all pairs if there are fewer.
const SAMPLE_PAIRS: usize = 1_000_000;

/// The distribution of cosines over random pairs of different documents.
#[derive(Debug, Clone)]
pub struct NullDistribution {
    /// Cosines in ascending order.
    scores: Vec<f32>,
}

/// The passages or sentences that pairs are drawn from, in the order of documents.
struct StatementSampler<'a> {
    /// Index of the document of each.
    documents: Vec<u32>,
    vectors: Vec<&'a [f32]>,
}

impl NullDistribution {
    /// Draws pairs of passages: the same ones for the same corpus, in whatever order it was indexed.
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

    /// Returns the percentage of random pairs with a lower cosine: at 99.99, one pair in 10,000 is as
    /// similar. `None` if there are no pairs.
    #[must_use]
    pub fn percentile(&self, score: f32) -> Option<f64> {
        if self.scores.is_empty() {
            return None;
        }
        let below = self.scores.partition_point(|drawn| *drawn < score);
        #[allow(clippy::cast_precision_loss)] // at most a million
        Some(below as f64 * 100.0 / self.scores.len() as f64)
    }

    /// Returns the number of drawn pairs.
    #[must_use]
    pub fn sample_size(&self) -> usize {
        self.scores.len()
    }
}

impl<'a> StatementSampler<'a> {
    fn new(snapshot: &Snapshot, vectors_of: impl Fn(u32) -> Vec<&'a [f32]>) -> Self {
        let table = snapshot.document_table();
        let (mut documents, mut vectors) = (Vec::new(), Vec::new());
        for (document, index) in (0..).zip(0..table.len()) {
            for row in table.rows_of_document(index) {
                vectors.extend(vectors_of(*row));
                documents.resize(vectors.len(), document);
            }
        }
        Self { documents, vectors }
    }

    /// Returns the cosine of two of them, or `None` if they are of one document.
    fn score(&self, a: usize, b: usize) -> Option<f32> {
        let is_comparable = self.documents[a] != self.documents[b];
        is_comparable.then(|| similarity(self.vectors[a], self.vectors[b]))
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
        // Marsaglia's xorshift draws the same pairs on every machine.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        #[allow(clippy::cast_possible_truncation)] // an index of a statement
        let index = (state % statements.vectors.len() as u64) as usize;
        index
    };
    let mut scores = Vec::with_capacity(SAMPLE_PAIRS);
    // The number of attempts is bounded: if nearly all are of one document, few pairs count.
    for _ in 0..2 * SAMPLE_PAIRS {
        scores.extend(statements.score(draw(), draw()));
        if scores.len() == SAMPLE_PAIRS {
            break;
        }
    }
    scores
}
