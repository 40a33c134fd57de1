//! Embedding to neighbours: exact scan and graph over real embeddings, recall beside the speed.
//!
//! Queries are the embeddings of the corpus's own sentences' passages, spread over it, with the
//! passage itself among the ten neighbours.

#![allow(clippy::expect_used, missing_docs)] // a bench that cannot run should say so and stop

mod support;

use std::collections::HashSet;
use std::hint::black_box;
use std::sync::Arc;

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
    // First sentences, so that a query is near to passages but none of them.
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
    let mut indexes: Vec<(String, Box<dyn VectorIndex>)> =
        vec![("exact".to_owned(), Box::new(exact))];
    for ef_search in [32, 64, 128, 256] {
        let parameters = HnswParameters {
            ef_search,
            ..HnswParameters::default()
        };
        let graph = Hnsw::build(Arc::clone(&vectors), parameters).expect("valid parameters");
        indexes.push((format!("hnsw ef={ef_search}"), Box::new(graph)));
    }
    for (name, index) in &indexes {
        let found: usize = queries
            .iter()
            .zip(&truth)
            .map(|(query, truth)| rows(index.as_ref(), query).intersection(truth).count())
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
    }
    group.finish();
}

fn rows(index: &dyn VectorIndex, query: &[f32]) -> HashSet<usize> {
    let neighbours = index.search(query, K).expect("a valid query");
    neighbours.into_iter().map(|n| n.row).collect()
}

criterion_group!(benches, search);
criterion_main!(benches);
