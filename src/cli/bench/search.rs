//! `antiphon bench search`: speed and recall of nearest-neighbour search.
//!
//! Vectors and queries are two `.npy` files, or the passages of the data directory and sentences of
//! them. The graph is built on all configured threads; every search runs on one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::Args;
use rayon::prelude::*;
use roaring::RoaringBitmap;
use serde::Serialize;

use crate::config::Settings;
use crate::index::file::{self, RowLabel};
use crate::index::{
    Compaction, ExactScan, IndexBytes, KnnParams, Neighbour, SegmentedIndex, TopK, VectorIndex,
    Vectors,
};
use crate::store::{PassageKey, View};

use super::super::{memory, output, progress::GraphBar};
use super::percentile;
use super::rng::Lcg;

/// The measured values of `ef`.
const EF_VALUES: &[usize] = &[16, 24, 32, 48, 64, 96, 128, 192, 256];

/// Runs of all queries per value of `ef`; the figures are over all runs.
const REPETITIONS: usize = 3;

/// Queries for the exact scan, which takes longer.
const MAX_EXACT_QUERIES: usize = 200;

/// Queries taken from the data directory.
const MAX_STORE_QUERIES: usize = 1000;

/// Arguments of `antiphon bench search`.
#[derive(Debug, Args)]
pub(in crate::cli) struct BenchSearchArgs {
    /// Unit vectors, [rows, dimension] in f32 [default: the data directory's passages]
    #[arg(long, value_name = "FILE.npy", requires = "queries")]
    vectors: Option<PathBuf>,
    /// Query vectors of unit length [default: sentences of the data directory's passages]
    #[arg(long, value_name = "FILE.npy", requires = "vectors")]
    queries: Option<PathBuf>,
    /// Neighbours of each query
    #[arg(long, default_value_t = 10)]
    k: usize,
    /// Filter selectivity: share of the rows to search, above 0, at most 1
    #[arg(long, value_name = "SELECTIVITY")]
    filter: Option<f64>,
    /// Filter contiguous runs of rows rather than single rows
    #[arg(long, requires = "filter")]
    clustered: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct SearchBenchReport {
    vectors: usize,
    dimension: usize,
    k: usize,
    threads: usize,
    queries: usize,
    build_seconds: f64,
    /// Memory of the build in addition to the vectors, on systems that report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    build_peak_bytes: Option<u64>,
    file_bytes: u64,
    /// Time to open and verify the index file.
    open_ms: f64,
    bytes_per_vector: f64,
    bytes: ByteBreakdown,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<FilterReport>,
    exact_us: f64,
    exact_recall: f64,
    curve: Vec<RecallPoint>,
}

/// Memory of the index. When served, `vectors` are in a mapped file.
#[derive(Debug, Serialize)]
struct ByteBreakdown {
    codes: usize,
    graph: usize,
    vectors: usize,
}

#[derive(Debug, Serialize)]
struct FilterReport {
    selectivity: f64,
    rows: u64,
    clustered: bool,
}

/// Speed and recall at one value of `ef`.
#[derive(Debug, Serialize)]
struct RecallPoint {
    ef: usize,
    p50_us: f64,
    p99_us: f64,
    mean_us: f64,
    recall: f64,
    evaluations: f64,
    visited: f64,
}

/// Runs the benchmark and prints its report.
pub(super) fn run(settings: &Settings, arguments: &BenchSearchArgs) -> anyhow::Result<()> {
    ensure!(
        (1..=1000).contains(&arguments.k),
        "--k is {}; expected 1 to 1000",
        arguments.k
    );
    let (vectors, queries) = match (&arguments.vectors, &arguments.queries) {
        (Some(vectors), Some(queries)) => (read_npy(vectors)?, read_npy(queries)?),
        _ => store_vectors(&settings.data_dir)?,
    };
    ensure!(
        vectors.dimension() == queries.dimension(),
        "the vectors have {} coordinates and the queries {}; expected the same",
        vectors.dimension(),
        queries.dimension()
    );
    ensure!(
        !vectors.is_empty() && !queries.is_empty(),
        "no vectors or no queries"
    );
    let row_filter = arguments
        .filter
        .map(|share| sample_rows(vectors.len(), share, arguments.clustered))
        .transpose()?;
    let report = measure(settings, arguments, vectors, &queries, row_filter.as_ref())?;
    if arguments.json {
        return output::print_json(&report);
    }
    print(&report)
}

fn measure(
    settings: &Settings,
    arguments: &BenchSearchArgs,
    vectors: Vectors,
    queries: &Vectors,
    row_filter: Option<&RoaringBitmap>,
) -> anyhow::Result<SearchBenchReport> {
    let (rows, vectors) = (vectors.len(), Arc::new(vectors));
    let truth = ground_truth(&vectors, queries, arguments.k, row_filter)?;
    let tail = SegmentedIndex::new(vectors.dimension(), settings.hnsw_parameters())?
        .with_rows(&vectors)?;
    drop(vectors);
    let start = Instant::now();
    let (built, build_peak_bytes) = memory::peak_growth(|| {
        Compaction::build(&tail, settings.build_options(), &GraphBar::new())
    });
    let build_seconds = start.elapsed().as_secs_f64();
    let built = built?.context("no vectors or no queries")?;
    // The index reorders the rows.
    let remapped_filter = row_filter.map(|filter| {
        let new_rows = (0..).zip(built.source_rows());
        new_rows
            .filter(|(_, old)| filter.contains(**old))
            .map(|(new, _)| new)
            .collect()
    });
    let saved = MappedIndex::new(&built, settings)?;
    drop((tail, built));
    let bench = IndexBench {
        index: &saved.index,
        ground_truth: truth,
        queries,
        k: arguments.k,
        row_filter: remapped_filter.as_ref(),
    };
    // The scan would otherwise use all threads.
    let single_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let (exact, curve) = single_thread.install(|| -> anyhow::Result<_> {
        let exact = bench.run_settings(MAX_EXACT_QUERIES, &[(true, None)])?;
        let settings: Vec<(bool, Option<usize>)> =
            EF_VALUES.iter().map(|ef| (false, Some(*ef))).collect();
        Ok((exact, bench.run_settings(queries.len(), &settings)?))
    })?;
    let IndexBytes {
        codes,
        graph,
        vectors,
        ..
    } = saved.index.bytes();
    #[allow(clippy::cast_precision_loss)] // for display
    let per_vector = (codes + graph + vectors) as f64 / rows as f64;
    Ok(SearchBenchReport {
        vectors: rows,
        dimension: queries.dimension(),
        k: arguments.k,
        threads: rayon::current_num_threads(),
        queries: queries.len(),
        build_seconds,
        build_peak_bytes,
        file_bytes: saved.file_bytes,
        open_ms: saved.open_ms,
        bytes_per_vector: per_vector,
        bytes: ByteBreakdown {
            codes,
            graph,
            vectors,
        },
        filter: arguments
            .filter
            .zip(row_filter)
            .map(|(selectivity, rows)| FilterReport {
                selectivity,
                rows: rows.len(),
                clustered: arguments.clustered,
            }),
        exact_us: exact.first().map_or(0.0, |run| run.point(0).p50_us),
        exact_recall: exact.first().map_or(0.0, |run| run.point(0).recall),
        curve: EF_VALUES
            .iter()
            .zip(&curve)
            .map(|(ef, run)| run.point(*ef))
            .collect(),
    })
}

/// The index as it is served: written to a file and mapped.
struct MappedIndex {
    index: SegmentedIndex,
    file_bytes: u64,
    open_ms: f64,
    _folder: tempfile::TempDir,
}

impl MappedIndex {
    fn new(built: &Compaction, settings: &Settings) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("index");
        let labels: Vec<RowLabel> = built
            .source_rows()
            .iter()
            .map(|row| RowLabel {
                key: i64::from(*row),
                hash: 0,
            })
            .collect();
        let fingerprint = [0; 32];
        file::write(&path, built, fingerprint, &labels)?;
        let start = Instant::now();
        let opened = file::open(
            &path,
            fingerprint,
            built.dimension(),
            settings.hnsw_parameters(),
        )?;
        Ok(Self {
            index: opened.context("the index file has been removed")?.index,
            file_bytes: std::fs::metadata(&path)?.len(),
            open_ms: start.elapsed().as_secs_f64() * 1e3,
            _folder: folder,
        })
    }
}

