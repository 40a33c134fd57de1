//! Speed and recall of exact scan and graph search over real embeddings.
//!
//! Queries are the embeddings of the first twelve words of passages from the whole corpus.

#![allow(clippy::expect_used, clippy::print_stderr, missing_docs)] // a benchmark that cannot run should fail with a message

mod support;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use antiphon::index::{
    BuildOptions, ExactScan, HnswParameters, KnnParams, NoBuildProgress, SegmentedIndex,
    VectorIndex,
};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

const K: usize = 10;
const QUERIES: usize = 200;

fn search(criterion: &mut Criterion) {
    let encoder = support::encoder();
    let snapshot = support::snapshot(&encoder);
    let vectors = Arc::new(snapshot.vectors().expect("the store can be read"));
    let texts = support::texts(&snapshot);
    let step = (texts.len() / QUERIES).max(1);
    // The beginning of a passage is similar to passages but equal to none.
    let queries: Vec<Vec<f32>> = texts
        .iter()
        .step_by(step)
        .take(QUERIES)
        .map(|text| {
            let words: Vec<&str> = text.split_whitespace().take(12).collect();
            let embedding = encoder.encode(&[&words.join(" ")]).expect("some words");
            embedding[0].as_slice().to_vec()
        })
        .collect();
    let exact = ExactScan::new(Arc::clone(&vectors));
    let kth_scores: Vec<f32> = queries
        .iter()
        .filter_map(|query| scores(&exact, query, &KnnParams::top_k(K)).pop())
        .collect();

    let mut group = criterion.benchmark_group(format!("search {} passages", vectors.len()));
    group.sample_size(10);
    let mut measure = |name: String, index: &dyn VectorIndex, params: KnnParams<'_>| {
        // By score, since any of several equal rows is right.
        let found: usize = queries
            .iter()
            .zip(&kth_scores)
            .map(|(query, last)| {
                let scores = scores(index, query, &params);
                scores.iter().filter(|score| *score >= last).count()
            })
            .sum();
        #[allow(clippy::cast_precision_loss)] // a ratio for display
        let recall = found as f64 / (K * queries.len()) as f64;
        let id = BenchmarkId::new(name, format!("recall@{K}={recall:.4}"));
        group.bench_with_input(id, &queries, |bencher, queries| {
            let mut next = queries.iter().cycle();
            bencher.iter(|| {
                let query = next.next().expect("queries");
                black_box(index.search(query, &params).expect("a valid query"))
            });
        });
    };
    measure("f32".to_owned(), &exact, KnnParams::top_k(K));
    let start = Instant::now();
    let (index, _) = SegmentedIndex::new(vectors.dimension(), HnswParameters::default())
        .and_then(|empty| empty.with_rows(&vectors))
        .and_then(|index| index.compacted(BuildOptions::default(), &NoBuildProgress))
        .expect("valid vectors");
    eprintln!("graph built in {:.1} s", start.elapsed().as_secs_f64());
    let scan = KnnParams {
        exact: true,
        ..KnnParams::top_k(K)
    };
    measure("exact".to_owned(), &index, scan);
    for ef in [32, 64, 96, 128, 256] {
        let params = KnnParams {
            ef: Some(ef),
            ..KnnParams::top_k(K)
        };
        measure(format!("ef={ef}"), &index, params);
    }
    group.finish();
}

/// Returns the scores of the neighbours that an index finds, best first.
fn scores(index: &dyn VectorIndex, query: &[f32], params: &KnnParams<'_>) -> Vec<f32> {
    let found = index.search(query, params).expect("a valid query");
    found.neighbours.into_iter().map(|n| n.score).collect()
}

criterion_group!(benches, search);
criterion_main!(benches);
