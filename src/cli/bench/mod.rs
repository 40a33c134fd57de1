//! `antiphon bench`.

mod embed;
mod http;
mod memory;
mod profile;
mod rng;
mod samples;
mod search;

use std::time::Duration;

use clap::Subcommand;

use crate::config::Settings;

/// What to measure.
#[derive(Debug, Subcommand)]
pub(super) enum BenchCommand {
    /// Time the encoder on real passages, with its fidelity beside its speed
    Embed(embed::BenchEmbedArgs),
    /// Time the search for neighbours, with its recall beside its speed
    Search(search::BenchSearchArgs),
    /// Load a running service with searches, and time its answers as its clients see them
    Http(http::BenchHttpArgs),
}

/// Measures and prints.
pub(super) fn run(settings: &Settings, command: &BenchCommand) -> anyhow::Result<()> {
    match command {
        BenchCommand::Embed(arguments) => embed::run(settings, arguments),
        BenchCommand::Search(arguments) => search::run(settings, arguments),
        BenchCommand::Http(arguments) => http::run(settings, arguments),
    }
}

/// The time that so many percent of the runs did not exceed; `times` in ascending order.
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
