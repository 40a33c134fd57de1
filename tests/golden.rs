//! Golden vectors: the encoder against embeddings of another implementation in float64.

use std::sync::Arc;

use antiphon::encoder::Encoder;
use serde::Deserialize;

use crate::support;

#[derive(Deserialize)]
struct Golden {
    id: String,
    text: String,
    n_tokens: usize,
    embedding: Vec<f32>,
}

/// Maximum difference of a component in float32, from the README of the golden file.
const TOLERANCE: f32 = 1e-5;
const MIN_COSINE: f64 = 0.999_999;

fn golden() -> Vec<Golden> {
    let path = support::root().join("tests/fixtures/golden.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn assert_close(golden: &Golden, embedding: &[f32], how: &str) {
    assert_eq!(embedding.len(), golden.embedding.len());
    let mut max_difference = 0f32;
    let (mut dot, mut a2, mut b2) = (0f64, 0f64, 0f64);
    for (a, b) in embedding.iter().zip(&golden.embedding) {
        max_difference = max_difference.max((a - b).abs());
        let (a, b) = (f64::from(*a), f64::from(*b));
        dot += a * b;
        a2 += a * a;
        b2 += b * b;
    }
    let cosine = dot / (a2 * b2).sqrt();
    assert!(
        max_difference <= TOLERANCE,
        "{} {how}: a component differs by {max_difference}",
        golden.id
    );
    assert!(cosine >= MIN_COSINE, "{} {how}: cosine {cosine}", golden.id);
}

/// Returns both f32 encoders: candle's BERT and the native kernels.
fn f32_encoders() -> Vec<Arc<dyn Encoder>> {
    vec![support::candle_encoder(), support::f32_encoder(None)]
}

#[test]
fn single_texts_match() {
    for encoder in f32_encoders() {
        for golden in golden() {
            let tokens = encoder.tokenizer().tokenize(&golden.text).unwrap();
            assert_eq!(tokens.ids.len(), golden.n_tokens, "{}", golden.id);
            let embedding = encoder.encode(&[&golden.text]).unwrap().remove(0);
            assert_close(&golden, embedding.as_slice(), encoder.kernel());
        }
    }
}

#[test]
fn mixed_batches_match() {
    let golden = golden();
    // Alternating from both ends, so that batches mix long and short texts.
    let order: Vec<usize> = (0..golden.len())
        .zip((0..golden.len()).rev())
        .flat_map(|(a, b)| [a, b])
        .take(golden.len())
        .collect();
    for encoder in f32_encoders() {
        for size in [7, golden.len()] {
            for batch in order.chunks(size) {
                let texts: Vec<&str> = batch.iter().map(|&i| golden[i].text.as_str()).collect();
                for (i, embedding) in batch.iter().zip(encoder.encode(&texts).unwrap()) {
                    let how = format!("{} in a batch of {size}", encoder.kernel());
                    assert_close(&golden[*i], embedding.as_slice(), &how);
                }
            }
        }
    }
}

#[test]
fn int8_is_close_to_the_golden_vectors() {
    let encoder = support::encoder();
    let golden = golden();
    let mut cosines = Vec::new();
    for golden in &golden {
        let embedding = encoder.encode(&[&golden.text]).unwrap().remove(0);
        cosines.push(embedding.similarity_to(&golden.embedding));
    }
    let min_cosine = cosines.iter().copied().fold(1.0, f32::min);
    let mean_cosine = cosines.iter().sum::<f32>() / f32::from(u8::try_from(cosines.len()).unwrap());
    assert!(
        mean_cosine >= 0.998 && min_cosine >= 0.99,
        "mean {mean_cosine}, min {min_cosine}"
    );
}

#[test]
fn native_embeddings_do_not_depend_on_the_batch() {
    let golden = golden();
    let texts: Vec<&str> = golden.iter().map(|g| g.text.as_str()).collect();
    for encoder in [support::encoder(), support::f32_encoder(None)] {
        let batched = encoder.encode(&texts).unwrap();
        let reversed: Vec<&str> = texts.iter().rev().copied().collect();
        let mut reordered = encoder.encode(&reversed).unwrap();
        reordered.reverse();
        assert_eq!(batched, reordered);
        for (text, embedding) in texts.iter().zip(&batched) {
            assert_eq!(&encoder.encode(&[text]).unwrap()[0], embedding);
        }
        let one_thread = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .unwrap();
        assert_eq!(
            one_thread.install(|| encoder.encode(&texts).unwrap()),
            batched
        );
    }
}

#[test]
fn invalid_token_sequences_are_rejected() {
    let encoder = support::encoder();
    assert!(encoder.encode_tokens(&[&[]]).is_err());
    assert!(encoder.encode_tokens(&[&[101; 513]]).is_err());
    assert!(encoder.encode_tokens(&[&[101, 40_000, 102]]).is_err());
    assert!(encoder.encode_tokens(&[]).unwrap().is_empty());
}

#[test]
fn truncation_is_reported() {
    let encoder = support::encoder();
    let long = "peace ".repeat(1000);
    let tokens = encoder.tokenizer().tokenize(&long).unwrap();
    assert_eq!(tokens.ids.len(), 256);
    assert_eq!(tokens.untruncated_len, 1002);
    assert!(tokens.is_truncated());
    assert!(
        !encoder
            .tokenizer()
            .tokenize("peace")
            .unwrap()
            .is_truncated()
    );
}
