//! The shapes of parallels and families.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{DocumentBody, Provenance, RangeBody, passage_url};
use crate::parallels::{
    Comparison, Enough, Families, Family, FamilyOptions, Formulas, LeftOut, Member, Pair, Parallel,
    ParallelsError, Reader, Scope, SentencePair, Side, Survey, Sweep, Swept, Thresholds,
};
use crate::passages::TextRange;
use crate::search::{Filter, SearchError};
use crate::server::problem::Problem;
use crate::server::timing::milliseconds;
use crate::store::{DocumentSummary, PassageRecord};

/// Most pairs in one answer that is no stream.
pub(in crate::server) const MOST_PAIRS: usize = 10_000;

/// Most families in one answer.
pub(in crate::server) const MOST_FAMILIES: usize = 1_000;

/// What becomes of what nearly everybody says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FormulasName {
    /// It is left out, and counted.
    #[default]
    Exclude,
    /// It stays, and is marked.
    Include,
    /// Nothing else is wanted.
    Only,
}

/// Which pairs of a corpus are wanted.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::server) struct ParallelsRequest {
    /// Only passages of these documents are sources; a filter as in a search. By default all.
    #[schema(value_type = Option<Object>, example = json!({"country": "FRA"}))]
    source: Option<serde_json::Value>,
    /// Only passages of these documents are targets; a filter as in a search. By default all.
    #[schema(value_type = Option<Object>)]
    target: Option<serde_json::Value>,
    /// Two documents that have the same value in one of these fields are not compared.
    #[schema(example = json!(["speaker"]))]
    apart: Vec<String>,
    /// Two documents are compared only if their years differ by so many at most.
    years: Option<u32>,
    /// The target must be later than the source.
    forward: bool,
    /// Pairs of a lower cosine are not looked at.
    #[schema(minimum = -1, maximum = 1)]
    min_score: f32,
    /// Pairs of less confidence are left out.
    #[schema(minimum = 0, maximum = 1)]
    min_confidence: f32,
    /// Pairs of a lower margin are left out.
    #[schema(minimum = 0, maximum = 10)]
    min_margin: f32,
    /// What becomes of formulas.
    formulas: FormulasName,
    /// A formula is said in this share of all documents, and in at least five.
    #[schema(minimum = 0, maximum = 1)]
    formula_share: f32,
    /// Compare everything with everything, so that no pair is missed.
    exact: bool,
    /// Most pairs of this stream; without it all. Its last line has a cursor if there are more.
    #[schema(minimum = 1)]
    pub(in crate::server) limit: Option<usize>,
    /// A cursor of an earlier stream of the same request: the pairs after it, of the same snapshot.
    pub(in crate::server) cursor: Option<String>,
}

impl Default for ParallelsRequest {
    fn default() -> Self {
        let Thresholds {
            min_score,
            min_confidence,
            min_margin,
            formula_share,
            ..
        } = Thresholds::default();
        Self {
            source: None,
            target: None,
            apart: Vec::new(),
            years: None,
            forward: false,
            min_score,
            min_confidence,
            min_margin,
            formulas: FormulasName::Exclude,
            formula_share,
            exact: false,
            limit: None,
            cursor: None,
        }
    }
}

impl ParallelsRequest {
    /// What is asked, checked as far as it can be without a corpus.
    pub(in crate::server) fn read(&self) -> Result<(Scope, Thresholds), Problem> {
        if self.limit == Some(0) {
            let detail = "limit is 0; expected at least 1";
            return Err(Problem::limit_out_of_range(detail).at("limit"));
        }
        let thresholds = Thresholds {
            min_score: self.min_score,
            min_confidence: self.min_confidence,
            min_margin: self.min_margin,
            formulas: self.formulas.into(),
            formula_share: self.formula_share,
        };
        thresholds.check()?;
        let scope = Scope {
            source: filter(self.source.as_ref(), "source")?,
            target: filter(self.target.as_ref(), "target")?,
            apart: self.apart.clone(),
            years: self.years,
            forward: self.forward,
        };
        Ok((scope, thresholds))
    }

    pub(in crate::server) fn is_exact(&self) -> bool {
        self.exact
    }
}

