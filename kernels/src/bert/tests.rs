//! Every instruction set against a reference, and bit for bit against the portable one.

use super::{
    AddEpilogue, AttentionBuffers, AttentionWorkspace, F32Attention, F32Layer, F32Linear, Gelu,
    GeluEpilogue, Int8Attention, Int8Layer, Int8Linear, Isa, LayerNormQuantize, LayerNormRows,
    LayerNormWeights, MeanPoolRows, PackInt8, QuantizeRows, QuantizeWithKnownRange, QuantizedRows,
    RowMinMax, StoreEpilogue,
    buffer::AlignedMemory,
    gemm_int8::{PackedInt8, band_blocks, band_blocks_mut},
    layout::{
        DEPTH_UNIT, Int8TileInput, Int8TileOutput, K4_GROUPS_PER_UNIT, TILE_PANELS, TILE_ROWS,
    },
    math,
    simd::{Kernel, LANES, Simd},
};

/// Returns pseudorandom numbers in [-1, 1).
fn noise(seed: u32, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from_bits(0x3f80_0000 | state >> 9).mul_add(2.0, -3.0)
    };
    (0..count).map(|_| next()).collect()
}

/// Asserts that the results of `compute` have the same bits for every instruction set.
fn assert_same_bits(what: &str, compute: impl Fn(Isa) -> Vec<f32>) {
    let bits = |isa| compute(isa).iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    let portable: Isa = "portable".parse().expect("always available");
    let expected = bits(portable);
    for isa in Isa::available() {
        assert!(bits(isa) == expected, "{what} differs on {isa}");
    }
}

/// Computes a tile of rows and columns of bytes of this depth.
struct TestTile<'a> {
    left: &'a [u8],
    right: &'a [i8],
    rows: usize,
    depth: usize,
}

impl Kernel for TestTile<'_> {
    type Out = Int8TileOutput;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Int8TileOutput {
        let mut out = Int8TileOutput::ZERO;
        let mut memory = AlignedMemory::new::<S::Lhs>(TILE_ROWS * self.depth);
        for (row, levels) in self.left.chunks_exact(self.depth).enumerate() {
            let units = levels.as_chunks::<DEPTH_UNIT>().0;
            for (slab, unit) in band_blocks_mut::<S>(&mut memory).iter_mut().zip(units) {
                for (quad, levels) in unit.as_chunks::<4>().0.iter().enumerate() {
                    slab[row].as_chunks_mut().0[S::k4_slot(quad)] = levels.map(S::Lhs::from);
                }
            }
        }
        let packed = PackedInt8::new::<S>(self.depth, self.right);
        let panels = packed.panel_group::<S>(0);
        let input = Int8TileInput {
            lhs: &band_blocks::<S>(&memory)[..self.depth / DEPTH_UNIT],
            rows: self.rows,
            panels,
            next_panels: panels,
        };
        simd.tile::<TILE_PANELS, K4_GROUPS_PER_UNIT>(&input, &mut out);
        out
    }
}

#[test]
fn integer_tiles_are_exact_on_every_instruction_set() {
    let heights = (1..=32).map(|rows| (64, rows));
    for (depth, rows) in heights.chain([(128, 7), (384, 17), (1536, 32)]) {
        // With extremes, 255 and -128, on which saturating instructions would fail.
        let left: Vec<u8> = (0..32 * depth)
            .map(|i| (i * 31 % 7 * 43 % 256) as u8 | 3)
            .collect();
        let byte = |n: usize, k: usize| {
            if (k + n).is_multiple_of(5) {
                -128
            } else {
                (k * 7 + n) as i8
            }
        };
        let right: Vec<i8> = (0..64 * depth)
            .map(|i| byte(i / depth, i % depth))
            .collect();
        for isa in Isa::available() {
            let out = isa.run_kernel(TestTile {
                left: &left,
                right: &right,
                rows,
                depth,
            });
            for r in 0..rows {
                for n in 0..64 {
                    let products =
                        (0..depth).map(|k| i32::from(left[r * depth + k]) * i32::from(byte(n, k)));
                    assert_eq!(out.0[r][n], products.sum::<i32>(), "{isa} {depth} {r} {n}");
                }
            }
        }
    }
}

