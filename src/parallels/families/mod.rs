//! The same statement in many speeches.

mod complete_linkage;

use std::collections::{BTreeMap, HashMap};

use crate::engine::DocumentTable;
use crate::search::{document_date, field_values, is_field, known_fields};

use self::complete_linkage::SimilarityGraph;
use super::{
    CorpusContext, MIN_EQUIVALENT_CONFIDENCE, MatchUnit, PASSAGES_NAME, Pair, ParallelsError,
    SENTENCES_NAME, TextUnit, Thresholds,
};

/// How pairs become families.
#[derive(Debug, Clone, PartialEq)]
pub struct FamilyOptions {
    /// Pairs of at least this confidence bring families together.
    pub min_confidence: f32,
    /// Every two members are alike with at least this confidence: so a chain of small steps does not
    /// lead from one statement to another.
    pub cohesion: f32,
    /// Passages and sentences of fewer words are no members: "we cannot do this alone" says little.
    pub min_words: usize,
    /// Families of fewer members are left out.
    pub min_members: usize,
    /// Fields whose values are counted in each family.
    pub fields: Vec<String>,
}

impl Default for FamilyOptions {
    fn default() -> Self {
        Self {
            min_confidence: 0.8,
            cohesion: 0.3,
            min_words: 8,
            min_members: 3,
            fields: vec!["speaker".to_owned(), "country".to_owned()],
        }
    }
}

impl Family {
    /// Whether its members are whole passages, or sentences.
    #[must_use]
    pub fn is_sentence_family(&self) -> bool {
        self.representative.sentence.is_some()
    }

    /// The name of that in files and answers, as that of a [`Carrier`].
    #[must_use]
    pub fn matched_by(&self) -> &'static str {
        if self.is_sentence_family() {
            SENTENCES_NAME
        } else {
            PASSAGES_NAME
        }
    }
}

impl FamilyOptions {
    /// Refuses what is out of range.
    ///
    /// # Errors
    ///
    /// Names the value at fault and its range.
    pub fn check(&self) -> Result<(), ParallelsError> {
        let wrong = |name, expected: String, received: String| {
            Err(ParallelsError::OutOfRange {
                name,
                expected,
                received,
            })
        };
        let valid_range = MIN_EQUIVALENT_CONFIDENCE..=1.0;
        if !valid_range.contains(&self.cohesion) {
            let expected = format!("{MIN_EQUIVALENT_CONFIDENCE} to 1");
            return wrong("cohesion", expected, self.cohesion.to_string());
        }
        if !(self.cohesion..=1.0).contains(&self.min_confidence) {
            let expected = format!("{} (cohesion) to 1", self.cohesion);
            return wrong("min_confidence", expected, self.min_confidence.to_string());
        }
        if self.min_members < 2 {
            return wrong(
                "min_members",
                "at least 2".to_owned(),
                self.min_members.to_string(),
            );
        }
        Ok(())
    }

    /// Refuses fields that no document has.
    ///
    /// # Errors
    ///
    /// Names the field, and those that there are.
    pub fn check_fields(&self, catalogue: &DocumentTable) -> Result<(), ParallelsError> {
        let unknown = self.fields.iter().find(|field| !is_field(field, catalogue));
        match unknown {
            None => Ok(()),
            Some(field) => Err(ParallelsError::UnknownField {
                parameter: "fields",
                received: field.clone(),
                known: known_fields(catalogue),
            }),
        }
    }

    /// What pairs must have that families are made of: the cohesion, and no more.
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        Thresholds {
            min_confidence: self.cohesion,
            min_margin: 0.0,
            ..Thresholds::default()
        }
    }
}

/// The families of a corpus.
#[derive(Debug, Clone, Default)]
pub struct Families {
    /// The largest first; of equals the most alike.
    pub families: Vec<Family>,
    /// Families that were left out because they are too small.
    pub small: usize,
    /// Families of sentences that were left out because their passages are all in one family of passages.
    pub nested: usize,
}

/// One statement, made again and again.
#[derive(Debug, Clone)]
pub struct Family {
    /// The member that is most like the others.
    pub representative: TextUnit,
    /// Its members in order of date, those without one last; each stands in another document. All are
    /// passages, or all are sentences.
    pub members: Vec<FamilyMember>,
    /// How many of them were the first: those of the earliest date. 0 where no date is known.
    pub first_count: usize,
    /// The least confidence between any two members.
    pub min_confidence: f32,
    /// The mean confidence between two members.
    pub mean_confidence: f32,
    /// Who and where, as far as it is known.
    pub value_counts: Vec<ValueCounts>,
    /// Members by year.
    pub years: BTreeMap<i16, usize>,
}

/// A passage of a family, or a sentence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FamilyMember {
    /// Where it stands.
    pub unit: TextUnit,
    /// How alike it is to the representative; 1 for the representative itself.
    pub confidence: f32,
}

/// Values of a field among the members of a family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueCounts {
    /// The field.
    pub field: String,
    /// Each value with the members that have it, the most frequent first.
    pub values: Vec<(String, usize)>,
}

