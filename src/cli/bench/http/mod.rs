//! `antiphon bench http`: load test of a running service, as its clients see it.
//!
//! With a rate (open loop), requests arrive whether or not earlier ones have completed, like those of
//! independent clients, and latency is measured from the time at which a request was due. The figures
//! are therefore free of coordinated omission: a stall is charged to all requests that arrive during
//! it. Without a rate (closed loop), each connection sends its next request once the previous one has
//! completed; that measures the throughput, and latencies at that throughput only.

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

/// Maximum number of connections; each has a file descriptor.
const MAX_CONNECTIONS: usize = 10_000;

/// Maximum rate in requests per second.
const MAX_RATE: f64 = 1e6;

/// Arguments of `antiphon bench http`.
#[derive(Debug, Args)]
pub(in crate::cli) struct BenchHttpArgs {
    /// URL of the service
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
    /// PEM file of trusted certificates [default: Mozilla's list of authorities]
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// Skip certificate verification
    #[arg(long, conflicts_with = "cacert")]
    skip_certificate_check: bool,
    /// Open-loop request rate per second [default: closed loop, one request per connection at a time]
    #[arg(long)]
    rate: Option<f64>,
    /// Arrival process
    #[arg(long, value_enum, default_value = "poisson", requires = "rate")]
    arrivals: Arrivals,
    /// Duration of the measurement, e.g. 30s or 5m
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    duration: Duration,
    /// Warm-up time, not recorded
    #[arg(long, default_value = "1s", value_parser = parse_duration)]
    warm_up: Duration,
    /// Connections, each with one request at a time
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// File of queries, one per line [default: sentences of the data directory's passages]
    #[arg(long, value_name = "FILE")]
    queries: Option<PathBuf>,
    /// Number of hits per search
    #[arg(long, default_value_t = 10)]
    limit: usize,
    /// An API key, sent as `Authorization: Bearer`
    #[arg(long)]
    key: Option<String>,
    /// Ask the service to bypass its cache
    #[arg(long)]
    no_store: bool,
    /// Request timeout
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    timeout: Duration,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Times are in milliseconds unless their names say otherwise.
#[derive(Debug, Serialize)]
struct LoadReport {
    url: String,
    connections: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arrivals: Option<Arrivals>,
    seconds: f64,
    /// Number of distinct queries.
    queries: usize,
    /// Number of requests that were due.
    due: u64,
    sent: u64,
    answered: u64,
    answered_per_second: f64,
    /// Rejected requests, by status.
    shed: BTreeMap<u16, u64>,
    errors: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    /// Latency of successful requests, from the time at which they were due.
    latency_ms: Option<LatencySummary>,
    /// Latency of rejected requests, likewise.
    shed_latency_ms: Option<LatencySummary>,
    /// Delay between the due time and sending.
    delay_ms: Option<LatencySummary>,
    /// Time from sending to the last byte, minus the service's own total.
    outside_ms: Option<LatencySummary>,
    /// The stages that the service reports.
    stages_ms: Vec<StageLatency>,
}

/// Runs the load test and prints its report.
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
        bail!("no request succeeded");
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
        "--duration and --timeout must be greater than zero"
    );
    Ok(())
}

/// Parses `10s`, `1m 30s`, `500ms`, or a number of seconds.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let duration = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => text
            .parse::<jiff::SignedDuration>()
            .ok()
            .and_then(|signed| Duration::try_from(signed).ok()),
    };
    duration
        .filter(|duration| *duration <= Duration::from_hours(24))
        .ok_or_else(|| "expected a time such as 10s, 500ms or 2m, at most 24h".to_owned())
}

#[allow(clippy::cast_precision_loss)] // for display
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
        (Some(rate), Some(Arrivals::Poisson)) => format!("{rate} requests/s, Poisson arrivals"),
        (Some(rate), _) => format!("{rate} requests/s, constant gaps"),
        _ => "closed loop".to_owned(),
    };
    output::print_line(format_args!(
        "{}: {} over {}, {pace}, for {:.1} s",
        report.url,
        pluralize(report.queries, "query", "queries"),
        pluralize(report.connections, "connection", "connections"),
        report.seconds
    ))?;
    output::print_line(format_args!(
        "{} due, {} sent, {} answered: {:.1}/s",
        report.due, report.sent, report.answered, report.answered_per_second
    ))?;
    output::print_line(format_args!("rejected: {}", format_counts(&report.shed)))?;
    output::print_line(format_args!("errors: {}", format_counts(&report.errors)))?;
    if let Some(error) = &report.last_error {
        output::print_line(format_args!("last connection error: {error}"))?;
    }
    output::print_line(format_args!(
        "\n{:<22} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "milliseconds", "p50", "p90", "p99", "p99.9", "max"
    ))?;
    for (name, summary) in [
        ("latency", report.latency_ms),
        ("rejection latency", report.shed_latency_ms),
        ("send delay", report.delay_ms),
        ("outside server total", report.outside_ms),
    ] {
        let Some(s) = summary else { continue };
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
    fn durations_are_parsed() {
        assert_eq!(parse_duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_mins(2)));
        assert_eq!(parse_duration("1.5"), Ok(Duration::from_millis(1500)));
        for text in ["", "-1s", "NaN", "inf", "1e300", "ten", "25h"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
