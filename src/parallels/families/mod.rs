//! Families: clusters of restatements of one statement.

mod complete_linkage;

use std::collections::{BTreeMap, HashMap};

use crate::engine::DocumentTable;
use crate::search::{document_date, field_values, is_field, known_fields};

use self::complete_linkage::SimilarityGraph;
use super::corpus_context::CorpusContext;
use super::error::ParallelsError;
use super::neighbourhood::MIN_EQUIVALENT_CONFIDENCE;
use super::pair::{MatchUnit, PASSAGES_NAME, Pair, SENTENCES_NAME, TextUnit};
use super::thresholds::Thresholds;

/// How pairs are clustered into families.
#[derive(Debug, Clone, PartialEq)]
pub struct FamilyOptions {
    /// Minimum confidence of the pairs that start a cluster.
    pub min_confidence: f32,
    /// Minimum confidence between any two members (complete linkage), so that a chain of small steps
    /// does not connect two different statements.
    pub cohesion: f32,
    /// Minimum number of words of a member: "we cannot do this alone" says little.
    pub min_words: usize,
    /// Minimum number of members.
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
    /// Returns whether its members are sentences rather than whole passages.
    #[must_use]
    pub fn is_sentence_family(&self) -> bool {
        self.representative.sentence.is_some()
    }

    /// Returns the name of the members' unit, like [`MatchUnit::name`].
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
    /// Rejects values out of range.
    ///
    /// # Errors
    ///
    /// [`ParallelsError::OutOfRange`] with the name of the value and its range.
    pub fn check(&self) -> Result<(), ParallelsError> {
        let out_of_range = |name, expected: String, received: String| {
            Err(ParallelsError::OutOfRange {
                name,
                expected,
                received,
            })
        };
        let valid_range = MIN_EQUIVALENT_CONFIDENCE..=1.0;
        if !valid_range.contains(&self.cohesion) {
            let expected = format!("{MIN_EQUIVALENT_CONFIDENCE} to 1");
            return out_of_range("cohesion", expected, self.cohesion.to_string());
        }
        if !(self.cohesion..=1.0).contains(&self.min_confidence) {
            let expected = format!("{} (cohesion) to 1", self.cohesion);
            return out_of_range("min_confidence", expected, self.min_confidence.to_string());
        }
        if self.min_members < 2 {
            return out_of_range(
                "min_members",
                "at least 2".to_owned(),
                self.min_members.to_string(),
            );
        }
        Ok(())
    }

    /// Rejects fields that no document has.
    ///
    /// # Errors
    ///
    /// [`ParallelsError::UnknownField`] with the known fields.
    pub fn check_fields(&self, table: &DocumentTable) -> Result<(), ParallelsError> {
        let unknown = self.fields.iter().find(|field| !is_field(field, table));
        match unknown {
            None => Ok(()),
            Some(field) => Err(ParallelsError::UnknownField {
                parameter: "fields",
                received: field.clone(),
                known: known_fields(table),
            }),
        }
    }

    /// Returns the thresholds of the pairs that families are built from: the cohesion only.
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
    /// Largest first, of equals the one with the higher mean confidence.
    pub families: Vec<Family>,
    /// Number of clusters with fewer than the minimum number of members.
    pub small: usize,
    /// Number of families of sentences that were removed because their passages are all in one family of
    /// passages.
    pub nested: usize,
}

/// A cluster of restatements of one statement.
#[derive(Debug, Clone)]
pub struct Family {
    /// The member most similar to all others.
    pub representative: TextUnit,
    /// Its members, each of a different document, in order of date, undated ones last. All are passages,
    /// or all are sentences.
    pub members: Vec<FamilyMember>,
    /// Number of members with the earliest date; 0 if no date is known.
    pub first_count: usize,
    /// Minimum confidence between any two members.
    pub min_confidence: f32,
    /// Mean confidence over all pairs of members.
    pub mean_confidence: f32,
    /// Counts of the values of each requested field.
    pub value_counts: Vec<ValueCounts>,
    /// Number of members by year.
    pub years: BTreeMap<i16, usize>,
}

/// A member of a family: a passage or a sentence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FamilyMember {
    /// The passage or sentence.
    pub unit: TextUnit,
    /// Confidence with respect to the representative; 1 for the representative itself.
    pub confidence: f32,
}

/// The values of a field among the members of a family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueCounts {
    /// The field.
    pub field: String,
    /// Each value with the number of members that have it, the most frequent first.
    pub values: Vec<(String, usize)>,
}