/// Which families of a corpus are wanted.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::server) struct FamiliesRequest {
    /// Only passages of these documents; a filter as in a search. By default all.
    #[schema(value_type = Option<Object>, example = json!({"date": {"from": "2015"}}))]
    filter: Option<serde_json::Value>,
    /// Two documents that have the same value in one of these fields are not compared.
    apart: Vec<String>,
    /// Pairs of at least this confidence bring families together.
    #[schema(minimum = 0.3, maximum = 1)]
    min_confidence: f32,
    /// Every two members of a family are alike with at least this confidence.
    #[schema(minimum = 0.3, maximum = 1)]
    cohesion: f32,
    /// Families of fewer members are left out.
    #[schema(minimum = 2)]
    min_members: usize,
    /// Fields whose values are counted in each family.
    fields: Vec<String>,
    /// What becomes of formulas.
    formulas: FormulasName,
    /// A formula is said in this share of all documents, and in at least five.
    #[schema(minimum = 0, maximum = 1)]
    formula_share: f32,
    /// Most families, the largest first: 1 to 1,000.
    #[schema(minimum = 1, maximum = 1000)]
    pub(in crate::server) limit: usize,
}

impl Default for FamiliesRequest {
    fn default() -> Self {
        let FamilyOptions {
            min_confidence,
            cohesion,
            min_members,
            fields,
        } = FamilyOptions::default();
        Self {
            filter: None,
            apart: Vec::new(),
            min_confidence,
            cohesion,
            min_members,
            fields,
            formulas: FormulasName::Exclude,
            formula_share: Thresholds::default().formula_share,
            limit: 20,
        }
    }
}

impl FamiliesRequest {
    /// What is asked, checked as far as it can be without a corpus.
    pub(in crate::server) fn read(&self) -> Result<(Scope, Thresholds, FamilyOptions), Problem> {
        if !(1..=MOST_FAMILIES).contains(&self.limit) {
            let detail = format!("limit is {}; expected 1 to {MOST_FAMILIES}", self.limit);
            return Err(Problem::limit_out_of_range(detail).at("limit"));
        }
        let options = FamilyOptions {
            min_confidence: self.min_confidence,
            cohesion: self.cohesion,
            min_members: self.min_members,
            fields: self.fields.clone(),
        };
        options.check()?;
        let thresholds = Thresholds {
            formulas: self.formulas.into(),
            formula_share: self.formula_share,
            ..options.thresholds()
        };
        thresholds.check()?;
        let documents = filter(self.filter.as_ref(), "filter")?;
        let scope = Scope {
            source: documents.clone(),
            target: documents,
            apart: self.apart.clone(),
            ..Scope::default()
        };
        Ok((scope, thresholds, options))
    }
}

fn filter(value: Option<&serde_json::Value>, name: &str) -> Result<Filter, Problem> {
    let Some(value) = value else {
        return Ok(Filter::All(Vec::new()));
    };
    Filter::read(value).map_err(|error| at_filter(error, name))
}

/// A problem with one of several filters.
pub(in crate::server) fn at_filter(error: SearchError, name: &str) -> Problem {
    let problem = Problem::from(error);
    let field = problem.field().unwrap_or_default().to_owned();
    match field.strip_prefix("filter") {
        Some(rest) => problem.at(format!("{name}{rest}")),
        None => problem,
    }
}

/// What is enough for a pair of two documents, or of one passage and all others.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in crate::server) struct ComparisonParameters {
    /// Pairs of at least this confidence.
    #[param(minimum = 0, maximum = 1, default = 0.3)]
    pub(in crate::server) min_confidence: f32,
    /// Pairs with common wording of at least this weight, however unsure; a rare word weighs up to 1.
    #[param(minimum = 0, default = 2)]
    pub(in crate::server) min_phrase: f32,
    /// Whether a passage may be in several pairs.
    #[param(default = false)]
    pub(in crate::server) many: bool,
    /// Most pairs, 1 to 10,000.
    #[param(minimum = 1, maximum = 10000, default = 100)]
    pub(in crate::server) limit: usize,
}

impl Default for ComparisonParameters {
    fn default() -> Self {
        let Enough { confidence, phrase } = Enough::default();
        Self {
            min_confidence: confidence,
            min_phrase: phrase,
            many: false,
            limit: 100,
        }
    }
}

/// Which pairs of one passage are wanted.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in crate::server) struct PassageParameters {
    /// Pairs of at least this confidence.
    #[param(minimum = 0, maximum = 1, default = 0.5)]
    pub(in crate::server) min_confidence: f32,
    /// Most pairs, 1 to 10,000.
    #[param(minimum = 1, maximum = 10000, default = 100)]
    pub(in crate::server) limit: usize,
}