/// The normal distribution function in `f64`: the Taylor series of erf where it converges fast,
/// its continued fraction elsewhere (Abramowitz and Stegun 7.1.5, 7.1.14).
fn normal_cdf(x: f64) -> f64 {
    let z = x.abs() / std::f64::consts::SQRT_2;
    let upper = if z < 3.0 {
        let (mut term, mut sum) = (z, z);
        for n in 1..200 {
            let n = f64::from(n);
            term *= -z * z / n;
            sum += term / (2.0 * n + 1.0);
        }
        0.5 - sum / std::f64::consts::PI.sqrt()
    } else {
        let tail = (1..=60).rev().fold(z, |f, k| z + f64::from(k) / 2.0 / f);
        (-z * z).exp() / tail / std::f64::consts::PI.sqrt() / 2.0
    };
    if x < 0.0 { upper } else { 1.0 - upper }
}

#[test]
fn gelu_stays_within_its_error_bound() {
    let inputs: Vec<f32> = (-320_000..320_000).map(|i| i as f32 * 1e-4).collect();
    for isa in Isa::available() {
        let mut out = inputs.clone();
        isa.run(Gelu(&mut out));
        for (x, y) in inputs.iter().zip(&out) {
            let x = f64::from(*x);
            let error = (f64::from(*y) - x * normal_cdf(x)).abs();
            assert!(
                error < 1.2e-7 * x.abs().max(1.0),
                "{isa}: gelu({x}) is off by {error:e}"
            );
        }
    }
}

/// Applies a function to many vectors.
struct ApplyToLanes<'a, F>(&'a mut [f32], F);

/// One of the functions in [`math`].
trait LaneFunction {
    fn eval<S: Simd>(&self, simd: S, x: S::F) -> S::F;
}

struct Exp2;
struct Exp2U16;
struct GeluInt8;

impl LaneFunction for Exp2 {
    #[inline(always)]
    fn eval<S: Simd>(&self, simd: S, x: S::F) -> S::F {
        math::exp2(simd, x)
    }
}

impl LaneFunction for Exp2U16 {
    #[inline(always)]
    fn eval<S: Simd>(&self, simd: S, x: S::F) -> S::F {
        math::exp2_u16(simd, x)
    }
}

impl LaneFunction for GeluInt8 {
    #[inline(always)]
    fn eval<S: Simd>(&self, simd: S, x: S::F) -> S::F {
        math::gelu_int8(simd, x)
    }
}

impl<F: LaneFunction> Kernel for ApplyToLanes<'_, F> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for x in self.0.as_chunks_mut::<LANES>().0 {
            let value = self.1.eval(simd, simd.load(x));
            simd.store(x, value);
        }
    }
}

#[test]
fn powers_of_two_stay_within_their_error_bounds() {
    let inputs: Vec<f32> = (-126_000..=16_000).map(|i| i as f32 * 1e-3).collect();
    let inputs = &inputs[..inputs.len() / LANES * LANES];
    let (mut out, mut words) = (inputs.to_vec(), inputs.to_vec());
    Isa::best().run_kernel(ApplyToLanes(&mut out, Exp2));
    Isa::best().run_kernel(ApplyToLanes(&mut words, Exp2U16));
    for ((x, y), word) in inputs.iter().zip(&out).zip(&words) {
        let expected = f64::from(x.max(-126.0)).exp2();
        assert!((f64::from(*y) / expected - 1.0).abs() < 3e-7, "2^{x}");
        let expected = f64::from(x.max(-30.0)).exp2();
        assert!((f64::from(*word) / expected - 1.0).abs() < 3e-6, "2^{x}");
    }
}

#[test]
fn int8_gelu_stays_within_its_error_bound() {
    let inputs: Vec<f32> = (-32_000..32_000).map(|i| i as f32 * 1e-3).collect();
    let mut out = inputs.clone();
    Isa::best().run_kernel(ApplyToLanes(&mut out, GeluInt8));
    for (x, y) in inputs.iter().zip(&out) {
        let x = f64::from(*x);
        let error = (f64::from(*y) - x * normal_cdf(x)).abs();
        assert!(error < 2.1e-4, "gelu({x}) is off by {error:e}");
    }
    assert_same_bits("int8 gelu", |isa| {
        let mut out = inputs.clone();
        isa.run_kernel(ApplyToLanes(&mut out, GeluInt8));
        out
    });
}

