//! Requests for parallels and families.

use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::archive::{CorpusCall, FamiliesCall};
use crate::corpus::DocumentId;
use crate::parallels::{
    DocumentComparison, FamilyOptions, FormulaPolicy, PairThresholds, PassageComparison, Scope,
    Thresholds,
};
use crate::search::Filter;
use crate::server::problem::Problem;

/// Maximum number of pairs in a non-streamed response.
pub(in crate::server) const MAX_PAIRS: usize = 10_000;

/// Maximum number of families in a response.
pub(in crate::server) const MAX_FAMILIES: usize = 1_000;

/// Parameters of the comparison of a corpus.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::server) struct ParallelsRequest {
    /// Source documents: a filter as in a search. All by default.
    #[schema(value_type = Option<Object>, example = json!({"country": "FRA"}))]
    source: Option<serde_json::Value>,
    /// Target documents: a filter as in a search. All by default.
    #[schema(value_type = Option<Object>)]
    target: Option<serde_json::Value>,
    /// Documents with the same value in one of these fields are not compared.
    #[schema(example = json!(["speaker"]))]
    exclude_same: Vec<String>,
    /// Maximum difference between the years of two documents.
    #[schema(minimum = 0, maximum = 10000)]
    max_year_gap: Option<u32>,
    /// Only pairs whose target is later than the source.
    later_only: bool,
    /// Minimum cosine of the matched text.
    #[schema(minimum = -1, maximum = 1)]
    min_score: f32,
    /// Minimum confidence of a pair.
    #[schema(minimum = 0, maximum = 1)]
    min_confidence: f32,
    /// Minimum margin of the matched text.
    #[schema(minimum = 0, maximum = 10)]
    min_margin: f32,
    /// How to treat formulas.
    formulas: FormulaPolicy,
    /// A statement is a formula if it occurs in this share of all documents, and in at least five.
    #[schema(minimum = 0, maximum = 1)]
    formula_share: f32,
    /// Compare exhaustively, so that no pair is missed.
    exact: bool,
    /// Maximum number of pairs in this stream; unlimited by default. The last line has a cursor if there
    /// are more.
    #[schema(minimum = 1)]
    limit: Option<usize>,
    /// A cursor of an earlier stream of the same request: resumes after its pairs, in the same snapshot.
    cursor: Option<String>,
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
            exclude_same: Vec::new(),
            max_year_gap: None,
            later_only: false,
            min_score,
            min_confidence,
            min_margin,
            formulas: FormulaPolicy::Exclude,
            formula_share,
            exact: false,
            limit: None,
            cursor: None,
        }
    }
}

impl ParallelsRequest {
    /// Parses and validates the request as far as possible without a corpus.
    pub(in crate::server) fn into_call(self) -> Result<CorpusCall, Problem> {
        if self.limit == Some(0) {
            let detail = "limit is 0; expected at least 1";
            return Err(Problem::limit_out_of_range(detail).at("limit"));
        }
        let thresholds = Thresholds {
            min_score: self.min_score,
            min_confidence: self.min_confidence,
            min_margin: self.min_margin,
            formulas: self.formulas,
            formula_share: self.formula_share,
        };
        thresholds.check()?;
        let scope = Scope {
            source: parse_filter(self.source.as_ref(), "source")?,
            target: parse_filter(self.target.as_ref(), "target")?,
            exclude_same: self.exclude_same,
            max_year_gap: self.max_year_gap,
            later_only: self.later_only,
        };
        scope.check()?;
        Ok(CorpusCall {
            scope,
            thresholds,
            exact: self.exact,
            limit: self.limit.unwrap_or(usize::MAX),
            cursor: self.cursor,
        })
    }
}

/// Parameters of the families of a corpus.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::server) struct FamiliesRequest {
    /// Documents to compare: a filter as in a search. All by default.
    #[schema(value_type = Option<Object>, example = json!({"date": {"from": "2015"}}))]
    filter: Option<serde_json::Value>,
    /// Documents with the same value in one of these fields are not compared.
    exclude_same: Vec<String>,
    /// Minimum confidence of the pairs that start a cluster.
    #[schema(minimum = 0.3, maximum = 1)]
    min_confidence: f32,
    /// Minimum confidence between any two members (complete linkage).
    #[schema(minimum = 0.3, maximum = 1)]
    cohesion: f32,
    /// Minimum number of words of a member.
    #[schema(minimum = 0)]
    min_words: usize,
    /// Minimum number of members.
    #[schema(minimum = 2)]
    min_members: usize,
    /// Fields whose values are counted in each family.
    fields: Vec<String>,
    /// How to treat formulas.
    formulas: FormulaPolicy,
    /// A statement is a formula if it occurs in this share of all documents, and in at least five.
    #[schema(minimum = 0, maximum = 1)]
    formula_share: f32,
    /// Maximum number of families, largest first: 1 to 1,000.
    #[schema(minimum = 1, maximum = 1000)]
    pub(in crate::server) limit: usize,
    /// Number of families to skip.
    offset: usize,
    /// `next_cursor` of a response to the same request: returns the page after it, in the same snapshot.
    /// Excludes `offset`.
    cursor: Option<String>,
}

