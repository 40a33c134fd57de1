//! The frame that all views share: head, search box, navigation, footer.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::search::Mode;

use super::assets;
use super::url::SearchState;

/// Forbids scripts and styles in the page, other origins, and frames around it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The views in the navigation, with their paths.
const VIEWS: [(View, &str, &str); 5] = [
    (View::Search, "/", "Search"),
    (View::Families, "/families", "Families"),
    (View::Corpus, "/corpus", "Corpus"),
    (View::Service, "/service", "Service"),
    (View::Basket, "/basket", "Basket"),
];

/// The place of a view in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    Search,
    Families,
    Corpus,
    Service,
    Basket,
    /// A document, a pair, an error: reached from another view.
    Other,
}

/// Parameters of the search box; examples are replaced by what is typed.
const BOX_NAMES: [&str; 4] = ["q", "mode", "like", "unlike"];

/// The parts of a page around its content.
pub(super) struct Frame<'a> {
    pub(super) view: View,
    /// The title, without the name of the program.
    pub(super) title: &'a str,
    /// The search that the box shows and that links carry on.
    pub(super) state: &'a SearchState,
    /// Reload after so many seconds, while the service starts.
    pub(super) refresh_seconds: Option<u32>,
}

impl<'a> Frame<'a> {
    pub(super) fn new(view: View, title: &'a str, state: &'a SearchState) -> Self {
        Self {
            view,
            title,
            state,
            refresh_seconds: None,
        }
    }

    /// Returns the page with this content.
    pub(super) fn page(&self, content: &Markup) -> String {
        let state = self.state;
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    @if let Some(seconds) = self.refresh_seconds {
                        meta http-equiv="refresh" content=(seconds);
                    }
                    title { (self.title) " · Antiphon" }
                    link rel="icon" href=(assets::icon_path()) type="image/svg+xml";
                    link rel="stylesheet" href=(assets::STYLE.path());
                    script type="module" src=(assets::SCRIPT.path()) {}
                }
                body {
                    a.skip href="#main" { "Skip to content" }
                    header.top {
                        a.brand href="/" aria-label="Antiphon, start" { (logo()) span { "Antiphon" } }
                        (search_box(state))
                        nav aria-label="Views" {
                            @for (view, path, name) in VIEWS {
                                a href=(path) aria-current=[(view == self.view).then_some("page")] { (name) }
                            }
                        }
                    }
                    main id="main" tabindex="-1" { (content) }
                    footer.foot {
                        span { "Antiphon " (env!("CARGO_PKG_VERSION")) }
                        a href="/docs/" { "HTTP API" }
                        a.with-script href="#keys" data-action="help" hidden { "Keyboard: ?" }
                    }
                }
            }
        };
        page.into_string()
    }
}

fn logo() -> Markup {
    html! {
        svg.logo viewBox="0 0 24 24" aria-hidden="true" {
            path d="M5 3.5v17M5 3.5h3M5 20.5h3M19 3.5v17M19 3.5h-3M19 20.5h-3" {}
            circle.one cx="12" cy="8.6" r="2" {}
            circle.two cx="12" cy="15.4" r="2" {}
        }
    }
}

/// The box in which one searches, on every view.
fn search_box(state: &SearchState) -> Markup {
    let modes = [
        (Mode::Semantic, "by meaning"),
        (Mode::Keyword, "by words"),
        (Mode::Hybrid, "both"),
    ];
    html! {
        form.box role="search" action="/" method="get" {
            @for (name, value) in state.hidden_fields(&BOX_NAMES) {
                input type="hidden" name=(name) value=(value);
            }
            div.query {
                input id="q" type="search" name="q" value=(state.value("q").unwrap_or_default())
                    aria-label="What was said" placeholder="What was said? A thought, a sentence, some words"
                    maxlength="10000" autocomplete="off" enterkeyhint="search";
                button type="submit" { "Search" }
            }
            fieldset.modes {
                legend.visually-hidden { "How to search" }
                @for (mode, words) in modes {
                    label {
                        input type="radio" name="mode" value=(if mode == Mode::default() { "" } else { mode.name() })
                            checked[state.mode() == mode];
                        span { (words) }
                    }
                }
            }
        }
    }
}

/// Starts the response with a page.
pub(super) fn respond(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    with_page_headers(&mut response);
    response
}

/// Sets the headers that every page has.
pub(super) fn with_page_headers(response: &mut HttpResponseBuilder) {
    response
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .insert_header((header::CACHE_CONTROL, "private, no-cache"));
}

/// Returns the number with thin spaces between groups of three digits.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (position, digit) in digits.chars().enumerate() {
        let left = digits.len() - position;
        if position > 0 && left.is_multiple_of(3) && digits.len() > 4 {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped
}

/// Returns a number with its noun in the singular or plural.
pub(super) fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// A horizontal bar that is filled to `share` of its width; attributes of SVG, as the policy forbids inline
/// styles.
pub(super) fn bar(share: f32) -> Markup {
    let width = (share.clamp(0.0, 1.0) * 100.0).round();
    html! {
        svg.bar viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" {
            rect.track width="100" height="6" {}
            rect.fill width=(width) height="6" {}
        }
    }
}

/// A middle dot between two facts.
pub(super) const DOT: PreEscaped<&str> =
    PreEscaped("<span class=\"dot\" aria-hidden=\"true\">·</span>");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_are_grouped() {
        let cases = [
            (0, "0"),
            (1234, "1234"),
            (12345, "12\u{202f}345"),
            (1_234_567, "1\u{202f}234\u{202f}567"),
        ];
        for (number, expected) in cases {
            assert_eq!(grouped(number), expected);
        }
        assert_eq!(counted(1, "passage"), "1 passage");
        assert_eq!(counted(2, "passage"), "2 passages");
    }
}
