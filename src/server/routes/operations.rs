//! Whether the service lives, whether it is ready, and what it offers.

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::server::guard::{METRICS_MEDIA_TYPE, Now};
use crate::server::openapi;
use crate::server::problem::{Problem, ProblemBody, failed};
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

/// Numbers for Prometheus, in the text format of `OpenMetrics`.
#[utoipa::path(
    get, path = "/metrics", tag = "operations",
    responses((status = 200, description = "the metrics", content_type = "application/openmetrics-text"), (status = "4XX", body = ProblemBody))
)]
pub(super) async fn metrics(service: web::Data<Service>) -> Result<HttpResponse, Problem> {
    let snapshot = service.ready().ok().map(|(_, snapshot)| snapshot);
    let facts = snapshot.as_ref().map(|snapshot| snapshot.facts());
    let now = Now {
        running: service.guard().running(),
        waiting: service.admission().waiting(),
        ready: facts.is_some(),
        documents: facts.map_or(0, |facts| facts.documents),
        passages: facts.map_or(0, |facts| facts.passages),
    };
    let text = service.guard().metrics().scrape(now);
    let text = text.map_err(|e| failed(&e))?;
    Ok(HttpResponse::Ok()
        .content_type(METRICS_MEDIA_TYPE)
        .body(text))
}

/// Reads keys and certificate anew; if one cannot be read, what came before stays in use.
#[utoipa::path(
    post, path = "/v1/admin/reload", tag = "operations",
    responses((status = 200, description = "what was read"), (status = "4XX", body = ProblemBody), (status = "5XX", body = ProblemBody))
)]
pub(super) async fn reload(service: web::Data<Service>) -> Result<HttpResponse, Problem> {
    let read = web::block(move || service.guard().reload());
    let reloaded = read
        .await
        .map_err(|e| failed(&e))?
        .map_err(|e| Problem::reload_failed(e.to_string()))?;
    Ok(HttpResponse::Ok().json(json!({
        "keys": reloaded.keys,
        "tls": reloaded.tls,
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