/// An index under measurement.
struct IndexBench<'a> {
    index: &'a SegmentedIndex,
    queries: &'a Vectors,
    ground_truth: Vec<Vec<Neighbour>>,
    k: usize,
    row_filter: Option<&'a RoaringBitmap>,
}

/// The measurements of one setting.
#[derive(Default)]
struct SettingRun {
    times: Vec<Duration>,
    found: usize,
    expected: usize,
    evaluations: usize,
    visited: usize,
}

impl IndexBench<'_> {
    /// Runs the first `max_queries` queries with every setting in turn, repeatedly.
    fn run_settings(
        &self,
        max_queries: usize,
        settings: &[(bool, Option<usize>)],
    ) -> anyhow::Result<Vec<SettingRun>> {
        let mut runs: Vec<SettingRun> = settings.iter().map(|_| SettingRun::default()).collect();
        for round in 0..=REPETITIONS {
            for ((exact, ef), run) in settings.iter().zip(&mut runs) {
                let request = KnnParams {
                    k: self.k,
                    ef: *ef,
                    exact: *exact,
                    allowed_rows: self.row_filter,
                };
                for (query, truth) in self
                    .queries
                    .rows()
                    .zip(&self.ground_truth)
                    .take(max_queries)
                {
                    let start = Instant::now();
                    let found = std::hint::black_box(self.index.search(query, &request)?);
                    // The first round warms up.
                    if round > 0 {
                        run.record(start.elapsed(), &found, truth);
                    }
                }
            }
        }
        for run in &mut runs {
            run.times.sort_unstable();
        }
        Ok(runs)
    }
}

