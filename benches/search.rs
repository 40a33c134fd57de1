//! Embedding to neighbours: exact scan and graph over real embeddings, recall beside the speed.
//!
//! Queries are the embeddings of the first twelve words of passages spread over the corpus.

#![allow(clippy::expect_used, clippy::print_stderr, missing_docs)] // a bench that cannot run should say so and stop

mod support;

use std::collections::HashSet;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use antiphon::index::{ExactScan, Hnsw, HnswParameters, VectorIndex};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

const K: usize = 10;
const QUERIES: usize = 200;

fn search(criterion: &mut Criterion) {
    let encoder = support::encoder();
    let snapshot = support::snapshot(&encoder);
    let vectors = Arc::new(snapshot.vectors().clone());
    let texts = support::texts(&snapshot);
    let step = (texts.len() / QUERIES).max(1);
    // Part of a passage is near to passages and equal to none.
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
    let truth: Vec<HashSet<usize>> = queries.iter().map(|query| rows(&exact, query)).collect();

    let mut group = criterion.benchmark_group(format!("search {} passages", vectors.len()));
    group.sample_size(10);
    let mut measure = |name: String, index: &dyn VectorIndex| {
        let found: usize = queries
            .iter()
            .zip(&truth)
            .map(|(query, truth)| rows(index, query).intersection(truth).count())
            .sum();
        let wanted: usize = truth.iter().map(HashSet::len).sum();
        #[allow(clippy::cast_precision_loss)] // a share for the eye
        let recall = found as f64 / wanted as f64;
        let id = BenchmarkId::new(name, format!("recall@{K}={recall:.4}"));
        group.bench_with_input(id, &queries, |bencher, queries| {
            let mut next = queries.iter().cycle();
            bencher.iter(|| {
                let query = next.next().expect("queries");
                black_box(index.search(query, K).expect("a valid query"))
            });
        });
    };
    measure("exact".to_owned(), &exact);
    let start = Instant::now();
    let mut graph = Hnsw::build(vectors, HnswParameters::default()).expect("valid parameters");
    eprintln!("graph built in {:.1} s", start.elapsed().as_secs_f64());
    for ef_search in [32, 64, 128, 256] {
        graph = graph.searched_with(ef_search).expect("a valid parameter");
        measure(format!("hnsw ef={ef_search}"), &graph);
    }
    group.finish();
}

fn rows(index: &dyn VectorIndex, query: &[f32]) -> HashSet<usize> {
    let neighbours = index.search(query, K).expect("a valid query");
    neighbours.into_iter().map(|n| n.row).collect()
}

criterion_group!(benches, search);
criterion_main!(benches);
