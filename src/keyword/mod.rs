//! Keyword search: BM25 over the passages of a snapshot, with prefixes and phrases.
//!
//! A query is parsed into [`QueryTerm`]s, which are normalized as the store's FTS5 index normalizes
//! words. Posting lists are read from that index once and cached for all snapshots of a store. Document
//! frequencies and the average length change with every write and are computed per snapshot. So scores
//! equal FTS5's, with its constants, and do not depend on earlier queries.

mod bm25;
mod highlight;
mod normalization;
mod postings;
mod query;
mod snapshot;
mod stop_terms;
#[cfg(test)]
mod tests;

pub(crate) use bm25::Bm25Index;
pub use bm25::KeywordError;
pub use highlight::highlights;
pub use query::{QueryTerm, parse_terms};
