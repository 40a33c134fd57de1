//! The response to a batch of searches.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use utoipa::ToSchema;

use crate::archive::BatchOfPages;
use crate::server::problem::{Problem, ProblemDto};
use crate::wire::{Provenance, ResultPage, TimingMs};

/// The response to a batch of searches.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::server) struct BatchResponse {
    /// A page of results or a problem for each search, in their order.
    results: Vec<BatchSearchResult>,
    /// Time per stage in milliseconds, for the whole batch.
    pub(in crate::server) timing_ms: TimingMs,
    /// What produced this response.
    provenance: Provenance,
}

/// The outcome of one search of a batch.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
enum BatchSearchResult {
    /// A page of results.
    Page(ResultPage),
    /// The search was rejected or failed.
    Problem {
        /// The problem with which the search would have been rejected on its own.
        #[schema(value_type = ProblemDto)]
        problem: Box<RawValue>,
    },
}

impl BatchResponse {
    /// Creates the response from the outcomes of the valid searches, in their order, and the problem of
    /// each invalid one; `queue` is the time in the queue.
    ///
    /// # Errors
    ///
    /// If the hits cannot be serialized.
    pub(in crate::server) fn new(
        batch: BatchOfPages,
        problems: Vec<Option<Problem>>,
        queue: Duration,
        start: Instant,
    ) -> Result<Self, serde_json::Error> {
        let serialize_start = Instant::now();
        let mut pages = batch.pages.into_iter();
        let to_result = |invalid: Option<Problem>| {
            let no_result = || Problem::internal("internal error: no result for a search");
            let page = match invalid {
                Some(problem) => Err(problem),
                None => match pages.next() {
                    Some(page) => page.map_err(Problem::from),
                    None => Err(no_result()),
                },
            };
            Ok(match page {
                Ok(page) => BatchSearchResult::Page(ResultPage::new(page)?),
                Err(problem) => BatchSearchResult::Problem {
                    problem: to_raw_value(&problem.body())?,
                },
            })
        };
        let results = problems.into_iter().map(to_result);
        let results = results.collect::<Result<_, serde_json::Error>>()?;
        Ok(Self {
            results,
            timing_ms: TimingMs::new(queue, batch.times, serialize_start.elapsed(), start),
            provenance: Provenance::from(batch.provenance),
        })
    }
}
