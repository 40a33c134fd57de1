//! The parameters of comparisons and families, as the bytes by which requests are compared.

use super::families::FamilyOptions;
use super::scope::Scope;
use super::thresholds::{FormulaPolicy, Thresholds};
use crate::canonical::{Canonical, CanonicalBytes};

impl Canonical for Scope {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        let Self {
            source,
            target,
            exclude_same,
            max_year_gap,
            later_only,
        } = self;
        bytes
            .put(source)
            .put(target)
            .put(exclude_same)
            .put(max_year_gap)
            .put(later_only);
    }
}

impl Canonical for Thresholds {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        let Self {
            min_score,
            min_confidence,
            min_margin,
            formulas,
            formula_share,
        } = self;
        bytes
            .put(min_score)
            .put(min_confidence)
            .put(min_margin)
            .put(formulas)
            .put(formula_share);
    }
}

impl Canonical for FormulaPolicy {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        // Not `name`: a new name must not change identities.
        bytes.tag(match self {
            Self::Exclude => "exclude",
            Self::Include => "include",
            Self::Only => "only",
        });
    }
}

impl Canonical for FamilyOptions {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        let Self {
            min_confidence,
            cohesion,
            min_words,
            min_members,
            fields,
        } = self;
        bytes
            .put(min_confidence)
            .put(cohesion)
            .put(min_words)
            .put(min_members)
            .put(fields);
    }
}
