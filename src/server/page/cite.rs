//! The fold of a passage with its citations.

use maud::{Markup, html};

use crate::export::{Citation, CitationStyle};
use crate::store::{DocumentSummary, PassageRecord};

use super::url;

/// The styles, as they are named on the page.
const STYLES: [(&str, CitationStyle); 4] = [
    ("Text", CitationStyle::Text),
    ("BibTeX", CitationStyle::Bibtex),
    ("RIS", CitationStyle::Ris),
    ("CSL-JSON", CitationStyle::CslJson),
];

/// Returns a fold with the citations of a passage; `origin` is the scheme and host of this service.
pub(super) fn fold(document: &DocumentSummary, passage: &PassageRecord, origin: &str) -> Markup {
    let path = url::passage_path(document.id.as_str(), passage.ordinal);
    let link = format!("{origin}{path}");
    let citation = Citation {
        document,
        passage,
        link: Some(&link),
    };
    html! {
        details.cite {
            summary { "Cite" }
            p.with-script.actions hidden {
                button type="button" data-action="copy-link" { "Copy link" }
                button type="button" data-action="quote" { "Copy quotation" }
            }
            div.formats {
                @for (name, style) in STYLES {
                    section {
                        p.label { (name) }
                        pre dir="auto" tabindex="0" { (style.join(&[citation])) }
                        button.with-script.copy type="button" data-action="copy" hidden { "Copy " (name) }
                    }
                }
            }
        }
    }
}
