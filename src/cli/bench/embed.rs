//! `antiphon bench embed`: speed and fidelity of the encoder.
//!
//! Inputs are prepared and the encoder is warmed up before times are measured. A single sequence is
//! encoded on one thread, a batch on all configured threads.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::ensure;
use clap::Args;
use serde::Serialize;

use crate::config::{DEFAULT_CORPUS, Settings};
use crate::encoder::{self, CANDLE_KERNEL, CandleBert, Embedding, Encoder, NativeBert, Precision};

use super::super::{open, output};
use super::kernels;
use super::percentile;
use super::profile::{self, SequenceProfile};
use super::samples::Samples;

/// Lengths of single sequences, in tokens.
const LENGTHS: &[usize] = &[8, 16, 32, 64, 128, 256];

/// Lengths at which tokenization is also measured: those of queries.
const QUERY_LENGTHS: &[usize] = &[8, 16];

/// Number of texts that are tokenized, each [`QUERY_RUNS`] times.
const QUERY_TEXTS: usize = 100;
const QUERY_RUNS: usize = 10;

/// A length is measured for this long, or [`MAX_RUNS`] times.
const MEASURE_TIME: Duration = Duration::from_secs(2);

const MAX_RUNS: usize = 1000;
const MIN_RUNS: usize = 10;
const WARM_UP_RUNS: usize = 5;

