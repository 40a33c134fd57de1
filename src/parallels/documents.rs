//! Two documents, passage by passage.

use std::collections::HashSet;

use super::{IsAwaited, Pair, ParallelsError, Survey};

/// What is enough for a pair of two documents. Either will do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Enough {
    /// So much confidence.
    pub confidence: f32,
    /// Wording in common of so much weight, as [`Survey::wording`] has it: between two documents that
    /// one reads side by side an echo is worth a look, whatever is said around it.
    pub phrase: f32,
}

impl Default for Enough {
    fn default() -> Self {
        Self {
            confidence: 0.15,
            phrase: 2.0,
        }
    }
}

/// How much common wording counts beside likeness when it is decided which passage, or which sentence,
/// answers which; from the same labelled pairs as the calibration.
const ECHO: f32 = 0.12;

/// How much it tells that two are so alike and have wording of so much weight in common.
pub(super) fn telling(likeness: f32, phrase: f32) -> f32 {
    likeness + ECHO * phrase.ln_1p()
}

/// What two documents have in common.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The pairs of which there is enough, the most telling first: by likeness and common wording.
    pub pairs: Vec<Pair>,
    /// Pairs that were compared.
    pub compared: usize,
    /// Pairs of which there would be enough, but whose passages are in more telling ones.
    pub taken: usize,
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
    survey: &Survey,
    both: (&str, &str),
    enough: Enough,
    many: bool,
) -> Result<Comparison, ParallelsError> {
    compare_while(survey, both, enough, many, &|| true)
}

/// The same, for somebody who may go away meanwhile: it is looked for them with every passage.
///
/// # Errors
///
/// As [`compare`], and [`ParallelsError::Cancelled`] if nobody waits any more.
pub fn compare_while(
    survey: &Survey,
    (source, target): (&str, &str),
    enough: Enough,
    many: bool,
    is_awaited: IsAwaited<'_>,
) -> Result<Comparison, ParallelsError> {
    let catalogue = survey.snapshot().catalogue();
    let place = |id: &str| {
        let place = catalogue.place_of(id);
        place.ok_or_else(|| ParallelsError::NoSuchDocument { id: id.to_owned() })
    };
    let (source, target) = (place(source)?, place(target)?);
    if source == target {
        let id = catalogue.document(source).map(|d| d.id.to_string());
        return Err(ParallelsError::SameDocument {
            id: id.unwrap_or_default(),
        });
    }
    let (sources, targets) = (catalogue.rows_in(source), catalogue.rows_in(target));
    let mut closest: Option<Pair> = None;
    let mut sure = Vec::new();
    let embedded = |row: u32| {
        if is_awaited() {
            survey.embedded(row)
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
            let sure_enough = pair.confidence >= enough.confidence;
            let (own, theirs) = (own.statement(), theirs.statement());
            // Aligning them takes longer than all other comparisons together.
            if !sure_enough && own.most_wording(theirs) < enough.phrase {
                continue;
            }
            let phrase = own.wording(theirs);
            if sure_enough || phrase >= enough.phrase {
                sure.push((telling(pair.likeness, phrase), pair));
            }
        }
    }
    // Of equals in the order of their documents.
    sure.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let mut sure: Vec<Pair> = sure.into_iter().map(|(_, pair)| pair).collect();
    let all = sure.len();
    if !many {
        let (mut seen_sources, mut seen_targets) = (HashSet::new(), HashSet::new());
        sure.retain(|pair| {
            let free = !seen_sources.contains(&pair.source) && !seen_targets.contains(&pair.target);
            free && seen_sources.insert(pair.source) && seen_targets.insert(pair.target)
        });
    }
    Ok(Comparison {
        compared: sources.len() * targets.len(),
        taken: all - sure.len(),
        pairs: sure,
        closest,
    })
}
