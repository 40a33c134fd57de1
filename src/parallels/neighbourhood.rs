//! Who is around a statement: how alike its nearest are, how common it is, what says nearly the same.

use std::collections::HashSet;

use super::{EQUIVALENT, NEAR, NEIGHBOURS, Pair, Survey};

/// Neighbours by cosine among which the most alike are chosen.
pub(super) const CHOSEN_AMONG: usize = 16;

/// Who is around a statement.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Around {
    /// Mean likeness of its [`NEIGHBOURS`] nearest in other documents; `None` where it has none.
    pub likeness: Option<f32>,
    /// How common it is.
    pub common: Commonness,
}

/// In how much of the corpus nearly the same is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Commonness {
    /// Other documents that say nearly the same.
    pub documents: usize,
    /// Speakers of these, as far as they are known.
    pub speakers: usize,
}

/// Who is around a passage and its sentences.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbourhood {
    /// Around the whole passage.
    pub whole: Around,
    /// Around each sentence; those of too few words have none.
    pub sentences: Box<[Around]>,
    /// All passages of other documents that say nearly the same, or hold a sentence that does: pairs
    /// whose carriers are at least [`NEAR`] and [`EQUIVALENT`], with this passage as their source. Those of
    /// one target stand together, the surest first.
    pub equivalents: Box<[Pair]>,
}

/// What is known of the neighbours of one statement.
pub(super) struct Gathered<'a> {
    survey: &'a Survey,
    nearest: Vec<f32>,
    documents: HashSet<u32>,
    speakers: HashSet<&'a str>,
}

impl<'a> Gathered<'a> {
    pub(super) fn new(survey: &'a Survey) -> Self {
        Self {
            survey,
            nearest: Vec::with_capacity(CHOSEN_AMONG),
            documents: HashSet::new(),
            speakers: HashSet::new(),
        }
    }

    /// Takes a neighbour; they must come nearest first. Gives the pair back if it says nearly the same.
    pub(super) fn add(&mut self, pair: Pair) -> Option<Pair> {
        if self.nearest.len() < CHOSEN_AMONG {
            self.nearest.push(pair.likeness);
        }
        if pair.score < NEAR || pair.confidence < EQUIVALENT {
            return None;
        }
        let catalogue = self.survey.snapshot().catalogue();
        if let Some((document, _)) = catalogue.place_of_row(pair.target)
            && self.documents.insert(document)
        {
            let document = catalogue.document(document as usize);
            self.speakers
                .extend(document.and_then(|d| d.metadata.speaker.as_deref()));
        }
        Some(pair)
    }

    /// What is around the statement.
    pub(super) fn around(mut self) -> Around {
        self.nearest.sort_unstable_by(|a, b| b.total_cmp(a));
        self.nearest.truncate(NEIGHBOURS);
        #[allow(clippy::cast_precision_loss)] // at most 4
        let mean = self.nearest.iter().sum::<f32>() / self.nearest.len() as f32;
        Around {
            likeness: (!self.nearest.is_empty()).then_some(mean),
            common: Commonness {
                documents: self.documents.len(),
                speakers: self.speakers.len(),
            },
        }
    }
}
