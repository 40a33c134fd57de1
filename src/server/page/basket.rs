//! `/basket`: what a reader has kept. It is in the browser only; this is its frame.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use maud::html;

use super::frame::{self, Frame, View};
use super::url::SearchState;

/// `GET /basket`.
pub(super) async fn show() -> HttpResponse {
    let content = html! {
        section.basket {
            h1 { "Basket" }
            p.quiet { "Passages and pairs that you keep, with your tags and judgements. They stay in this browser, by the hash of their text, and are sent nowhere." }
            div.without-script.notice { p { "The basket needs JavaScript. Without it, citations can be copied from each passage." } }
            div.with-script data-basket hidden {
                div.toolbar {
                    p data-basket-count role="status" {}
                    div.actions {
                        button type="button" data-export="jsonl" { "Save as JSON lines" }
                        button type="button" data-export="csv" { "Save as CSV" }
                        button type="button" data-export="pairs" title="Judged pairs, for antiphon evaluate" { "Judged pairs as gold file" }
                        button type="button" data-export="relevance" title="Judged passages with their queries, for antiphon evaluate" { "Judged passages as gold file" }
                        label for="basket-import" { "Add from a file" }
                        input.visually-hidden id="basket-import" type="file" accept=".jsonl,.ndjson,.csv";
                    }
                }
                ol.hits data-basket-items {}
            }
        }
    };
    let state = SearchState::default();
    let html = Frame::new(View::Basket, "Basket", &state).page(&content);
    frame::respond(StatusCode::OK).body(html)
}
