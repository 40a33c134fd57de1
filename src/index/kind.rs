//! How an index is searched, as responses and identities name it.

use std::fmt;

use super::HnswParameters;
use crate::canonical::{Canonical, CanonicalBytes};

/// How the rows of an index are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexKind {
    /// Exact scan.
    Exact,
    /// Graph search.
    Hnsw(HnswParameters),
}

impl fmt::Display for IndexKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact => f.write_str("exact"),
            Self::Hnsw(HnswParameters {
                m,
                ef_construction,
                ef_search,
            }) => write!(
                f,
                "hnsw m={m} ef_construction={ef_construction} ef={ef_search}"
            ),
        }
    }
}

impl Canonical for IndexKind {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        match self {
            Self::Exact => bytes.tag("exact"),
            Self::Hnsw(parameters) => bytes.tag("hnsw").put(parameters),
        };
    }
}
