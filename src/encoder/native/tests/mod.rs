//! The network with small random weights: against a reference in `f64`, and against itself with other
//! batches, orders, thread counts and instruction sets.
#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    missing_docs
)]

mod reference;

use super::{NativeError, NativeNetwork, NetworkShape, Precision};
use antiphon_kernels::bert::Isa;
use proptest::prelude::*;
use reference::{Tensors, cosine};

/// Returns a small shape, with heads of 16, 32 or 64 columns.
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

/// Returns pseudorandom token ids.
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
fn results_match_the_reference() {
    for heads in [1, 2, 4] {
        let config = config(heads);
        let tensors = Tensors::new(&config);
        let file = tensors.safetensors();
        let f32_network = NativeNetwork::load(Isa::best(), &config, &file, Precision::F32).unwrap();
        let int8_network =
            NativeNetwork::load(Isa::best(), &config, &file, Precision::Int8).unwrap();
        for length in [1, 2, 15, 16, 17, 33, 64, 65, 140] {
            let ids = ids(length as u32, length);
            let expected = tensors.embed(&config, &ids);
            let actual = f32_network.embed(&[&ids], 1).unwrap().remove(0);
            for (a, b) in actual.iter().zip(&expected) {
                assert!(
                    (f64::from(*a) - b).abs() < 2e-6,
                    "{heads} heads, {length} tokens"
                );
            }
            let actual = int8_network.embed(&[&ids], 1).unwrap().remove(0);
            assert!(
                cosine(&actual, &expected) > 0.998,
                "{heads} heads, {length} tokens"
            );
        }
    }
}

#[test]
fn every_instruction_set_returns_the_same_bits() {
    let config = config(2);
    let file = Tensors::new(&config).safetensors();
    let sequences: Vec<Vec<u32>> = [1, 9, 40, 129].iter().map(|&n| ids(n as u32, n)).collect();
    let sequences: Vec<&[u32]> = sequences.iter().map(Vec::as_slice).collect();
    for precision in [Precision::Int8, Precision::F32] {
        let mut expected = None;
        for isa in Isa::available() {
            let model = NativeNetwork::load(isa, &config, &file, precision).unwrap();
            let actual = bits(&model.embed(&sequences, 1).unwrap());
            assert!(
                *expected.get_or_insert(actual.clone()) == actual,
                "{precision:?} on {isa}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn batch_order_and_threads_do_not_change_the_bits(
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
            let mut reordered = bits(&model.embed(&reversed, 1).unwrap());
            reordered.reverse();
            prop_assert!(together == reordered);
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
fn invalid_sequences_are_rejected() {
    let config = config(2);
    let model = NativeNetwork::load(
        Isa::best(),
        &config,
        &Tensors::new(&config).safetensors(),
        Precision::F32,
    )
    .unwrap();
    let error_of = |ids: &[u32]| model.embed(&[&[1], ids], 1).unwrap_err().to_string();
    assert_eq!(error_of(&[]), "sequence 1 has 0 tokens; expected 1 to 140");
    assert_eq!(
        error_of(&[0; 141]),
        "sequence 1 has 141 tokens; expected 1 to 140"
    );
    assert_eq!(
        error_of(&[5, 211]),
        "sequence 1 contains token id 211; the vocabulary has 211 tokens"
    );
}

#[test]
fn invalid_shapes_and_weights_are_rejected() {
    let valid = config(2);
    let tensors = Tensors::new(&valid);
    let error_of = |config: &NetworkShape, file: &[u8]| {
        NativeNetwork::load(Isa::best(), config, file, Precision::Int8).unwrap_err()
    };
    let file = tensors.safetensors();
    for (invalid, dimension) in [
        (
            NetworkShape {
                hidden_size: 72,
                ..valid
            },
            "hidden_size",
        ),
        (
            NetworkShape {
                intermediate_size: 0,
                ..valid
            },
            "intermediate_size",
        ),
        (
            NetworkShape {
                num_attention_heads: 0,
                ..valid
            },
            "num_attention_heads",
        ),
        (
            NetworkShape {
                num_attention_heads: 8,
                ..valid
            },
            "num_attention_heads",
        ),
        (
            NetworkShape {
                num_hidden_layers: 0,
                ..valid
            },
            "num_hidden_layers",
        ),
    ] {
        assert!(
            error_of(&invalid, &file).to_string().starts_with(dimension),
            "{dimension}"
        );
    }
    let larger_vocabulary = NetworkShape {
        vocab_size: 212,
        ..valid
    };
    assert!(matches!(
        error_of(&larger_vocabulary, &file),
        NativeError::TensorMismatch { .. }
    ));
    let deeper = NetworkShape {
        num_hidden_layers: 3,
        ..valid
    };
    assert!(matches!(
        error_of(&deeper, &file),
        NativeError::MissingTensor { .. }
    ));
    assert!(matches!(
        error_of(&valid, &file[..100]),
        NativeError::Safetensors(_)
    ));
    let mut poisoned = tensors;
    poisoned.poison();
    assert!(matches!(
        error_of(&valid, &poisoned.safetensors()),
        NativeError::NotFinite { .. }
    ));
}
