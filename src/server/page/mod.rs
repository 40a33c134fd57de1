//! The page: the archive for readers, at `/`.
//!
//! Every view is rendered on the server, from the calls of the [`Archive`](crate::archive::Archive) that the
//! API makes, mostly on their worker threads; its URL is its whole state ([`url`]). Markup is written with
//! `maud`, which escapes all text. Style and script are separate files, compiled in ([`assets`]): the
//! content security policy of [`frame`] forbids any other. The script adds keys, copying, the basket and
//! uploads; without it every view still works.

mod about;
mod assets;
mod basket;
mod cite;
mod compare;
mod corpus;
mod describe;
mod error;
mod examples;
mod families;
mod frame;
mod hits;
mod key;
mod key_form;
mod pair;
mod pairs;
mod parallels;
mod params;
mod read;
mod search;
mod sentence;
mod sidebar;
mod text;
mod url;

use actix_web::{Route, web};

use super::routes::{self, get_or_head};

pub(super) use error::page as problem_page;
pub(super) use key::COOKIE as KEY_COOKIE;

/// Registers the routes of the page.
pub(super) fn configure(app: &mut web::ServiceConfig) {
    let mut view = |path: &str, route: Route| {
        app.service(routes::resource_with_methods(path, "GET, HEAD").route(route));
    };
    view("/", get_or_head().to(search::show));
    view("/read/{id}", get_or_head().to(read::show));
    view("/parallels", get_or_head().to(parallels::show));
    view("/pair", get_or_head().to(pair::show));
    view("/compare", get_or_head().to(compare::show));
    view("/families", get_or_head().to(families::show));
    view("/corpus", get_or_head().to(corpus::show));
    view("/service", get_or_head().to(about::show));
    view("/basket", get_or_head().to(basket::show));
    view("/assets/{hash}/{name}", get_or_head().to(assets::serve));
    app.service(
        routes::resource_with_methods("/key", "GET, HEAD, POST")
            .route(get_or_head().to(key::show))
            .route(web::post().to(key::keep)),
    );
}

/// Returns whether a path belongs to the page, whose errors are pages too.
pub(super) fn is_page(path: &str) -> bool {
    let mut segments = path.split('/').skip(1);
    path == "/" || segments.next().is_some_and(|first| VIEWS.contains(&first))
}

/// Returns whether a path needs no key: the form that asks for one, and what it looks like.
pub(super) fn is_public(path: &str) -> bool {
    path == "/key" || path.starts_with("/assets/")
}

/// First segments of the paths of views.
const VIEWS: &[&str] = &[
    "read",
    "parallels",
    "pair",
    "compare",
    "families",
    "corpus",
    "service",
    "basket",
    "key",
];
