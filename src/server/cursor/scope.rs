//! The requests in which a cursor goes on: all that is asked for, but the page.

use crate::canonical::{Canonical, CanonicalBytes, Identity};
use crate::parallels::{FamilyOptions, Scope, Thresholds};
use crate::search::QueryParams;

/// A search.
pub(in crate::server) struct SearchScope<'a>(pub(in crate::server) &'a QueryParams);

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
        // A query is answered without the blanks at its ends, and its cursor is made of that.
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

/// A corpus that is compared, as a stream.
pub(in crate::server) struct SweepScope<'a> {
    pub(in crate::server) scope: &'a Scope,
    pub(in crate::server) thresholds: &'a Thresholds,
    pub(in crate::server) exact: bool,
}

impl Canonical for SweepScope<'_> {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        let Self {
            scope,
            thresholds,
            exact,
        } = self;
        bytes.put(scope).put(thresholds).put(exact);
    }
}

impl Identity for SweepScope<'_> {
    const DOMAIN: &'static str = "cursor of parallels";
}

/// Families of a corpus.
pub(in crate::server) struct FamiliesScope<'a> {
    pub(in crate::server) scope: &'a Scope,
    pub(in crate::server) thresholds: &'a Thresholds,
    pub(in crate::server) options: &'a FamilyOptions,
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
