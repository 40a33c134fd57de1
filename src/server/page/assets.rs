//! The style sheet and the script, compiled in and served under URLs that contain their hash.

use std::io::Write;
use std::sync::LazyLock;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use crate::server::problem::Problem;

/// A file of the page.
pub(super) struct Asset {
    name: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
    /// Absent if it cannot be compressed.
    gzip: Option<Vec<u8>>,
    path: String,
}

/// Its URL changes with its content, so a browser never asks again.
const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

pub(super) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("static/page.css");
    Asset::new("page.css", "text/css; charset=utf-8", bytes)
});

pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("static/page.js");
    Asset::new("page.js", "text/javascript; charset=utf-8", bytes)
});

static ICON: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("static/icon.svg");
    Asset::new("icon.svg", "image/svg+xml", bytes)
});

impl Asset {
    fn new(name: &'static str, media_type: &'static str, bytes: &'static [u8]) -> Self {
        let hash = hex::encode(Sha256::digest(bytes));
        let hash = hash.get(..16).unwrap_or_default();
        Self {
            name,
            media_type,
            bytes,
            gzip: compress(bytes).ok(),
            path: format!("/assets/{hash}/{name}"),
        }
    }

    /// Returns its URL.
    pub(super) fn path(&self) -> &str {
        &self.path
    }
}

/// Returns the URL of the icon.
pub(super) fn icon_path() -> &'static str {
    ICON.path()
}

fn compress(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// `/assets/{hash}/{name}`.
pub(super) async fn serve(
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let wanted = format!("/assets/{}/{}", path.0, path.1);
    let assets = [&*STYLE, &*SCRIPT, &*ICON];
    let asset = assets.into_iter().find(|asset| asset.path == wanted);
    let asset = asset.ok_or_else(|| {
        let known = assets.map(|asset| asset.name).join(", ");
        Problem::route_not_found(format!(
            "no file {wanted}; the page links to the current version of {known}"
        ))
    })?;
    let mut response = HttpResponse::Ok();
    response
        .content_type(asset.media_type)
        .insert_header((header::CACHE_CONTROL, CACHE_CONTROL))
        .insert_header((header::VARY, "accept-encoding"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    let accepted = request.headers().get(header::ACCEPT_ENCODING);
    let accepts_gzip = accepted.is_some_and(|v| v.to_str().is_ok_and(|v| v.contains("gzip")));
    Ok(match &asset.gzip {
        Some(gzip) if accepts_gzip => response
            .insert_header((header::CONTENT_ENCODING, "gzip"))
            .body(gzip.as_slice().to_vec()),
        _ => response.body(asset.bytes),
    })
}
