//! Entry points of the fuzz targets: parse as the handlers do, and validate as far as that is possible
//! without a model.

use super::extract;
use super::openai::CreateEmbeddingRequest;
use super::routes;
use super::wire::{BatchRequest, FamiliesRequest, ParallelsRequest, SearchRequest};
use crate::engine::Snapshot;
use crate::search::CacheMode;

/// Parses a body as every request.
pub fn parse_body(json: &[u8], snapshot: &Snapshot) {
    if let Ok(search) = extract::from_json::<SearchRequest>(json) {
        validate(search, snapshot);
    }
    if let Ok(batch) = extract::from_json::<BatchRequest>(json) {
        for search in batch.searches {
            validate(search, snapshot);
        }
    }
    if let Ok(request) = extract::from_json::<ParallelsRequest>(json) {
        let _ = request.into_call();
    }
    if let Ok(request) = extract::from_json::<FamiliesRequest>(json) {
        let _ = request.into_call();
    }
    let _ = extract::from_json::<CreateEmbeddingRequest>(json);
}

/// Parses the parameters of a URL as a search.
pub fn parse_url_parameters(parameters: &str, snapshot: &Snapshot) {
    let attributes = snapshot.document_table().attribute_names();
    if let Ok(pairs) = extract::parse_pairs(parameters)
        && let Ok(search) = routes::request_from_url(attributes, pairs)
    {
        validate(search, snapshot);
    }
}

fn validate(search: SearchRequest, snapshot: &Snapshot) {
    if let Ok(call) = search.into_call(CacheMode::Bypass) {
        let _ = call.into_query(snapshot);
    }
}
