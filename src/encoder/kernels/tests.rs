//! Every path against plain arithmetic, and against the portable path to the bit.

use super::{
    Buffer, ByteAttention, ByteLayer, ByteLinear, ByteRows, Gelu, Heads, NormRows, Path, PoolRows,
    QuantiseRows, SingleAttention, SingleLayer, SingleLinear, Workspace,
    int8::{Packed, TileInput, TileOutput},
    math,
    simd::{Kernel, LANES, Simd},
};

/// Numbers in [-1, 1) that any machine repeats.
fn noise(seed: u32, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from_bits(0x3f80_0000 | state >> 9).mul_add(2.0, -3.0)
    };
    (0..count).map(|_| next()).collect()
}

/// What `compute` gives on every path must have the same bits.
fn same_bits(what: &str, compute: impl Fn(Path) -> Vec<f32>) {
    let bits = |path| {
        compute(path)
            .iter()
            .map(|x| x.to_bits())
            .collect::<Vec<_>>()
    };
    let portable: Path = "portable".parse().expect("always there");
    let expected = bits(portable);
    for path in Path::available() {
        assert!(bits(path) == expected, "{what} differs on {path}");
    }
}

/// One tile on one path.
struct Tile<'a>(&'a [u8], usize, usize, &'a Packed);

impl Kernel for Tile<'_> {
    type Out = TileOutput;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> TileOutput {
        let mut out = TileOutput::ZERO;
        let input = TileInput {
            left: self.0,
            left_stride: self.2,
            rows: self.1,
            depth: self.2,
            panels: self.3.group(0),
        };
        simd.tile(&input, &mut out);
        out
    }
}

