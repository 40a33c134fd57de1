//! The JSON of requests, and of responses that only the HTTP API has.

mod batch;
mod documents;
mod parallels;
mod search;

use serde::Deserialize;
use utoipa::IntoParams;

use crate::export::CitationStyle;

pub(super) use batch::BatchResponse;
pub(super) use documents::{
    DocumentError, DocumentRequest, DocumentResult, DocumentResults, DocumentStatus,
    DocumentsRequest, WriteResponse, WriteSummary, WriteSummaryLine,
};
pub(super) use parallels::{
    ComparisonParameters, FamiliesRequest, ParallelsRequest, PassageParameters,
};
pub(super) use search::{BatchRequest, SearchParameters, SearchRequest};

/// Parameters of a citation.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CitationParameters {
    /// The form of the citation.
    #[serde(default)]
    #[param(inline)]
    pub(super) style: CitationStyle,
}

/// Pagination of documents.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParameters {
    /// Maximum number of documents, 1 to 1,000.
    #[serde(default = "default_list_limit")]
    #[param(default = 100, minimum = 1, maximum = 1000)]
    pub(super) limit: usize,
    /// The id after which the page begins.
    #[serde(default)]
    pub(super) after: Option<String>,
}

fn default_list_limit() -> usize {
    100
}
