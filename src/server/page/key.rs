//! The API key of a reader.
//!
//! With the script, the key stays in the tab and is sent in a header. Without it, a form sets a cookie that
//! ends with the browser's session, that no script can read, that no other site can use
//! (`SameSite=Strict`), and that counts for reading the page only: never for `/v1`.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::html;
use serde::Deserialize;

use crate::server::problem::Problem;

use super::error;
use super::frame::{self, Frame, View};
use super::key_form::{self, MAX_KEY_BYTES};
use super::url::SearchState;

/// Name of the cookie with the key.
pub(in crate::server) const COOKIE: &str = "antiphon-key";

#[derive(Deserialize)]
pub(super) struct KeyForm {
    key: String,
    #[serde(default)]
    to: String,
}

/// `GET /key`.
pub(super) async fn show() -> HttpResponse {
    let content = html! {
        article.notice { h1 { "Your key" } (key_form::form("/")) }
    };
    let state = SearchState::default();
    let frame = Frame::new(View::Other, "Your key", &state);
    frame::respond(StatusCode::OK).body(frame.page(&content))
}

/// `POST /key`: keeps the key for the session.
pub(super) async fn keep(request: HttpRequest, form: web::Form<KeyForm>) -> HttpResponse {
    error::or_page(cookie_response(&request, &form), &request)
}

fn cookie_response(request: &HttpRequest, form: &KeyForm) -> Result<HttpResponse, Problem> {
    if !is_same_origin(request) {
        let detail = "the form was sent from another site; enter the key on this page";
        return Err(Problem::origin_not_allowed(detail));
    }
    let key = form.key.trim();
    let is_visible = key
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b";,\"\\".contains(&byte));
    if key.is_empty() || key.len() > MAX_KEY_BYTES || !is_visible {
        let detail = "the key is not one; expected the line that `antiphon keys new` printed";
        return Err(Problem::key_unknown(detail));
    }
    let secure = if request.connection_info().scheme() == "https" {
        "; Secure"
    } else {
        ""
    };
    let cookie = format!("{COOKIE}={key}; Path=/; HttpOnly; SameSite=Strict{secure}");
    // Only paths of this service: `//host` would lead elsewhere.
    let is_own_path =
        form.to.starts_with('/') && !form.to.starts_with("//") && !form.to.contains('\\');
    let to = if is_own_path { form.to.as_str() } else { "/" };
    Ok(frame::respond(StatusCode::SEE_OTHER)
        .insert_header((header::SET_COOKIE, cookie))
        .insert_header((header::LOCATION, to))
        .finish())
}

/// Returns whether a form was sent by a page of this service, or by a client that is no browser.
fn is_same_origin(request: &HttpRequest) -> bool {
    let text = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok());
    let is_same_site =
        text("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none");
    let host = text("host").unwrap_or_default();
    let is_own = |origin: &str| {
        origin
            .split_once("://")
            .is_some_and(|(_, from)| from == host)
    };
    is_same_site && text("origin").is_none_or(is_own)
}
