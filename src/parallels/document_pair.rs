//! Two documents, passage by passage.

use std::collections::HashSet;

use super::{CorpusContext, Pair, ParallelsError, ShouldContinue};

/// What is enough for a pair of two documents. Either will do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairThresholds {
    /// So much confidence.
    pub min_confidence: f32,
    /// Wording in common of so much weight, as [`Survey::wording`] has it: between two documents that
    /// one reads side by side an echo is worth a look, whatever is said around it.
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

/// How much common wording counts beside likeness when it is decided which passage, or which sentence,
/// answers which; from the same labelled pairs as the calibration.
const ALIGNMENT_WEIGHT: f32 = 0.12;

/// How much it tells that two are so alike and have wording of so much weight in common.
pub(super) fn rank_score(combined_similarity: f32, alignment_score: f32) -> f32 {
    combined_similarity + ALIGNMENT_WEIGHT * alignment_score.ln_1p()
}

/// What two documents have in common.
#[derive(Debug, Clone)]
pub struct DocumentMatches {
    /// The pairs of which there is enough, the most telling first: by likeness and common wording.
    pub pairs: Vec<Pair>,
    /// Pairs that were compared.
    pub compared_pairs: usize,
    /// Pairs of which there would be enough, but whose passages are in more telling ones.
    pub superseded: usize,
    /// The surest pair of all, sure enough or not.
    pub closest: Option<Pair>,
}

/// Compares every passage of one document with every passage of the other, exactly, whatever the order
/// in which they say things. Without `many` each passage is in one pair at most: the most telling pair
/// first, then the most telling of the passages that are left.
///
/// # Errors
///
/// If a document is not there, both are the same, or the store cannot be read.
pub fn compare(
    survey: &CorpusContext,
    both: (&str, &str),
    thresholds: PairThresholds,
    many_to_many: bool,
) -> Result<DocumentMatches, ParallelsError> {
    compare_cancellable(survey, both, thresholds, many_to_many, &|| true)
}

/// The same, for somebody who may go away meanwhile: it is looked for them with every passage.
///
/// # Errors
///
/// As [`compare`], and [`ParallelsError::Cancelled`] if nobody waits any more.
pub fn compare_cancellable(
    survey: &CorpusContext,
    (source, target): (&str, &str),
    thresholds: PairThresholds,
    many_to_many: bool,
    should_continue: ShouldContinue<'_>,
) -> Result<DocumentMatches, ParallelsError> {
    let catalogue = survey.snapshot().document_table();
    let place = |id: &str| {
        let place = catalogue.document_index_of(id);
        place.ok_or_else(|| ParallelsError::NoSuchDocument { id: id.to_owned() })
    };
    let (source, target) = (place(source)?, place(target)?);
    if source == target {
        let id = catalogue.document(source).map(|d| d.id.to_string());
        return Err(ParallelsError::SameDocument {
            id: id.unwrap_or_default(),
        });
    }
    let (sources, targets) = (
        catalogue.rows_of_document(source),
        catalogue.rows_of_document(target),
    );
    let mut closest: Option<Pair> = None;
    let mut ranked = Vec::new();
    let embedded = |row: u32| {
        if should_continue() {
            survey.embedded_passage(row)
        } else {
            Err(ParallelsError::Cancelled)
        }
    };
    let answers = targets.iter().map(|row| Ok((*row, embedded(*row)?)));
    let answers = answers.collect::<Result<Vec<_>, ParallelsError>>()?;
    for source in sources {
        let own = embedded(*source)?;
        for (target, theirs) in &answers {
            let pair = survey.compare_embedded((*source, &own), (*target, theirs))?;
            if closest.is_none_or(|best| pair.confidence > best.confidence) {
                closest = Some(pair);
            }
            let sure_enough = pair.confidence >= thresholds.min_confidence;
            let (own, theirs) = (own.passage(), theirs.passage());
            // Aligning them takes longer than all other comparisons together.
            if !sure_enough && own.max_alignment_score(theirs) < thresholds.min_alignment_score {
                continue;
            }
            let phrase = own.alignment_score(theirs);
            if sure_enough || phrase >= thresholds.min_alignment_score {
                ranked.push((rank_score(pair.combined_similarity, phrase), pair));
            }
        }
    }
    // Of equals in the order of their documents.
    ranked.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let mut pairs: Vec<Pair> = ranked.into_iter().map(|(_, pair)| pair).collect();
    let all = pairs.len();
    if !many_to_many {
        let (mut seen_sources, mut seen_targets) = (HashSet::new(), HashSet::new());
        pairs.retain(|pair| {
            let free = !seen_sources.contains(&pair.source) && !seen_targets.contains(&pair.target);
            free && seen_sources.insert(pair.source) && seen_targets.insert(pair.target)
        });
    }
    Ok(DocumentMatches {
        compared_pairs: sources.len() * targets.len(),
        superseded: all - pairs.len(),
        pairs,
        closest,
    })
}
