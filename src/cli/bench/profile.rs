//! Where an encoding's time goes, stage by stage.

use serde::Serialize;

use crate::encoder::{EncodeStageTime, NativeBert};

use super::super::output;
use super::samples::Samples;

/// Lengths that are profiled, in tokens.
const PROFILE_LENGTHS: &[usize] = &[8, 16, 32, 128];

/// Times that a sequence is encoded, after as many divided by ten to warm up.
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
    /// Billions of operations a second, where the stage has matrix products.
    #[serde(skip_serializing_if = "Option::is_none")]
    gops: Option<f64>,
}

/// Measures at every length.
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
                stages: stages.iter().map(stage).collect(),
            })
        })
        .collect()
}

fn stage(took: &EncodeStageTime) -> StageProfile {
    #[allow(clippy::cast_precision_loss)] // figures for the eye
    let (runs, operations) = (PROFILE_RUNS as f64, took.operations as f64);
    let seconds = took.time.as_secs_f64();
    StageProfile {
        name: took.stage.name(),
        ms: seconds * 1e3 / runs,
        gops: (took.operations > 0).then(|| operations / seconds / 1e9),
    }
}

/// Prints a block for each length.
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
