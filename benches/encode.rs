//! Tokens to embeddings: one sequence of 8 to 256 tokens, and batches of real passages.

#![allow(clippy::expect_used, missing_docs)] // a bench that cannot run should say so and stop

mod support;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn encode(criterion: &mut Criterion) {
    let encoder = support::encoder();
    let texts = support::texts(&support::snapshot(&encoder));
    let passages: Vec<Vec<u32>> = texts
        .iter()
        .map(|text| encoder.tokenizer().tokenize(text).expect("a passage").ids)
        .collect();
    // Real tokens in real order; cut to length between [CLS] and [SEP].
    let stream: Vec<u32> = passages
        .iter()
        .flat_map(|ids| &ids[1..ids.len() - 1])
        .copied()
        .collect();
    let mut group = criterion.benchmark_group("encode one");
    group.sample_size(30);
    for length in [8, 16, 32, 64, 128, 256] {
        let mut ids = vec![passages[0][0]];
        ids.extend(&stream[..length - 2]);
        ids.push(*passages[0].last().expect("special tokens"));
        group.throughput(Throughput::Elements(length as u64));
        group.bench_with_input(BenchmarkId::from_parameter(length), &ids, |bencher, ids| {
            bencher.iter(|| black_box(encoder.encode_tokens(&[ids]).expect("valid tokens")));
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("encode batch");
    group.sample_size(10);
    for size in [8, 32, 128] {
        let batch: Vec<&[u32]> = passages
            .iter()
            .cycle()
            .take(size)
            .map(Vec::as_slice)
            .collect();
        let tokens: usize = batch.iter().map(|ids| ids.len()).sum();
        group.throughput(Throughput::Elements(tokens as u64));
        group.bench_with_input(
            BenchmarkId::from_parameter(size),
            &batch,
            |bencher, batch| {
                bencher.iter(|| black_box(encoder.encode_tokens(batch).expect("valid tokens")));
            },
        );
    }
    group.finish();
}

criterion_group!(benches, encode);
criterion_main!(benches);
