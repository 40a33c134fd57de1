//! `/service`: where the time of searches goes, the same search from a program, and what is served.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

use crate::archive::{ArchiveSizes, ArchiveStats};
use crate::engine::Provenance;
use crate::server::extract;
use crate::server::problem::Problem;
use crate::server::service::Service;
use crate::wire::TimingMs;

use super::frame::{self, Frame, View, grouped};
use super::url::SearchState;
use super::{error, search};

/// The query of the code, if there is none in the URL.
const EXAMPLE_QUERY: &str = "sovereignty in cyberspace";

/// The length of the scale is the time that this share of searches stay within, but at least a millisecond;
/// bars of slower ones are cut.
const SCALE_PERCENTILE: usize = 90;
const MIN_SCALE_MS: f64 = 1.0;

/// `GET /service`.
pub(super) async fn show(service: web::Data<Service>, request: HttpRequest) -> HttpResponse {
    error::or_page(page(&service, &request), &request)
}

fn page(service: &Service, request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let state = SearchState::parse(extract::query_pairs(request)?)?;
    let archive = service.archive();
    let (provenance, kernel) = (archive.provenance()?, archive.kernel()?);
    let (numbers_now, timings) = (archive.stats(), service.recent_timings().latest());
    let asked = if state.has_query() {
        state.clone()
    } else {
        state.with("q", EXAMPLE_QUERY)
    };
    let address = format!("{}{}", search::origin(request), asked.href("/v1/search"));
    let content = html! {
        section.service {
            h1 { "Service" }
            (last_searches(&timings))
            div.tables { (served(&provenance, kernel)) (numbers(&numbers_now)) }
            (code(&address))
        }
    };
    let html = Frame::new(View::Service, "Service", &state).page(&content);
    Ok(frame::respond(StatusCode::OK).body(html))
}

/// The stage times of the last searches, as stacked bars on one scale.
fn last_searches(timings: &[TimingMs]) -> Markup {
    let mut totals: Vec<f64> = timings.iter().map(TimingMs::total).collect();
    totals.sort_by(f64::total_cmp);
    let percentile = |percent: usize| {
        let rank = (totals.len() * percent / 100).min(totals.len().saturating_sub(1));
        totals.get(rank).copied().unwrap_or_default()
    };
    let (median, scale) = (
        percentile(50),
        percentile(SCALE_PERCENTILE).max(MIN_SCALE_MS),
    );
    html! {
        section {
            h2 { "The last searches" }
            @if timings.is_empty() {
                p.quiet { "There were none since the service started." }
            } @else {
                p.quiet { "Latest first, without their queries. Median " (format!("{median:.2}")) " ms; the scale ends at " (format!("{scale:.2}")) " ms." }
                ul.legend aria-hidden="true" {
                    @for (index, name) in stage_names().into_iter().enumerate() {
                        li { svg.swatch viewBox="0 0 10 10" { rect class=(format!("t{}", index + 1)) width="10" height="10" {} } (name) }
                    }
                }
                table.timings {
                    thead.visually-hidden { tr { th scope="col" { "stages" } th scope="col" { "total" } } }
                    tbody {
                        @for timing in timings { tr { td { (stacked(timing, scale)) } td.total { (format!("{:.2} ms", timing.total())) } } }
                    }
                }
            }
        }
    }
}

fn stacked(timing: &TimingMs, scale: f64) -> Markup {
    let stages = timing.stages();
    let other = timing.total()
        - stages
            .iter()
            .map(|(_, milliseconds)| milliseconds)
            .sum::<f64>();
    let all = stages.into_iter().chain([("other", other.max(0.0))]);
    let mut start = 0.0;
    let mut bars = Vec::new();
    for (index, (name, milliseconds)) in all.enumerate() {
        let width = milliseconds / scale * 100.0;
        bars.push((index + 1, name, milliseconds, start, width));
        start += width;
    }
    let words: Vec<String> = bars
        .iter()
        .map(|(_, name, ms, ..)| format!("{name} {ms:.2} ms"))
        .collect();
    html! {
        svg.stages viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label=(words.join(", ")) {
            @for (number, name, milliseconds, start, width) in bars {
                rect class=(format!("t{number}")) x=(format!("{start:.3}")) width=(format!("{width:.3}")) height="4" {
                    title { (format!("{name} {milliseconds:.3} ms")) }
                }
            }
        }
    }
}