impl SettingRun {
    /// Records a search. A neighbour counts as found if its score is at least that of the last true
    /// neighbour, so ties may be broken either way.
    fn record(&mut self, time: Duration, found: &TopK, truth: &[Neighbour]) {
        self.times.push(time);
        let last = truth.last().map_or(f32::MAX, |neighbour| neighbour.score);
        let correct = found.neighbours.iter().filter(|n| n.score >= last);
        self.found += correct.count();
        self.expected += truth.len();
        self.evaluations += found.stats.distance_computations;
        self.visited += found.stats.nodes_visited;
    }

    #[allow(clippy::cast_precision_loss)] // for display
    fn point(&self, ef: usize) -> RecallPoint {
        let runs = self.times.len().max(1) as f64;
        RecallPoint {
            ef,
            p50_us: percentile(&self.times, 50) * 1e3,
            p99_us: percentile(&self.times, 99) * 1e3,
            mean_us: self.times.iter().sum::<Duration>().as_secs_f64() * 1e6 / runs,
            recall: self.found as f64 / self.expected.max(1) as f64,
            evaluations: self.evaluations as f64 / runs,
            visited: self.visited as f64 / runs,
        }
    }
}

/// Returns the true neighbours of every query, by an exact scan in f32.
fn ground_truth(
    vectors: &Arc<Vectors>,
    queries: &Vectors,
    k: usize,
    row_filter: Option<&RoaringBitmap>,
) -> anyhow::Result<Vec<Vec<Neighbour>>> {
    let oracle = ExactScan::new(Arc::clone(vectors));
    let request = KnnParams {
        allowed_rows: row_filter,
        ..KnnParams::top_k(k)
    };
    let queries: Vec<&[f32]> = queries.rows().collect();
    queries
        .par_iter()
        .map(|query| Ok(oracle.search(query, &request)?.neighbours))
        .collect()
}

