//! How a graph is built and searched.

use crate::canonical::{Canonical, CanonicalBytes};
use crate::index::IndexError;

/// How a graph is built and searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HnswParameters {
    /// Links of a point in the upper layers (twice as many at the bottom): 2 to 128.
    pub m: usize,
    /// Candidates kept while a point is linked: `m` to 4,000.
    pub ef_construction: usize,
    /// Candidates kept while searching: 1 to 10,000. Raised to `k` where `k` is larger.
    pub ef_search: usize,
}

impl Default for HnswParameters {
    fn default() -> Self {
        Self {
            m: 16,
            ef_construction: 200,
            ef_search: 256,
        }
    }
}

/// Most candidates that a search may keep.
pub const MAX_EF: usize = 10_000;

impl HnswParameters {
    /// Whether a graph can be built and searched with these.
    ///
    /// # Errors
    ///
    /// Names the first parameter outside its range.
    pub fn validate(&self) -> Result<(), IndexError> {
        let outside = |name, expected, received| {
            Err(IndexError::ParameterOutOfRange {
                name,
                expected,
                received,
            })
        };
        if !(2..=128).contains(&self.m) {
            return outside("hnsw_m", "2 to 128", self.m);
        }
        if !(self.m..=4000).contains(&self.ef_construction) {
            let expected = "hnsw_m to 4000";
            return outside("hnsw_ef_construction", expected, self.ef_construction);
        }
        if !(1..=MAX_EF).contains(&self.ef_search) {
            return outside("hnsw_ef_search", "1 to 10000", self.ef_search);
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
