//! Routes for operators: liveness, readiness, metrics, reload, and the API's description.

use std::sync::LazyLock;

use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::server::middleware::{METRICS_MEDIA_TYPE, MetricsSnapshot};
use crate::server::openapi;
use crate::server::problem::{Problem, ProblemDto, failed};
use crate::server::service::Service;
use crate::wire::Provenance;

/// Links to the other routes.
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

/// Liveness or readiness.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct HealthStatus {
    /// `live` or `ready`.
    status: &'static str,
    /// The encoder's kernel, once ready: the instruction set, `portable` or `candle`.
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<&'static str>,
    /// Why documents cannot be written, if the last write has failed for it: `read-only: disk full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    write: Option<String>,
    /// Provenance of responses, once ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    provenance: Option<Provenance>,
}

/// The process is alive.
#[utoipa::path(
    get, path = "/livez", tag = "operations",
    responses((status = 200, body = HealthStatus))
)]
pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(HealthStatus {
        status: "live",
        kernel: None,
        write: None,
        provenance: None,
    })
}

/// Ready to search; 503 with the current start-up step before.
#[utoipa::path(
    get, path = "/readyz", tag = "operations",
    responses((status = 200, body = HealthStatus, description = "ready, with provenance"), (status = 503, body = ProblemDto))
)]
pub(super) async fn ready(service: web::Data<Service>) -> Result<HttpResponse, Problem> {
    let archive = service.archive();
    let provenance = archive.provenance()?;
    Ok(HttpResponse::Ok().json(HealthStatus {
        status: "ready",
        kernel: Some(archive.kernel()?),
        write: archive
            .write_obstacle()
            .map(|obstacle| format!("read-only: {obstacle}")),
        provenance: Some(Provenance::from(provenance)),
    }))
}

/// Metrics for Prometheus, in the text format of `OpenMetrics`.
#[utoipa::path(
    get, path = "/metrics", tag = "operations",
    responses((status = 200, description = "the metrics", content_type = "application/openmetrics-text"), (status = "4XX", body = ProblemDto))
)]
pub(super) async fn metrics(service: web::Data<Service>) -> Result<HttpResponse, Problem> {
    let snapshot = MetricsSnapshot {
        requests_in_flight: service.middleware().requests_in_flight(),
        archive: service.archive().stats(),
        lost_log_lines: service.middleware().lost_log_lines(),
        spans: service.middleware().span_counts(),
    };
    let text = service.middleware().metrics().scrape(&snapshot);
    let text = text.map_err(|e| failed(&e))?;
    Ok(HttpResponse::Ok()
        .content_type(METRICS_MEDIA_TYPE)
        .body(text))
}

/// Reloads keys and certificate; if one cannot be read, both previous ones are kept.
#[utoipa::path(
    post, path = "/v1/admin/reload", tag = "operations",
    responses((status = 200, description = "what was reloaded"), (status = "4XX", body = ProblemDto), (status = "5XX", body = ProblemDto))
)]
pub(super) async fn reload(service: web::Data<Service>) -> Result<HttpResponse, Problem> {
    let task = web::block(move || service.middleware().reload());
    let reloaded = task
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
    responses((status = 200, body = serde_json::Value, description = "the OpenAPI document"))
)]
pub(super) async fn openapi() -> HttpResponse {
    // Built once: it takes a network thread a millisecond.
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| {
        // Strings and numbers, whose serialization cannot fail.
        Bytes::from(serde_json::to_vec(&openapi::document()).unwrap_or_default())
    });
    HttpResponse::Ok()
        .content_type("application/json")
        .body(DOCUMENT.clone())
}