#[test]
fn row_kernels_return_the_same_bits() {
    assert_same_bits("gelu", |isa| {
        let mut rows: Vec<f32> = noise(1, 320).iter().map(|x| x * 8.0).collect();
        isa.run(Gelu(&mut rows));
        rows
    });
    assert_same_bits("norm", |isa| {
        let mut rows = noise(1, 3 * 192);
        isa.run(LayerNormRows {
            rows: &mut rows,
            weights: LayerNormWeights {
                gain: &noise(3, 192),
                offset: &noise(4, 192),
                epsilon: 1e-12,
            },
        });
        rows
    });
    assert_same_bits("pool", |isa| {
        let mut out = vec![0.0; 64];
        isa.run(MeanPoolRows {
            rows: &noise(1, 5 * 64),
            out: &mut out,
        });
        out
    });
}

/// Packs an int8 layer whose inputs are divided by 1.5.
fn int8_layer(isa: Isa, weights: &[f32], bias: &[f32]) -> Int8Layer {
    isa.run(PackInt8 {
        weights,
        bias,
        divisors: &vec![1.5; weights.len() / bias.len()],
    })
}

/// Applies an int8 layer to rows.
fn int8_linear(isa: Isa, rows: &[f32], layer: &Int8Layer) -> Vec<f32> {
    let count = rows.len() / layer.inputs();
    let mut bytes = QuantizedRows::default();
    let mut out = vec![0.0; count * layer.outputs()];
    isa.run(QuantizeRows {
        rows,
        smoothing: layer.smoothing(),
        to: &mut bytes,
    });
    isa.run(Int8Linear {
        layer,
        rows: &bytes,
        range: 0..count,
        epilogue: StoreEpilogue {
            to: &mut out,
            width: layer.outputs(),
        },
    });
    out
}

#[test]
fn fused_kernels_return_the_same_bits_as_separate_ones() {
    let (inputs, wide) = (128, 192);
    let (weights, bias) = (noise(1, inputs * wide), noise(2, wide));
    let (back, back_bias) = (noise(3, inputs * wide), noise(4, inputs));
    for count in [1, 31, 70] {
        let rows = noise(5, count * inputs);
        let fused = |isa: Isa| {
            let expand = int8_layer(isa, &weights, &bias);
            let contract = int8_layer(isa, &back, &back_bias);
            let (mut bytes, mut extremes) = (QuantizedRows::default(), RowMinMax::default());
            extremes.reserve(count);
            let mut stream = rows.clone();
            let mut expanded = vec![0.0; count * wide];
            isa.run(LayerNormQuantize {
                norm: LayerNormRows {
                    rows: &mut stream,
                    weights: LayerNormWeights {
                        gain: &noise(6, inputs),
                        offset: &noise(7, inputs),
                        epsilon: 1e-12,
                    },
                },
                smoothing: expand.smoothing(),
                to: &mut bytes,
            });
            isa.run(Int8Linear {
                layer: &expand,
                rows: &bytes,
                range: 0..count,
                epilogue: GeluEpilogue {
                    to: &mut expanded,
                    smoothing: contract.smoothing(),
                    row_min_max: &mut extremes,
                },
            });
            isa.run(QuantizeWithKnownRange {
                rows: &expanded,
                width: wide,
                row_min_max: &extremes,
                to: &mut bytes,
            });
            isa.run(Int8Linear {
                layer: &contract,
                rows: &bytes,
                range: 0..count,
                epilogue: AddEpilogue {
                    to: &mut stream,
                    width: inputs,
                },
            });
            stream
        };
        assert_same_bits("fused", fused);

        let isa = Isa::best();
        let expand = int8_layer(isa, &weights, &bias);
        let contract = int8_layer(isa, &back, &back_bias);
        let mut stream = rows.clone();
        isa.run(LayerNormRows {
            rows: &mut stream,
            weights: LayerNormWeights {
                gain: &noise(6, inputs),
                offset: &noise(7, inputs),
                epsilon: 1e-12,
            },
        });
        let mut expanded = int8_linear(isa, &stream, &expand);
        isa.run_kernel(ApplyToLanes(&mut expanded, GeluInt8));
        let update = int8_linear(isa, &expanded, &contract);
        let apart: Vec<u32> = stream
            .iter()
            .zip(&update)
            .map(|(a, b)| (a + b).to_bits())
            .collect();
        let together: Vec<u32> = fused(isa).iter().map(|x| x.to_bits()).collect();
        assert!(apart == together, "{count} rows");
    }
}