/// Arguments of `antiphon bench embed`.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools)] // flags of the command line
pub(in crate::cli) struct BenchEmbedArgs {
    /// Files and folders to take passages from [default: the corpus]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Maximum number of passages in the batch
    #[arg(long, default_value_t = 2000)]
    passages: usize,
    /// Also measure candle's BERT
    #[arg(long)]
    baseline: bool,
    /// Also measure each stage of the native kernels' forward pass
    #[arg(long)]
    profile: bool,
    /// Measure only, and side by side, every kernel that this processor has
    #[arg(long, conflicts_with_all = ["baseline", "profile"])]
    kernels: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct EmbedReport {
    threads: usize,
    precision: String,
    kernel: &'static str,
    cores: usize,
    cpu: String,
    tokenize: TokenizeThroughput,
    single: Vec<SequenceLatency>,
    batch: BatchThroughput,
    fidelity: Fidelity,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<Vec<SequenceProfile>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<Baseline>,
}

/// Tokenization of the passages of the batch.
#[derive(Debug, Serialize)]
struct TokenizeThroughput {
    tokens: usize,
    seconds: f64,
    tokens_per_second: f64,
}

/// One sequence at a time.
#[derive(Debug, Serialize)]
struct SequenceLatency {
    tokens: usize,
    p50_ms: f64,
    p99_ms: f64,
    /// Median time of tokenization; only at the lengths of [`QUERY_LENGTHS`].
    #[serde(skip_serializing_if = "Option::is_none")]
    tokenize_p50_ms: Option<f64>,
}

/// All passages at once.
#[derive(Debug, Serialize)]
struct BatchThroughput {
    passages: usize,
    tokens: usize,
    seconds: f64,
    tokens_per_second: f64,
    passages_per_second: f64,
}

/// Cosines to the same passages in f32.
#[derive(Debug, Serialize)]
struct Fidelity {
    reference: &'static str,
    mean_cosine: f64,
    min_cosine: f64,
}

/// candle's BERT on the same inputs.
#[derive(Debug, Serialize)]
struct Baseline {
    kernel: &'static str,
    single: Vec<SequenceLatency>,
    batch: BatchThroughput,
}

/// Runs the benchmark and prints its report.
pub(super) fn run(settings: &Settings, arguments: &BenchEmbedArgs) -> anyhow::Result<()> {
    let files = open::model(settings, &open::no_status)?;
    let precision = Precision::from(settings.precision);
    let encoder = encoder::load(&files, precision, settings.kernel.as_deref())?;
    let paths = match &settings.corpus {
        _ if !arguments.paths.is_empty() => arguments.paths.clone(),
        Some(corpus) => vec![corpus.clone()],
        None => vec![DEFAULT_CORPUS.into()],
    };
    let samples = Samples::read(&paths, arguments.passages, encoder.tokenizer())?;
    if arguments.kernels {
        return kernels::run(&files, precision, &samples, arguments.json);
    }
    let (batch, embeddings) = measure_batch(encoder.as_ref(), &samples)?;
    // int8 is compared with our own f32, and that with candle's.
    let reference: Box<dyn Encoder> = match precision {
        Precision::Int8 => Box::new(NativeBert::load(&files, Precision::F32, None)?),
        Precision::F32 => Box::new(CandleBert::load(&files)?),
    };
    let fidelity = measure_fidelity(reference.as_ref(), &samples, &embeddings)?;
    let baseline = arguments
        .baseline
        .then(|| -> anyhow::Result<Baseline> {
            let candle = CandleBert::load(&files)?;
            Ok(Baseline {
                kernel: candle.kernel(),
                single: measure_single(&candle, &samples)?,
                batch: measure_batch(&candle, &samples)?.0,
            })
        })
        .transpose()?;
    ensure!(
        !arguments.profile || encoder.kernel() != CANDLE_KERNEL,
        "--profile requires the native kernels; this run uses candle"
    );
    let profile = arguments
        .profile
        .then(|| {
            let native = NativeBert::load(&files, precision, settings.kernel.as_deref())?;
            profile::measure(&native, &samples)
        })
        .transpose()?;
    let report = EmbedReport {
        threads: rayon::current_num_threads(),
        precision: encoder.fingerprint().precision.clone(),
        kernel: encoder.kernel(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        cpu: cpu_model(),
        tokenize: measure_tokenizing(encoder.as_ref(), &samples)?,
        single: measure_single(encoder.as_ref(), &samples)?,
        batch,
        fidelity,
        profile,
        baseline,
    };
    if arguments.json {
        return output::print_json(&report);
    }
    print(&report)
}

fn measure_tokenizing(
    encoder: &dyn Encoder,
    samples: &Samples,
) -> anyhow::Result<TokenizeThroughput> {
    let start = Instant::now();
    let mut tokens = 0;
    for text in &samples.texts {
        tokens += encoder.tokenizer().tokenize(text)?.ids.len();
    }
    let seconds = start.elapsed().as_secs_f64();
    Ok(TokenizeThroughput {
        tokens,
        seconds,
        tokens_per_second: rate(tokens, seconds),
    })
}

fn measure_single(
    encoder: &dyn Encoder,
    samples: &Samples,
) -> anyhow::Result<Vec<SequenceLatency>> {
    let max_tokens = encoder.tokenizer().max_tokens();
    LENGTHS
        .iter()
        .filter(|length| **length <= max_tokens)
        .map(|&length| {
            let ids = samples.sequence_of_length(length);
            for _ in 0..WARM_UP_RUNS {
                encoder.encode_tokens(&[&ids])?;
            }
            let mut times = Vec::new();
            let start = Instant::now();
            while times.len() < MIN_RUNS
                || (times.len() < MAX_RUNS && start.elapsed() < MEASURE_TIME)
            {
                let run = Instant::now();
                std::hint::black_box(encoder.encode_tokens(&[&ids])?);
                times.push(run.elapsed());
            }
            times.sort_unstable();
            Ok(SequenceLatency {
                tokens: ids.len(),
                p50_ms: percentile(&times, 50),
                p99_ms: percentile(&times, 99),
                tokenize_p50_ms: tokenize_queries(encoder, samples, length)?,
            })
        })
        .collect()
}

/// Returns the median time to tokenize a query of `length` tokens, if the corpus has any.
fn tokenize_queries(
    encoder: &dyn Encoder,
    samples: &Samples,
    length: usize,
) -> anyhow::Result<Option<f64>> {
    if !QUERY_LENGTHS.contains(&length) {
        return Ok(None);
    }
    let queries = samples.queries(length, QUERY_TEXTS, encoder.tokenizer())?;
    let mut times = Vec::new();
    for query in queries.iter().cycle().take(queries.len() * QUERY_RUNS) {
        let run = Instant::now();
        std::hint::black_box(encoder.tokenizer().tokenize(query)?);
        times.push(run.elapsed());
    }
    times.sort_unstable();
    Ok((!times.is_empty()).then(|| percentile(&times, 50)))
}

fn measure_batch(
    encoder: &dyn Encoder,
    samples: &Samples,
) -> anyhow::Result<(BatchThroughput, Vec<Embedding>)> {
    let sequences: Vec<&[u32]> = samples.passages.iter().map(Vec::as_slice).collect();
    let warm_up = sequences.len().min(64);
    encoder.encode_tokens(sequences.get(..warm_up).unwrap_or(&[]))?;
    let start = Instant::now();
    let embeddings = encoder.encode_tokens(&sequences)?;
    let seconds = start.elapsed().as_secs_f64();
    let tokens = sequences.iter().map(|ids| ids.len()).sum();
    let batch = BatchThroughput {
        passages: sequences.len(),
        tokens,
        seconds,
        tokens_per_second: rate(tokens, seconds),
        passages_per_second: rate(sequences.len(), seconds),
    };
    Ok((batch, embeddings))
}

fn measure_fidelity(
    reference: &dyn Encoder,
    samples: &Samples,
    embeddings: &[Embedding],
) -> anyhow::Result<Fidelity> {
    let sequences: Vec<&[u32]> = samples.passages.iter().map(Vec::as_slice).collect();
    let truth = reference.encode_tokens(&sequences)?;
    let cosines = || {
        let pairs = truth.iter().zip(embeddings);
        pairs.map(|(a, b)| f64::from(a.similarity(b)))
    };
    #[allow(clippy::cast_precision_loss)] // a count of passages
    let count = embeddings.len().max(1) as f64;
    Ok(Fidelity {
        reference: reference.kernel(),
        mean_cosine: cosines().sum::<f64>() / count,
        min_cosine: cosines().fold(1.0, f64::min),
    })
}

#[allow(clippy::cast_precision_loss)] // for display
fn rate(count: usize, seconds: f64) -> f64 {
    count as f64 / seconds.max(1e-9)
}

/// Returns the processor's name, on systems that report it.
fn cpu_model() -> String {
    std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|info| {
            let line = info.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        })
        .unwrap_or_else(|| "unknown".to_owned())
}

fn print(report: &EmbedReport) -> anyhow::Result<()> {
    output::print_line(format_args!(
        "{} on {} ({} cores, {} threads), kernel {}",
        report.precision, report.cpu, report.cores, report.threads, report.kernel
    ))?;
    print_measures(&report.single, &report.batch)?;
    output::print_line(format_args!(
        "tokenization: {:.0} tokens/s on one thread",
        report.tokenize.tokens_per_second
    ))?;
    output::print_line(format_args!(
        "cosine to f32 ({}): mean {:.6}, min {:.6}",
        report.fidelity.reference, report.fidelity.mean_cosine, report.fidelity.min_cosine
    ))?;
    if let Some(profiles) = &report.profile {
        profile::print(profiles)?;
    }
    if let Some(baseline) = &report.baseline {
        output::print_line(format_args!("\nbaseline: {} f32", baseline.kernel))?;
        print_measures(&baseline.single, &baseline.batch)?;
    }
    Ok(())
}

fn print_measures(single: &[SequenceLatency], batch: &BatchThroughput) -> anyhow::Result<()> {
    for latency in single {
        output::print_line(format_args!(
            "{:>5} tokens: p50 {:>8.3} ms, p99 {:>8.3} ms{}",
            latency.tokens,
            latency.p50_ms,
            latency.p99_ms,
            latency
                .tokenize_p50_ms
                .map(|ms| format!("; tokenization {ms:.3} ms"))
                .unwrap_or_default()
        ))?;
    }
    output::print_line(format_args!(
        "batch: {} passages, {} tokens in {:.2} s: {:.0} tokens/s, {:.0} passages/s",
        batch.passages,
        batch.tokens,
        batch.seconds,
        batch.tokens_per_second,
        batch.passages_per_second
    ))
}
