//! Profile of the encoder, per stage.

use serde::Serialize;

use crate::encoder::{EncodeStageTime, NativeBert};

use super::super::output;
use super::samples::Samples;

/// Profiled lengths, in tokens.
const PROFILE_LENGTHS: &[usize] = &[8, 16, 32, 128];

/// Runs per length, after a tenth as many for warming up.
const PROFILE_RUNS: usize = 300;

/// One sequence of `tokens` tokens on one thread, mean of many runs.
#[derive(Debug, Serialize)]
pub(super) struct SequenceProfile {
    tokens: usize,
    stages: Vec<StageProfile>,
}

/// A stage of the forward pass, over all layers.
#[derive(Debug, Serialize)]
struct StageProfile {
    name: &'static str,
    ms: f64,
    /// Billions of operations per second, for stages with matrix products.
    #[serde(skip_serializing_if = "Option::is_none")]
    gops: Option<f64>,
}

/// Profiles the encoder at every length.
pub(super) fn measure(
    encoder: &NativeBert,
    samples: &Samples,
) -> anyhow::Result<Vec<SequenceProfile>> {
    PROFILE_LENGTHS
        .iter()
        .map(|&length| {
            let ids = samples.sequence_of_length(length);
            let sequences = vec![ids.as_slice(); PROFILE_RUNS];
            encoder.profile(sequences.get(..PROFILE_RUNS / 10).unwrap_or(&[]))?;
            let stages = encoder.profile(&sequences)?;
            Ok(SequenceProfile {
                tokens: ids.len(),
                stages: stages.iter().map(stage_profile).collect(),
            })
        })
        .collect()
}

fn stage_profile(measured: &EncodeStageTime) -> StageProfile {
    #[allow(clippy::cast_precision_loss)] // figures for the eye
    let (runs, operations) = (PROFILE_RUNS as f64, measured.operations as f64);
    let seconds = measured.time.as_secs_f64();
    StageProfile {
        name: measured.stage.name(),
        ms: seconds * 1e3 / runs,
        gops: (measured.operations > 0).then(|| operations / seconds / 1e9),
    }
}

/// Prints the profile of each length.
pub(super) fn print(profiles: &[SequenceProfile]) -> anyhow::Result<()> {
    for profile in profiles {
        let total: f64 = profile.stages.iter().map(|stage| stage.ms).sum();
        output::print_line(format_args!(
            "\nprofile at {} tokens, {total:.3} ms:",
            profile.tokens
        ))?;
        for stage in &profile.stages {
            let share = 100.0 * stage.ms / total;
            let speed = stage.gops.map(|gops| format!(", {gops:.0} GOP/s"));
            output::print_line(format_args!(
                "{:>18}: {:>7.3} ms, {share:>4.1} %{}",
                stage.name,
                stage.ms,
                speed.unwrap_or_default()
            ))?;
        }
    }
    Ok(())
}
