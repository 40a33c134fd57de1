//! `antiphon bench http`: a running service as its clients see it.
//!
//! With a rate, requests arrive whether or not earlier ones are answered, as those of independent
//! clients do, and a latency runs from the moment at which its request was due. So a service that
//! stalls is charged for everybody who came meanwhile: the figures are free of coordinated
//! omission. Without a rate each connection asks again as soon as it is answered; that shows the
//! throughput, and latencies at that throughput only.

mod arrival_queue;
mod client;
mod load;
mod queries;
mod response;
mod tally;
mod tls;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{bail, ensure};
use clap::Args;
use serde::Serialize;

use crate::config::Settings;

use super::super::output;
use client::ServiceTarget;
use load::{Arrivals, LoadPlan, LoadResult};
use tally::{LatencySummary, StageLatency};
use tls::CertificateTrust;

/// Most connections; each has a file descriptor.
const MAX_CONNECTIONS: usize = 10_000;

/// Most requests a second.
const MAX_RATE: f64 = 1e6;

/// What to measure with.
#[derive(Debug, Args)]
pub(in crate::cli) struct BenchHttpArgs {
    /// The service
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
    /// Certificates in PEM, one of which an https service shows or has from [default: Mozilla's list of
    /// authorities]
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// Take whatever certificate an https service shows
    #[arg(long, conflicts_with = "cacert")]
    skip_certificate_check: bool,
    /// Requests a second, whether or not they are answered [default: each connection asks again
    /// once it is answered]
    #[arg(long)]
    rate: Option<f64>,
    /// How requests follow one another
    #[arg(long, value_enum, default_value = "poisson", requires = "rate")]
    arrivals: Arrivals,
    /// How long to measure, e.g. 30s or 5m
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    duration: Duration,
    /// How long to ask before that without recording
    #[arg(long, default_value = "1s", value_parser = parse_duration)]
    warm_up: Duration,
    /// Connections, each with one request at a time
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Queries, one a line [default: sentences of the data directory's passages]
    #[arg(long, value_name = "FILE")]
    queries: Option<PathBuf>,
    /// Hits to ask for
    #[arg(long, default_value_t = 10)]
    limit: usize,
    /// An API key, sent as `Authorization: Bearer`
    #[arg(long)]
    key: Option<String>,
    /// Ask the service not to answer from its cache
    #[arg(long)]
    no_store: bool,
    /// Give a request up after so long
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    timeout: Duration,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Times are milliseconds where their names do not say otherwise.
#[derive(Debug, Serialize)]
struct LoadReport {
    url: String,
    connections: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arrivals: Option<Arrivals>,
    seconds: f64,
    /// Different queries.
    queries: usize,
    /// Requests that were due.
    due: u64,
    sent: u64,
    answered: u64,
    answered_per_second: f64,
    /// Turned away, by status.
    shed: BTreeMap<u16, u64>,
    errors: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    /// Of answers of success, from the moment at which the request was due.
    latency_ms: Option<LatencySummary>,
    /// The same of requests that were turned away.
    shed_latency_ms: Option<LatencySummary>,
    /// How late requests were sent.
    delay_ms: Option<LatencySummary>,
    /// What the service's own total does not cover.
    outside_ms: Option<LatencySummary>,
    /// The stages that the service reports.
    stages_ms: Vec<StageLatency>,
}

/// Measures and prints.
pub(super) fn run(settings: &Settings, arguments: &BenchHttpArgs) -> anyhow::Result<()> {
    validate(arguments)?;
    let queries = match &arguments.queries {
        Some(path) => queries::from_file(path)?,
        None => queries::from_store(&settings.data_dir)?,
    };
    let target = ServiceTarget::new(
        &arguments.url,
        trust(arguments),
        arguments.key.as_deref(),
        arguments.no_store,
        arguments.timeout,
    )?;
    let plan = LoadPlan {
        connections: arguments.connections,
        rate: arguments.rate,
        arrivals: arguments.arrivals,
        warm_up: arguments.warm_up,
        duration: arguments.duration,
        max_overdue: arguments.timeout,
    };
    let bodies = queries::request_bodies(&queries, arguments.limit);
    let report = build_report(arguments, queries.len(), load::run(target, &bodies, plan)?);
    if arguments.json {
        output::print_json(&report)?;
    } else {
        print(&report)?;
    }
    if report.answered == 0 {
        bail!("no request was answered");
    }
    Ok(())
}

fn trust(arguments: &BenchHttpArgs) -> CertificateTrust<'_> {
    match &arguments.cacert {
        _ if arguments.skip_certificate_check => CertificateTrust::SkipVerification,
        Some(file) => CertificateTrust::PemFile(file),
        None => CertificateTrust::WebPkiRoots,
    }
}

fn validate(arguments: &BenchHttpArgs) -> anyhow::Result<()> {
    let BenchHttpArgs {
        rate, connections, ..
    } = arguments;
    ensure!(
        rate.is_none_or(|rate| rate > 0.0 && rate <= MAX_RATE),
        "--rate is {}; expected above 0, at most {MAX_RATE}",
        rate.unwrap_or_default()
    );
    ensure!(
        (1..=MAX_CONNECTIONS).contains(connections),
        "--connections is {connections}; expected 1 to {MAX_CONNECTIONS}"
    );
    ensure!(
        !arguments.duration.is_zero() && !arguments.timeout.is_zero(),
        "--duration and --timeout must be longer than nothing"
    );
    Ok(())
}

/// Reads `10s`, `1m 30s`, `500ms`, or a number of seconds.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let read = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => text
            .parse::<jiff::SignedDuration>()
            .ok()
            .and_then(|read| Duration::try_from(read).ok()),
    };
    read.filter(|read| *read <= Duration::from_hours(24))
        .ok_or_else(|| "expected a time such as 10s, 500ms or 2m, at most 24h".to_owned())
}

