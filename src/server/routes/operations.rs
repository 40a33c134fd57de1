//! Whether the service lives, whether it is ready, and what it offers.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::server::middleware::{IndexMetrics, METRICS_MEDIA_TYPE, MetricsSnapshot};
use crate::server::openapi;
use crate::server::problem::{Problem, ProblemDto, failed};
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
pub(in crate::server) struct HealthStatus {
    /// `live` or `ready`.
    status: &'static str,
    /// What answers would be made of; of a service that is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    provenance: Option<Provenance>,
}

/// The process answers.
#[utoipa::path(
    get, path = "/livez", tag = "operations",
    responses((status = 200, body = HealthStatus))
)]
pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(HealthStatus {
        status: "live",
        provenance: None,
    })
}

/// The service can answer searches; before that 503 with what it waits for.
#[utoipa::path(
    get, path = "/readyz", tag = "operations",
    responses((status = 200, body = HealthStatus, description = "ready; says with what"), (status = 503, body = ProblemDto))
)]
pub(super) async fn ready(service: web::Data<Service>) -> Result<HttpResponse, Problem> {
    let (_, snapshot) = service.engine_and_snapshot()?;
    Ok(HttpResponse::Ok().json(HealthStatus {
        status: "ready",
        provenance: Some(Provenance::from_snapshot(&snapshot)),
    }))
}

/// Numbers for Prometheus, in the text format of `OpenMetrics`.
#[utoipa::path(
    get, path = "/metrics", tag = "operations",
    responses((status = 200, description = "the metrics", content_type = "application/openmetrics-text"), (status = "4XX", body = ProblemDto))
)]
pub(super) async fn metrics(service: web::Data<Service>) -> Result<HttpResponse, Problem> {
    let index = service
        .engine_and_snapshot()
        .ok()
        .map(|(engine, snapshot)| {
            let (rows, bytes) = snapshot.index_stats();
            IndexMetrics {
                documents: snapshot.info().documents,
                passages: snapshot.info().passages,
                rows,
                bytes,
                posting_bytes: snapshot.posting_bytes(),
                disk: engine.disk_usage(),
            }
        });
    let now = MetricsSnapshot {
        requests_in_flight: service.middleware().requests_in_flight(),
        queue_depth: service.admission().waiting(),
        write_queue_depth: service.write_queue().waiting(),
        index,
        query_cache: service.cache_stats(),
        recall: service.recall_monitor().counts(),
        spans: service.middleware().span_counts(),
    };
    let text = service.middleware().metrics().scrape(&now);
    let text = text.map_err(|e| failed(&e))?;
    Ok(HttpResponse::Ok()
        .content_type(METRICS_MEDIA_TYPE)
        .body(text))
}

/// Reads keys and certificate anew; if one cannot be read, what came before stays in use.
#[utoipa::path(
    post, path = "/v1/admin/reload", tag = "operations",
    responses((status = 200, description = "what was read"), (status = "4XX", body = ProblemDto), (status = "5XX", body = ProblemDto))
)]
pub(super) async fn reload(service: web::Data<Service>) -> Result<HttpResponse, Problem> {
    let read = web::block(move || service.middleware().reload());
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
    responses((status = 200, body = serde_json::Value, description = "the API in OpenAPI's terms"))
)]
pub(super) async fn openapi() -> HttpResponse {
    HttpResponse::Ok().json(openapi::document())
}
