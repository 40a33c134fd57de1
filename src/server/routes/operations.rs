//! Whether the service lives, whether it is ready, and what it offers.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

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
        "docs": "/docs/",
    }))
}

/// Whether the service lives, or is ready.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct Status {
    /// `live` or `ready`.
    status: &'static str,
    /// What answers would be made of; of a service that is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    provenance: Option<Provenance>,
}

/// The process answers.
#[utoipa::path(
    get, path = "/livez", tag = "operations",
    responses((status = 200, body = Status))
)]
pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(Status {
        status: "live",
        provenance: None,
    })
}

/// The service can answer searches; before that 503 with what it waits for.
#[utoipa::path(
    get, path = "/readyz", tag = "operations",
    responses((status = 200, body = Status, description = "ready; says with what"), (status = 503, body = ProblemBody))
)]
pub(super) async fn ready(service: web::Data<Service>) -> Result<HttpResponse, Problem> {
    let (_, snapshot) = service.ready()?;
    Ok(HttpResponse::Ok().json(Status {
        status: "ready",
        provenance: Some(Provenance::of(&snapshot)),
    }))
}

/// This description.
#[utoipa::path(
    get, path = "/openapi.json", tag = "operations",
    responses((status = 200, body = serde_json::Value, description = "the API in OpenAPI's terms"))
)]
pub(super) async fn openapi() -> HttpResponse {
    HttpResponse::Ok().json(openapi::document())
}
