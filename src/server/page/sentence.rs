//! The state of a search as one English sentence, and as chips that can be removed.

use maud::{Markup, html};

use crate::search::Mode;

use super::url::SearchState;

/// Maximum number of characters of a query in the sentence; the box shows all of it.
const MAX_SHOWN_CHARS: usize = 120;

/// Returns the search in words: "Passages that mean “…”, by Tuvalu, 2018 to 2020, earliest first."
pub(super) fn sentence(state: &SearchState) -> Markup {
    let filters = state
        .filters()
        .map(|(name, value)| filter_words(name, value));
    let filters: Vec<Words> = filters.collect();
    html! {
        @if state.value("q").is_some() {
            (verb(state.mode())) " " (quoted(state.value("q").unwrap_or_default()))
        } @else {
            "Passages like " (examples(state, "like"))
            @if state.value("unlike").is_some() { ", unlike " (examples(state, "unlike")) }
        }
        @for filter in &filters { ", " (filter.before) bdi { (filter.value) } }
        ", " (state.order().words()) "."
    }
}

/// Returns the examples and filters, each as a link that removes it.
pub(super) fn chips(state: &SearchState, path: &str) -> Markup {
    let examples =
        ["like", "unlike"].map(|name| state.values(name).map(move |value| (name, value)));
    let chips: Vec<(&str, &str)> = examples
        .into_iter()
        .flatten()
        .chain(state.filters())
        .collect();
    html! {
        @if !chips.is_empty() {
            ul.chips aria-label="Filters" {
                @for (name, value) in &chips {
                    li {
                        a.chip href=(state.without(name, value).href(path))
                            aria-label=(format!("remove {name} {}", shortened(value))) {
                            span.name { (name.replace('_', " ")) } " " bdi { (chip_value(name, value)) } span.x aria-hidden="true" { "×" }
                        }
                    }
                }
                @if chips.len() > 1 && state.value("q").is_some() {
                    li { a.clear href=(query_only(state).href(path)) { "remove all" } }
                }
            }
        }
    }
}

fn chip_value(name: &str, value: &str) -> String {
    if name == "date" {
        date_words(&shortened(value))
    } else {
        shortened(value)
    }
}

/// A filter in words: what is said before its value.
struct Words {
    before: &'static str,
    value: String,
}

fn filter_words(name: &str, value: &str) -> Words {
    let shown = shortened(value);
    let (before, value) = match name {
        "speaker" => ("by ", shown),
        "country" => ("from ", shown),
        "venue" => ("at ", shown),
        "language" => ("in the language ", shown),
        "document" => ("in ", shown),
        "year" | "date" => ("", date_words(&shown)),
        "filter" => ("where ", shown),
        _ => ("where ", format!("{name} is {shown}")),
    };
    Words { before, value }
}

fn date_words(value: &str) -> String {
    match value.split_once("..") {
        None => value.to_owned(),
        Some((from, "")) => format!("from {from}"),
        Some(("", to)) => format!("until {to}"),
        Some((from, to)) if from == to => from.to_owned(),
        Some((from, to)) => format!("{from} to {to}"),
    }
}

fn verb(mode: Mode) -> &'static str {
    match mode {
        Mode::Semantic => "Passages that mean",
        Mode::Keyword => "Passages with the words",
        Mode::Hybrid => "Passages that mean, or have the words of,",
    }
}

fn examples(state: &SearchState, name: &str) -> Markup {
    let values: Vec<&str> = state.values(name).collect();
    html! {
        @for (index, value) in values.iter().enumerate() {
            @if index > 0 { " and " }
            @if is_passage_id(value) { bdi { (shortened(value)) } } @else { (quoted(value)) }
        }
    }
}

/// Returns whether an example is the id of a passage, as the search takes it.
fn is_passage_id(example: &str) -> bool {
    let ordinal = example.rsplit_once("#p").map(|(_, ordinal)| ordinal);
    ordinal.is_some_and(|o| !o.is_empty() && o.bytes().all(|byte| byte.is_ascii_digit()))
}

fn quoted(text: &str) -> Markup {
    html! { "“" bdi.asked { (shortened(text)) } "”" }
}

/// Returns the beginning of a long text.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN_CHARS) {
        None => text.to_owned(),
        Some((byte, _)) => format!("{}…", text.get(..byte).unwrap_or(text).trim_end()),
    }
}

/// Returns the title of a page with this search.
pub(super) fn title(state: &SearchState) -> String {
    let asked = state.value("q").or_else(|| state.value("like"));
    asked.map_or_else(|| "Search".to_owned(), shortened)
}

fn query_only(state: &SearchState) -> SearchState {
    let mut only = SearchState::default();
    for name in ["q", "mode"] {
        if let Some(value) = state.value(name) {
            only = only.with_only(name, value);
        }
    }
    only.with_order(state.order())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(query: &str) -> String {
        let pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
        let state = SearchState::parse(pairs.collect()).unwrap();
        let markup = sentence(&state).into_string();
        markup
            .replace("<bdi>", "")
            .replace("<bdi class=\"asked\">", "")
            .replace("</bdi>", "")
    }

    #[test]
    fn a_search_is_a_sentence() {
        assert_eq!(
            words("q=peace&country=Tuvalu&from=2018&to=2020&order=earliest"),
            "Passages that mean “peace”, from Tuvalu, 2018 to 2020, earliest first."
        );
        assert_eq!(
            words("q=a&mode=keyword&speaker=X&from=2018&session=70"),
            "Passages with the words “a”, by X, where session is 70, from 2018, nearest first."
        );
        assert_eq!(
            words("like=a%23p1&like=b&unlike=c"),
            "Passages like a#p1 and “b”, unlike “c”, nearest first."
        );
        assert_eq!(
            words("q=<script>"),
            "Passages that mean “&lt;script&gt;”, nearest first."
        );
    }
}
