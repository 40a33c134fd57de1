//! Whether the service lives, whether it is ready, and what it offers.

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::server::openapi;
use crate::server::problem::{Problem, ProblemBody};
use crate::server::service::Service;
use crate::server::wire::Provenance;

/// Where to go from here.
pub(super) async fn welcome() -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "service": "antiphon",
        "version": env!("CARGO_PKG_VERSION"),
        "try": "/v1/search?q=sovereignty+in+cyberspace&limit=5",
        "documents": "/v1/documents",
        "ready": "/readyz",
        "openapi": "/openapi.json",
    }))
}

/// The process answers.
#[utoipa::path(
    get, path = "/livez", tag = "operations",
    responses((status = 200, description = "the process answers"))
)]
pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "live"}))
}

/// The service can answer searches; before that 503 with what it waits for.
#[utoipa::path(
    get, path = "/readyz", tag = "operations",
    responses((status = 200, description = "ready; says with what"), (status = 503, body = ProblemBody))
)]
pub(super) async fn ready(service: web::Data<Service>) -> Result<HttpResponse, Problem> {
    let (_, snapshot) = service.ready()?;
    Ok(HttpResponse::Ok().json(json!({
        "status": "ready",
        "provenance": Provenance::of(&snapshot),
    })))
}

/// This description.
#[utoipa::path(
    get, path = "/openapi.json", tag = "operations",
    responses((status = 200, description = "the API in OpenAPI's terms"))
)]
pub(super) async fn openapi() -> HttpResponse {
    HttpResponse::Ok().json(openapi::document())
}