/// Gathers passages and sentences into families by complete linkage: the surest pair first, two groups
/// become one only if every member of one is like every member of the other. The pairs must be all those
/// of at least the cohesion, with [every carrier](super::Sweep::with_every_carrier); their order does not
/// matter.
///
/// # Errors
///
/// If a pair belongs to another snapshot, or the store cannot be read.
pub fn cluster_families(
    survey: &CorpusContext,
    pairs: &[Pair],
    options: &FamilyOptions,
) -> Result<Families, ParallelsError> {
    let catalogue = survey.snapshot().document_table();
    let sentences = survey.sentence_index()?;
    // Two passages of one sentence each are met again as sentences.
    let is_sentence = |row: u32| sentences.ids_of_passage(row).len() == 1;
    let mut linked = Vec::with_capacity(pairs.len());
    for pair in pairs {
        let (a, b) = pair.text_units();
        let twice =
            pair.matched_by == MatchUnit::Passage && is_sentence(a.row) && is_sentence(b.row);
        let words = survey.term_count(a)?.min(survey.term_count(b)?);
        if pair.confidence >= options.cohesion && !twice && words >= options.min_words {
            linked.push(pair);
        }
    }
    let links = SimilarityGraph::from_pairs(linked.into_iter());
    let (groups, small): (Vec<_>, Vec<_>) = links
        .complete_linkage(options.min_confidence, catalogue)
        .into_iter()
        .partition(|units| units.len() >= options.min_members);
    let all = groups.len();
    let families = without_nested(groups)
        .into_iter()
        .map(|units| build_family(survey, units, &links, options));
    let mut families = families.collect::<Result<Vec<_>, _>>()?;
    families.sort_by(|a, b| {
        (b.members.len().cmp(&a.members.len()))
            .then_with(|| b.mean_confidence.total_cmp(&a.mean_confidence))
            .then_with(|| a.representative.compare(b.representative, catalogue))
    });
    Ok(Families {
        small: small.len(),
        nested: all - families.len(),
        families,
    })
}

/// Leaves out groups of sentences whose passages are all in one group of passages: that says it all.
fn without_nested(groups: Vec<Vec<TextUnit>>) -> Vec<Vec<TextUnit>> {
    let wholes = (0..).zip(&groups).flat_map(|(group, units)| {
        let wholes = units.iter().filter(|unit| unit.sentence.is_none());
        wholes.map(move |unit| (unit.row, group))
    });
    let wholes: HashMap<u32, usize> = wholes.collect();
    let is_nested = |units: &Vec<TextUnit>| {
        let mut within = units.iter().map(|unit| wholes.get(&unit.row));
        let first = within.next().flatten();
        units.iter().all(|unit| unit.sentence.is_some())
            && first.is_some()
            && within.all(|group| group == first)
    };
    let mut groups = groups;
    groups.retain(|units| !is_nested(units));
    groups
}

fn build_family(
    survey: &CorpusContext,
    units: Vec<TextUnit>,
    links: &SimilarityGraph,
    options: &FamilyOptions,
) -> Result<Family, ParallelsError> {
    let catalogue = survey.snapshot().document_table();
    let confidence = |a: TextUnit, b: TextUnit| links.confidence(a, b).unwrap_or(0.0);
    let mut units = units;
    units.sort_by(|a, b| a.compare(*b, catalogue));
    let (mut min_confidence, mut sum) = (1.0_f32, 0.0_f32);
    let mut representative = (f32::MIN, units[0]);
    for unit in &units {
        let others = units.iter().filter(|other| *other != unit);
        let mut own = 0.0;
        for other in others {
            let alike = confidence(*unit, *other);
            min_confidence = min_confidence.min(alike);
            own += alike;
        }
        sum += own;
        if own > representative.0 {
            representative = (own, *unit);
        }
    }
    let representative = representative.1;
    let mut dated = Vec::with_capacity(units.len());
    for unit in &units {
        let document = catalogue.document_of_row(unit.row);
        let document = document.ok_or(ParallelsError::SnapshotMismatch)?;
        dated.push((document_date(document), *unit, document));
    }
    // Stable: of one date in the order of ids.
    dated.sort_by_key(|(date, ..)| (date.is_none(), *date));
    let earliest = dated.first().and_then(|(date, ..)| *date);
    let first = dated
        .iter()
        .filter(|(date, ..)| earliest.is_some() && *date == earliest);
    let mut years = BTreeMap::new();
    for date in dated.iter().filter_map(|(date, ..)| *date) {
        *years.entry(date.year()).or_default() += 1;
    }
    let spread = |field: &String| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for (.., document) in &dated {
            for value in field_values(document, field) {
                *counts.entry(value).or_default() += 1;
            }
        }
        let mut values: Vec<(String, usize)> = counts.into_iter().collect();
        values.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        ValueCounts {
            field: field.clone(),
            values,
        }
    };
    #[allow(clippy::cast_precision_loss)] // a mean
    let mean = sum / (units.len() * (units.len() - 1)) as f32;
    Ok(Family {
        representative,
        first_count: first.count(),
        min_confidence,
        mean_confidence: mean,
        value_counts: options.fields.iter().map(spread).collect(),
        years,
        members: dated
            .iter()
            .map(|(_, unit, _)| FamilyMember {
                unit: *unit,
                confidence: if *unit == representative {
                    1.0
                } else {
                    confidence(*unit, representative)
                },
            })
            .collect(),
    })
}