impl Default for PassageParameters {
    fn default() -> Self {
        Self {
            min_confidence: 0.5,
            limit: 100,
        }
    }
}

/// Checks how many pairs are wanted.
pub(in crate::server) fn check_limit(limit: usize) -> Result<(), Problem> {
    if (1..=MOST_PAIRS).contains(&limit) {
        return Ok(());
    }
    let detail = format!("limit is {limit}; expected 1 to {MOST_PAIRS}");
    Err(Problem::limit_out_of_range(detail).at("limit"))
}

/// Two passages that say the same thing.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ParallelBody {
    /// How sure it is that they do, in (0, 1).
    confidence: f32,
    /// Cosine of their embeddings, in [-1, 1].
    score: f32,
    /// How many of the words that tell both have, in [0, 1].
    words: f32,
    /// Mean of cosine and words in common, of the passages or of their most alike sentences, whichever
    /// is greater.
    likeness: f32,
    /// How far that stands out from the neighbourhoods of both: 1 is as alike as each is to its nearest
    /// others.
    margin: Option<f32>,
    /// Of 100 random pairs of the corpus, how many have a lower cosine.
    percentile: Option<f64>,
    /// `verbatim`, `close` or `paraphrase`.
    wording: &'static str,
    /// Weight of the longest wording that both have; a rare word weighs up to 1.
    phrase: f32,
    /// Whether one of the two is a formula.
    formula: bool,
    source: SideBody,
    target: SideBody,
    /// The sentences that carry the match, the surest first.
    sentences: Vec<SentencesBody>,
}

/// One passage of a parallel.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct SideBody {
    /// The passage's id, `{document}#p{ordinal}`.
    passage: String,
    /// Its text.
    text: String,
    /// Where it begins in the document's clean text, in characters.
    start: usize,
    /// Where it ends.
    end: usize,
    /// Where it holds words that the other has as well, in characters of the document's clean text.
    shared: Vec<RangeBody>,
    /// In how much of the corpus nearly the same is said.
    common: CommonBody,
    /// The document.
    document: DocumentBody,
    /// Path of the passage in its context.
    url: String,
}

/// In how much of the corpus nearly the same is said.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
struct CommonBody {
    /// Other documents that hold a passage which says nearly the same.
    documents: usize,
    /// Speakers of these, as far as they are known.
    speakers: usize,
}

/// Two sentences that answer each other.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct SentencesBody {
    source: SpanBody,
    target: SpanBody,
    /// Cosine of their embeddings.
    score: f32,
    /// How sure it is that they say the same thing, if nothing else is read.
    confidence: f32,
    /// `verbatim`, `close` or `paraphrase`.
    wording: &'static str,
}

/// A piece of a document.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct SpanBody {
    text: String,
    /// Where it begins in the document's clean text, in characters.
    start: usize,
    /// Where it ends.
    end: usize,
}

/// A pair by the ids of its passages.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PairBody {
    source: Option<String>,
    target: Option<String>,
    confidence: f32,
    score: f32,
}

/// Pairs that were left out, by the first reason.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct LeftOutBody {
    /// Nearly the same, but not sure enough.
    unsure: usize,
    /// Near to so much else that it says little.
    hubs: usize,
    /// Formulas; or what is none, where formulas are wanted only.
    formulas: usize,
}

/// What two documents, or a passage and all others, have in common.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ParallelsResponse {
    /// The parallels, the most telling first.
    parallels: Vec<ParallelBody>,
    /// How many there are; `parallels` holds the first of them up to the limit.
    found: usize,
    /// Of two documents, pairs that were compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    compared: Option<usize>,
    /// Of two documents, pairs that are left out because their passages are in better ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    taken: Option<usize>,
    /// Of a passage, what was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<LeftOutBody>,
    /// The surest pair, given or not.
    closest: Option<PairBody>,
    /// Milliseconds that it took.
    timing_ms: ComparedMs,
    /// What produced this answer.
    provenance: Provenance,
}

/// Where the time went, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
struct ComparedMs {
    total: f64,
}