#[test]
fn linear_layers_are_identical_and_match_the_reference() {
    let (inputs, outputs) = (128, 192);
    let (weights, bias) = (noise(1, inputs * outputs), noise(2, outputs));
    let single = F32Layer::new(&weights, &bias);
    for count in [1, 2, 5, 16, 31, 33, 70] {
        let rows = noise(3, count * inputs);
        let in_f32 = |isa: Isa| {
            let mut out = vec![0.0; count * outputs];
            isa.run(F32Linear::<false> {
                layer: &single,
                rows: &rows,
                out: &mut out,
            });
            out
        };
        let in_int8 = |isa: Isa| int8_linear(isa, &rows, &int8_layer(isa, &weights, &bias));
        assert_same_bits("int8 linear", in_int8);
        assert_same_bits("f32 linear", in_f32);
        let (in_int8, in_f32) = (in_int8(Isa::best()), in_f32(Isa::best()));
        for (i, (b, s)) in in_int8.iter().zip(&in_f32).enumerate() {
            let (row, column) = (i / outputs * inputs, i % outputs);
            let exact: f64 = (0..inputs)
                .map(|k| f64::from(rows[row + k]) * f64::from(weights[column * inputs + k]))
                .sum::<f64>()
                + f64::from(bias[column]);
            assert!((f64::from(*s) - exact).abs() < 1e-5, "f32 {i}");
            assert!(
                (f64::from(*b) - exact).abs() < 0.15,
                "int8 {i}: {b} {exact}"
            );
        }
    }
}

#[test]
fn attention_is_identical_and_matches_the_reference() {
    for (tokens, heads, size) in [
        (1, 2, 32),
        (5, 4, 16),
        (16, 2, 48),
        (33, 1, 64),
        (130, 2, 32),
    ] {
        let hidden = heads * size;
        let projected = noise(7, tokens * 3 * hidden);
        let run = |isa: Isa, in_int8: bool| {
            let mut context = vec![0.0; tokens * hidden];
            let mut workspace = AttentionWorkspace::default();
            let heads = AttentionBuffers {
                qkv: &projected,
                context: &mut context,
                head_count: heads,
                head_size: size,
            };
            let workspace = &mut workspace;
            if in_int8 {
                isa.run(Int8Attention {
                    buffers: heads,
                    workspace,
                });
            } else {
                isa.run(F32Attention {
                    buffers: heads,
                    workspace,
                });
            }
            context
        };
        assert_same_bits("int8 attention", |isa| run(isa, true));
        assert_same_bits("f32 attention", |isa| run(isa, false));
        let (bytes, single) = (run(Isa::best(), true), run(Isa::best(), false));
        let at = |token: usize, which: usize, column: usize| {
            f64::from(projected[(3 * token + which) * hidden + column])
        };
        for i in 0..tokens * hidden {
            let (token, column) = (i / hidden, i % hidden);
            let head = column / size * size;
            let logits = (0..tokens).map(|key| {
                let products = (head..head + size).map(|c| at(token, 0, c) * at(key, 1, c));
                (products.sum::<f64>() / (size as f64).sqrt()).exp()
            });
            let powers: Vec<f64> = logits.collect();
            let mixed = powers
                .iter()
                .enumerate()
                .map(|(key, p)| p * at(key, 2, column));
            let exact = mixed.sum::<f64>() / powers.iter().sum::<f64>();
            assert!(
                (f64::from(single[i]) - exact).abs() < 1e-6,
                "f32 {tokens} {i}"
            );
            assert!(
                (f64::from(bytes[i]) - exact).abs() < 0.02,
                "int8 {tokens} {i}"
            );
        }
    }
}

#[test]
fn constant_and_zero_rows_are_quantized_without_loss() {
    let layer = int8_layer(Isa::best(), &noise(1, 64 * 64), &noise(2, 64));
    let mut rows = vec![0.0; 64];
    rows.extend([0.7; 64]);
    let out = int8_linear(Isa::best(), &rows, &layer);
    assert!(out.iter().all(|x| x.is_finite()));
    assert!(
        out[..64] == noise(2, 64),
        "the output of a row of zeros is the bias"
    );
}

#[test]
fn an_unknown_isa_is_rejected_with_the_choices() {
    let error = "quantum".parse::<Isa>().expect_err("no such isa");
    assert!(error.to_string().contains("portable"), "{error}");
}

/// On an emulated processor the paths tested are those for which it was chosen.
#[test]
fn the_expected_instruction_sets_are_tested() {
    let Ok(expected) = std::env::var("EXPECTED_KERNELS") else {
        return;
    };
    let available: Vec<_> = Isa::available().iter().map(|isa| isa.name()).collect();
    assert_eq!(available.join(" "), expected);
}
