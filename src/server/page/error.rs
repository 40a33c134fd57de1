//! Problems as pages: what is wrong, and what to do about it.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use maud::{Markup, html};

use crate::server::problem::Problem;

use super::frame::{self, Frame, View};
use super::key_form;
use super::url::SearchState;

/// Returns the result, or its problem as a page.
pub(super) fn or_page(
    result: Result<HttpResponse, Problem>,
    request: &HttpRequest,
) -> HttpResponse {
    result.unwrap_or_else(|problem| page(&problem, request))
}

/// Returns a problem as a page.
pub(in crate::server) fn page(problem: &Problem, request: &HttpRequest) -> HttpResponse {
    // The parameters of other views are no search that the box could carry on.
    let is_search = request.path() == "/" || request.path().starts_with("/read/");
    let query = if is_search {
        request.query_string()
    } else {
        ""
    };
    let query = form_urlencoded::parse(query.as_bytes());
    let state = SearchState::parse(query.into_owned().collect()).unwrap_or_default();
    let is_starting = problem.code() == "initializing";
    let (heading, advice) = words(problem, &state);
    let content = html! {
        section.notice role="alert" {
            h1 { (heading) }
            p { bdi { (problem.to_string()) } }
            @if matches!(problem.code(), "key_missing" | "key_unknown" | "scope_missing") {
                (key_form::form(&request.uri().to_string()))
            }
            (advice)
        }
    };
    let frame = Frame {
        refresh_seconds: is_starting.then_some(2),
        ..Frame::new(View::Other, heading, &state)
    };
    let mut response = problem.response();
    frame::with_page_headers(&mut response);
    response.body(frame.page(&content))
}

fn words(problem: &Problem, state: &SearchState) -> (&'static str, Markup) {
    let first_page = state.without_any("cursor").href("/");
    match problem.code() {
        "initializing" => ("Starting", html! { p { "This page reloads by itself." } }),
        "key_missing" => ("A key is needed", html! {}),
        "key_unknown" => ("This key is not known", html! {}),
        "scope_missing" => ("This key does not allow it", html! {}),
        "cursor_expired" => (
            "The corpus has changed",
            html! { p { a.button href=(first_page) { "Start again from the first page" } } },
        ),
        "document_not_found" | "passage_not_found" => (
            "Not found",
            html! { p { a.button href="/corpus" { "See what is in the corpus" } } },
        ),
        "overloaded" | "timeout" | "rate_limited" | "shutting_down" => {
            ("Busy", html! { p { "Reload the page in a moment." } })
        }
        _ if problem.status_code() == StatusCode::INTERNAL_SERVER_ERROR => (
            "Something failed",
            html! { p { "The log of the service says what." } },
        ),
        _ => (
            "This cannot be shown",
            html! { p { a.button href="/" { "Start again" } } },
        ),
    }
}