/// What two documents have in common, in its wire shape; the command line prints the same with `--json`.
///
/// # Errors
///
/// If the store cannot be read.
pub fn comparison_response(
    survey: &Survey,
    found: &Comparison,
    thresholds: &Thresholds,
    limit: usize,
    start: Instant,
) -> Result<ParallelsResponse, ParallelsError> {
    let shown = found.pairs.get(..limit).unwrap_or(&found.pairs);
    Ok(ParallelsResponse {
        parallels: read(survey, thresholds, shown)?,
        found: found.pairs.len(),
        compared: Some(found.compared),
        taken: Some(found.taken),
        left_out: None,
        closest: found.closest.map(|pair| PairBody::of(survey, pair)),
        timing_ms: ComparedMs::since(start),
        provenance: Provenance::of(survey.snapshot()),
    })
}

/// What a passage has in common with all others.
pub(in crate::server) fn passage_response(
    survey: &Survey,
    found: &Swept,
    thresholds: &Thresholds,
    limit: usize,
    start: Instant,
) -> Result<ParallelsResponse, ParallelsError> {
    let shown = found.pairs.get(..limit).unwrap_or(&found.pairs);
    Ok(ParallelsResponse {
        parallels: read(survey, thresholds, shown)?,
        found: found.pairs.len(),
        compared: None,
        taken: None,
        left_out: Some(found.left_out.into()),
        closest: found.closest.map(|pair| PairBody::of(survey, pair)),
        timing_ms: ComparedMs::since(start),
        provenance: Provenance::of(survey.snapshot()),
    })
}

fn read(
    survey: &Survey,
    thresholds: &Thresholds,
    pairs: &[Pair],
) -> Result<Vec<ParallelBody>, ParallelsError> {
    let parallels = Reader::new(survey, thresholds).read(pairs)?;
    Ok(parallels.into_iter().map(ParallelBody::from).collect())
}

/// A line of a stream of parallels: exactly one of these.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StreamLine {
    /// First: what is compared.
    Begin(Box<BeginBody>),
    /// A pair.
    Parallel(Box<ParallelBody>),
    /// How far it is; a cursor continues after all pairs before this line.
    Progress(ProgressBody),
    /// Last: what was found and left out.
    End(Box<EndBody>),
    /// Last, where it broke off.
    #[schema(value_type = Object)]
    Error(serde_json::Value),
}

/// What is compared.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BeginBody {
    /// Source documents.
    sources: usize,
    /// Target documents.
    targets: usize,
    /// Documents that are not compared because it is not known when they were made.
    undated: usize,
    /// The parameters that are used.
    parameters: ThresholdsBody,
    /// What produces this answer.
    provenance: Provenance,
}

/// What a pair must have.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct ThresholdsBody {
    min_score: f32,
    min_confidence: f32,
    min_margin: f32,
    formulas: FormulasName,
    formula_share: f32,
    /// A formula is said in so many documents.
    formula_documents: usize,
    exact: bool,
}

/// How far a stream is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProgressBody {
    /// Source documents that are done.
    pub(in crate::server) done: usize,
    /// All of them.
    pub(in crate::server) sources: usize,
    /// Continues here.
    pub(in crate::server) cursor: String,
}

/// What a stream found, from its cursor on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EndBody {
    /// Pairs in this stream.
    found: usize,
    /// Pairs that were left out.
    left_out: LeftOutBody,
    /// Passages that were compared.
    passages: usize,
    /// The surest pair that was seen, given or left out.
    closest: Option<PairBody>,
    /// Whether all is done; if not, the limit was reached, and a cursor continues.
    complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// The parallels of a corpus in one piece, as the command line prints them.
#[derive(Debug, Clone, Serialize)]
pub struct CorpusResponse {
    #[serde(flatten)]
    begin: BeginBody,
    /// The surest first.
    parallels: Vec<ParallelBody>,
    #[serde(flatten)]
    end: EndBody,
    timing_ms: ComparedMs,
}

/// The parallels of a corpus; of the pairs, which come in the order in which they are wanted, the first
/// up to a limit.
///
/// # Errors
///
/// If the store cannot be read.
pub fn corpus_response(
    survey: &Survey,
    sweep: &Sweep<'_>,
    swept: &Swept,
    thresholds: &Thresholds,
    limit: usize,
    start: Instant,
) -> Result<CorpusResponse, ParallelsError> {
    let shown = swept.pairs.get(..limit).unwrap_or(&swept.pairs);
    Ok(CorpusResponse {
        begin: BeginBody::of(survey, sweep, thresholds),
        parallels: read(survey, thresholds, shown)?,
        end: EndBody::of(survey, swept, swept.pairs.len(), None),
        timing_ms: ComparedMs::since(start),
    })
}

