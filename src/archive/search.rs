//! Searches and facets.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::{Provenance, Snapshot};
use crate::search::{
    self, CacheMode, Facet, Filter, Query, QueryParams, SearchPage, SearchResults, StageTimes,
};

use super::cursor::CursorScope;
use super::{Archive, ArchiveError};

/// A search.
#[derive(Debug, Clone)]
pub struct SearchCall {
    /// The parameters, which are validated by the call.
    pub params: QueryParams,
    /// `next_cursor` of an earlier page of the same search; excludes `params.offset`.
    pub cursor: Option<String>,
    /// Whether the cache of query embeddings is used.
    pub cache_mode: CacheMode,
}

impl SearchCall {
    /// Resolves the cursor and validates the parameters.
    pub(crate) fn into_query(self, snapshot: &Snapshot) -> Result<Query, ArchiveError> {
        let mut params = self.params;
        let scope = CursorScope::for_search(snapshot, &params);
        params.offset = scope.resolve_offset(params.offset, self.cursor.as_deref())?;
        Ok(Query::new(params)?)
    }
}

/// The outcome of several searches.
#[derive(Debug)]
pub struct BatchOfPages {
    /// A page or an error for each search, in their order.
    pub pages: Vec<Result<SearchPage, ArchiveError>>,
    /// Totals over all searches.
    pub times: StageTimes,
    /// What produced the results.
    pub provenance: Provenance,
}

impl Archive {
    /// Searches for passages. `render` receives the page and the time in the queue.
    ///
    /// # Errors
    ///
    /// If a parameter or the cursor is invalid, the search cannot start within `max_wait`, or it fails.
    pub async fn search<T: Send + 'static>(
        &self,
        call: SearchCall,
        max_wait: Option<Duration>,
        render: impl FnOnce(SearchPage, Duration) -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, ArchiveError> {
        let encoder = self.query_encoder()?;
        let snapshot = self.snapshot()?;
        let cache_mode = call.cache_mode;
        let query = call.into_query(&snapshot)?;
        let recall_monitor = Arc::clone(&self.recall_monitor);
        let idle = self.admission.waiting() == 0;
        let work = move |queued: Duration| {
            let mut results = search::search(&snapshot, &encoder, &query, cache_mode)?;
            if let Some(approximate) = results.approximate.take() {
                recall_monitor.maybe_sample(&snapshot, approximate, idle);
            }
            render(page(&snapshot, query, results), queued)
        };
        self.admission.run_within(max_wait, work).await
    }

    /// Runs several searches on one snapshot; their queries are encoded in one batch. `render` receives
    /// the time in the queue too. The cache mode of the first search applies to all.
    ///
    /// # Errors
    ///
    /// If the batch cannot start within `max_wait`. A search that fails does not affect the others.
    pub async fn search_batch<T: Send + 'static>(
        &self,
        calls: Vec<SearchCall>,
        max_wait: Option<Duration>,
        render: impl FnOnce(BatchOfPages, Duration) -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, ArchiveError> {
        let encoder = self.query_encoder()?;
        let snapshot = self.snapshot()?;
        let recall_monitor = Arc::clone(&self.recall_monitor);
        let idle = self.admission.waiting() == 0;
        let work = move |queued: Duration| {
            let cache_mode = calls.first().map_or(CacheMode::ReadWrite, |c| c.cache_mode);
            let queries = calls.into_iter().map(|call| call.into_query(&snapshot));
            let queries: Vec<Result<Query, ArchiveError>> = queries.collect();
            let valid: Vec<&Query> = queries.iter().filter_map(|q| q.as_ref().ok()).collect();
            let (mut results, times) = search::search_all(&snapshot, &encoder, &valid, cache_mode);
            for result in results.iter_mut().flatten() {
                if let Some(approximate) = result.approximate.take() {
                    recall_monitor.maybe_sample(&snapshot, approximate, idle);
                }
            }
            let mut results = results.into_iter();
            let outcome = |query: Result<Query, ArchiveError>| {
                let query = query?;
                // One result per valid query, in the same order.
                let result = results.next().ok_or(ArchiveError::Aborted)??;
                Ok(page(&snapshot, query, result))
            };
            let batch = BatchOfPages {
                pages: queries.into_iter().map(outcome).collect(),
                times,
                provenance: snapshot.provenance(),
            };
            render(batch, queued)
        };
        self.admission.run_within(max_wait, work).await
    }

    /// Counts the values of fields over the documents that match a filter.
    ///
    /// # Errors
    ///
    /// If a field does not exist, or the call is rejected.
    pub async fn facets(
        &self,
        filter: Filter,
        fields: Vec<String>,
    ) -> Result<(Vec<Facet>, Provenance), ArchiveError> {
        let snapshot = self.snapshot()?;
        let work = move || {
            let facets = search::count_facets(snapshot.document_table(), &filter, &fields)?;
            Ok((facets, snapshot.provenance()))
        };
        self.admission.run(work).await
    }
}

fn page(snapshot: &Snapshot, query: Query, results: SearchResults) -> SearchPage {
    let params = query.params();
    let next_offset = params.offset + params.limit;
    let has_more = results.has_more && query.allows_offset(next_offset);
    let next_cursor =
        has_more.then(|| CursorScope::for_search(snapshot, params).encode_after(next_offset));
    SearchPage {
        next_cursor,
        default_ef: snapshot.default_ef(),
        provenance: snapshot.provenance(),
        query,
        results,
    }
}
