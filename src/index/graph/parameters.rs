//! Parameters of the graph.

use crate::canonical::{Canonical, CanonicalBytes};
use crate::index::IndexError;

/// Parameters of building and searching a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HnswParameters {
    /// Maximum number of links of a row in the upper layers, twice that in the base layer: 2 to 128.
    pub m: usize,
    /// Width of the search for a row's links: `m` to 4,000.
    pub ef_construction: usize,
    /// Default width of a search: 1 to 10,000; raised to `k`.
    pub ef_search: usize,
}

impl Default for HnswParameters {
    fn default() -> Self {
        Self {
            m: 16,
            ef_construction: 200,
            ef_search: 512,
        }
    }
}

/// Maximum width of a search.
pub const MAX_EF: usize = 10_000;

impl HnswParameters {
    /// Checks that the parameters are within their ranges.
    ///
    /// # Errors
    ///
    /// Returns the first parameter that is out of range.
    pub fn validate(&self) -> Result<(), IndexError> {
        let out_of_range = |name, expected, received| {
            Err(IndexError::ParameterOutOfRange {
                name,
                expected,
                received,
            })
        };
        if !(2..=128).contains(&self.m) {
            return out_of_range("hnsw_m", "2 to 128", self.m);
        }
        if !(self.m..=4000).contains(&self.ef_construction) {
            let expected = "hnsw_m to 4000";
            return out_of_range("hnsw_ef_construction", expected, self.ef_construction);
        }
        if !(1..=MAX_EF).contains(&self.ef_search) {
            return out_of_range("hnsw_ef_search", "1 to 10000", self.ef_search);
        }
        Ok(())
    }
}

impl Canonical for HnswParameters {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        let Self {
            m,
            ef_construction,
            ef_search,
        } = self;
        bytes.put(m).put(ef_construction).put(ef_search);
    }
}