impl BeginBody {
    pub(in crate::server) fn of(
        survey: &Survey,
        sweep: &Sweep<'_>,
        thresholds: &Thresholds,
    ) -> Self {
        Self {
            sources: sweep.sources().len(),
            targets: sweep.targets(),
            undated: sweep.undated(),
            parameters: ThresholdsBody::of(survey, thresholds),
            provenance: Provenance::of(survey.snapshot()),
        }
    }
}

impl EndBody {
    pub(in crate::server) fn of(
        survey: &Survey,
        swept: &Swept,
        found: usize,
        next_cursor: Option<String>,
    ) -> Self {
        Self {
            found,
            left_out: swept.left_out.into(),
            passages: swept.passages,
            closest: swept.closest.map(|pair| PairBody::of(survey, pair)),
            complete: next_cursor.is_none(),
            next_cursor,
        }
    }
}

/// The families of a corpus.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FamiliesResponse {
    /// The largest first.
    families: Vec<FamilyBody>,
    /// How many there are; `families` holds the first of them up to the limit.
    found: usize,
    /// Groups that are too small to be a family.
    small: usize,
    /// Pairs that they were made of.
    pairs: usize,
    /// Pairs that were left out.
    left_out: LeftOutBody,
    /// The parameters that were used.
    parameters: FamilyParametersBody,
    /// Milliseconds that it took.
    timing_ms: ComparedMs,
    /// What produced this answer.
    provenance: Provenance,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
struct FamilyParametersBody {
    min_confidence: f32,
    cohesion: f32,
    min_members: usize,
    formulas: FormulasName,
    /// A formula is said in so many documents.
    formula_documents: usize,
}

/// One statement, made again and again.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct FamilyBody {
    /// The passage that is most like the others.
    representative: MemberBody,
    /// Its passages in order of date, each of another document.
    members: Vec<MemberBody>,
    /// Ids of the passages of the earliest date; none where no date is known.
    first: Vec<String>,
    /// The least confidence between any two members.
    least_confidence: f32,
    /// The mean confidence between two members.
    mean_confidence: f32,
    /// Members by year.
    years: BTreeMap<i16, usize>,
    /// For each field its values and how many members have them, the most frequent first.
    spread: BTreeMap<String, Vec<ValueBody>>,
}

/// A value among the members of a family.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct ValueBody {
    value: String,
    members: usize,
}

/// A passage of a family.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct MemberBody {
    /// The passage's id.
    passage: String,
    text: String,
    start: usize,
    end: usize,
    /// How alike it is to the representative.
    confidence: f32,
    document: DocumentBody,
    /// Path of the passage in its context.
    url: String,
}

/// The families of a corpus in their wire shape; the command line prints the same with `--json`.
///
/// # Errors
///
/// If the store cannot be read.
pub fn families_response(
    survey: &Survey,
    swept: &Swept,
    families: &Families,
    (thresholds, options): (&Thresholds, &FamilyOptions),
    limit: usize,
    start: Instant,
) -> Result<FamiliesResponse, ParallelsError> {
    let shown = families.families.iter().take(limit);
    let shown = shown.map(|family| FamilyBody::of(survey, family));
    let documents = survey.snapshot().facts().documents;
    Ok(FamiliesResponse {
        families: shown.collect::<Result<_, _>>()?,
        found: families.families.len(),
        small: families.small,
        pairs: swept.pairs.len(),
        left_out: swept.left_out.into(),
        parameters: FamilyParametersBody {
            min_confidence: options.min_confidence,
            cohesion: options.cohesion,
            min_members: options.min_members,
            formulas: thresholds.formulas.into(),
            formula_documents: thresholds.formula_from(documents),
        },
        timing_ms: ComparedMs::since(start),
        provenance: Provenance::of(survey.snapshot()),
    })
}

