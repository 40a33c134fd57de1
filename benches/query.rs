//! Speed of a complete query in process: from its text to passages with their best sentences.

#![allow(clippy::expect_used, missing_docs)] // a benchmark that cannot run should fail with a message

mod support;

use std::hint::black_box;

use antiphon::search::{CacheMode, Query, QueryEncoder, QueryParams, search};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

fn query(criterion: &mut Criterion) {
    let encoder = support::encoder();
    let snapshot = support::snapshot(&encoder);
    let passages = snapshot.info().passages;
    let encoder = QueryEncoder::new(encoder);
    let mut group = criterion.benchmark_group(format!("query {passages} passages"));
    for text in [
        "sovereignty in cyberspace",
        "Which states should decide together how the network is governed, and by what rules?",
    ] {
        let params = QueryParams {
            text: Some(text.to_owned()),
            ..QueryParams::default()
        };
        let query = Query::new(params).expect("a valid query");
        let words = text.split_whitespace().count();
        let id = BenchmarkId::from_parameter(format!("{words} words"));
        group.bench_with_input(id, &query, |bencher, query| {
            bencher.iter(|| {
                let results = search(&snapshot, &encoder, query, CacheMode::Bypass);
                black_box(results.expect("results"))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, query);
criterion_main!(benches);
