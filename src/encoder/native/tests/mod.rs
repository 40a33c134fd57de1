//! The encoder on small models with made-up weights: against plain arithmetic in `f64`, and
//! against itself under other batches, orders, thread counts and paths.
#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    missing_docs
)]

mod reference;

use super::{NativeError, NativeNetwork, NetworkShape, Precision};
use crate::encoder::kernels::Isa;
use proptest::prelude::*;
use reference::{Tensors, cosine};

/// Small, with heads of 16, 32 or 64 columns.
fn config(heads: usize) -> NetworkShape {
    NetworkShape {
        hidden_size: 64,
        num_hidden_layers: 2,
        num_attention_heads: heads,
        intermediate_size: 192,
        vocab_size: 211,
        type_vocab_size: 2,
        max_position_embeddings: 140,
        layer_norm_eps: 1e-12,
    }
}

/// Token ids that any machine repeats.
fn ids(seed: u32, length: usize) -> Vec<u32> {
    (0..length as u32)
        .map(|i| (seed.wrapping_add(i).wrapping_mul(2_654_435_761) >> 8) % 211)
        .collect()
}

fn bits(vectors: &[Vec<f32>]) -> Vec<Vec<u32>> {
    vectors
        .iter()
        .map(|v| v.iter().map(|x| x.to_bits()).collect())
        .collect()
}

#[test]
fn agrees_with_plain_arithmetic() {
    for heads in [1, 2, 4] {
        let config = config(heads);
        let tensors = Tensors::new(&config);
        let file = tensors.safetensors();
        let single = NativeNetwork::load(Isa::best(), &config, &file, Precision::F32).unwrap();
        let bytes = NativeNetwork::load(Isa::best(), &config, &file, Precision::Int8).unwrap();
        for length in [1, 2, 15, 16, 17, 33, 64, 65, 140] {
            let ids = ids(length as u32, length);
            let expected = tensors.embed(&config, &ids);
            let got = single.embed(&[&ids], 1).unwrap().remove(0);
            for (a, b) in got.iter().zip(&expected) {
                assert!(
                    (f64::from(*a) - b).abs() < 2e-6,
                    "{heads} heads, {length} tokens"
                );
            }
            let got = bytes.embed(&[&ids], 1).unwrap().remove(0);
            assert!(
                cosine(&got, &expected) > 0.998,
                "{heads} heads, {length} tokens"
            );
        }
    }
}

#[test]
fn every_path_gives_the_same_bits() {
    let config = config(2);
    let file = Tensors::new(&config).safetensors();
    let sequences: Vec<Vec<u32>> = [1, 9, 40, 129].iter().map(|&n| ids(n as u32, n)).collect();
    let sequences: Vec<&[u32]> = sequences.iter().map(Vec::as_slice).collect();
    for precision in [Precision::Int8, Precision::F32] {
        let mut expected = None;
        for path in Isa::available() {
            let model = NativeNetwork::load(path, &config, &file, precision).unwrap();
            let got = bits(&model.embed(&sequences, 1).unwrap());
            assert!(
                *expected.get_or_insert(got.clone()) == got,
                "{precision:?} on {path}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn neighbours_order_and_threads_change_no_bit(
        lengths in prop::collection::vec(1_usize..=140, 1..24),
        threads in 1_usize..=4,
        seed: u32,
    ) {
        use std::sync::LazyLock;
        static MODELS: LazyLock<Vec<NativeNetwork>> = LazyLock::new(|| {
            let config = config(2);
            let file = Tensors::new(&config).safetensors();
            let load = |p| NativeNetwork::load(Isa::best(), &config, &file, p).unwrap();
            vec![load(Precision::Int8), load(Precision::F32)]
        });
        let owned: Vec<Vec<u32>> =
            lengths.iter().enumerate().map(|(i, &n)| ids(seed.wrapping_add(i as u32), n)).collect();
        let sequences: Vec<&[u32]> = owned.iter().map(Vec::as_slice).collect();
        for model in MODELS.iter() {
            let together = bits(&model.embed(&sequences, threads).unwrap());
            let reversed: Vec<&[u32]> = sequences.iter().rev().copied().collect();
            let mut backwards = bits(&model.embed(&reversed, 1).unwrap());
            backwards.reverse();
            prop_assert!(together == backwards);
            for (ids, vector) in sequences.iter().zip(&together) {
                prop_assert!(bits(&model.embed(&[ids], 1).unwrap())[0] == *vector);
            }
        }
    }
}

#[test]
fn an_empty_batch_yields_no_vectors() {
    let config = config(2);
    let model = NativeNetwork::load(
        Isa::best(),
        &config,
        &Tensors::new(&config).safetensors(),
        Precision::F32,
    )
    .unwrap();
    assert!(model.embed(&[], 3).unwrap().is_empty());
}

#[test]
fn refuses_what_it_cannot_embed() {
    let config = config(2);
    let model = NativeNetwork::load(
        Isa::best(),
        &config,
        &Tensors::new(&config).safetensors(),
        Precision::F32,
    )
    .unwrap();
    let refused = |ids: &[u32]| model.embed(&[&[1], ids], 1).unwrap_err().to_string();
    assert_eq!(refused(&[]), "sequence 1 has 0 tokens; expected 1 to 140");
    assert_eq!(
        refused(&[0; 141]),
        "sequence 1 has 141 tokens; expected 1 to 140"
    );
    assert_eq!(
        refused(&[5, 211]),
        "sequence 1 holds token id 211; the vocabulary has 211"
    );
}

#[test]
fn refuses_what_it_cannot_load() {
    let good = config(2);
    let tensors = Tensors::new(&good);
    let refused = |config: &NetworkShape, file: &[u8]| {
        NativeNetwork::load(Isa::best(), config, file, Precision::Int8).unwrap_err()
    };
    let file = tensors.safetensors();
    for (bad, dimension) in [
        (
            NetworkShape {
                hidden_size: 72,
                ..good
            },
            "hidden_size",
        ),
        (
            NetworkShape {
                intermediate_size: 0,
                ..good
            },
            "intermediate_size",
        ),
        (
            NetworkShape {
                num_attention_heads: 0,
                ..good
            },
            "num_attention_heads",
        ),
        (
            NetworkShape {
                num_attention_heads: 8,
                ..good
            },
            "num_attention_heads",
        ),
        (
            NetworkShape {
                num_hidden_layers: 0,
                ..good
            },
            "num_hidden_layers",
        ),
    ] {
        assert!(
            refused(&bad, &file).to_string().starts_with(dimension),
            "{dimension}"
        );
    }
    let wrong = NetworkShape {
        vocab_size: 212,
        ..good
    };
    assert!(matches!(
        refused(&wrong, &file),
        NativeError::TensorMismatch { .. }
    ));
    let deeper = NetworkShape {
        num_hidden_layers: 3,
        ..good
    };
    assert!(matches!(
        refused(&deeper, &file),
        NativeError::MissingTensor { .. }
    ));
    assert!(matches!(
        refused(&good, &file[..100]),
        NativeError::Safetensors(_)
    ));
    let mut broken = tensors;
    broken.poison();
    assert!(matches!(
        refused(&good, &broken.safetensors()),
        NativeError::NotFinite { .. }
    ));
}