/// Samples a share of all rows: single rows, or runs of a hundredth of all rows.
fn sample_rows(rows: usize, share: f64, clustered: bool) -> anyhow::Result<RoaringBitmap> {
    ensure!(
        share > 0.0 && share <= 1.0,
        "--filter is {share}; expected above 0, at most 1"
    );
    let run = if clustered { (rows / 100).max(1) } else { 1 };
    let mut rng = Lcg::new();
    let mut sample = RoaringBitmap::new();
    for start in (0..rows).step_by(run) {
        if rng.next_unit() < share {
            let end = rows.min(start + run);
            sample.insert_range(u32::try_from(start)?..u32::try_from(end)?);
        }
    }
    ensure!(
        !sample.is_empty(),
        "--filter {share} selects no row of {rows}"
    );
    Ok(sample)
}

/// Reads vectors from a `.npy` file.
fn read_npy(path: &Path) -> anyhow::Result<Vectors> {
    let name = path.display();
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {name}"))?;
    let file =
        npyz::NpyFile::new(&bytes[..]).with_context(|| format!("{name} is not a .npy file"))?;
    let &[_, dimension] = file.shape() else {
        bail!(
            "{name} has the shape {:?}; expected [rows, dimension]",
            file.shape()
        );
    };
    let dimension = usize::try_from(dimension)?;
    let flat: Vec<f32> = file
        .into_vec()
        .with_context(|| format!("{name} must contain f32 in C order"))?;
    let mut vectors = Vectors::new(dimension)?;
    for (row_index, row) in flat.chunks_exact(dimension).enumerate() {
        vectors
            .push(row)
            .with_context(|| format!("{name}, row {row_index}"))?;
    }
    Ok(vectors)
}

/// Reads the data directory's passages, and sentences spread over them as queries.
fn store_vectors(data_dir: &Path) -> anyhow::Result<(Vectors, Vectors)> {
    let view = View::open(data_dir)?;
    let dimension = view.fingerprint().dimension;
    let (mut vectors, mut keys) = (Vectors::new(dimension)?, Vec::new());
    view.for_each_vector(|stored| {
        vectors.push(stored.vector)?;
        keys.push(stored.key);
        Ok::<_, anyhow::Error>(())
    })?;
    let step = (keys.len() / MAX_STORE_QUERIES).max(1);
    let mut queries = Vectors::new(dimension)?;
    let keys: Vec<PassageKey> = keys.into_iter().step_by(step).collect();
    for (index, hit) in view.hit_records(&keys)?.into_iter().enumerate() {
        let sentences: Vec<&[f32]> = hit.sentence_vectors.chunks_exact(dimension).collect();
        if let Some(sentence) = sentences.get(index % sentences.len().max(1)) {
            queries.push(sentence)?;
        }
    }
    Ok((vectors, queries))
}

fn print(report: &SearchBenchReport) -> anyhow::Result<()> {
    output::print_line(format_args!(
        "{} vectors of {} coordinates, {} queries, k = {}",
        report.vectors, report.dimension, report.queries, report.k
    ))?;
    if let Some(filter) = &report.filter {
        let kind = if filter.clustered {
            "contiguous runs"
        } else {
            "random"
        };
        output::print_line(format_args!("filter: {} rows, {kind}", filter.rows))?;
    }
    output::print_line(format_args!(
        "built in {:.1} s on {} threads{}; {:.0} bytes per vector",
        report.build_seconds,
        report.threads,
        report
            .build_peak_bytes
            .map_or(String::new(), |bytes| format!(
                " using {} MB in addition to the vectors",
                bytes >> 20
            )),
        report.bytes_per_vector
    ))?;
    output::print_line(format_args!(
        "file of {} MB, opened and verified in {:.0} ms",
        report.file_bytes >> 20,
        report.open_ms
    ))?;
    output::print_line(format_args!(
        "exact scan: {:.0} µs median, recall {:.4}",
        report.exact_us, report.exact_recall
    ))?;
    output::print_line(format_args!(
        "   ef      p50 µs     p99 µs    mean µs   recall  distances  visited"
    ))?;
    for point in &report.curve {
        output::print_line(format_args!(
            "{:>5} {:>11.1} {:>10.1} {:>10.1} {:>8.4} {:>10.0} {:>8.0}",
            point.ef,
            point.p50_us,
            point.p99_us,
            point.mean_us,
            point.recall,
            point.evaluations,
            point.visited
        ))?;
    }
    Ok(())
}
