//! `/families`: statements that many documents restate.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

use crate::archive::{ArchiveError, FamiliesCall, FamiliesPage};
use crate::parallels::{
    Family, FamilyOptions, FamilyTexts, FormulaPolicy, MemberText, Scope, Thresholds,
};
use crate::server::problem::Problem;
use crate::server::service::Service;

use super::frame::{self, Frame, View, counted, grouped};
use super::params::Params;
use super::text::{self, Span, SpanKind};
use super::url::{self, SearchState};
use super::{describe, error};

/// Number of families on a page.
const PAGE_FAMILIES: usize = 20;

/// Maximum number of members that are listed.
const MAX_MEMBERS: usize = 200;

/// Number of passages up to which families are computed without being asked for.
const MAX_UNASKED_PASSAGES: usize = 2_000;

/// Maximum number of values of a field in a line.
const MAX_VALUES: usize = 8;

const NAMES: [&str; 4] = ["formulas", "order", "page", "compute"];

const FORMULAS: [(&str, FormulaPolicy, &str); 3] = [
    ("folded", FormulaPolicy::Exclude, "without formulas"),
    ("with", FormulaPolicy::Include, "with formulas"),
    ("only", FormulaPolicy::Only, "only formulas"),
];

const ORDERS: [(&str, Order, &str); 3] = [
    ("size", Order::Size, "largest first"),
    ("span", Order::Span, "longest span first"),
    ("first", Order::First, "earliest first"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Size,
    /// By the number of years between the first and the last member.
    Span,
    /// By the year of the first member.
    First,
}

/// What is shown, from the URL.
#[derive(Clone, Copy)]
struct Choice {
    formulas: FormulaPolicy,
    order: Order,
    /// From 0.
    page: usize,
    is_asked_for: bool,
}

/// `GET /families`.
pub(super) async fn show(service: web::Data<Service>, request: HttpRequest) -> HttpResponse {
    error::or_page(page(&service, &request).await, &request)
}

async fn page(service: &Service, request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let choice = Choice::parse(&Params::parse(request, &NAMES)?)?;
    let archive = service.archive();
    let passages = archive.provenance()?.passages;
    if passages > MAX_UNASKED_PASSAGES && !choice.is_asked_for {
        let content = offer(choice, passages);
        return Ok(respond(&content));
    }
    let options = FamilyOptions::default();
    let call = FamiliesCall {
        scope: Scope::default(),
        thresholds: Thresholds {
            formulas: choice.formulas,
            ..options.thresholds()
        },
        options,
        offset: 0,
        limit: PAGE_FAMILIES,
        cursor: None,
    };
    let render = move |page: FamiliesPage| content(choice, &page);
    let content = archive.families(call, |_| (), render).await?;
    Ok(respond(&content))
}

fn respond(content: &Markup) -> HttpResponse {
    let state = SearchState::default();
    let html = Frame::new(View::Families, "Families", &state).page(content);
    frame::respond(StatusCode::OK).body(html)
}

impl Choice {
    fn parse(params: &Params) -> Result<Self, Problem> {
        let page = match params.get("page") {
            None => 1,
            Some(text) => text.parse().ok().filter(|page| *page > 0).ok_or_else(|| {
                let detail = format!("page is {text:?}; expected a number from 1");
                Problem::parameter_out_of_range(detail).at("page")
            })?,
        };
        Ok(Self {
            formulas: params.choice(
                "formulas",
                &FORMULAS.map(|(name, policy, _)| (name, policy)),
            )?,
            order: params.choice("order", &ORDERS.map(|(name, order, _)| (name, order)))?,
            page: page - 1,
            is_asked_for: params.choice("compute", &[("no", false), ("yes", true)])?,
        })
    }

    fn href(self) -> String {
        let formulas = FORMULAS
            .iter()
            .find(|(_, policy, _)| *policy == self.formulas);
        let order = ORDERS.iter().find(|(_, order, _)| *order == self.order);
        let page = (self.page + 1).to_string();
        let pairs = [
            ("formulas", formulas.map_or("", |(name, ..)| name)),
            ("order", order.map_or("", |(name, ..)| name)),
            ("page", page.as_str()),
            ("compute", if self.is_asked_for { "yes" } else { "no" }),
        ];
        let defaults = [
            ("formulas", "folded"),
            ("order", "size"),
            ("page", "1"),
            ("compute", "no"),
        ];
        url::href(
            "/families",
            pairs.into_iter().filter(|pair| !defaults.contains(pair)),
        )
    }
}

/// Asks before a large corpus is compared with itself.
fn offer(choice: Choice, passages: usize) -> Markup {
    let asked = Choice {
        is_asked_for: true,
        ..choice
    };
    html! {
        section.families {
            h1 { "Families" }
            div.notice {
                p.lead { "Statements that several documents restate, found by comparing every passage with all others." }
                p { "Here that is " (counted(passages, "passage")) ", which can take minutes; searches go on meanwhile." }
                p { a.button href=(asked.href()) { "Find the families" } }
            }
        }
    }
}

fn content(choice: Choice, page: &FamiliesPage) -> Result<Markup, ArchiveError> {
    let families = &page.found.families().families;
    let mut order: Vec<usize> = (0..families.len()).collect();
    let years = |index: &usize| families.get(*index).map(|family| span(&family.years));
    match choice.order {
        // They come in this order.
        Order::Size => {}
        Order::Span => order.sort_by_key(|index| {
            std::cmp::Reverse(
                years(index)
                    .flatten()
                    .map_or(0, |(first, last)| last - first),
            )
        }),
        Order::First => order.sort_by_key(|index| {
            let first = years(index).flatten().map(|(first, _)| first);
            (first.is_none(), first)
        }),
    }
    let shown = order
        .iter()
        .skip(choice.page.saturating_mul(PAGE_FAMILIES))
        .take(PAGE_FAMILIES);
    let mut texts = Vec::new();
    for index in shown {
        texts.extend(page.found.load(*index..index + 1)?);
    }
    let all_years = families
        .iter()
        .flat_map(|family| family.years.keys().copied());
    let axis = all_years.clone().min().zip(all_years.max());
    let has_more = families.len() > (choice.page + 1).saturating_mul(PAGE_FAMILIES);
    Ok(html! {
        section.families {
            h1 { "Families" }
            p.hint { "One statement in several documents: one of its wordings, and who says it when." }
            div.toolbar {
                p { (grouped(families.len())) (if families.len() == 1 { " family" } else { " families" }) }
                nav.switch aria-label="Formulas" {
                    @for (_, formulas, words) in FORMULAS {
                        a href=(Choice { formulas, page: 0, ..choice }.href()) aria-current=[(formulas == choice.formulas).then_some("true")] { (words) }
                    }
                }
                nav.orders aria-label="Order" {
                    @for (_, order, words) in ORDERS {
                        a href=(Choice { order, page: 0, ..choice }.href()) aria-current=[(order == choice.order).then_some("true")] { (words) }
                    }
                }
            }
            @if texts.is_empty() { div.notice { p.lead { "No statement is made in three documents or more." } } }
            ol.hits {
                @for texts in &texts { (family(texts, axis)) }
            }
            nav.pager aria-label="Pages" {
                @if choice.page > 0 { a rel="prev" href=(Choice { page: choice.page - 1, ..choice }.href()) { "Previous" } }
                @if has_more { a.button rel="next" href=(Choice { page: choice.page + 1, ..choice }.href()) { "Further families" } }
            }
        }
    })
}

fn span(years: &BTreeMap<i16, usize>) -> Option<(i16, i16)> {
    years.keys().min().copied().zip(years.keys().max().copied())
}

fn family(texts: &FamilyTexts, axis: Option<(i16, i16)>) -> Markup {
    let family = &texts.family;
    html! {
        li.hit {
            header.family {
                h2 {
                    (counted(texts.members.len(), "document"))
                    @if let Some((first, last)) = span(&family.years) {
                        ", " (first) @if last != first { " to " (last) }
                    }
                }
                (timeline(family, axis))
            }
            @if let Some(representative) = texts.representative() {
                (quote(representative))
                p.byline { "in the words of " bdi { (describe::short_name(&representative.document)) } }
            }
            (values(family))
            details {
                summary { "All " (texts.members.len()) ", in order of date" }
                ol.members {
                    @for member in texts.members.iter().take(MAX_MEMBERS) {
                        li {
                            p.byline {
                                a href=(url::passage_path(member.document.id.as_str(), member.passage.ordinal)) {
                                    bdi { (describe::short_name(&member.document)) }
                                }
                                @if member.is_first { " " span.tag { "first" } }
                                @if member.is_representative { " " span.tag { "shown above" } }
                                @else { " " span.quiet title=(format!("confidence {:.2}", member.confidence)) { (describe::confidence_words(member.confidence)) } }
                            }
                            (quote(member))
                        }
                    }
                }
                @if texts.members.len() > MAX_MEMBERS { p.hint { "and " (texts.members.len() - MAX_MEMBERS) " more" } }
            }
        }
    }
}

/// Returns the text of a member; a sentence is marked in its passage.
fn quote(member: &MemberText) -> Markup {
    let spans: Vec<Span> = member
        .sentence
        .into_iter()
        .map(|range| Span {
            range,
            kind: SpanKind::Best,
        })
        .collect();
    html! {
        blockquote.passage lang=[text::lang(&member.document)] dir=(text::dir(&member.document)) {
            @match member.sentence {
                Some(range) if member.is_representative => (text::part(&member.passage, range, &[])),
                _ => (text::listed_passage(&member.passage, &spans)),
            }
        }
    }
}

/// Members by year, on an axis that all families share.
fn timeline(family: &Family, axis: Option<(i16, i16)>) -> Markup {
    let Some((first, last)) = axis.filter(|(first, last)| first < last) else {
        return html! {};
    };
    let x = |year: i16| 6.0 + f32::from(year - first) / f32::from(last - first) * 188.0;
    let words: Vec<String> = family
        .years
        .iter()
        .map(|(year, count)| format!("{year}: {count}"))
        .collect();
    html! {
        svg.timeline viewBox="0 0 200 16" role="img" aria-label=(format!("members by year: {}", words.join(", "))) {
            line x1="6" y1="8" x2="194" y2="8" {}
            @for (year, count) in &family.years {
                @let radius = if *count > 1 { 4.6 } else { 3.2 };
                circle cx=(format!("{:.1}", x(*year))) cy="8" r=(radius) { title { (year) ": " (count) } }
            }
        }
    }
}

fn values(family: &Family) -> Markup {
    html! {
        @for counts in &family.value_counts {
            @if !counts.values.is_empty() {
                p.quiet {
                    (counts.field) ": "
                    @for (index, (value, count)) in counts.values.iter().take(MAX_VALUES).enumerate() {
                        @if index > 0 { ", " }
                        bdi { (value) } @if *count > 1 { " (" (count) ")" }
                    }
                    @if counts.values.len() > MAX_VALUES { " and " (grouped(counts.values.len() - MAX_VALUES)) " more" }
                }
            }
        }
    }
}
