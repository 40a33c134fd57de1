//! The numbers that compare two texts, the peers first.

use serde::Serialize;

use crate::index::similarity;

use super::super::{Calibration, MARGIN_NEIGHBOURS};
use super::bm25::Bm25Baseline;
use super::task::EvaluationTask;

/// A number that is the greater the more two texts are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Search by words as everybody has it.
    Bm25,
    /// The cosine of the embeddings.
    Cosine,
    /// How many of the words that tell both have.
    LexicalOverlap,
    /// Mean of cosine and words in common.
    CombinedSimilarityOfWhole,
    /// The same of the most alike sentences.
    CombinedSimilarityOfSentences,
    /// The greater of the two, as it is shown.
    CombinedSimilarity,
    /// The cosine over those of the nearest neighbours.
    MarginOfCosine,
    /// The likeness over those of the most alike neighbours, as it is shown.
    Margin,
}

impl Signal {
    /// All, in the order of the numbers of a pair.
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

    /// What people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bm25 => "BM25",
            Self::Cosine => "cosine",
            Self::LexicalOverlap => "words in common",
            Self::CombinedSimilarityOfWhole => "likeness, whole texts",
            Self::CombinedSimilarityOfSentences => "likeness, best sentences",
            Self::CombinedSimilarity => "likeness",
            Self::MarginOfCosine => "margin of the cosine",
            Self::Margin => "margin of the likeness",
        }
    }
}

/// Signals that ask nothing but the two texts, and the corpus for how rare a word is.
pub(super) const DIRECT_SIGNALS: usize = 6;

/// All numbers of a pair, in the order of [`Signal::ALL`].
pub(super) type SignalValues = [f32; Signal::ALL.len()];

/// Places of the two signals of which there are margins, each with that of its margin.
pub(super) const MARGIN_SIGNALS: [(usize, usize); 2] = [(1, 6), (5, 7)];

/// A pair, compared as two documents are.
pub(super) struct PairScores {
    cosine: f32,
    lexical_overlap: f32,
    whole: f32,
    /// Of the most alike sentences; 0 where none count.
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
        let words = sources.lexical_overlap(source, targets, target);
        let (own, theirs) = (
            sources.embedded_passage(source),
            targets.embedded_passage(target),
        );
        let best = own.best_sentence_match(&theirs, calibration, 0.0);
        Self {
            cosine,
            lexical_overlap: words,
            whole: calibration.combined_similarity(cosine, words),
            sentences: best.map_or(0.0, |best| best.combined_similarity),
        }
    }

    /// The greater of the two.
    pub(super) fn combined_similarity(&self) -> f32 {
        self.whole.max(self.sentences)
    }
}

/// The direct signals of one source and every target: `[signal][target]`.
pub(super) fn direct_row(
    task: &EvaluationTask,
    source: usize,
    bm25: &Bm25Baseline,
    calibration: &Calibration,
) -> [Vec<f32>; DIRECT_SIGNALS] {
    let targets = task.targets().len();
    let mut row: [Vec<f32>; DIRECT_SIGNALS] = std::array::from_fn(|_| Vec::with_capacity(targets));
    let [found, cosines, words, whole, sentences, likeness] = &mut row;
    *found = bm25.scores(task.sources.term_hashes(source));
    for target in 0..targets {
        let compared = PairScores::new(task, (source, target), calibration);
        cosines.push(compared.cosine);
        words.push(compared.lexical_overlap);
        whole.push(compared.whole);
        sentences.push(compared.sentences);
        likeness.push(compared.combined_similarity());
    }
    row
}

/// The signals of which there are margins, of one source and every target: `[margin][target]`.
pub(super) fn margin_row(
    task: &EvaluationTask,
    source: usize,
    calibration: &Calibration,
) -> [Vec<f32>; MARGIN_SIGNALS.len()] {
    let pair = |target| {
        let compared = PairScores::new(task, (source, target), calibration);
        (compared.cosine, compared.combined_similarity())
    };
    let (cosines, likeness) = (0..task.targets().len()).map(pair).unzip();
    [cosines, likeness]
}

/// The greatest numbers of a text, of which the mean is its neighbourhood.
#[derive(Debug, Clone, Copy)]
pub(super) struct TopNeighbours {
    /// In descending order; minus infinity where there are fewer.
    top: [f32; MARGIN_NEIGHBOURS],
}

impl TopNeighbours {
    pub(super) const EMPTY: Self = Self {
        top: [f32::NEG_INFINITY; MARGIN_NEIGHBOURS],
    };

    pub(super) fn add(&mut self, number: f32) {
        let place = self.top.partition_point(|greater| *greater >= number);
        if place < MARGIN_NEIGHBOURS {
            self.top[place..].rotate_right(1);
            self.top[place] = number;
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

/// How far a number stands out of both neighbourhoods; 0 where these are on the whole unlike.
pub(super) fn margin(number: f32, own: f32, theirs: f32) -> f32 {
    let mean = f32::midpoint(own, theirs);
    if mean > 0.0 { number / mean } else { 0.0 }
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
        let names = MARGIN_SIGNALS.map(|(of, place)| (Signal::ALL[of], Signal::ALL[place]));
        assert_eq!(names[0], (Signal::Cosine, Signal::MarginOfCosine));
        assert_eq!(names[1], (Signal::CombinedSimilarity, Signal::Margin));
        assert!(
            MARGIN_SIGNALS
                .iter()
                .all(|(of, place)| *of < DIRECT_SIGNALS && *place >= DIRECT_SIGNALS)
        );
    }
}