impl Default for FamiliesRequest {
    fn default() -> Self {
        let FamilyOptions {
            min_confidence,
            cohesion,
            min_members,
            min_words,
            fields,
        } = FamilyOptions::default();
        Self {
            filter: None,
            exclude_same: Vec::new(),
            min_confidence,
            cohesion,
            min_members,
            min_words,
            fields,
            formulas: FormulaPolicy::Exclude,
            formula_share: Thresholds::default().formula_share,
            limit: 20,
            offset: 0,
            cursor: None,
        }
    }
}

impl FamiliesRequest {
    /// Parses and validates the request as far as possible without a corpus.
    pub(in crate::server) fn into_call(self) -> Result<FamiliesCall, Problem> {
        if !(1..=MAX_FAMILIES).contains(&self.limit) {
            let detail = format!("limit is {}; expected 1 to {MAX_FAMILIES}", self.limit);
            return Err(Problem::limit_out_of_range(detail).at("limit"));
        }
        let options = FamilyOptions {
            min_confidence: self.min_confidence,
            cohesion: self.cohesion,
            min_members: self.min_members,
            min_words: self.min_words,
            fields: self.fields,
        };
        options.check()?;
        let thresholds = Thresholds {
            formulas: self.formulas,
            formula_share: self.formula_share,
            ..options.thresholds()
        };
        thresholds.check()?;
        let documents = parse_filter(self.filter.as_ref(), "filter")?;
        let scope = Scope {
            source: documents.clone(),
            target: documents,
            exclude_same: self.exclude_same,
            ..Scope::default()
        };
        Ok(FamiliesCall {
            scope,
            thresholds,
            options,
            offset: self.offset,
            limit: self.limit,
            cursor: self.cursor,
        })
    }
}

fn parse_filter(value: Option<&serde_json::Value>, name: &str) -> Result<Filter, Problem> {
    let Some(value) = value else {
        return Ok(Filter::All(Vec::new()));
    };
    Ok(Filter::parse_named(name, value)?)
}

/// Parameters of the comparison of two documents.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in crate::server) struct ComparisonParameters {
    /// Minimum confidence of a pair.
    #[param(minimum = 0, maximum = 1, default = 0.15)]
    pub(in crate::server) min_confidence: f32,
    /// Minimum alignment score: also returns pairs below the confidence threshold; a rare shared word
    /// adds up to 1.
    #[param(minimum = 0, default = 2)]
    pub(in crate::server) min_alignment_score: f32,
    /// Allow a passage in more than one pair.
    #[param(default = false)]
    pub(in crate::server) many_to_many: bool,
    /// Maximum number of pairs, 1 to 10,000.
    #[param(minimum = 1, maximum = 10000, default = 100)]
    pub(in crate::server) limit: usize,
}

impl Default for ComparisonParameters {
    fn default() -> Self {
        let PairThresholds {
            min_confidence,
            min_alignment_score,
        } = PairThresholds::default();
        Self {
            min_confidence,
            min_alignment_score,
            many_to_many: false,
            limit: 100,
        }
    }
}

/// Parameters of the comparison of one passage with all other documents.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in crate::server) struct PassageParameters {
    /// Minimum confidence of a pair.
    #[param(minimum = 0, maximum = 1, default = 0.5)]
    pub(in crate::server) min_confidence: f32,
    /// Maximum number of pairs, 1 to 10,000.
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

impl ComparisonParameters {
    /// Validates the parameters and combines them with the documents.
    pub(in crate::server) fn comparison(
        &self,
        source: DocumentId,
        target: DocumentId,
    ) -> Result<DocumentComparison, Problem> {
        if !self.min_alignment_score.is_finite() || self.min_alignment_score < 0.0 {
            let detail = format!(
                "min_alignment_score is {}; expected at least 0",
                self.min_alignment_score
            );
            return Err(Problem::parameter_out_of_range(detail).at("min_alignment_score"));
        }
        check_limit(self.limit)?;
        check_confidence(self.min_confidence)?;
        Ok(DocumentComparison {
            source,
            target,
            thresholds: PairThresholds {
                min_confidence: self.min_confidence,
                min_alignment_score: self.min_alignment_score,
            },
            formula_share: Thresholds::default().formula_share,
            many_to_many: self.many_to_many,
            exact: false,
        })
    }
}

impl PassageParameters {
    /// Validates the parameters and combines them with the passage.
    pub(in crate::server) fn comparison(
        &self,
        (document, ordinal): (DocumentId, u32),
        target: Filter,
    ) -> Result<PassageComparison, Problem> {
        check_limit(self.limit)?;
        check_confidence(self.min_confidence)?;
        Ok(PassageComparison {
            document,
            ordinal,
            target,
            min_confidence: self.min_confidence,
        })
    }
}

fn check_confidence(min_confidence: f32) -> Result<(), Problem> {
    let thresholds = Thresholds {
        min_confidence,
        ..Thresholds::default()
    };
    Ok(thresholds.check()?)
}

/// Checks the limit of a response.
fn check_limit(limit: usize) -> Result<(), Problem> {
    if (1..=MAX_PAIRS).contains(&limit) {
        return Ok(());
    }
    let detail = format!("limit is {limit}; expected 1 to {MAX_PAIRS}");
    Err(Problem::limit_out_of_range(detail).at("limit"))
}