/// Clusters passages and sentences into families by complete linkage: in descending order of confidence,
/// two clusters are merged if every member of one is linked with every member of the other. `pairs` must
/// be all pairs of at least the cohesion, [of all match
/// units](super::CorpusComparison::with_all_match_units), in any order.
///
/// # Errors
///
/// If a pair belongs to another snapshot, or the store cannot be read.
pub fn cluster_families(
    context: &CorpusContext,
    pairs: &[Pair],
    options: &FamilyOptions,
) -> Result<Families, ParallelsError> {
    let table = context.snapshot().document_table();
    let sentences = context.sentence_index()?;
    // Passages of one sentence are linked as sentences.
    let is_sentence = |row: u32| sentences.ids_of_passage(row).len() == 1;
    let mut links = Vec::with_capacity(pairs.len());
    for pair in pairs {
        let (a, b) = pair.text_units();
        let is_redundant =
            pair.matched_by == MatchUnit::Passage && is_sentence(a.row) && is_sentence(b.row);
        let words = context.term_count(a)?.min(context.term_count(b)?);
        if pair.confidence >= options.cohesion && !is_redundant && words >= options.min_words {
            links.push(pair);
        }
    }
    let graph = SimilarityGraph::from_pairs(links.into_iter());
    let (clusters, small): (Vec<_>, Vec<_>) = graph
        .complete_linkage(options.min_confidence, table)
        .into_iter()
        .partition(|units| units.len() >= options.min_members);
    let total = clusters.len();
    let families = without_nested(clusters)
        .into_iter()
        .map(|units| build_family(context, units, &graph, options));
    let mut families = families.collect::<Result<Vec<_>, _>>()?;
    families.sort_by(|a, b| {
        (b.members.len().cmp(&a.members.len()))
            .then_with(|| b.mean_confidence.total_cmp(&a.mean_confidence))
            .then_with(|| a.representative.compare(b.representative, table))
    });
    Ok(Families {
        small: small.len(),
        nested: total - families.len(),
        families,
    })
}

/// Removes clusters of sentences whose passages are all in one cluster of passages, which contains all
/// they say.
fn without_nested(mut clusters: Vec<Vec<TextUnit>>) -> Vec<Vec<TextUnit>> {
    let passages = (0..).zip(&clusters).flat_map(|(cluster, units)| {
        let passages = units.iter().filter(|unit| unit.sentence.is_none());
        passages.map(move |unit| (unit.row, cluster))
    });
    let cluster_of_passage: HashMap<u32, usize> = passages.collect();
    let is_nested = |units: &Vec<TextUnit>| {
        let mut containing = units.iter().map(|unit| cluster_of_passage.get(&unit.row));
        let first = containing.next().flatten();
        units.iter().all(|unit| unit.sentence.is_some())
            && first.is_some()
            && containing.all(|cluster| cluster == first)
    };
    clusters.retain(|units| !is_nested(units));
    clusters
}

fn build_family(
    context: &CorpusContext,
    mut units: Vec<TextUnit>,
    graph: &SimilarityGraph,
    options: &FamilyOptions,
) -> Result<Family, ParallelsError> {
    let table = context.snapshot().document_table();
    let confidence = |a: TextUnit, b: TextUnit| graph.confidence(a, b).unwrap_or(0.0);
    units.sort_by(|a, b| a.compare(*b, table));
    let (mut min_confidence, mut sum) = (1.0_f32, 0.0_f32);
    let mut representative = (f32::MIN, units[0]);
    for unit in &units {
        let others = units.iter().filter(|other| *other != unit);
        let mut sum_of_unit = 0.0;
        for other in others {
            let confidence = confidence(*unit, *other);
            min_confidence = min_confidence.min(confidence);
            sum_of_unit += confidence;
        }
        sum += sum_of_unit;
        if sum_of_unit > representative.0 {
            representative = (sum_of_unit, *unit);
        }
    }
    let representative = representative.1;
    let mut dated = Vec::with_capacity(units.len());
    for unit in &units {
        let document = table.document_of_row(unit.row);
        let document = document.ok_or(ParallelsError::SnapshotMismatch)?;
        dated.push((document_date(document), *unit, document));
    }
    // Stable: equal dates stay in the order of ids.
    dated.sort_by_key(|(date, ..)| (date.is_none(), *date));
    let earliest = dated.first().and_then(|(date, ..)| *date);
    let first = dated
        .iter()
        .filter(|(date, ..)| earliest.is_some() && *date == earliest);
    let mut years = BTreeMap::new();
    for date in dated.iter().filter_map(|(date, ..)| *date) {
        *years.entry(date.year()).or_default() += 1;
    }
    let value_counts = |field: &String| {
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
    let mean_confidence = sum / (units.len() * (units.len() - 1)) as f32;
    Ok(Family {
        representative,
        first_count: first.count(),
        min_confidence,
        mean_confidence,
        value_counts: options.fields.iter().map(value_counts).collect(),
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
