//! `antiphon bench embed --kernels`: every kernel that this processor has, in one run.
//!
//! The kernels take turns, so that other load on the machine strikes all of them. The linear layers are
//! compared with the peak: the same products on operands in the first-level cache.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::encoder::model::ModelFiles;
use crate::encoder::{EncodeStage, Encoder, NativeBert, Precision};

use super::super::output;
use super::percentile;
use super::samples::Samples;

/// Lengths of sequences, in tokens.
const LENGTHS: &[usize] = &[8, 16, 32, 128];
/// A kernel is measured at a length for this long, but at least [`MIN_RUNS`] times.
const MEASURE_TIME: Duration = Duration::from_millis(800);
const MIN_RUNS: usize = 3;
const MAX_RUNS: usize = 300;
/// Tokens of the sequence whose linear layers are compared with the peak.
const PROFILE_LENGTH: usize = 128;
/// Time for which the linear layers are profiled, about.
const PROFILE_TIME_MS: f64 = 500.0;

/// The stages that are linear layers.
const LINEAR_LAYERS: [EncodeStage; 4] = [
    EncodeStage::Project,
    EncodeStage::Output,
    EncodeStage::Expand,
    EncodeStage::Contract,
];

/// A kernel of this processor.
#[derive(Debug, Serialize)]
struct KernelReport {
    kernel: &'static str,
    single: Vec<KernelLatency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    products: Option<ProductRate>,
}

/// One sequence on one thread.
#[derive(Debug, Serialize)]
struct KernelLatency {
    tokens: usize,
    p50_ms: f64,
}

/// Multiply-adds of bytes.
#[derive(Debug, Serialize)]
struct ProductRate {
    /// In the linear layers of a sequence of 128 tokens, epilogues included.
    linear_per_ns: f64,
    /// On operands in the first-level cache.
    peak_per_ns: f64,
    /// The first as a share of the second.
    share_of_peak: f64,
    /// Per cycle, where the frequency could be measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    linear_per_cycle: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_per_cycle: Option<f64>,
}

/// Measures every kernel and prints the report.
pub(super) fn run(
    files: &ModelFiles,
    precision: Precision,
    samples: &Samples,
    is_json: bool,
) -> anyhow::Result<()> {
    let encoders = NativeBert::kernels()
        .into_iter()
        .map(|kernel| NativeBert::load(files, precision, Some(kernel)))
        .collect::<Result<Vec<_>, _>>()?;
    let mut reports: Vec<KernelReport> = encoders
        .iter()
        .map(|encoder| KernelReport {
            kernel: encoder.kernel(),
            single: Vec::new(),
            products: None,
        })
        .collect();
    for &length in LENGTHS {
        let ids = samples.sequence_of_length(length);
        for (report, p50_ms) in reports.iter_mut().zip(measure(&encoders, &ids)?) {
            let tokens = ids.len();
            report.single.push(KernelLatency { tokens, p50_ms });
        }
    }
    if precision == Precision::Int8 {
        let ids = samples.sequence_of_length(PROFILE_LENGTH);
        for (encoder, report) in encoders.iter().zip(&mut reports) {
            let last = report.single.last().map_or(0.0, |latency| latency.p50_ms);
            report.products = Some(product_rate(encoder, &ids, last)?);
        }
    }
    if is_json {
        return output::print_json(&reports);
    }
    print(&reports)
}

/// Returns the median time of each encoder; they take turns.
fn measure(encoders: &[NativeBert], ids: &[u32]) -> anyhow::Result<Vec<f64>> {
    let mut times = vec![Vec::new(); encoders.len()];
    for encoder in encoders {
        encoder.encode_tokens(&[ids])?;
    }
    for run in 0..MAX_RUNS {
        for (encoder, times) in encoders.iter().zip(&mut times) {
            if run < MIN_RUNS || times.iter().sum::<Duration>() < MEASURE_TIME {
                let start = Instant::now();
                std::hint::black_box(encoder.encode_tokens(&[ids])?);
                times.push(start.elapsed());
            }
        }
    }
    Ok(times
        .iter_mut()
        .map(|times| {
            times.sort_unstable();
            percentile(times, 50)
        })
        .collect())
}

/// Measures the products of the linear layers, the fastest of several runs, and their peak, given about the
/// time of a run.
fn product_rate(encoder: &NativeBert, ids: &[u32], run_ms: f64) -> anyhow::Result<ProductRate> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // within the limits
    let runs = (PROFILE_TIME_MS / run_ms.max(0.01)).clamp(1.0, 200.0) as usize;
    let mut linear_per_ns = 0.0_f64;
    for _ in 0..runs {
        let (mut products, mut seconds) = (0.0, 0.0);
        for time in encoder.profile(&[ids])? {
            if LINEAR_LAYERS.contains(&time.stage) {
                #[allow(clippy::cast_precision_loss)] // figures for the eye
                let operations = time.operations as f64;
                products += operations / 2.0;
                seconds += time.time.as_secs_f64();
            }
        }
        linear_per_ns = linear_per_ns.max(products / seconds.max(1e-9) / 1e9);
    }
    let peak_per_ns = encoder.peak_products_per_ns();
    let frequency = cycles_per_ns();
    Ok(ProductRate {
        linear_per_ns,
        peak_per_ns,
        share_of_peak: linear_per_ns / peak_per_ns,
        linear_per_cycle: frequency.map(|frequency| linear_per_ns / frequency),
        peak_per_cycle: frequency.map(|frequency| peak_per_ns / frequency),
    })
}

/// Measures the frequency of this core in GHz by a chain of operations of one cycle each; only on x86-64,
/// where all processors need as many cycles for it.
fn cycles_per_ns() -> Option<f64> {
    const STEPS: u32 = 100_000;
    const CYCLES_PER_STEP: f64 = 3.0;
    if !cfg!(target_arch = "x86_64") {
        return None;
    }
    let mut best = f64::MAX;
    for _ in 0..20 {
        let start = Instant::now();
        let mut x = std::hint::black_box(1_u64);
        for _ in 0..STEPS {
            // A shift, an exclusive or and an addition, each of which waits for the one before.
            x = (x ^ (x >> 7)).wrapping_add(0x9e37_79b9);
        }
        std::hint::black_box(x);
        best = best.min(start.elapsed().as_secs_f64());
    }
    Some(f64::from(STEPS) * CYCLES_PER_STEP / best / 1e9)
}

fn print(reports: &[KernelReport]) -> anyhow::Result<()> {
    for report in reports {
        let times: Vec<String> = report
            .single
            .iter()
            .map(|latency| format!("{} tokens {:.3} ms", latency.tokens, latency.p50_ms))
            .collect();
        output::print_line(format_args!("{:>10}: {}", report.kernel, times.join(", ")))?;
        if let Some(products) = &report.products {
            let per_cycle = products.linear_per_cycle.zip(products.peak_per_cycle);
            output::print_line(format_args!(
                "{:>10}  linear layers: {:.1} multiply-adds/ns, peak {:.1}, {:.0} % of it{}",
                "",
                products.linear_per_ns,
                products.peak_per_ns,
                100.0 * products.share_of_peak,
                per_cycle
                    .map(|(linear, peak)| format!("; per cycle {linear:.1} of {peak:.1}"))
                    .unwrap_or_default()
            ))?;
        }
    }
    Ok(())
}
