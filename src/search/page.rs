//! A page of results, with what a client needs to go on from it.

use crate::engine::Provenance;

use super::SearchResults;
use super::query::Query;

/// A page of the results of a query.
#[derive(Debug, Clone)]
pub struct SearchPage {
    /// The query, with its offset.
    pub query: Query,
    /// The results.
    pub results: SearchResults,
    /// Continues after this page while the snapshot is current; `None` on the last page.
    pub next_cursor: Option<String>,
    /// Width of the graph search if the query has none.
    pub default_ef: usize,
    /// What produced the results.
    pub provenance: Provenance,
}
