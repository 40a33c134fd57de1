//! The routes, one table.

mod docs;
mod documents;
mod embeddings;
mod operations;
mod parallels;
mod passages;
mod search;
mod url;
mod writing;

use actix_web::{HttpRequest, HttpResponse, Resource, ResponseError, Route, guard, web};

use super::problem::Problem;

pub(super) use documents::{__path_list, __path_read as __path_read_document};
pub(super) use embeddings::__path_embed;
pub(super) use operations::{
    __path_live, __path_metrics, __path_openapi, __path_ready, __path_reload,
};
pub(super) use parallels::{
    __path_families, __path_of_corpus, __path_of_documents, __path_of_passage,
};
pub(super) use passages::{__path_read as __path_read_passage, __path_similar};
pub(super) use search::{__path_batch, __path_by_body, __path_by_url, __path_facets};
pub(super) use writing::{__path_delete, __path_post, __path_put};

/// Every route of the service.
pub(super) fn configure(app: &mut web::ServiceConfig) {
    app.service(only("/", "GET, HEAD").route(get().to(operations::welcome)))
        .service(
            only("/v1/search", "GET, HEAD, POST")
                .route(get().to(search::by_url))
                .route(web::post().to(search::by_body)),
        )
        .service(only("/v1/search/batch", "POST").route(web::post().to(search::batch)))
        .service(only("/v1/facets", "GET, HEAD").route(get().to(search::facets)))
        .service(
            only("/v1/documents", "GET, HEAD, POST")
                .route(get().to(documents::list))
                .route(web::post().to(writing::post)),
        )
        .service(
            only("/v1/documents/{id}", "DELETE, GET, HEAD, PUT")
                .route(get().to(documents::read))
                .route(web::put().to(writing::put))
                .route(web::delete().to(writing::delete)),
        )
        .service(
            only("/v1/documents/{a}/parallels/{b}", "GET, HEAD")
                .route(get().to(parallels::of_documents)),
        )
        .service(only("/v1/parallels", "POST").route(web::post().to(parallels::of_corpus)))
        .service(only("/v1/families", "POST").route(web::post().to(parallels::families)))
        .service(
            only("/v1/passages/{id}/parallels", "GET, HEAD").route(get().to(parallels::of_passage)),
        )
        .service(only("/v1/passages/{id}", "GET, HEAD").route(get().to(passages::read)))
        .service(only("/v1/passages/{id}/similar", "GET, HEAD").route(get().to(passages::similar)))
        .service(only("/v1/embeddings", "POST").route(web::post().to(embeddings::embed)))
        .service(only("/livez", "GET, HEAD").route(get().to(operations::live)))
        .service(only("/readyz", "GET, HEAD").route(get().to(operations::ready)))
        .service(only("/metrics", "GET, HEAD").route(get().to(operations::metrics)))
        .service(only("/v1/admin/reload", "POST").route(web::post().to(operations::reload)))
        .service(only("/openapi.json", "GET, HEAD").route(get().to(operations::openapi)))
        .service(only("/docs", "GET, HEAD").route(get().to(docs::lead)))
        .service(only("/docs/{file:.*}", "GET, HEAD").route(get().to(docs::file)))
        .default_service(web::to(no_such_route));
}

/// GET, and HEAD, which is GET without the body (RFC 9110, 9.3.2).
fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// A resource that answers 405 and names its methods to every other method.
fn only(path: &str, methods: &'static str) -> Resource {
    web::resource(path).default_service(web::to(move |request: HttpRequest| async move {
        let problem = Problem::method_not_allowed(format!(
            "{} is not a method of {}; it has {methods}",
            request.method(),
            request.path()
        ))
        .allow(methods);
        problem.error_response()
    }))
}

async fn no_such_route(request: HttpRequest) -> HttpResponse {
    let problem = Problem::route_not_found(format!(
        "there is no route {}; /openapi.json lists those that there are",
        request.path()
    ));
    problem.error_response()
}
