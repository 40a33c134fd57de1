//! A query that can be answered.

use super::filter::Filter;
use super::ranking::max_rrf_score;
use super::{
    CANDIDATE_POOL_SIZE, MAX_EXAMPLES, MAX_GROUP_SIZE, MAX_LIMIT, MAX_PHRASE_WORDS,
    MAX_QUERY_CHARACTERS, MAX_RESULT_WINDOW, SearchError, keyword,
};
use crate::index::MAX_EF;
use crate::passages::tokenize_words;
use crate::store::QueryTerm;

/// Hits in an answer where none are asked for.
pub const DEFAULT_LIMIT: usize = 10;

/// What is asked for, as it was given. [`Query::new`] checks it.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryParams {
    /// The text to look for.
    pub text: Option<String>,
    /// Instead of a text: passages by id, or texts, that the hits should be like.
    pub like: Vec<String>,
    /// Passages or texts that the hits should not be like.
    pub unlike: Vec<String>,
    /// How to search.
    pub mode: Mode,
    /// Most hits, or groups of hits, to answer with.
    pub limit: usize,
    /// Hits, or groups, to leave out before the first.
    pub offset: usize,
    /// Candidates kept while the graph is walked; the index's own number if not given.
    pub ef: Option<usize>,
    /// Compare with every passage.
    pub exact: bool,
    /// Hits below this score are left out. At most 1 by meaning, and in a hybrid ranking the score of a
    /// hit that is first in both lists.
    pub min_score: Option<f32>,
    /// Which documents may be found.
    pub filter: Filter,
    /// The share of meaning in a hybrid ranking, in [0, 1].
    pub semantic_weight: f32,
    /// Hits of one document or speaker stand together.
    pub group: Option<Grouping>,
    /// How much hits should differ from each other, in [0, 1].
    pub diversity: Option<f32>,
    /// What is wanted beside the hits.
    pub include: Include,
    /// Fields whose values are counted.
    pub facets: Vec<String>,
}

impl Default for QueryParams {
    fn default() -> Self {
        Self {
            text: None,
            like: Vec::new(),
            unlike: Vec::new(),
            mode: Mode::default(),
            limit: DEFAULT_LIMIT,
            offset: 0,
            ef: None,
            exact: false,
            min_score: None,
            filter: Filter::All(Vec::new()),
            semantic_weight: 0.5,
            group: None,
            diversity: None,
            include: Include::default(),
            facets: Vec::new(),
        }
    }
}

/// How to search.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// By meaning.
    #[default]
    Semantic,
    /// By words.
    Keyword,
    /// By both.
    Hybrid,
}

/// What hits are grouped by, and how many of each group are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grouping {
    /// What is equal within a group.
    pub by: GroupBy,
    /// Most hits of a group.
    pub size: usize,
}

/// What is equal within a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    /// The document.
    Document,
    /// The speaker; a document without one is a group of its own.
    Speaker,
}

/// What is wanted of each hit beside the usual.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Include {
    /// The passages before and after it.
    pub context: bool,
    /// Its embedding.
    pub embedding: bool,
    /// What finding it took.
    pub explain: bool,
}

/// A query that can be answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    params: QueryParams,
    terms: Vec<QueryTerm>,
}

impl Query {
    /// Checks what is asked for.
    ///
    /// # Errors
    ///
    /// Names the first value that cannot be answered.
    pub fn new(mut parts: QueryParams) -> Result<Self, SearchError> {
        let text = parts
            .text
            .take()
            .map(|text| validate_text(&text))
            .transpose()?;
        parts.text = text;
        for (name, examples) in [("like", &mut parts.like), ("unlike", &mut parts.unlike)] {
            for example in examples {
                if example.trim().is_empty() {
                    return Err(SearchError::EmptyExample { name });
                }
                *example = validate_text(example)?;
            }
        }
        match (
            &parts.text,
            parts.like.is_empty() && parts.unlike.is_empty(),
        ) {
            (None, true) => return Err(SearchError::MissingQuery),
            (Some(_), false) => return Err(SearchError::QueryAndExamples),
            _ => {}
        }
        if parts.text.is_none() {
            if parts.like.is_empty() {
                return Err(SearchError::NoPositiveExamples);
            }
            if parts.mode != Mode::Semantic {
                return Err(SearchError::ExamplesRequireSemanticMode);
            }
        }
        let terms = match (&parts.text, parts.mode) {
            (Some(text), Mode::Keyword | Mode::Hybrid) => keyword::parse_terms(text),
            _ => Vec::new(),
        };
        check_phrases(&terms)?;
        check_numbers(&parts)?;
        check_result_window(&parts)?;
        Ok(Self {
            params: parts,
            terms,
        })
    }

