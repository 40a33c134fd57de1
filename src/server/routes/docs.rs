//! `/docs`: the `OpenAPI` document as a page on which requests can be tried.
//!
//! Swagger UI is part of the program. Its content security policy restricts the page to this service.

use std::sync::{Arc, LazyLock};

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use utoipa_swagger_ui::{Config, serve};

use crate::server::problem::{Problem, failed};

/// Forbids other origins. Swagger UI needs inline styles and images.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

static SWAGGER_CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::from("/openapi.json")
        // By default the page sends the document to a public validator.
        .validator_url("none")
        .try_it_out_enabled(true)
        .deep_linking(true);
    Arc::new(config)
});

/// Redirects to `/docs/`, as the page refers to its files by relative paths.
pub(super) async fn redirect_to_page() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((header::LOCATION, "/docs/"))
        .finish()
}

/// Returns the page or one of its files.
pub(super) async fn file(path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let served = serve(&path, Arc::clone(&SWAGGER_CONFIG));
    let file = served
        .map_err(|error| failed(error.as_ref()))?
        .ok_or_else(|| {
            Problem::route_not_found(format!("no file {:?} under /docs/", path.as_str()))
        })?;
    Ok(HttpResponse::Ok()
        .content_type(file.content_type)
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(file.bytes.into_owned()))
}
