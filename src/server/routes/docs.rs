//! `/docs`: the description of the API as a page on which requests can be tried.
//!
//! Swagger UI is part of the program. The page may ask this service only: it is told so.

use std::sync::{Arc, LazyLock};

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use utoipa_swagger_ui::{Config, serve};

use crate::server::problem::{Problem, failed};

/// Nothing from elsewhere; Swagger UI writes styles and images into the page itself.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

static SWAGGER_CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::from("/openapi.json")
        // Otherwise the page would send the description to a validator elsewhere.
        .validator_url("none")
        .try_it_out_enabled(true)
        .deep_linking(true);
    Arc::new(config)
});

/// To the page: its files are named relative to a folder.
pub(super) async fn redirect_to_page() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((header::LOCATION, "/docs/"))
        .finish()
}

/// The page or one of its files.
pub(super) async fn file(path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let served = serve(&path, Arc::clone(&SWAGGER_CONFIG));
    let file = served
        .map_err(|error| failed(error.as_ref()))?
        .ok_or_else(|| {
            Problem::route_not_found(format!("there is no file {:?} under /docs/", path.as_str()))
        })?;
    Ok(HttpResponse::Ok()
        .content_type(file.content_type)
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(file.bytes.into_owned()))
}