    /// What is asked for, as it was checked.
    #[must_use]
    pub fn params(&self) -> &QueryParams {
        &self.params
    }

    /// What is looked for by words; nothing by meaning alone.
    #[must_use]
    pub fn terms(&self) -> &[QueryTerm] {
        &self.terms
    }

    /// Whether a page that begins so far down could be asked for.
    #[must_use]
    pub fn allows_offset(&self, offset: usize) -> bool {
        offset + self.params.limit <= max_result_window(&self.params)
    }

    /// Whether hits are chosen among a fixed number of candidates.
    #[must_use]
    pub fn uses_candidate_pool(&self) -> bool {
        uses_candidate_pool(&self.params)
    }
}

fn uses_candidate_pool(parts: &QueryParams) -> bool {
    parts.mode == Mode::Hybrid || parts.group.is_some() || parts.diversity.is_some()
}

/// A text that is not blank, without blanks at its ends.
fn validate_text(text: &str) -> Result<String, SearchError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(SearchError::EmptyQuery);
    }
    let characters = text.chars().count();
    if characters > MAX_QUERY_CHARACTERS {
        return Err(SearchError::QueryTooLong {
            received: characters,
            expected: MAX_QUERY_CHARACTERS,
            unit: "characters",
        });
    }
    Ok(text.to_owned())
}

/// No phrase is longer than anybody would quote: each word of one is compared wherever it stands.
fn check_phrases(terms: &[QueryTerm]) -> Result<(), SearchError> {
    let lengths = terms.iter().map(|term| match term {
        QueryTerm::Word(text) | QueryTerm::Prefix(text) | QueryTerm::Phrase(text) => {
            tokenize_words(text).len()
        }
    });
    match lengths.max() {
        Some(received) if received > MAX_PHRASE_WORDS => Err(SearchError::QueryTooLong {
            received,
            expected: MAX_PHRASE_WORDS,
            unit: "words in one phrase",
        }),
        _ => Ok(()),
    }
}

fn check_numbers(parts: &QueryParams) -> Result<(), SearchError> {
    let outside = |name, expected: String, received: &dyn ToString| {
        Err(SearchError::Parameter {
            name,
            expected,
            received: received.to_string(),
        })
    };
    if !(1..=MAX_LIMIT).contains(&parts.limit) {
        return Err(SearchError::Limit {
            received: parts.limit,
        });
    }
    if let Some(received) = parts.ef.filter(|ef| !(1..=MAX_EF).contains(ef)) {
        return Err(SearchError::Ef { received });
    }
    for (name, examples) in [("like", &parts.like), ("unlike", &parts.unlike)] {
        if examples.len() > MAX_EXAMPLES {
            let expected = format!("at most {MAX_EXAMPLES} of them");
            return outside(name, expected, &examples.len());
        }
    }
    let shares = [
        ("semantic_weight", Some(parts.semantic_weight)),
        ("diversity", parts.diversity),
    ];
    for (name, share) in shares {
        if let Some(share) = share.filter(|share| !(0.0..=1.0).contains(share)) {
            return outside(name, "0 to 1".to_owned(), &share);
        }
    }
    let (greatest, expected) = max_score(parts);
    let reachable = |score: &f32| score.is_finite() && *score <= greatest;
    if let Some(score) = parts.min_score.filter(|score| !reachable(score)) {
        return outside("min_score", expected, &score);
    }
    if let Some(group) = parts
        .group
        .filter(|g| !(1..=MAX_GROUP_SIZE).contains(&g.size))
    {
        return outside("group_size", format!("1 to {MAX_GROUP_SIZE}"), &group.size);
    }
    Ok(())
}

/// The greatest score that a hit can have, and what that makes of `min_score`.
fn max_score(parts: &QueryParams) -> (f32, String) {
    match parts.mode {
        Mode::Semantic => (
            1.0,
            "at most 1, the score of a passage that is the query".to_owned(),
        ),
        Mode::Keyword => (f32::MAX, "a finite number".to_owned()),
        Mode::Hybrid => {
            let greatest = max_rrf_score(parts.semantic_weight);
            let expected = format!(
                "at most {greatest}, the score of a hit that is first by meaning and by words"
            );
            (greatest, expected)
        }
    }
}

/// How deep paging may go.
fn max_result_window(parts: &QueryParams) -> usize {
    if uses_candidate_pool(parts) {
        CANDIDATE_POOL_SIZE
    } else {
        MAX_RESULT_WINDOW
    }
}

fn check_result_window(parts: &QueryParams) -> Result<(), SearchError> {
    match max_result_window(parts).checked_sub(parts.limit) {
        Some(expected) if parts.offset <= expected => Ok(()),
        expected => Err(SearchError::Offset {
            received: parts.offset,
            expected: expected.unwrap_or(0),
        }),
    }
}
