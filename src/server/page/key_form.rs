//! The form that asks a reader for an API key.

use maud::{Markup, html};

/// Maximum length of a key; generated ones are far shorter.
pub(super) const MAX_KEY_BYTES: usize = 512;

/// The form that asks for a key; `to` is where it leads.
pub(super) fn form(to: &str) -> Markup {
    html! {
        form.key action="/key" method="post" data-action="key" {
            input type="hidden" name="to" value=(to);
            label for="key" { "API key" }
            input id="key" type="password" name="key" required autocomplete="off" spellcheck="false" maxlength=(MAX_KEY_BYTES);
            button type="submit" { "Use this key" }
            p.hint {
                "It is kept until this tab or browser is closed. The operator of this service creates keys with "
                code { "antiphon keys new" } "."
            }
        }
    }
}
