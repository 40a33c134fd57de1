//! The shapes of families.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;
use utoipa::ToSchema;

use super::pair::TextSpan;
use super::{
    ComparisonTiming, DocumentDto, FilteredCountsDto, FormulaPolicyDto, Provenance, passage_url,
};
use crate::parallels::{
    CorpusContext, CorpusMatches, Families, FamilyOptions, FamilyTexts, MemberText, ParallelsError,
    Thresholds,
};

/// The families of a corpus.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FamiliesResponse {
    /// The largest first.
    families: Vec<FamilyDto>,
    /// How many there are; `families` holds those from the offset on, up to the limit.
    found: usize,
    /// How many were left out before the first.
    offset: usize,
    /// Gives the next page as `cursor`, as long as the snapshot is the newest; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// Groups that are too small to be a family.
    small: usize,
    /// Families of sentences that were left out because their passages are all in one family of passages.
    nested: usize,
    /// Pairs that they were made of, of passages or of sentences.
    pairs: usize,
    /// Pairs that were left out.
    filtered_counts: FilteredCountsDto,
    /// The parameters that were used.
    parameters: FamilyParameters,
    /// Milliseconds that it took.
    timing_ms: ComparisonTiming,
    /// What produced this answer.
    provenance: Provenance,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
struct FamilyParameters {
    min_confidence: f32,
    cohesion: f32,
    min_members: usize,
    min_words: usize,
    formulas: FormulaPolicyDto,
    /// A formula is said in so many documents.
    formula_documents: usize,
}

/// One statement, made again and again.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct FamilyDto {
    /// What its members are: whole `passages`, or a sentence of each, `sentences`.
    matched_by: &'static str,
    /// The member that is most like the others.
    representative: FamilyMemberDto,
    /// Its members in order of date, each of another document.
    members: Vec<FamilyMemberDto>,
    /// Ids of the passages of the earliest date; none where no date is known.
    first: Vec<String>,
    /// The least confidence between any two members.
    least_confidence: f32,
    /// The mean confidence between two members.
    mean_confidence: f32,
    /// Members by year.
    years: BTreeMap<String, usize>,
    /// For each field its values and how many members have them, the most frequent first.
    spread: BTreeMap<String, Vec<ValueCount>>,
}

/// A value among the members of a family.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct ValueCount {
    value: String,
    members: usize,
}

/// A passage of a family, or a sentence in its passage.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct FamilyMemberDto {
    /// The passage's id.
    passage: String,
    /// The passage in full.
    text: String,
    /// Where the passage begins in the document's clean text, in characters.
    start: usize,
    /// Where it ends.
    end: usize,
    /// The sentence that is the member; absent where the whole passage is.
    #[serde(skip_serializing_if = "Option::is_none")]
    sentence: Option<TextSpan>,
    /// How alike it is to the representative.
    confidence: f32,
    document: DocumentDto,
    /// Path of the passage in its context.
    url: String,
}

impl FamiliesResponse {
    /// With a cursor to the next page, if there is one.
    pub(in crate::server) fn with_next_cursor(mut self, cursor: String) -> Self {
        let page_end = self.offset.saturating_add(self.families.len());
        self.next_cursor = (page_end < self.found).then_some(cursor);
        self
    }
}

/// The families of a corpus in their wire shape, those after an offset up to a limit; the command line prints the same with `--json`.
///
/// # Errors
///
/// If the store cannot be read.
pub fn families_response(
    survey: &CorpusContext,
    swept: &CorpusMatches,
    families: &Families,
    (thresholds, options): (&Thresholds, &FamilyOptions),
    (offset, limit): (usize, usize),
    start: Instant,
) -> Result<FamiliesResponse, ParallelsError> {
    let shown = families.families.iter().skip(offset).take(limit);
    let shown = shown.map(|family| FamilyDto::from_texts(FamilyTexts::load(survey, family)?));
    let documents = survey.snapshot().info().documents;
    Ok(FamiliesResponse {
        families: shown.collect::<Result<_, _>>()?,
        found: families.families.len(),
        offset,
        next_cursor: None,
        small: families.small,
        nested: families.nested,
        pairs: swept.pairs.len(),
        filtered_counts: swept.filtered_counts.into(),
        parameters: FamilyParameters {
            min_confidence: options.min_confidence,
            cohesion: options.cohesion,
            min_members: options.min_members,
            min_words: options.min_words,
            formulas: thresholds.formulas.into(),
            formula_documents: thresholds.min_formula_documents(documents),
        },
        timing_ms: ComparisonTiming::elapsed_since(start),
        provenance: Provenance::from_snapshot(survey.snapshot()),
    })
}

impl FamilyDto {
    pub(super) fn from_texts(texts: FamilyTexts) -> Result<Self, ParallelsError> {
        let FamilyTexts { family, members } = texts;
        let place = members.iter().position(|member| member.is_representative);
        let first = members.iter().filter(|member| member.is_first);
        let first = first.map(|member| member.passage.id()).collect();
        let members: Vec<FamilyMemberDto> =
            members.into_iter().map(FamilyMemberDto::from).collect();
        let representative = place.and_then(|place| members.get(place)).cloned();
        let values = |values: &[(String, usize)]| {
            let values = values.iter().map(|(value, members)| ValueCount {
                value: value.clone(),
                members: *members,
            });
            values.collect::<Vec<_>>()
        };
        let spread = family.value_counts.iter();
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
            spread: spread
                .map(|spread| (spread.field.clone(), values(&spread.values)))
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