impl FamilyBody {
    fn of(survey: &Survey, family: &Family) -> Result<Self, ParallelsError> {
        let rows: Vec<u32> = family.members.iter().map(|member| member.row).collect();
        let read = survey.passages(&rows)?;
        let body = |(member, (passage, document)): (&Member, (PassageRecord, _))| {
            MemberBody::of(passage, document, member.confidence)
        };
        let members: Vec<MemberBody> = family.members.iter().zip(read).map(body).collect();
        let place = rows.iter().position(|row| *row == family.representative);
        let representative = members.get(place.unwrap_or(0)).cloned();
        let first = members.iter().take(family.first);
        let values = |values: &[(String, usize)]| {
            let values = values.iter().map(|(value, members)| ValueBody {
                value: value.clone(),
                members: *members,
            });
            values.collect::<Vec<_>>()
        };
        let spread = family.spread.iter();
        Ok(Self {
            first: first.map(|member| member.passage.clone()).collect(),
            representative: representative.ok_or(ParallelsError::OtherSnapshot)?,
            least_confidence: family.least,
            mean_confidence: family.mean,
            years: family.years.clone(),
            spread: spread
                .map(|spread| (spread.field.clone(), values(&spread.values)))
                .collect(),
            members,
        })
    }
}

impl MemberBody {
    fn of(passage: PassageRecord, document: &DocumentSummary, confidence: f32) -> Self {
        Self {
            passage: passage.id(),
            url: passage_url(&passage),
            start: passage.range.start,
            end: passage.range.end,
            text: passage.text,
            confidence,
            document: DocumentBody::from(document),
        }
    }
}

impl PairBody {
    pub(in crate::server) fn of(survey: &Survey, pair: Pair) -> Self {
        Self {
            source: survey.id_of(pair.source),
            target: survey.id_of(pair.target),
            confidence: pair.confidence,
            score: pair.score,
        }
    }
}

impl ComparedMs {
    fn since(start: Instant) -> Self {
        Self {
            total: milliseconds(start.elapsed()),
        }
    }
}

impl ThresholdsBody {
    fn of(survey: &Survey, thresholds: &Thresholds) -> Self {
        Self {
            min_score: thresholds.min_score,
            min_confidence: thresholds.min_confidence,
            min_margin: thresholds.min_margin,
            formulas: thresholds.formulas.into(),
            formula_share: thresholds.formula_share,
            formula_documents: thresholds.formula_from(survey.snapshot().facts().documents),
            exact: survey.is_exact(),
        }
    }
}

impl From<Parallel> for ParallelBody {
    fn from(parallel: Parallel) -> Self {
        let (source, target) = (&parallel.source.passage, &parallel.target.passage);
        let sentences = parallel.sentences.iter();
        Self {
            sentences: sentences
                .map(|pair| SentencesBody::of(pair, source, target))
                .collect(),
            confidence: parallel.pair.confidence,
            score: parallel.pair.score,
            words: parallel.pair.words,
            likeness: parallel.pair.likeness,
            margin: parallel.margin,
            percentile: parallel.percentile,
            wording: parallel.wording.name(),
            phrase: parallel.phrase,
            formula: parallel.formula,
            source: parallel.source.into(),
            target: parallel.target.into(),
        }
    }
}

impl From<Side> for SideBody {
    fn from(side: Side) -> Self {
        Self {
            passage: side.passage.id(),
            url: passage_url(&side.passage),
            start: side.passage.range.start,
            end: side.passage.range.end,
            text: side.passage.text,
            shared: side.shared.into_iter().map(RangeBody::from).collect(),
            common: CommonBody {
                documents: side.common.documents,
                speakers: side.common.speakers,
            },
            document: DocumentBody::from(&*side.document),
        }
    }
}

impl SentencesBody {
    fn of(pair: &SentencePair, source: &PassageRecord, target: &PassageRecord) -> Self {
        let span = |range: TextRange, passage: &PassageRecord| SpanBody {
            text: passage.slice(range).to_owned(),
            start: range.start,
            end: range.end,
        };
        Self {
            source: span(pair.source, source),
            target: span(pair.target, target),
            score: pair.score,
            confidence: pair.confidence,
            wording: pair.wording.name(),
        }
    }
}

impl From<LeftOut> for LeftOutBody {
    fn from(left_out: LeftOut) -> Self {
        Self {
            unsure: left_out.unsure,
            hubs: left_out.hubs,
            formulas: left_out.formulas,
        }
    }
}

impl From<FormulasName> for Formulas {
    fn from(name: FormulasName) -> Self {
        match name {
            FormulasName::Exclude => Self::Exclude,
            FormulasName::Include => Self::Include,
            FormulasName::Only => Self::Only,
        }
    }
}

impl From<Formulas> for FormulasName {
    fn from(formulas: Formulas) -> Self {
        match formulas {
            Formulas::Exclude => Self::Exclude,
            Formulas::Include => Self::Include,
            Formulas::Only => Self::Only,
        }
    }
}
