//! `antiphon bench embed`: how fast, and how faithful.
//!
//! Everything is prepared before the clock starts, and warmed up. A sequence alone is always
//! encoded on one thread; a batch uses all that the settings give.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::ensure;
use clap::Args;
use serde::Serialize;

use crate::config::{DEFAULT_CORPUS, Settings};
use crate::encoder::{self, CANDLE_KERNEL, CandleBert, Embedding, Encoder, NativeBert, Precision};

use super::super::{open, output};
use super::percentile;
use super::profile::{self, SequenceProfile};
use super::samples::Samples;

/// Lengths at which one sequence is timed, in tokens.
const LENGTHS: &[usize] = &[8, 16, 32, 64, 128, 256];

/// Lengths at which tokenising is timed beside it: those of a query.
const QUERY_LENGTHS: &[usize] = &[8, 16];

/// Different texts that are tokenised, each [`QUERY_RUNS`] times.
const QUERY_TEXTS: usize = 100;
const QUERY_RUNS: usize = 10;

/// A length is measured for this long, or [`MOST_RUNS`] times.
const MEASURE_TIME: Duration = Duration::from_secs(2);

const MAX_RUNS: usize = 1000;
const MIN_RUNS: usize = 10;
const WARM_UP_RUNS: usize = 5;

/// What to measure with.
#[derive(Debug, Args)]
pub(in crate::cli) struct BenchEmbedArgs {
    /// Files and folders to take passages from [default: the corpus]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Passages in the batch, at most
    #[arg(long, default_value_t = 2000)]
    passages: usize,
    /// Measure candle's BERT in the same run
    #[arg(long)]
    baseline: bool,
    /// Measure each stage of our own kernels' forward pass too
    #[arg(long)]
    profile: bool,
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

/// Text to tokens, for the passages of the batch.
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
    /// Text to tokens, median; only at the lengths of [`QUERY_LENGTHS`].
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

/// candle's BERT over the same inputs.
#[derive(Debug, Serialize)]
struct Baseline {
    kernel: &'static str,
    single: Vec<SequenceLatency>,
    batch: BatchThroughput,
}

/// Measures and prints.
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
    let (batch, embeddings) = measure_batch(encoder.as_ref(), &samples)?;
    // int8 is held against our own f32, and that against candle's.
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
                batch: self::measure_batch(&candle, &samples)?.0,
            })
        })
        .transpose()?;
    ensure!(
        !arguments.profile || encoder.kernel() != CANDLE_KERNEL,
        "--profile looks into our own kernels; this run would use candle's"
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
    let longest = encoder.tokenizer().max_tokens();
    LENGTHS
        .iter()
        .filter(|length| **length <= longest)
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

/// The median time to tokenise a query of `length` tokens, if there is one to be had.
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

#[allow(clippy::cast_precision_loss)] // a rate for the eye
fn rate(count: usize, seconds: f64) -> f64 {
    count as f64 / seconds.max(1e-9)
}

/// The processor's name, where the system tells.
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
        "tokenising: {:.0} tokens/s on one thread",
        report.tokenize.tokens_per_second
    ))?;
    output::print_line(format_args!(
        "cosine to f32 ({}): mean {:.6}, least {:.6}",
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
    for one in single {
        output::print_line(format_args!(
            "{:>5} tokens: {:>8.3} ms median, {:>8.3} ms at the 99th percentile{}",
            one.tokens,
            one.p50_ms,
            one.p99_ms,
            one.tokenize_p50_ms
                .map(|ms| format!("; tokenising {ms:.3} ms"))
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
