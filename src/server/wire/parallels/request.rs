//! What is asked of parallels and families.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::parallels::{FamilyOptions, FormulaPolicy, PairThresholds, Scope, Thresholds};
use crate::search::Filter;
use crate::server::problem::Problem;

/// Most pairs in one answer that is no stream.
pub(in crate::server) const MAX_PAIRS: usize = 10_000;

/// Most families in one answer.
pub(in crate::server) const MAX_FAMILIES: usize = 1_000;

/// What becomes of what nearly everybody says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FormulaPolicyDto {
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
    exclude_same: Vec<String>,
    /// Two documents are compared only if their years differ by so many at most.
    #[schema(minimum = 0, maximum = 10000)]
    max_year_gap: Option<u32>,
    /// The target must be later than the source.
    later_only: bool,
    /// What has a lower cosine carries no pair and is not looked at.
    #[schema(minimum = -1, maximum = 1)]
    min_score: f32,
    /// Pairs of less confidence are left out.
    #[schema(minimum = 0, maximum = 1)]
    min_confidence: f32,
    /// Pairs whose carrier has a lower margin are left out.
    #[schema(minimum = 0, maximum = 10)]
    min_margin: f32,
    /// What becomes of formulas.
    formulas: FormulaPolicyDto,
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
            exclude_same: Vec::new(),
            max_year_gap: None,
            later_only: false,
            min_score,
            min_confidence,
            min_margin,
            formulas: FormulaPolicyDto::Exclude,
            formula_share,
            exact: false,
            limit: None,
            cursor: None,
        }
    }
}

impl ParallelsRequest {
    /// What is asked, checked as far as it can be without a corpus.
    pub(in crate::server) fn parse(&self) -> Result<(Scope, Thresholds), Problem> {
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
            source: parse_filter(self.source.as_ref(), "source")?,
            target: parse_filter(self.target.as_ref(), "target")?,
            exclude_same: self.exclude_same.clone(),
            max_year_gap: self.max_year_gap,
            later_only: self.later_only,
        };
        scope.check()?;
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
    exclude_same: Vec<String>,
    /// Pairs of at least this confidence bring families together.
    #[schema(minimum = 0.3, maximum = 1)]
    min_confidence: f32,
    /// Every two members of a family are alike with at least this confidence.
    #[schema(minimum = 0.3, maximum = 1)]
    cohesion: f32,
    /// Passages and sentences of fewer words are no members.
    #[schema(minimum = 0)]
    min_words: usize,
    /// Families of fewer members are left out.
    #[schema(minimum = 2)]
    min_members: usize,
    /// Fields whose values are counted in each family.
    fields: Vec<String>,
    /// What becomes of formulas.
    formulas: FormulaPolicyDto,
    /// A formula is said in this share of all documents, and in at least five.
    #[schema(minimum = 0, maximum = 1)]
    formula_share: f32,
    /// Most families, the largest first: 1 to 1,000.
    #[schema(minimum = 1, maximum = 1000)]
    pub(in crate::server) limit: usize,
    /// Families to leave out before the first.
    pub(in crate::server) offset: usize,
    /// `next_cursor` of an answer to the same request: the page after it, of the same snapshot. Instead
    /// of `offset`.
    pub(in crate::server) cursor: Option<String>,
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
            formulas: FormulaPolicyDto::Exclude,
            formula_share: Thresholds::default().formula_share,
            limit: 20,
            offset: 0,
            cursor: None,
        }
    }
}

impl FamiliesRequest {
    /// What is asked, checked as far as it can be without a corpus.
    pub(in crate::server) fn parse(&self) -> Result<(Scope, Thresholds, FamilyOptions), Problem> {
        if !(1..=MAX_FAMILIES).contains(&self.limit) {
            let detail = format!("limit is {}; expected 1 to {MAX_FAMILIES}", self.limit);
            return Err(Problem::limit_out_of_range(detail).at("limit"));
        }
        let options = FamilyOptions {
            min_confidence: self.min_confidence,
            cohesion: self.cohesion,
            min_members: self.min_members,
            min_words: self.min_words,
            fields: self.fields.clone(),
        };
        options.check()?;
        let thresholds = Thresholds {
            formulas: self.formulas.into(),
            formula_share: self.formula_share,
            ..options.thresholds()
        };
        thresholds.check()?;
        let documents = parse_filter(self.filter.as_ref(), "filter")?;
        let scope = Scope {
            source: documents.clone(),
            target: documents,
            exclude_same: self.exclude_same.clone(),
            ..Scope::default()
        };
        Ok((scope, thresholds, options))
    }
}

