//! `antiphon bench`.

mod embed;
mod http;
mod kernels;
mod profile;
mod rng;
mod samples;
mod search;

use std::time::Duration;

use clap::Subcommand;

use crate::config::Settings;

/// The benchmarks.
#[derive(Debug, Subcommand)]
pub(super) enum BenchCommand {
    /// Benchmark the encoder on real passages: speed and fidelity
    Embed(embed::BenchEmbedArgs),
    /// Benchmark nearest-neighbour search: speed and recall
    Search(search::BenchSearchArgs),
    /// Load test a running service
    Http(http::BenchHttpArgs),
}

/// Runs the benchmark and prints its report.
pub(super) fn run(settings: &Settings, command: &BenchCommand) -> anyhow::Result<()> {
    match command {
        BenchCommand::Embed(arguments) => embed::run(settings, arguments),
        BenchCommand::Search(arguments) => search::run(settings, arguments),
        BenchCommand::Http(arguments) => http::run(settings, arguments),
    }
}

/// Returns a percentile in milliseconds (nearest rank) of times in ascending order.
fn percentile(times: &[Duration], percent: usize) -> f64 {
    let rank = (times.len() * percent).div_ceil(100).saturating_sub(1);
    times.get(rank).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        assert!((percentile(&times, 50) - 50.0).abs() < 1e-9);
        assert!((percentile(&times, 99) - 99.0).abs() < 1e-9);
        assert!((percentile(&times[..1], 99) - 1.0).abs() < 1e-9);
        assert!(percentile(&[], 50).abs() < 1e-9);
    }
}
