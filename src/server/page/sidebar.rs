//! Facets beside a list: years as a histogram, values of fields with their counts, a range of dates.

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::search::{Facet, FacetValue};

use super::frame::grouped;
use super::url::SearchState;

/// Number of values of a field that are shown at once; the fold shows the others.
const SHOWN_VALUES: usize = 8;

/// Maximum number of values in the fold.
const MAX_VALUES: usize = 200;

/// Maximum number of attributes with facets.
const MAX_ATTRIBUTES: usize = 8;

/// Fields that always have a facet.
const FIELDS: [&str; 5] = ["year", "speaker", "country", "venue", "language"];

/// Size of the histogram in units of its view box.
const HISTOGRAM_HEIGHT: usize = 44;
const BAR_PITCH: usize = 10;

/// Returns the fields that are counted, given the attributes of the corpus.
pub(super) fn fields(attributes: &BTreeSet<String>) -> Vec<String> {
    let extra = attributes
        .iter()
        .filter(|name| !FIELDS.contains(&name.as_str()));
    let fields = FIELDS.map(str::to_owned).into_iter();
    fields.chain(extra.take(MAX_ATTRIBUTES).cloned()).collect()
}

/// Returns the facets as links that add a filter, on the view with this path.
pub(super) fn facets(
    state: &SearchState,
    facets: &[Facet],
    documents: usize,
    path: &str,
) -> Markup {
    let years = facets.iter().find(|facet| facet.field == "year");
    let others = facets.iter().filter(|facet| facet.field != "year");
    html! {
        aside.facets aria-label="Narrow down" {
            // Shown as a fold on narrow screens only, where the box is ticked to open it.
            input id="narrow-down" type="checkbox" autocomplete="off";
            label for="narrow-down" { "Narrow down" }
            div.inside {
                (dates(state, years, path))
                @for facet in others {
                    @if is_useful(facet, documents) { (values(state, facet, path)) }
                }
            }
        }
    }
}

/// Returns whether a facet narrows anything down: values that differ, and fewer than documents.
fn is_useful(facet: &Facet, documents: usize) -> bool {
    let total: usize = facet.values.iter().map(|value| value.documents).sum();
    facet.values.len() > 1 && facet.values.len() + facet.other_values < total.min(documents)
}

fn dates(state: &SearchState, years: Option<&Facet>, path: &str) -> Markup {
    let (from, to) = state.date_range();
    let years = years.filter(|years| !years.values.is_empty());
    html! {
        @if let Some(years) = years {
            section.dates {
                h2 { "Date" }
                (histogram(state, years, path))
                form action=(path) method="get" {
                    @for (name, value) in state.hidden_fields(&["date", "from", "to"]) {
                        input type="hidden" name=(name) value=(value);
                    }
                    label { span { "from" } input name="from" value=(from) inputmode="numeric" placeholder="2015" size="10" maxlength="10" pattern=(DATE) title=(DATE_HINT); }
                    label { span { "to" } input name="to" value=(to) inputmode="numeric" placeholder="2016-05" size="10" maxlength="10" pattern=(DATE) title=(DATE_HINT); }
                    button type="submit" { "Set" }
                }
            }
        }
    }
}

/// The dates that the API accepts.
const DATE: &str = "[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?";
const DATE_HINT: &str = "2015, 2015-10 or 2015-10-23";

/// Returns passages by year, a link each. The script lets a range be dragged over it.
fn histogram(state: &SearchState, years: &Facet, path: &str) -> Markup {
    let mut values: Vec<(i32, &FacetValue)> = years
        .values
        .iter()
        .filter_map(|value| Some((value.value.parse().ok()?, value)))
        .collect();
    values.sort_by_key(|(year, _)| *year);
    let max = values
        .iter()
        .map(|(_, value)| value.passages)
        .max()
        .unwrap_or(1)
        .max(1);
    let width = values.len() * BAR_PITCH;
    let (first, last) = (values.first(), values.last());
    html! {
        @if values.len() > 1 {
            svg.histogram data-histogram viewBox=(format!("0 0 {width} {HISTOGRAM_HEIGHT}")) preserveAspectRatio="none"
                role="group" aria-label="Passages by year" {
                @for (index, (year, value)) in values.iter().enumerate() {
                    @let height = (value.passages * (HISTOGRAM_HEIGHT - 4)).div_ceil(max);
                    @let label = format!("{year}: {} passages", value.passages);
                    a href=(state.without_any("date").with_only("year", &value.value).href(path)) aria-label=(label) data-year=(value.value) {
                        title { (label) }
                        rect.hit-area x=(index * BAR_PITCH) y="0" width=(BAR_PITCH) height=(HISTOGRAM_HEIGHT) {}
                        rect.column x=(index * BAR_PITCH + 1) y=(HISTOGRAM_HEIGHT - height) width=(BAR_PITCH - 2) height=(height) {}
                    }
                }
            }
            p.ends aria-hidden="true" {
                span { (first.map(|(year, _)| year.to_string()).unwrap_or_default()) }
                span { (last.map(|(year, _)| year.to_string()).unwrap_or_default()) }
            }
        }
    }
}

fn values(state: &SearchState, facet: &Facet, path: &str) -> Markup {
    let (shown, folded) = facet.values.split_at(facet.values.len().min(SHOWN_VALUES));
    let folded = folded.get(..MAX_VALUES).unwrap_or(folded);
    html! {
        section {
            h2 { (capitalized(&facet.field)) }
            (value_list(state, facet, shown, path))
            @if !folded.is_empty() {
                details {
                    summary { (grouped(facet.values.len() + facet.other_values - shown.len())) " more" }
                    (value_list(state, facet, folded, path))
                }
            }
        }
    }
}

fn value_list(state: &SearchState, facet: &Facet, values: &[FacetValue], path: &str) -> Markup {
    html! {
        ul {
            @for value in values {
                li {
                    a href=(state.with(&facet.field, &value.value).href(path)) {
                        bdi { (value.value) }
                        span.count { (grouped(value.passages)) span.visually-hidden { " passages" } }
                    }
                }
            }
        }
    }
}

fn capitalized(name: &str) -> String {
    let name = name.replace('_', " ");
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}
