//! The identity of a request is pinned, and depends on every parameter except those of pagination.

use serde_json::json;

use super::*;
use crate::canonical::tests::assert_each_counts;
use crate::parallels::FormulaPolicy;
use crate::search::{Filter, GroupBy, Grouping, Include, Mode};
use crate::store::ContentHash;

fn by(speaker: &str) -> Filter {
    Filter::parse(&json!({ "speaker": speaker })).unwrap()
}

fn search() -> QueryParams {
    QueryParams {
        text: Some("peace".to_owned()),
        like: vec!["a".to_owned()],
        unlike: vec!["b".to_owned()],
        mode: Mode::Hybrid,
        limit: 10,
        offset: 20,
        ef: Some(64),
        exact: true,
        min_score: Some(0.25),
        filter: by("A"),
        semantic_weight: 0.5,
        group: Some(Grouping {
            by: GroupBy::Speaker,
            size: 2,
        }),
        diversity: Some(0.75),
        include: Include {
            context: true,
            embedding: false,
            explain: true,
        },
        facets: vec!["country".to_owned()],
    }
}

#[derive(Clone)]
struct Comparison {
    scope: Scope,
    thresholds: Thresholds,
    exact: bool,
    options: FamilyOptions,
}

impl Comparison {
    fn corpus(&self) -> CorpusScope<'_> {
        CorpusScope {
            scope: &self.scope,
            thresholds: &self.thresholds,
            exact: self.exact,
        }
    }

    fn families(&self) -> FamiliesScope<'_> {
        FamiliesScope {
            scope: &self.scope,
            thresholds: &self.thresholds,
            options: &self.options,
        }
    }
}

fn comparison() -> Comparison {
    Comparison {
        scope: Scope {
            source: by("A"),
            target: by("B"),
            exclude_same: vec!["country".to_owned()],
            max_year_gap: Some(5),
            later_only: true,
        },
        thresholds: Thresholds {
            min_score: 0.5,
            min_confidence: 0.75,
            min_margin: 1.0,
            formulas: FormulaPolicy::Exclude,
            formula_share: 0.125,
        },
        exact: false,
        options: FamilyOptions {
            min_confidence: 0.75,
            cohesion: 0.25,
            min_words: 8,
            min_members: 3,
            fields: vec!["speaker".to_owned()],
        },
    }
}

/// Changes of the parameters that parallels and families share.
const SHARED_CHANGES: [fn(&mut Comparison); 11] = [
    |c| c.scope.source = by("B"),
    |c| c.scope.target = by("C"),
    |c| c.scope.exclude_same.push("speaker".to_owned()),
    |c| c.scope.max_year_gap = None,
    |c| c.scope.later_only = false,
    |c| c.thresholds.min_score = 0.0,
    |c| c.thresholds.min_confidence = 0.0,
    |c| c.thresholds.min_margin = 0.0,
    |c| c.thresholds.formulas = FormulaPolicy::Include,
    |c| c.thresholds.formulas = FormulaPolicy::Only,
    |c| c.thresholds.formula_share = 0.0,
];

fn hash(value: &impl Identity) -> String {
    ContentHash::of_identity(value).to_string()
}

#[test]
fn search_identity_is_pinned() {
    assert_eq!(
        hash(&SearchScope(&search())),
        "48455525d2fa5fc6562ede1b01b0224217d7f9625550471db2e67b1f2d8ca8c2"
    );
    let plain = QueryParams {
        text: Some("peace".to_owned()),
        ..QueryParams::default()
    };
    assert_eq!(
        hash(&SearchScope(&plain)),
        "d79b9616e03db3f389316de28f6ede8769349d9a609427f1f8937115aa83de69"
    );
}

#[test]
fn parallels_and_families_identities_are_pinned() {
    let request = comparison();
    assert_eq!(
        hash(&request.corpus()),
        "a32d31d80a8742cfd85ce612e19ffaec585517d2e90b31732aa75dc7e9ad8a64"
    );
    assert_eq!(
        hash(&request.families()),
        "8379129d78f4129abbbd19969c1fd20574ecdf583ddc405c7914a9ea13767245"
    );
}

#[test]
fn every_search_parameter_counts() {
    let changes: [fn(&mut QueryParams); 20] = [
        |p| p.text = None,
        |p| p.text = Some("war".to_owned()),
        |p| p.like.push("c".to_owned()),
        |p| p.unlike.push("c".to_owned()),
        |p| p.mode = Mode::Semantic,
        |p| p.mode = Mode::Keyword,
        |p| p.ef = None,
        |p| p.ef = Some(65),
        |p| p.exact = false,
        |p| p.min_score = None,
        |p| p.filter = by("B"),
        |p| p.semantic_weight = 0.25,
        |p| p.group = None,
        |p| p.group.as_mut().unwrap().by = GroupBy::Document,
        |p| p.group.as_mut().unwrap().size = 3,
        |p| p.diversity = None,
        |p| p.include.context = false,
        |p| p.include.embedding = true,
        |p| p.include.explain = false,
        |p| p.facets.push("speaker".to_owned()),
    ];
    assert_each_counts(&search(), &changes, |p| SearchScope(p).canonical_bytes());
}

#[test]
fn pagination_does_not_count() {
    let other = QueryParams {
        limit: 1,
        offset: 0,
        ..search()
    };
    assert_eq!(hash(&SearchScope(&other)), hash(&SearchScope(&search())));
}

/// A cursor is created from the trimmed query and compared with the raw parameters of the next request.
#[test]
fn surrounding_white_space_does_not_count() {
    let untrimmed = QueryParams {
        text: Some(" peace\n".to_owned()),
        like: vec!["\ta".to_owned()],
        unlike: vec!["b ".to_owned()],
        ..search()
    };
    assert_eq!(
        hash(&SearchScope(&untrimmed)),
        hash(&SearchScope(&search()))
    );
}

#[test]
fn every_comparison_parameter_counts() {
    let request = comparison();
    let exact: fn(&mut Comparison) = |c| c.exact = true;
    assert_each_counts(&request, &[&SHARED_CHANGES[..], &[exact]].concat(), |c| {
        c.corpus().canonical_bytes()
    });
    let families: [fn(&mut Comparison); 5] = [
        |c| c.options.min_confidence = 0.0,
        |c| c.options.cohesion = 0.0,
        |c| c.options.min_words = 9,
        |c| c.options.min_members = 4,
        |c| c.options.fields.push("country".to_owned()),
    ];
    assert_each_counts(&request, &[&SHARED_CHANGES[..], &families].concat(), |c| {
        c.families().canonical_bytes()
    });
}

#[test]
fn routes_do_not_share_cursors() {
    let request = comparison();
    assert_ne!(hash(&request.corpus()), hash(&request.families()));
}
