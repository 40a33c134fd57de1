//! Who is around a statement: how alike its nearest are, how common it is, what says nearly the same.

use std::collections::HashSet;

use super::{CorpusContext, MARGIN_NEIGHBOURS, MIN_COSINE, MIN_EQUIVALENT_CONFIDENCE, Pair};

/// Neighbours by cosine among which the most alike are chosen.
pub(super) const RERANK_DEPTH: usize = 16;

/// Who is around a statement.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LocalDensity {
    /// Mean likeness of its [`NEIGHBOURS`] nearest in other documents; `None` where it has none.
    pub mean_similarity: Option<f32>,
    /// How common it is.
    pub prevalence: Prevalence,
}

/// In how much of the corpus nearly the same is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prevalence {
    /// Other documents that say nearly the same.
    pub documents: usize,
    /// Speakers of these, as far as they are known.
    pub speakers: usize,
}

/// Who is around a passage and its sentences.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbourhood {
    /// Around the whole passage.
    pub whole: LocalDensity,
    /// Around each sentence; those of too few words have none.
    pub sentences: Box<[LocalDensity]>,
    /// All passages of other documents that say nearly the same, or hold a sentence that does: pairs
    /// whose carriers are at least [`NEAR`] and [`EQUIVALENT`], with this passage as their source. Those of
    /// one target stand together, the surest first.
    pub equivalents: Box<[Pair]>,
}

/// What is known of the neighbours of one statement.
pub(super) struct NeighbourAccumulator<'a> {
    survey: &'a CorpusContext,
    top_similarities: Vec<f32>,
    documents: HashSet<u32>,
    speakers: HashSet<&'a str>,
}

impl<'a> NeighbourAccumulator<'a> {
    pub(super) fn new(survey: &'a CorpusContext) -> Self {
        Self {
            survey,
            top_similarities: Vec::with_capacity(RERANK_DEPTH),
            documents: HashSet::new(),
            speakers: HashSet::new(),
        }
    }

    /// Takes a neighbour; they must come nearest first. Gives the pair back if it says nearly the same.
    pub(super) fn add(&mut self, pair: Pair) -> Option<Pair> {
        if self.top_similarities.len() < RERANK_DEPTH {
            self.top_similarities.push(pair.combined_similarity);
        }
        if pair.score < MIN_COSINE || pair.confidence < MIN_EQUIVALENT_CONFIDENCE {
            return None;
        }
        let catalogue = self.survey.snapshot().document_table();
        if let Some((document, _)) = catalogue.location_of_row(pair.target)
            && self.documents.insert(document)
        {
            let document = catalogue.document(document as usize);
            self.speakers
                .extend(document.and_then(|d| d.metadata.speaker.as_deref()));
        }
        Some(pair)
    }

    /// What is around the statement.
    pub(super) fn finish(mut self) -> LocalDensity {
        self.top_similarities
            .sort_unstable_by(|a, b| b.total_cmp(a));
        self.top_similarities.truncate(MARGIN_NEIGHBOURS);
        #[allow(clippy::cast_precision_loss)] // at most 4
        let mean = self.top_similarities.iter().sum::<f32>() / self.top_similarities.len() as f32;
        LocalDensity {
            mean_similarity: (!self.top_similarities.is_empty()).then_some(mean),
            prevalence: Prevalence {
                documents: self.documents.len(),
                speakers: self.speakers.len(),
            },
        }
    }
}