/// Returns the names of the stages, which every timing has, and of what is between them: facets, waits of
/// the network thread.
fn stage_names() -> [&'static str; 7] {
    [
        "queue",
        "tokenize",
        "encode",
        "search",
        "fetch",
        "serialize",
        "other",
    ]
}

/// The same search from a program. The address is percent-encoded, so no quoting is needed within it.
fn code(address: &str) -> Markup {
    let samples = [
        ("curl", format!("curl '{}'", address.replace('\'', "%27"))),
        (
            "Python",
            format!(
                "import json, urllib.request\n\nurl = \"{address}\"\nwith urllib.request.urlopen(url) as response:\n    for hit in json.load(response)[\"hits\"]:\n        print(hit[\"score\"], hit[\"passage\"], hit[\"text\"])"
            ),
        ),
        (
            "JavaScript",
            format!(
                "const response = await fetch(\"{address}\");\nfor (const hit of (await response.json()).hits) {{\n  console.log(hit.score, hit.passage, hit.text);\n}}"
            ),
        ),
    ];
    html! {
        section {
            h2 { "The same search from a program" }
            p.quiet { "With API keys, send the header " code { "Authorization: Bearer KEY" } "." }
            div.formats {
                @for (name, text) in &samples {
                    section {
                        p.label { (name) }
                        pre tabindex="0" { (text) }
                        button.with-script.copy type="button" data-action="copy" hidden { "Copy " (name) }
                    }
                }
            }
        }
    }
}

fn table(caption: &str, rows: &[(&str, String)]) -> Markup {
    html! {
        table {
            caption { (caption) }
            tbody {
                @for (name, value) in rows { tr { th scope="row" { (name) } td { (value) } } }
            }
        }
    }
}

fn served(provenance: &Provenance, kernel: &str) -> Markup {
    let hash = provenance.corpus_hash.to_string();
    let rows = [
        ("model", provenance.model.clone()),
        ("revision", provenance.revision.clone()),
        ("precision", provenance.precision.clone()),
        ("kernel", kernel.to_owned()),
        ("index", provenance.index.clone()),
        ("snapshot", provenance.snapshot.clone()),
        ("documents", grouped(provenance.documents)),
        ("passages", grouped(provenance.passages)),
        ("corpus", hash.get(..16).unwrap_or_default().to_owned()),
    ];
    table("What is served", &rows)
}

fn numbers(stats: &ArchiveStats) -> Markup {
    let (recall, cache) = (stats.recall, stats.query_cache);
    let measured = if recall.expected == 0 {
        "not measured: no graph search was sampled".to_owned()
    } else {
        #[allow(clippy::cast_precision_loss)] // a ratio for people
        let share = recall.hits as f64 / recall.expected as f64;
        format!(
            "{share:.4} over {} sampled searches",
            grouped_u64(recall.sampled)
        )
    };
    let mut rows = vec![
        ("recall while serving", measured),
        ("searches waiting", grouped(stats.queue_depth)),
        ("writes waiting", grouped(stats.write_queue_depth)),
        (
            "query cache",
            format!(
                "{} hits, {} misses",
                grouped_u64(cache.hits),
                grouped_u64(cache.misses)
            ),
        ),
    ];
    if let Some(sizes) = &stats.sizes {
        rows.extend(size_rows(sizes));
    }
    table("How it does", &rows)
}

fn size_rows(sizes: &ArchiveSizes) -> Vec<(&'static str, String)> {
    let (rows, bytes, disk) = (&sizes.rows, &sizes.index_bytes, &sizes.disk);
    let index = bytes.codes + bytes.graph + bytes.vectors + bytes.sentences;
    vec![
        ("index rows", grouped(rows.total)),
        ("in the delta segment", grouped(rows.delta)),
        ("in the append buffer", grouped(rows.tail)),
        ("tombstones", grouped(rows.deleted)),
        ("index in memory", megabytes(index as u64)),
        (
            "database on disk",
            megabytes(disk.database_bytes + disk.wal_bytes),
        ),
        ("index on disk", megabytes(disk.index_bytes)),
    ]
}

fn megabytes(bytes: u64) -> String {
    #[allow(clippy::cast_precision_loss)] // for people
    let megabytes = bytes as f64 / 1e6;
    format!("{megabytes:.1} MB")
}

fn grouped_u64(number: u64) -> String {
    grouped(usize::try_from(number).unwrap_or(usize::MAX))
}
