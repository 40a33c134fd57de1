//! The neighbourhood of a text: the similarity of its nearest neighbours, its prevalence, its
//! near-equivalents.

use std::collections::HashSet;

use crate::engine::DocumentTable;

use super::pair::Pair;

/// Number of neighbours whose mean combined similarity is a text's neighbourhood (4, as in Artetxe and
/// Schwenk 2019).
pub(super) const MARGIN_NEIGHBOURS: usize = 4;

/// Minimum cosine of near-equivalents, which must also reach [`MIN_EQUIVALENT_CONFIDENCE`].
pub const MIN_COSINE: f32 = 0.7;

/// Minimum confidence of near-equivalents.
pub(super) const MIN_EQUIVALENT_CONFIDENCE: f32 = 0.3;

/// Number of nearest neighbours by cosine that are reranked by combined similarity.
pub(super) const RERANK_DEPTH: usize = 16;

/// The neighbourhood of one passage or sentence, as numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LocalDensity {
    /// Mean combined similarity of its [`MARGIN_NEIGHBOURS`] nearest neighbours in other documents;
    /// `None` if it has none.
    pub mean_similarity: Option<f32>,
    /// How widely it is restated.
    pub prevalence: Prevalence,
}

/// How widely a statement is restated in the corpus.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prevalence {
    /// Number of other documents that restate it.
    pub documents: usize,
    /// Number of their known speakers.
    pub speakers: usize,
}

/// The neighbourhoods of a passage and of its sentences.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbourhood {
    /// That of the whole passage.
    pub whole: LocalDensity,
    /// That of each sentence; empty for those of too few words.
    pub sentences: Box<[LocalDensity]>,
    /// Near-equivalents in other documents: matches of at least [`MIN_COSINE`] and
    /// [`MIN_EQUIVALENT_CONFIDENCE`] with this passage as their source. Those of one target follow each
    /// other, by descending confidence.
    pub equivalents: Box<[Pair]>,
}

/// Accumulates the neighbours of one text.
pub(super) struct NeighbourAccumulator<'a> {
    table: &'a DocumentTable,
    top_similarities: Vec<f32>,
    documents: HashSet<u32>,
    speakers: HashSet<&'a str>,
}

impl<'a> NeighbourAccumulator<'a> {
    pub(super) fn new(table: &'a DocumentTable) -> Self {
        Self {
            table,
            top_similarities: Vec::with_capacity(RERANK_DEPTH),
            documents: HashSet::new(),
            speakers: HashSet::new(),
        }
    }

    /// Adds a neighbour, nearest first. Returns the pair if it is a near-equivalent.
    pub(super) fn add(&mut self, pair: Pair) -> Option<Pair> {
        if self.top_similarities.len() < RERANK_DEPTH {
            self.top_similarities.push(pair.combined_similarity);
        }
        if pair.score < MIN_COSINE || pair.confidence < MIN_EQUIVALENT_CONFIDENCE {
            return None;
        }
        if let Some((document, _)) = self.table.location_of_row(pair.target)
            && self.documents.insert(document)
        {
            let document = self.table.document(document as usize);
            self.speakers
                .extend(document.and_then(|d| d.metadata.speaker.as_deref()));
        }
        Some(pair)
    }

    /// Returns the neighbourhood.
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
