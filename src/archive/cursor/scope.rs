//! The identities of requests that have cursors: all parameters except those of pagination.

use crate::canonical::{Canonical, CanonicalBytes, Identity};
use crate::parallels::{FamilyOptions, Scope, Thresholds};
use crate::search::QueryParams;

/// The identity of a search.
pub(in crate::archive) struct SearchScope<'a>(pub(in crate::archive) &'a QueryParams);

impl Canonical for SearchScope<'_> {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        let QueryParams {
            text,
            like,
            unlike,
            mode,
            limit: _,
            offset: _,
            ef,
            exact,
            min_score,
            filter,
            semantic_weight,
            group,
            diversity,
            include,
            facets,
        } = self.0;
        // Trimmed, as the query is: white space around it does not change the results.
        bytes
            .put(&text.as_deref().map(str::trim))
            .list(like.iter().map(|example| example.trim()))
            .list(unlike.iter().map(|example| example.trim()))
            .put(mode)
            .put(ef)
            .put(exact)
            .put(min_score)
            .put(filter)
            .put(semantic_weight)
            .put(group)
            .put(diversity)
            .put(include)
            .put(facets);
    }
}

impl Identity for SearchScope<'_> {
    const DOMAIN: &'static str = "cursor of a search";
}

/// The identity of a corpus comparison that is streamed.
pub(in crate::archive) struct CorpusScope<'a> {
    pub(in crate::archive) scope: &'a Scope,
    pub(in crate::archive) thresholds: &'a Thresholds,
    pub(in crate::archive) exact: bool,
}

impl Canonical for CorpusScope<'_> {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        let Self {
            scope,
            thresholds,
            exact,
        } = self;
        bytes.put(scope).put(thresholds).put(exact);
    }
}

impl Identity for CorpusScope<'_> {
    const DOMAIN: &'static str = "cursor of parallels";
}

/// The identity of a request for families.
pub(in crate::archive) struct FamiliesScope<'a> {
    pub(in crate::archive) scope: &'a Scope,
    pub(in crate::archive) thresholds: &'a Thresholds,
    pub(in crate::archive) options: &'a FamilyOptions,
}

impl Canonical for FamiliesScope<'_> {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        let Self {
            scope,
            thresholds,
            options,
        } = self;
        bytes.put(scope).put(thresholds).put(options);
    }
}

impl Identity for FamiliesScope<'_> {
    const DOMAIN: &'static str = "cursor of families";
}

#[cfg(test)]
mod tests;