fn parse_filter(value: Option<&serde_json::Value>, name: &str) -> Result<Filter, Problem> {
    let Some(value) = value else {
        return Ok(Filter::All(Vec::new()));
    };
    Ok(Filter::parse_named(name, value)?)
}

/// What is enough for a pair of two documents, or of one passage and all others.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in crate::server) struct ComparisonParameters {
    /// Pairs of at least this confidence.
    #[param(minimum = 0, maximum = 1, default = 0.15)]
    pub(in crate::server) min_confidence: f32,
    /// Pairs whose passages have common wording of at least this weight, however unsure; a rare word weighs
    /// up to 1.
    #[param(minimum = 0, default = 2)]
    pub(in crate::server) min_alignment_score: f32,
    /// Whether a passage may be in several pairs.
    #[param(default = false)]
    pub(in crate::server) many_to_many: bool,
    /// Most pairs, 1 to 10,000.
    #[param(minimum = 1, maximum = 10000, default = 100)]
    pub(in crate::server) limit: usize,
}

impl Default for ComparisonParameters {
    fn default() -> Self {
        let PairThresholds {
            min_confidence: confidence,
            min_alignment_score: phrase,
        } = PairThresholds::default();
        Self {
            min_confidence: confidence,
            min_alignment_score: phrase,
            many_to_many: false,
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

impl ComparisonParameters {
    /// What is asked, checked.
    pub(in crate::server) fn parse(&self) -> Result<(Thresholds, PairThresholds), Problem> {
        if !self.min_alignment_score.is_finite() || self.min_alignment_score < 0.0 {
            let detail = format!(
                "min_phrase is {}; expected at least 0",
                self.min_alignment_score
            );
            return Err(Problem::parameter_out_of_range(detail).at("min_phrase"));
        }
        check_limit(self.limit)?;
        let thresholds = Thresholds {
            min_confidence: self.min_confidence,
            ..Thresholds::default()
        };
        thresholds.check()?;
        let enough = PairThresholds {
            min_confidence: self.min_confidence,
            min_alignment_score: self.min_alignment_score,
        };
        Ok((thresholds, enough))
    }
}

impl PassageParameters {
    /// What is asked, checked.
    pub(in crate::server) fn parse(&self) -> Result<Thresholds, Problem> {
        check_limit(self.limit)?;
        let thresholds = Thresholds {
            min_confidence: self.min_confidence,
            min_margin: 0.0,
            formulas: FormulaPolicy::Include,
            ..Thresholds::default()
        };
        thresholds.check()?;
        Ok(thresholds)
    }
}

/// Checks how many pairs are wanted.
fn check_limit(limit: usize) -> Result<(), Problem> {
    if (1..=MAX_PAIRS).contains(&limit) {
        return Ok(());
    }
    let detail = format!("limit is {limit}; expected 1 to {MAX_PAIRS}");
    Err(Problem::limit_out_of_range(detail).at("limit"))
}

impl From<FormulaPolicyDto> for FormulaPolicy {
    fn from(name: FormulaPolicyDto) -> Self {
        match name {
            FormulaPolicyDto::Exclude => Self::Exclude,
            FormulaPolicyDto::Include => Self::Include,
            FormulaPolicyDto::Only => Self::Only,
        }
    }
}

impl From<FormulaPolicy> for FormulaPolicyDto {
    fn from(formulas: FormulaPolicy) -> Self {
        match formulas {
            FormulaPolicy::Exclude => Self::Exclude,
            FormulaPolicy::Include => Self::Include,
            FormulaPolicy::Only => Self::Only,
        }
    }
}