#[test]
fn integer_tiles_are_exact_on_every_path() {
    for (depth, rows) in [
        (64, 1),
        (64, 32),
        (128, 7),
        (384, 16),
        (384, 17),
        (1536, 32),
    ] {
        // Extremes included: 255 and -128, where saturating instructions would go wrong.
        let left: Vec<u8> = (0..32 * depth)
            .map(|i| (i * 31 % 7 * 43 % 256) as u8 | 3)
            .collect();
        let right = |k: usize, n: usize| {
            if (k + n).is_multiple_of(5) {
                -128
            } else {
                (k * 7 + n) as i8
            }
        };
        let packed = Packed::new(depth, 64, right);
        for path in Path::available() {
            let out = path.run(Tile(&left, rows, depth, &packed));
            for r in 0..rows {
                for n in 0..64 {
                    let products =
                        (0..depth).map(|k| i32::from(left[r * depth + k]) * i32::from(right(k, n)));
                    assert_eq!(out.0[r][n], products.sum::<i32>(), "{path} {depth} {r} {n}");
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
    for path in Path::available() {
        let mut out = inputs.clone();
        path.run(Gelu(&mut out));
        for (x, y) in inputs.iter().zip(&out) {
            let x = f64::from(*x);
            let error = (f64::from(*y) - x * normal_cdf(x)).abs();
            assert!(
                error < 1.2e-7 * x.abs().max(1.0),
                "{path}: gelu({x}) is off by {error:e}"
            );
        }
    }
}

struct Exp2<'a>(&'a mut [f32]);

impl Kernel for Exp2<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for x in self.0.as_chunks_mut::<LANES>().0 {
            let value = math::exp2(simd, simd.load(x));
            simd.store(x, value);
        }
    }
}

#[test]
fn exp2_stays_within_its_error_bound() {
    let inputs: Vec<f32> = (-126_000..=1_000)
        .map(|i| i as f32 * 1e-3)
        .chain([0.0; 7])
        .collect();
    let mut out = inputs.clone();
    Path::best().run(Exp2(&mut out));
    for (x, y) in inputs.iter().zip(&out) {
        let expected = f64::from(x.max(-126.0)).exp2();
        assert!((f64::from(*y) / expected - 1.0).abs() < 3e-7, "2^{x}");
    }
}

#[test]
fn row_kernels_agree_to_the_bit() {
    same_bits("gelu", |path| {
        let mut rows: Vec<f32> = noise(1, 320).iter().map(|x| x * 8.0).collect();
        path.run(Gelu(&mut rows));
        rows
    });
    same_bits("norm", |path| {
        let mut rows = noise(1, 3 * 64);
        path.run(NormRows {
            rows: &mut rows,
            added: &noise(2, 3 * 64),
            gain: &noise(3, 64),
            offset: &noise(4, 64),
            epsilon: 1e-12,
        });
        rows
    });
    same_bits("pool", |path| {
        let mut out = vec![0.0; 64];
        path.run(PoolRows {
            rows: &noise(1, 5 * 64),
            out: &mut out,
        });
        out
    });
}

/// Rows through a byte layer.
fn byte_linear(path: Path, rows: &[f32], layer: &ByteLayer) -> Vec<f32> {
    let (width, count) = (layer.inputs(), rows.len() / layer.inputs());
    let mut bytes = Buffer::<u8>::new(count.next_multiple_of(32) * width);
    let (mut scales, mut lows) = (vec![0.0; count], vec![0.0; count]);
    let mut out = vec![0.0; count * layer.outputs()];
    path.run(QuantiseRows {
        rows,
        width,
        smoothing: layer.smoothing(),
        to: ByteRows {
            bytes: &mut bytes[..count * width],
            scales: &mut scales,
            lows: &mut lows,
        },
    });
    path.run(ByteLinear {
        layer,
        bytes: &bytes,
        scales: &scales,
        lows: &lows,
        out: &mut out,
    });
    out
}

#[test]
fn linear_layers_agree_to_the_bit_and_with_plain_arithmetic() {
    let (inputs, outputs) = (128, 192);
    let (weights, bias) = (noise(1, inputs * outputs), noise(2, outputs));
    let bytes = ByteLayer::new(&weights, &bias, &vec![1.5; inputs]);
    let single = SingleLayer::new(&weights, &bias);
    for count in [1, 2, 5, 16, 31, 33, 70] {
        let rows = noise(3, count * inputs);
        let in_single = |path: Path| {
            let mut out = vec![0.0; count * outputs];
            path.run(SingleLinear {
                layer: &single,
                rows: &rows,
                out: &mut out,
            });
            out
        };
        same_bits("byte linear", |path| byte_linear(path, &rows, &bytes));
        same_bits("single linear", in_single);
        let (in_bytes, in_single) = (
            byte_linear(Path::best(), &rows, &bytes),
            in_single(Path::best()),
        );
        for (i, (b, s)) in in_bytes.iter().zip(&in_single).enumerate() {
            let (row, column) = (i / outputs * inputs, i % outputs);
            let exact: f64 = (0..inputs)
                .map(|k| f64::from(rows[row + k]) * f64::from(weights[column * inputs + k]))
                .sum::<f64>()
                + f64::from(bias[column]);
            assert!((f64::from(*s) - exact).abs() < 1e-5, "single {i}");
            assert!(
                (f64::from(*b) - exact).abs() < 0.15,
                "bytes {i}: {b} {exact}"
            );
        }
    }
}

#[test]
fn attention_agrees_to_the_bit_and_with_plain_arithmetic() {
    for (tokens, heads, size) in [
        (1, 2, 32),
        (5, 4, 16),
        (16, 2, 48),
        (33, 1, 64),
        (130, 2, 32),
    ] {
        let hidden = heads * size;
        let projected = noise(7, tokens * 3 * hidden);
        let run = |path: Path, in_bytes: bool| {
            let mut context = vec![0.0; tokens * hidden];
            let mut workspace = Workspace::default();
            let heads = Heads {
                projected: &projected,
                context: &mut context,
                heads,
                head_size: size,
            };
            let workspace = &mut workspace;
            if in_bytes {
                path.run(ByteAttention { heads, workspace });
            } else {
                path.run(SingleAttention { heads, workspace });
            }
            context
        };
        same_bits("byte attention", |path| run(path, true));
        same_bits("single attention", |path| run(path, false));
        let (bytes, single) = (run(Path::best(), true), run(Path::best(), false));
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
                "single {tokens} {i}"
            );
            assert!(
                (f64::from(bytes[i]) - exact).abs() < 0.02,
                "bytes {tokens} {i}"
            );
        }
    }
}

#[test]
fn constant_and_zero_rows_quantise_without_loss() {
    let layer = ByteLayer::new(&noise(1, 64 * 64), &noise(2, 64), &[1.0; 64]);
    let mut rows = vec![0.0; 64];
    rows.extend([0.7; 64]);
    let out = byte_linear(Path::best(), &rows, &layer);
    assert!(out.iter().all(|x| x.is_finite()));
    assert!(out[..64] == noise(2, 64), "a row of zeros gives the bias");
}

#[test]
fn an_unknown_path_is_refused_with_the_choices() {
    let error = "quantum".parse::<Path>().expect_err("no such path");
    assert!(error.to_string().contains("portable"), "{error}");
}
