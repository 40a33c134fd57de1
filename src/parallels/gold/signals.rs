//! The numbers that compare two texts, the peers first.

use serde::Serialize;

use crate::index::similarity;

use super::super::{Calibration, NEIGHBOURS};
use super::bm25::Bm25;
use super::task::Task;

/// A number that is the greater the more two texts are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Search by words as everybody has it.
    Bm25,
    /// The cosine of the embeddings.
    Cosine,
    /// How many of the words that tell both have.
    Words,
    /// Mean of cosine and words in common.
    LikenessOfWhole,
    /// The same of the most alike sentences.
    LikenessOfSentences,
    /// The greater of the two, as it is shown.
    Likeness,
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
        Self::Words,
        Self::LikenessOfWhole,
        Self::LikenessOfSentences,
        Self::Likeness,
        Self::MarginOfCosine,
        Self::Margin,
    ];

    /// What people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bm25 => "BM25",
            Self::Cosine => "cosine",
            Self::Words => "words in common",
            Self::LikenessOfWhole => "likeness, whole texts",
            Self::LikenessOfSentences => "likeness, best sentences",
            Self::Likeness => "likeness",
            Self::MarginOfCosine => "margin of the cosine",
            Self::Margin => "margin of the likeness",
        }
    }
}

/// Signals that ask nothing but the two texts, and the corpus for how rare a word is.
pub(super) const DIRECT: usize = 6;

/// All numbers of a pair, in the order of [`Signal::ALL`].
pub(super) type Numbers = [f32; Signal::ALL.len()];

/// Places of the two signals of which there are margins, each with that of its margin.
pub(super) const MARGINS: [(usize, usize); 2] = [(1, 6), (5, 7)];

/// A pair, compared as two documents are.
pub(super) struct Compared {
    cosine: f32,
    words: f32,
    whole: f32,
    /// Of the most alike sentences; 0 where none count.
    sentences: f32,
}

impl Compared {
    pub(super) fn of(
        task: &Task,
        (source, target): (usize, usize),
        calibration: &Calibration,
    ) -> Self {
        let (sources, targets) = (&task.sources, task.targets());
        let cosine = similarity(sources.vector(source), targets.vector(target));
        let words = sources.words_in_common(source, targets, target);
        let (own, theirs) = (sources.embedded(source), targets.embedded(target));
        let best = own.best_sentences(&theirs, calibration, 0.0);
        Self {
            cosine,
            words,
            whole: calibration.likeness(cosine, words),
            sentences: best.map_or(0.0, |best| best.likeness),
        }
    }

    /// The greater of the two.
    pub(super) fn likeness(&self) -> f32 {
        self.whole.max(self.sentences)
    }
}

/// The direct signals of one source and every target: `[signal][target]`.
pub(super) fn row(
    task: &Task,
    source: usize,
    bm25: &Bm25,
    calibration: &Calibration,
) -> [Vec<f32>; DIRECT] {
    let targets = task.targets().len();
    let mut row: [Vec<f32>; DIRECT] = std::array::from_fn(|_| Vec::with_capacity(targets));
    let [found, cosines, words, whole, sentences, likeness] = &mut row;
    *found = bm25.scores(task.sources.words(source));
    for target in 0..targets {
        let compared = Compared::of(task, (source, target), calibration);
        cosines.push(compared.cosine);
        words.push(compared.words);
        whole.push(compared.whole);
        sentences.push(compared.sentences);
        likeness.push(compared.likeness());
    }
    row
}

/// The signals of which there are margins, of one source and every target: `[margin][target]`.
pub(super) fn row_of_margins(
    task: &Task,
    source: usize,
    calibration: &Calibration,
) -> [Vec<f32>; MARGINS.len()] {
    let pair = |target| {
        let compared = Compared::of(task, (source, target), calibration);
        (compared.cosine, compared.likeness())
    };
    let (cosines, likeness) = (0..task.targets().len()).map(pair).unzip();
    [cosines, likeness]
}

/// The greatest numbers of a text, of which the mean is its neighbourhood.
#[derive(Debug, Clone, Copy)]
pub(super) struct Neighbours {
    /// In descending order; minus infinity where there are fewer.
    greatest: [f32; NEIGHBOURS],
}

impl Neighbours {
    pub(super) const NONE: Self = Self {
        greatest: [f32::NEG_INFINITY; NEIGHBOURS],
    };

    pub(super) fn add(&mut self, number: f32) {
        let place = self.greatest.partition_point(|greater| *greater >= number);
        if place < NEIGHBOURS {
            self.greatest[place..].rotate_right(1);
            self.greatest[place] = number;
        }
    }

    pub(super) fn join(&mut self, other: &Self) {
        other.greatest.iter().for_each(|number| self.add(*number));
    }

    pub(super) fn mean(&self) -> f32 {
        let found = self.greatest.iter().filter(|number| number.is_finite());
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
    fn a_neighbourhood_is_the_mean_of_the_greatest() {
        let mut some = Neighbours::NONE;
        assert!(some.mean().abs() < 1e-9);
        for number in [0.1, 0.9, 0.5] {
            some.add(number);
        }
        assert!((some.mean() - 0.5).abs() < 1e-6);
        let mut others = Neighbours::NONE;
        for number in [0.8, 0.2, 0.7, 0.0, 0.3] {
            others.add(number);
        }
        some.join(&others);
        assert!((some.mean() - (0.9 + 0.8 + 0.7 + 0.5) / 4.0).abs() < 1e-6);
        assert!((margin(0.6, 0.5, 0.7) - 1.0).abs() < 1e-6);
        assert!(margin(0.6, -0.5, 0.1).abs() < 1e-9);
    }

    #[test]
    fn margins_stand_where_they_are_said_to() {
        let names = MARGINS.map(|(of, place)| (Signal::ALL[of], Signal::ALL[place]));
        assert_eq!(names[0], (Signal::Cosine, Signal::MarginOfCosine));
        assert_eq!(names[1], (Signal::Likeness, Signal::Margin));
        assert!(
            MARGINS
                .iter()
                .all(|(of, place)| *of < DIRECT && *place >= DIRECT)
        );
    }
}
