//! The signals that compare two texts, baselines first.

use serde::Serialize;

use crate::index::similarity;

use super::super::Calibration;
use super::super::neighbourhood::MARGIN_NEIGHBOURS;
use super::bm25::Bm25Baseline;
use super::task::EvaluationTask;

/// A number that increases with the similarity of two texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Keyword search, the baseline.
    Bm25,
    /// The cosine of the embeddings.
    Cosine,
    /// TF-IDF cosine.
    LexicalOverlap,
    /// Weighted mean of cosine and lexical overlap of the whole texts.
    CombinedSimilarityOfWhole,
    /// The same for the most similar sentences.
    CombinedSimilarityOfSentences,
    /// The greater of the two, as returned by the API.
    CombinedSimilarity,
    /// The cosine relative to that of the nearest neighbours.
    MarginOfCosine,
    /// The combined similarity relative to that of the nearest neighbours, as returned by the API.
    Margin,
}

impl Signal {
    /// All signals, in the order of [`SignalValues`].
    pub const ALL: [Self; 8] = [
        Self::Bm25,
        Self::Cosine,
        Self::LexicalOverlap,
        Self::CombinedSimilarityOfWhole,
        Self::CombinedSimilarityOfSentences,
        Self::CombinedSimilarity,
        Self::MarginOfCosine,
        Self::Margin,
    ];

    /// Returns its name in the report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bm25 => "BM25",
            Self::Cosine => "cosine",
            Self::LexicalOverlap => "lexical overlap",
            Self::CombinedSimilarityOfWhole => "combined similarity, whole texts",
            Self::CombinedSimilarityOfSentences => "combined similarity, best sentences",
            Self::CombinedSimilarity => "combined similarity",
            Self::MarginOfCosine => "cosine margin",
            Self::Margin => "margin",
        }
    }
}

/// Number of signals that depend on nothing but the two texts and the document frequencies.
pub(super) const DIRECT_SIGNALS: usize = 6;

/// The values of all signals of a pair, in the order of [`Signal::ALL`].
pub(super) type SignalValues = [f32; Signal::ALL.len()];

/// Indices of the two signals that have margins, each with that of its margin.
pub(super) const MARGIN_SIGNALS: [(usize, usize); 2] = [(1, 6), (5, 7)];

/// The scores of a pair, compared like two documents.
pub(super) struct PairScores {
    cosine: f32,
    lexical_overlap: f32,
    whole: f32,
    /// That of the most similar sentences; 0 without informative sentences.
    sentences: f32,
}

impl PairScores {
    pub(super) fn new(
        task: &EvaluationTask,
        (source, target): (usize, usize),
        calibration: &Calibration,
    ) -> Self {
        let (sources, targets) = (&task.sources, task.targets());
        let cosine = similarity(sources.vector(source), targets.vector(target));
        let lexical_overlap = sources.lexical_overlap(source, targets, target);
        let (source_passage, target_passage) = (
            sources.embedded_passage(source),
            targets.embedded_passage(target),
        );
        let best = source_passage.best_sentence_match(&target_passage, calibration, 0.0);
        Self {
            cosine,
            lexical_overlap,
            whole: calibration.combined_similarity(cosine, lexical_overlap),
            sentences: best.map_or(0.0, |best| best.combined_similarity),
        }
    }

    /// Returns the greater of the two.
    pub(super) fn combined_similarity(&self) -> f32 {
        self.whole.max(self.sentences)
    }
}

/// Returns the direct signals of one source and every target: `[signal][target]`.
pub(super) fn direct_row(
    task: &EvaluationTask,
    source: usize,
    bm25: &Bm25Baseline,
    calibration: &Calibration,
) -> [Vec<f32>; DIRECT_SIGNALS] {
    let targets = task.targets().len();
    let mut row: [Vec<f32>; DIRECT_SIGNALS] = std::array::from_fn(|_| Vec::with_capacity(targets));
    let [
        bm25_scores,
        cosines,
        overlaps,
        whole,
        sentences,
        similarities,
    ] = &mut row;
    *bm25_scores = bm25.scores(task.sources.term_hashes(source));
    for target in 0..targets {
        let compared = PairScores::new(task, (source, target), calibration);
        cosines.push(compared.cosine);
        overlaps.push(compared.lexical_overlap);
        whole.push(compared.whole);
        sentences.push(compared.sentences);
        similarities.push(compared.combined_similarity());
    }
    row
}

/// Returns the signals that have margins, of one source and every target: `[margin][target]`.
pub(super) fn margin_row(
    task: &EvaluationTask,
    source: usize,
    calibration: &Calibration,
) -> [Vec<f32>; MARGIN_SIGNALS.len()] {
    let pair = |target| {
        let compared = PairScores::new(task, (source, target), calibration);
        (compared.cosine, compared.combined_similarity())
    };
    let (cosines, similarities) = (0..task.targets().len()).map(pair).unzip();
    [cosines, similarities]
}

/// The greatest scores of a text, whose mean is its neighbourhood.
#[derive(Debug, Clone, Copy)]
pub(super) struct TopNeighbours {
    /// In descending order; minus infinity if there are fewer.
    top: [f32; MARGIN_NEIGHBOURS],
}

impl TopNeighbours {
    pub(super) const EMPTY: Self = Self {
        top: [f32::NEG_INFINITY; MARGIN_NEIGHBOURS],
    };

    pub(super) fn add(&mut self, score: f32) {
        let position = self.top.partition_point(|greater| *greater >= score);
        if position < MARGIN_NEIGHBOURS {
            self.top[position..].rotate_right(1);
            self.top[position] = score;
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        other.top.iter().for_each(|number| self.add(*number));
    }

    pub(super) fn mean(&self) -> f32 {
        let found = self.top.iter().filter(|number| number.is_finite());
        #[allow(clippy::cast_precision_loss)] // at most 4
        let number = found.clone().count().max(1) as f32;
        found.sum::<f32>() / number
    }
}

/// Returns the ratio of a score to the mean of both neighbourhoods; 0 if that mean is not positive.
pub(super) fn margin(score: f32, source_mean: f32, target_mean: f32) -> f32 {
    let mean = f32::midpoint(source_mean, target_mean);
    if mean > 0.0 { score / mean } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn top_neighbours_mean_the_greatest() {
        let mut some = TopNeighbours::EMPTY;
        assert!(some.mean().abs() < 1e-9);
        for number in [0.1, 0.9, 0.5] {
            some.add(number);
        }
        assert!((some.mean() - 0.5).abs() < 1e-6);
        let mut others = TopNeighbours::EMPTY;
        for number in [0.8, 0.2, 0.7, 0.0, 0.3] {
            others.add(number);
        }
        some.merge(&others);
        assert!((some.mean() - (0.9 + 0.8 + 0.7 + 0.5) / 4.0).abs() < 1e-6);
        assert!((margin(0.6, 0.5, 0.7) - 1.0).abs() < 1e-6);
        assert!(margin(0.6, -0.5, 0.1).abs() < 1e-9);
    }

    #[test]
    fn margin_signals_have_the_stated_positions() {
        let names =
            MARGIN_SIGNALS.map(|(signal, margin)| (Signal::ALL[signal], Signal::ALL[margin]));
        assert_eq!(names[0], (Signal::Cosine, Signal::MarginOfCosine));
        assert_eq!(names[1], (Signal::CombinedSimilarity, Signal::Margin));
        assert!(
            MARGIN_SIGNALS
                .iter()
                .all(|(signal, margin)| *signal < DIRECT_SIGNALS && *margin >= DIRECT_SIGNALS)
        );
    }
}
