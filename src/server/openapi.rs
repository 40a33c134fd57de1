//! The API described in its own terms.

use utoipa::OpenApi;

use super::{documents::shapes, openai, problem, routes, wire};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Antiphon",
        description = "Semantic search for speeches and statements. Ranges are half-open and count characters (Unicode scalar values) of a document's clean text; scores are cosines; times are milliseconds.",
    ),
    paths(
        routes::by_body,
        routes::by_url,
        routes::batch,
        routes::facets,
        routes::list,
        routes::read_document,
        routes::post,
        routes::put,
        routes::delete,
        routes::read_passage,
        routes::similar,
        routes::embed,
        routes::live,
        routes::ready,
        routes::metrics,
        routes::reload,
        routes::openapi,
    ),
    components(schemas(
        problem::ProblemBody,
        wire::SearchRequest,
        wire::SearchResponse,
        wire::BatchRequest,
        wire::BatchResponse,
        wire::FacetResponse,
        wire::DocumentList,
        wire::DocumentResponse,
        shapes::DocumentsRequest,
        shapes::DocumentRequest,
        shapes::DocumentResult,
        shapes::DocumentResults,
        shapes::SummaryLine,
        wire::PassageResponse,
        openai::EmbeddingRequest,
        openai::EmbeddingResponse,
    ))
)]
struct Description;

/// The `OpenAPI` document of all routes.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    Description::openapi()
}
