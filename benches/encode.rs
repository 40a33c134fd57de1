//! Speed of encoding: single sequences of 8 to 256 tokens, batches of real passages, and queries one by one
//! and in batches.

#![allow(clippy::expect_used, missing_docs)] // a benchmark that cannot run should fail with a message

mod support;

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn encode(criterion: &mut Criterion) {
    let encoder = support::encoder();
    let texts = support::texts(&support::snapshot(&encoder));
    let passages: Vec<Vec<u32>> = texts
        .iter()
        .map(|text| encoder.tokenizer().tokenize(text).expect("a passage").ids)
        .collect();
    // Real tokens in their order, truncated between [CLS] and [SEP].
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

/// Compares sizes of batches of waiting queries: sentences of real lengths on two threads, each of which
/// encodes a batch at a time.
fn encode_batched_queries(criterion: &mut Criterion) {
    const QUERIES: usize = 256;
    const THREADS: usize = 2;
    let encoder = support::encoder();
    let texts = support::texts(&support::snapshot(&encoder));
    let sentence = |text: &String| {
        let end = text.find(". ").map_or(text.len(), |dot| dot + 1);
        encoder
            .tokenizer()
            .tokenize(&text[..end])
            .expect("a sentence")
            .ids
    };
    let queries: Vec<Vec<u32>> = texts.iter().map(sentence).cycle().take(QUERIES).collect();
    // One thread per pool, so that a batch is not distributed over all threads.
    let pools: Vec<rayon::ThreadPool> = (0..THREADS)
        .map(|_| {
            rayon::ThreadPoolBuilder::new()
                .num_threads(1)
                .build()
                .expect("a thread")
        })
        .collect();
    let mut group = criterion.benchmark_group("batched queries on two threads");
    group.throughput(Throughput::Elements(QUERIES as u64));
    for size in [1, 2, 4, 8, 16] {
        let batches: Vec<Vec<&[u32]>> = queries
            .chunks(size)
            .map(|batch| batch.iter().map(Vec::as_slice).collect())
            .collect();
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| {
                let next = AtomicUsize::new(0);
                let take = || {
                    while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                        black_box(encoder.encode_tokens(batch).expect("valid tokens"));
                    }
                };
                std::thread::scope(|scope| {
                    for pool in &pools {
                        scope.spawn(|| pool.install(take));
                    }
                });
            });
        });
    }
    group.finish();
}

criterion_group!(benches, encode, encode_batched_queries);
criterion_main!(benches);