#[allow(clippy::cast_precision_loss)] // a rate for the eye
fn build_report(arguments: &BenchHttpArgs, queries: usize, run: LoadResult) -> LoadReport {
    let tally = run.tally;
    let seconds = run.elapsed.as_secs_f64();
    LoadReport {
        url: arguments.url.clone(),
        connections: arguments.connections,
        rate: arguments.rate,
        arrivals: arguments.rate.map(|_| arguments.arrivals),
        seconds,
        queries,
        due: run.due,
        sent: run.sent,
        answered: tally.answered,
        answered_per_second: tally.answered as f64 / seconds.max(1e-9),
        latency_ms: tally.latency(),
        shed_latency_ms: tally.shed_latency(),
        delay_ms: tally.delay(),
        outside_ms: tally.outside(),
        stages_ms: tally.stages(),
        shed: tally.shed,
        errors: tally.errors,
        last_error: tally.last_error,
    }
}

fn print(report: &LoadReport) -> anyhow::Result<()> {
    let pace = match (report.rate, report.arrivals) {
        (Some(rate), Some(Arrivals::Poisson)) => format!("{rate} requests/s at random moments"),
        (Some(rate), _) => format!("{rate} requests/s, evenly"),
        _ => "each asking again once answered".to_owned(),
    };
    output::print_line(format_args!(
        "{}: {} over {}, {pace}, for {:.1} s",
        report.url,
        pluralize(report.queries, "query", "queries"),
        pluralize(report.connections, "connection", "connections"),
        report.seconds
    ))?;
    output::print_line(format_args!(
        "{} due, {} sent, {} answered: {:.1} a second",
        report.due, report.sent, report.answered, report.answered_per_second
    ))?;
    output::print_line(format_args!("turned away: {}", format_counts(&report.shed)))?;
    output::print_line(format_args!("errors: {}", format_counts(&report.errors)))?;
    if let Some(error) = &report.last_error {
        output::print_line(format_args!("the last of the connections' errors: {error}"))?;
    }
    output::print_line(format_args!(
        "\n{:<22} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "milliseconds", "p50", "p90", "p99", "p99.9", "max"
    ))?;
    for (name, spread) in [
        ("latency, when due", report.latency_ms),
        ("until turned away", report.shed_latency_ms),
        ("sent late by", report.delay_ms),
        ("outside the total", report.outside_ms),
    ] {
        let Some(s) = spread else { continue };
        output::print_line(format_args!(
            "{name:<22} {:>9.3} {:>9.3} {:>9.3} {:>9.3} {:>9.3}",
            s.p50, s.p90, s.p99, s.p99_9, s.max
        ))?;
    }
    for stage in &report.stages_ms {
        output::print_line(format_args!(
            "  {:<20} {:>9.3} {:>9} {:>9.3}",
            output::strip_control_chars(&stage.name),
            stage.p50,
            "",
            stage.p99
        ))?;
    }
    Ok(())
}

fn pluralize(number: usize, one: &str, many: &str) -> String {
    let name = if number == 1 { one } else { many };
    format!("{} {name}", output::with_thousands(number))
}

fn format_counts<K: std::fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
    if counts.is_empty() {
        return "none".to_owned();
    }
    let each = counts
        .iter()
        .map(|(kind, count)| format!("{kind}: {count}"));
    each.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(parse_duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_mins(2)));
        assert_eq!(parse_duration("1.5"), Ok(Duration::from_millis(1500)));
        for text in ["", "-1s", "NaN", "inf", "1e300", "ten", "25h"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
