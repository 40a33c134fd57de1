//! The encoder against vectors that another implementation computed in float64.

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

/// From the README of the golden file: what float32 arithmetic may differ by.
const TOLERANCE: f32 = 1e-5;
const LEAST_COSINE: f64 = 0.999_999;

fn golden() -> Vec<Golden> {
    let path = support::root().join("tests/fixtures/golden.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn assert_same(golden: &Golden, embedding: &[f32], how: &str) {
    assert_eq!(embedding.len(), golden.embedding.len());
    let mut largest = 0f32;
    let (mut dot, mut a2, mut b2) = (0f64, 0f64, 0f64);
    for (a, b) in embedding.iter().zip(&golden.embedding) {
        largest = largest.max((a - b).abs());
        let (a, b) = (f64::from(*a), f64::from(*b));
        dot += a * b;
        a2 += a * a;
        b2 += b * b;
    }
    let cosine = dot / (a2 * b2).sqrt();
    assert!(
        largest <= TOLERANCE,
        "{} {how}: a coordinate is off by {largest}",
        golden.id
    );
    assert!(
        cosine >= LEAST_COSINE,
        "{} {how}: cosine {cosine}",
        golden.id
    );
}

/// Both f32 encoders: candle's BERT and our own kernels.
fn f32_encoders() -> Vec<Arc<dyn Encoder>> {
    vec![support::candle_encoder(), support::f32_encoder(None)]
}

#[test]
fn each_text_alone() {
    for encoder in f32_encoders() {
        for golden in golden() {
            let tokens = encoder.tokenizer().tokenize(&golden.text).unwrap();
            assert_eq!(tokens.ids.len(), golden.n_tokens, "{}", golden.id);
            let embedding = encoder.encode(&[&golden.text]).unwrap().remove(0);
            assert_same(&golden, embedding.as_slice(), encoder.kernel());
        }
    }
}

#[test]
fn all_texts_in_mixed_batches() {
    let golden = golden();
    // From both ends: long and short side by side.
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
                    assert_same(&golden[*i], embedding.as_slice(), &how);
                }
            }
        }
    }
}

#[test]
fn int8_stays_near_the_golden_vectors() {
    let encoder = support::encoder();
    let golden = golden();
    let mut cosines = Vec::new();
    for golden in &golden {
        let embedding = encoder.encode(&[&golden.text]).unwrap().remove(0);
        cosines.push(embedding.similarity_to(&golden.embedding));
    }
    let least = cosines.iter().copied().fold(1.0, f32::min);
    let mean = cosines.iter().sum::<f32>() / f32::from(u8::try_from(cosines.len()).unwrap());
    assert!(mean >= 0.998 && least >= 0.99, "mean {mean}, least {least}");
}

#[test]
fn our_kernels_give_the_same_bits_in_any_company() {
    let golden = golden();
    let texts: Vec<&str> = golden.iter().map(|g| g.text.as_str()).collect();
    for encoder in [support::encoder(), support::f32_encoder(None)] {
        let together = encoder.encode(&texts).unwrap();
        let backwards: Vec<&str> = texts.iter().rev().copied().collect();
        let mut turned = encoder.encode(&backwards).unwrap();
        turned.reverse();
        assert_eq!(together, turned);
        for (text, embedding) in texts.iter().zip(&together) {
            assert_eq!(&encoder.encode(&[text]).unwrap()[0], embedding);
        }
        let one_thread = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .unwrap();
        assert_eq!(
            one_thread.install(|| encoder.encode(&texts).unwrap()),
            together
        );
    }
}

#[test]
fn what_the_model_cannot_read_is_refused() {
    let encoder = support::encoder();
    assert!(encoder.encode_tokens(&[&[]]).is_err());
    assert!(encoder.encode_tokens(&[&[101; 513]]).is_err());
    assert!(encoder.encode_tokens(&[&[101, 40_000, 102]]).is_err());
    assert!(encoder.encode_tokens(&[]).unwrap().is_empty());
}

#[test]
fn truncation_is_told() {
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
