//! Speed of tokenization of real passages.

#![allow(clippy::expect_used, missing_docs)] // a benchmark that cannot run should fail with a message

mod support;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn tokenize(criterion: &mut Criterion) {
    let encoder = support::encoder();
    let mut texts = support::texts(&support::snapshot(&encoder));
    texts.truncate(500);
    let tokenizer = encoder.tokenizer();
    let tokens: usize = texts
        .iter()
        .map(|text| tokenizer.tokenize(text).expect("a passage").ids.len())
        .sum();
    let mut group = criterion.benchmark_group("tokenize");
    group.throughput(Throughput::Elements(tokens as u64));
    group.bench_function(format!("{} passages", texts.len()), |bencher| {
        bencher.iter(|| {
            for text in &texts {
                black_box(tokenizer.tokenize(black_box(text)).expect("a passage"));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, tokenize);
criterion_main!(benches);
