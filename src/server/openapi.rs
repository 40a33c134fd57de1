//! The API described in its own terms.

mod examples;

use utoipa::openapi::{RefOr, Response, Schema};
use utoipa::{Modify, OpenApi};

use super::problem::MEDIA_TYPE;
use super::{documents::dto, openai, problem, routes, wire};

/// How the description of a [`Problem`](super::Problem) is referred to.
const PROBLEM_SCHEMA_REF: &str = "#/components/schemas/Problem";

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
        wire::SearchResponse,
        wire::BatchRequest,
        wire::BatchResponse,
        wire::FacetResponse,
        wire::DocumentList,
        wire::DocumentResponse,
        dto::DocumentsRequest,
        dto::DocumentRequest,
        dto::DocumentResult,
        dto::DocumentResults,
        dto::WriteResponse,
        dto::WriteSummaryLine,
        wire::PassageResponse,
        wire::ParallelsRequest,
        wire::ParallelsResponse,
        wire::StreamLine,
        wire::FamiliesRequest,
        wire::FamiliesResponse,
        openai::CreateEmbeddingRequest,
        openai::CreateEmbeddingResponse,
        openai::OpenAiErrorResponse,
    )),
    modifiers(&ProblemMediaType, &RequestExamples)
)]
struct ApiDoc;

/// Gives problems their media type, which no route need repeat.
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
    let problems = response.content.values().any(|content| match content {
        RefOr::T(content) => content.schema.as_ref().is_some_and(is_problem),
        RefOr::Ref(_) => false,
    });
    if problems {
        let content = std::mem::take(&mut response.content);
        let renamed = content.into_values().map(|c| (MEDIA_TYPE.to_owned(), c));
        response.content = renamed.collect();
    }
}

/// Adds the examples.
struct RequestExamples;

impl Modify for RequestExamples {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        examples::add(document);
    }
}

/// The `OpenAPI` document of all routes.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    ApiDoc::openapi()
}
