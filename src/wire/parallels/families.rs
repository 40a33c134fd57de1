//! The wire types of families.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;
use utoipa::ToSchema;

use super::pair::TextSpan;
use super::{ComparisonTiming, DocumentDto, FilteredCountsDto, Provenance, passage_url};
use crate::parallels::{FamilyTexts, FormulaPolicy, FoundFamilies, MemberText, ParallelsError};

/// The families of a corpus.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct FamiliesResponse {
    /// The families, largest first.
    families: Vec<FamilyDto>,
    /// Number of families found; `families` contains those from the offset on, up to the limit.
    found: usize,
    /// Offset of the first family.
    offset: usize,
    /// Pass as `cursor` to get the next page while the snapshot is current; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// Clusters with fewer than `min_members` members.
    small: usize,
    /// Families of sentences removed because their passages are all in one family of passages.
    nested: usize,
    /// Number of clustered pairs, of passages or sentences.
    pairs: usize,
    /// Filtered pairs, by reason.
    filtered_counts: FilteredCountsDto,
    /// The effective parameters.
    parameters: FamilyParameters,
    /// Duration in milliseconds.
    timing_ms: ComparisonTiming,
    /// Model, index and snapshot that produced this response.
    provenance: Provenance,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
struct FamilyParameters {
    min_confidence: f32,
    cohesion: f32,
    min_members: usize,
    min_words: usize,
    formulas: FormulaPolicy,
    /// Number of documents from which a statement counts as a formula.
    formula_documents: usize,
}

/// A family: a cluster of restatements of one statement.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct FamilyDto {
    /// Unit of the members: whole `passages` or `sentences`.
    matched_by: &'static str,
    /// The member most similar to all others.
    representative: FamilyMemberDto,
    /// Its members, each of a different document, in order of date.
    members: Vec<FamilyMemberDto>,
    /// Passage ids with the earliest known date; empty without dates.
    first: Vec<String>,
    /// Minimum confidence between any two members.
    least_confidence: f32,
    /// Mean confidence over all pairs of members.
    mean_confidence: f32,
    /// Number of members by year.
    years: BTreeMap<String, usize>,
    /// For each field its values with their numbers of members, the most frequent first.
    spread: BTreeMap<String, Vec<ValueCount>>,
}

/// A value of a field among the members of a family.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct ValueCount {
    value: String,
    members: usize,
}

/// A member of a family: a passage, or a sentence in its passage.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct FamilyMemberDto {
    /// Id of the passage.
    passage: String,
    /// Text of the whole passage.
    text: String,
    /// Start of the passage in the document's clean text, in characters.
    start: usize,
    /// End, exclusive.
    end: usize,
    /// The sentence that is the member; absent for whole passages.
    #[serde(skip_serializing_if = "Option::is_none")]
    sentence: Option<TextSpan>,
    /// Confidence with respect to the representative.
    confidence: f32,
    document: DocumentDto,
    /// Path of the passage in its context.
    url: String,
}

impl FamiliesResponse {
    /// Loads the families from an offset up to a limit. `next_cursor` continues after them, if there are
    /// more.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub(crate) fn load(
        found: &FoundFamilies,
        (offset, limit): (usize, usize),
        next_cursor: Option<String>,
        start: Instant,
    ) -> Result<Self, ParallelsError> {
        let (families, counts) = (found.families(), found.counts());
        let (options, effective) = (found.options(), found.effective_thresholds());
        let end = offset.saturating_add(limit);
        let shown = found.load(offset..end)?.into_iter();
        Ok(Self {
            families: shown.map(FamilyDto::from_texts).collect::<Result<_, _>>()?,
            found: families.families.len(),
            offset,
            next_cursor: next_cursor.filter(|_| end < families.families.len()),
            small: families.small,
            nested: families.nested,
            pairs: counts.pairs,
            filtered_counts: counts.filtered_counts.into(),
            parameters: FamilyParameters {
                min_confidence: options.min_confidence,
                cohesion: options.cohesion,
                min_members: options.min_members,
                min_words: options.min_words,
                formulas: effective.thresholds.formulas,
                formula_documents: effective.formula_documents,
            },
            timing_ms: ComparisonTiming::elapsed_since(start),
            provenance: Provenance::from(found.snapshot().provenance()),
        })
    }
}

impl FamilyDto {
    pub(crate) fn from_texts(texts: FamilyTexts) -> Result<Self, ParallelsError> {
        let FamilyTexts { family, members } = texts;
        let index = members.iter().position(|member| member.is_representative);
        let first = members.iter().filter(|member| member.is_first);
        let first = first.map(|member| member.passage.id()).collect();
        let members: Vec<FamilyMemberDto> =
            members.into_iter().map(FamilyMemberDto::from).collect();
        let representative = index.and_then(|index| members.get(index)).cloned();
        let values = |values: &[(String, usize)]| {
            let values = values.iter().map(|(value, members)| ValueCount {
                value: value.clone(),
                members: *members,
            });
            values.collect::<Vec<_>>()
        };
        let value_counts = family.value_counts.iter();
        Ok(Self {
            first,
            matched_by: family.matched_by(),
            representative: representative.ok_or(ParallelsError::SnapshotMismatch)?,
            least_confidence: family.min_confidence,
            mean_confidence: family.mean_confidence,
            years: family
                .years
                .iter()
                .map(|(year, members)| (format!("{year:04}"), *members))
                .collect(),
            spread: value_counts
                .map(|counts| (counts.field.clone(), values(&counts.values)))
                .collect(),
            members,
        })
    }
}

impl From<MemberText> for FamilyMemberDto {
    fn from(member: MemberText) -> Self {
        let passage = member.passage;
        let sentence = member
            .sentence
            .map(|range| TextSpan::from_range(range, &passage));
        Self {
            sentence,
            passage: passage.id(),
            url: passage_url(&passage),
            start: passage.range.start,
            end: passage.range.end,
            text: passage.text,
            confidence: member.confidence,
            document: DocumentDto::from(&*member.document),
        }
    }
}
