//! The table of routes.

mod docs;
mod document_writes;
mod documents;
mod embeddings;
mod operations;
mod parallels;
mod passages;
mod search;
mod url_params;

use actix_web::{HttpRequest, HttpResponse, Resource, ResponseError, Route, guard, web};

use super::problem::Problem;

pub(super) use document_writes::{__path_delete, __path_post, __path_put};
pub(super) use documents::{__path_list, __path_read as __path_read_document, parse_document_id};
pub(super) use embeddings::__path_embed;
pub(super) use operations::{
    __path_live, __path_metrics, __path_openapi, __path_ready, __path_reload,
};
pub(super) use parallels::{
    __path_families, __path_of_corpus, __path_of_documents, __path_of_passage,
};
pub(super) use passages::{
    __path_citation, __path_read as __path_read_passage, __path_similar, parse_passage_id,
};
pub(super) use search::{
    __path_facets, __path_search_batch, __path_search_by_body, __path_search_by_url,
};
pub(super) use search::{SEARCH_PARAM_NAMES, request_from_url};

/// Registers every route of the API.
pub(super) fn configure(app: &mut web::ServiceConfig) {
    app.service(
        resource_with_methods("/v1", "GET, HEAD").route(get_or_head().to(operations::welcome)),
    )
    .service(
        resource_with_methods("/v1/search", "GET, HEAD, POST")
            .route(get_or_head().to(search::search_by_url))
            .route(web::post().to(search::search_by_body)),
    )
    .service(
        resource_with_methods("/v1/search/batch", "POST")
            .route(web::post().to(search::search_batch)),
    )
    .service(
        resource_with_methods("/v1/facets", "GET, HEAD").route(get_or_head().to(search::facets)),
    )
    .service(
        resource_with_methods("/v1/documents", "GET, HEAD, POST")
            .route(get_or_head().to(documents::list))
            .route(web::post().to(document_writes::post)),
    )
    .service(
        resource_with_methods("/v1/documents/{id}", "DELETE, GET, HEAD, PUT")
            .route(get_or_head().to(documents::read))
            .route(web::put().to(document_writes::put))
            .route(web::delete().to(document_writes::delete)),
    )
    .service(
        resource_with_methods("/v1/documents/{a}/parallels/{b}", "GET, HEAD")
            .route(get_or_head().to(parallels::of_documents)),
    )
    .service(
        resource_with_methods("/v1/parallels", "POST").route(web::post().to(parallels::of_corpus)),
    )
    .service(
        resource_with_methods("/v1/families", "POST").route(web::post().to(parallels::families)),
    )
    .service(
        resource_with_methods("/v1/passages/{id}/parallels", "GET, HEAD")
            .route(get_or_head().to(parallels::of_passage)),
    )
    .service(
        resource_with_methods("/v1/passages/{id}", "GET, HEAD")
            .route(get_or_head().to(passages::read)),
    )
    .service(
        resource_with_methods("/v1/passages/{id}/citation", "GET, HEAD")
            .route(get_or_head().to(passages::citation)),
    )
    .service(
        resource_with_methods("/v1/passages/{id}/similar", "GET, HEAD")
            .route(get_or_head().to(passages::similar)),
    )
    .service(
        resource_with_methods("/v1/embeddings", "POST").route(web::post().to(embeddings::embed)),
    )
    .service(resource_with_methods("/livez", "GET, HEAD").route(get_or_head().to(operations::live)))
    .service(
        resource_with_methods("/readyz", "GET, HEAD").route(get_or_head().to(operations::ready)),
    )
    .service(
        resource_with_methods("/metrics", "GET, HEAD").route(get_or_head().to(operations::metrics)),
    )
    .service(
        resource_with_methods("/v1/admin/reload", "POST").route(web::post().to(operations::reload)),
    )
    .service(
        resource_with_methods("/openapi.json", "GET, HEAD")
            .route(get_or_head().to(operations::openapi)),
    )
    .service(
        resource_with_methods("/docs", "GET, HEAD").route(get_or_head().to(docs::redirect_to_page)),
    )
    .service(
        resource_with_methods("/docs/{file:.*}", "GET, HEAD").route(get_or_head().to(docs::file)),
    )
    .default_service(web::to(no_such_route));
}

/// Matches GET, and HEAD, which is GET without the body (RFC 9110, section 9.3.2).
pub(super) fn get_or_head() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// Creates a resource that responds 405 to all methods but these, with the header `Allow`.
pub(super) fn resource_with_methods(path: &str, methods: &'static str) -> Resource {
    web::resource(path).default_service(web::to(move |request: HttpRequest| async move {
        let problem = Problem::method_not_allowed(format!(
            "method {} is not allowed for {}; allowed: {methods}",
            request.method(),
            request.path()
        ))
        .allow(methods);
        problem.error_response()
    }))
}

async fn no_such_route(request: HttpRequest) -> HttpResponse {
    let problem =
        Problem::route_not_found(format!("no route {}; see /openapi.json", request.path()));
    problem.error_response()
}
