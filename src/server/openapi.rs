//! The `OpenAPI` document.

mod examples;

use utoipa::openapi::{RefOr, Response, Schema};
use utoipa::{Modify, OpenApi};

use super::problem::MEDIA_TYPE;
use super::{openai, problem, routes, wire};

/// Reference to the schema of a [`Problem`](super::Problem).
const PROBLEM_SCHEMA_REF: &str = "#/components/schemas/Problem";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Antiphon",
        description = "Semantic search for speeches and statements. Ranges are half-open and count characters (Unicode scalar values) of a document's clean text; scores are cosines; times are milliseconds.",
    ),
    paths(
        routes::search_by_body,
        routes::search_by_url,
        routes::search_batch,
        routes::facets,
        routes::list,
        routes::read_document,
        routes::post,
        routes::put,
        routes::delete,
        routes::read_passage,
        routes::citation,
        routes::similar,
        routes::of_documents,
        routes::of_passage,
        routes::of_corpus,
        routes::families,
        routes::embed,
        routes::live,
        routes::ready,
        routes::metrics,
        routes::reload,
        routes::openapi,
    ),
    components(schemas(
        problem::ProblemDto,
        wire::SearchRequest,
        crate::wire::SearchResponse,
        wire::BatchRequest,
        wire::BatchResponse,
        crate::wire::FacetResponse,
        crate::wire::DocumentList,
        crate::wire::DocumentResponse,
        wire::DocumentsRequest,
        wire::DocumentRequest,
        wire::DocumentResult,
        wire::DocumentResults,
        wire::WriteResponse,
        wire::WriteSummaryLine,
        crate::wire::PassageResponse,
        wire::ParallelsRequest,
        crate::wire::ParallelsResponse,
        crate::wire::StreamLine,
        wire::FamiliesRequest,
        crate::wire::FamiliesResponse,
        openai::CreateEmbeddingRequest,
        openai::CreateEmbeddingResponse,
        openai::OpenAiErrorResponse,
    )),
    modifiers(&ProblemMediaType, &RequestExamples)
)]
struct ApiDoc;

/// Sets the media type of problems, so that routes need not repeat it.
struct ProblemMediaType;

impl Modify for ProblemMediaType {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let operations = document.paths.paths.values_mut().flat_map(|item| {
            let methods = [
                &mut item.get,
                &mut item.post,
                &mut item.put,
                &mut item.patch,
                &mut item.delete,
            ];
            methods.into_iter().flatten()
        });
        let responses = operations.flat_map(|operation| operation.responses.responses.values_mut());
        for response in responses {
            if let RefOr::T(response) = response {
                set_problem_media_type(response);
            }
        }
    }
}

fn set_problem_media_type(response: &mut Response) {
    let is_problem = |schema: &RefOr<Schema>| match schema {
        RefOr::Ref(reference) => reference.ref_location == PROBLEM_SCHEMA_REF,
        RefOr::T(_) => false,
    };
    let has_problem = response.content.values().any(|content| match content {
        RefOr::T(content) => content.schema.as_ref().is_some_and(is_problem),
        RefOr::Ref(_) => false,
    });
    if has_problem {
        let content = std::mem::take(&mut response.content);
        let renamed = content.into_values().map(|c| (MEDIA_TYPE.to_owned(), c));
        response.content = renamed.collect();
    }
}

/// Adds examples of request bodies.
struct RequestExamples;

impl Modify for RequestExamples {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        examples::add(document);
    }
}

/// Returns the `OpenAPI` document of all routes.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    ApiDoc::openapi()
}
