//! The comparison of two documents.

use std::collections::HashSet;

use super::corpus_context::CorpusContext;
use super::error::{ParallelsError, ShouldContinue};
use super::pair::Pair;

/// Thresholds of a pair of two documents, of which either suffices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairThresholds {
    /// Minimum confidence.
    pub min_confidence: f32,
    /// Minimum alignment score (see [`CorpusContext::alignment_score`]): between two documents that are
    /// read side by side, an echo is worth showing whatever surrounds it.
    pub min_alignment_score: f32,
}

impl Default for PairThresholds {
    fn default() -> Self {
        Self {
            min_confidence: 0.15,
            min_alignment_score: 2.0,
        }
    }
}

/// Weight of the alignment score relative to the combined similarity when passages or sentences are
/// ranked; fitted on the same labelled pairs as the calibration.
const ALIGNMENT_WEIGHT: f32 = 0.12;

/// Returns the score by which pairs of passages or sentences are ranked.
pub(super) fn rank_score(combined_similarity: f32, alignment_score: f32) -> f32 {
    combined_similarity + ALIGNMENT_WEIGHT * alignment_score.ln_1p()
}

/// The result of comparing two documents.
#[derive(Debug, Clone)]
pub struct DocumentMatches {
    /// The pairs that reach a threshold, highest-ranked first.
    pub pairs: Vec<Pair>,
    /// Number of compared pairs.
    pub compared_pairs: usize,
    /// Number of pairs that reach a threshold but are superseded by higher-ranked pairs of the same
    /// passages.
    pub superseded: usize,
    /// The pair with the highest confidence, returned or not.
    pub closest: Option<Pair>,
}

/// Compares every passage of one document with every passage of the other, exactly, regardless of their
/// order. Unless `many_to_many`, each passage is in at most one pair: the highest-ranked pair is
/// accepted first, then the best of the remaining passages.
///
/// # Errors
///
/// If a document does not exist, both are the same, or the store cannot be read.
pub fn compare(
    context: &CorpusContext,
    both: (&str, &str),
    thresholds: PairThresholds,
    many_to_many: bool,
) -> Result<DocumentMatches, ParallelsError> {
    compare_cancellable(context, both, thresholds, many_to_many, &|| true)
}

/// Compares like [`compare`], checking for cancellation with every passage.
///
/// # Errors
///
/// As [`compare`], and [`ParallelsError::Cancelled`].
pub fn compare_cancellable(
    context: &CorpusContext,
    (source, target): (&str, &str),
    thresholds: PairThresholds,
    many_to_many: bool,
    should_continue: ShouldContinue<'_>,
) -> Result<DocumentMatches, ParallelsError> {
    let table = context.snapshot().document_table();
    let document_index = |id: &str| {
        let index = table.document_index_of(id);
        index.ok_or_else(|| ParallelsError::NoSuchDocument { id: id.to_owned() })
    };
    let (source, target) = (document_index(source)?, document_index(target)?);
    if source == target {
        let id = table.document(source).map(|d| d.id.to_string());
        return Err(ParallelsError::SameDocument {
            id: id.unwrap_or_default(),
        });
    }
    let (sources, targets) = (
        table.rows_of_document(source),
        table.rows_of_document(target),
    );
    let mut closest: Option<Pair> = None;
    let mut ranked = Vec::new();
    let embedded = |row: u32| {
        if should_continue() {
            context.embedded_passage(row)
        } else {
            Err(ParallelsError::Cancelled)
        }
    };
    let embedded_targets = targets.iter().map(|row| Ok((*row, embedded(*row)?)));
    let embedded_targets = embedded_targets.collect::<Result<Vec<_>, ParallelsError>>()?;
    for source in sources {
        let source_passage = embedded(*source)?;
        for (target, target_passage) in &embedded_targets {
            let pair =
                context.compare_embedded((*source, &source_passage), (*target, target_passage))?;
            if closest.is_none_or(|best| pair.confidence > best.confidence) {
                closest = Some(pair);
            }
            let is_confident = pair.confidence >= thresholds.min_confidence;
            let (a, b) = (source_passage.passage(), target_passage.passage());
            // An alignment takes longer than all other measures together.
            if !is_confident && a.max_alignment_score(b) < thresholds.min_alignment_score {
                continue;
            }
            let alignment_score = a.alignment_score(b);
            if is_confident || alignment_score >= thresholds.min_alignment_score {
                ranked.push((rank_score(pair.combined_similarity, alignment_score), pair));
            }
        }
    }
    // Stable: equal ranks stay in the order of the documents.
    ranked.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let mut pairs: Vec<Pair> = ranked.into_iter().map(|(_, pair)| pair).collect();
    let all = pairs.len();
    if !many_to_many {
        let (mut seen_sources, mut seen_targets) = (HashSet::new(), HashSet::new());
        pairs.retain(|pair| {
            let is_disjoint =
                !seen_sources.contains(&pair.source) && !seen_targets.contains(&pair.target);
            is_disjoint && seen_sources.insert(pair.source) && seen_targets.insert(pair.target)
        });
    }
    Ok(DocumentMatches {
        compared_pairs: sources.len() * targets.len(),
        superseded: all - pairs.len(),
        pairs,
        closest,
    })
}
