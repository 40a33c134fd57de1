//! The two transcendental functions of BERT, sixteen lanes at a time, each with the precision of `f32`
//! and with a lower one that is sufficient for int8.
//!
//! The coefficients are minimax fits (reweighted least squares on Chebyshev polynomials, rounded to
//! `f32`); tests check the error bounds stated here.

use super::simd::Simd;

/// Degree 5 on [-1/2, 1/2], relative error 7.6e-8.
const EXP2: [f32; 6] = [
    1.000_000_1,
    0.693_146_94,
    0.240_221_2,
    0.055_507_135,
    0.009_675_517,
    0.001_327_631_4,
];

/// log2 of the normal distribution's upper tail Q(a) on [0, 6], degree 6; weighted by a Q(a), its
/// error is 5.2e-8.
const LOG2_NORMAL_TAIL: [f32; 7] = [
    -0.999_993_1,
    -1.151_201_7,
    -0.458_770_87,
    -0.053_412_25,
    0.008_080_812,
    -0.000_769_248_9,
    3.309_614e-5,
];

/// Degree 4 on [-1/2, 1/2], relative error 2.6e-6.
const EXP2_U16: [f32; 5] = [
    0.999_999_3,
    0.693_121_8,
    0.240_247_44,
    0.055_917_863,
    0.009_570_102,
];

/// The normal distribution's upper tail Q(a) on [0, 4], degree 6; times a, its error is 2.0e-4.
const NORMAL_TAIL: [f32; 7] = [
    0.500_493_8,
    -0.390_828_13,
    -0.042_794_07,
    0.139_961,
    -0.057_563_134,
    0.009_921_106,
    -0.000_642_834,
];

/// Computes 2 to the power of `x`, for `x` of at most 127; `x` below -126 is clamped.
///
/// Relative error below 3e-7. The integer part becomes the exponent bits, the power of the fraction is
/// a polynomial.
#[inline(always)]
pub(super) fn exp2<S: Simd>(simd: S, x: S::F) -> S::F {
    let x = simd.max(x, simd.splat(-126.0));
    let whole = simd.round(x);
    let fraction = simd.sub(x, simd.float(whole));
    let power = polynomial(simd, &EXP2, fraction);
    let exponent = simd.shl_int::<23>(simd.add_int(whole, simd.splat_int(127)));
    simd.mul(power, simd.bits_as_float(exponent))
}

/// Computes [`exp2`] for results that are rounded to integers: `x` of at most 16, relative error below
/// 3e-6; `x` below -30 is clamped.
///
/// Adding 1.5 * 2^23 rounds to an integer, which is then in the lowest bits.
#[inline(always)]
pub(super) fn exp2_u16<S: Simd>(simd: S, x: S::F) -> S::F {
    let magic = simd.splat(12_582_912.0);
    let x = simd.max(x, simd.splat(-30.0));
    let shifted = simd.add(x, magic);
    let fraction = simd.sub(x, simd.sub(shifted, magic));
    let power = polynomial(simd, &EXP2_U16, fraction);
    let exponent = simd.shl_int::<23>(simd.float_as_bits(shifted));
    simd.bits_as_float(simd.add_int(simd.float_as_bits(power), exponent))
}

/// Computes GELU for results that are quantized to bytes: max(x, 0) - |x| Q(|x|), with a polynomial for
/// the tail, and |x| clamped to 4. Absolute error below 2.1e-4, a fiftieth of a quantization step if the
/// greatest number of a row is 3.
#[inline(always)]
pub(super) fn gelu_int8<S: Simd>(simd: S, x: S::F) -> S::F {
    let positive = simd.max(x, simd.splat(0.0));
    let magnitude = simd.and_int(simd.float_as_bits(x), simd.splat_int(i32::MAX));
    let clamped = simd.min(simd.bits_as_float(magnitude), simd.splat(4.0));
    let tail = polynomial(simd, &NORMAL_TAIL, clamped);
    simd.fma(simd.sub(simd.splat(0.0), clamped), tail, positive)
}

/// Computes GELU in its exact form, x Φ(x) (Hendrycks and Gimpel, arXiv:1606.08415).
///
/// Computed as max(x, 0) - |x| Q(|x|), where Q = 1 - Φ is 2 to the power of a polynomial: the tail is so
/// close to a Gaussian that degree 6 is sufficient for its logarithm, without a division. Absolute error
/// below 3e-7 for |x| up to 30, relative to max(1, |x|) below 1.1e-7.
#[inline(always)]
pub(super) fn gelu<S: Simd>(simd: S, x: S::F) -> S::F {
    let zero = simd.splat(0.0);
    let magnitude = simd.max(x, simd.sub(zero, x));
    let clamped = simd.min(magnitude, simd.splat(6.0));
    let tail = exp2(simd, polynomial(simd, &LOG2_NORMAL_TAIL, clamped));
    let negative = simd.sub(zero, magnitude);
    simd.fma(negative, tail, simd.max(x, zero))
}

/// Evaluates the polynomial with these coefficients, lowest first, by Horner's rule.
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(simd: S, coefficients: &[f32; N], x: S::F) -> S::F {
    let mut sum = simd.splat(coefficients[N - 1]);
    for coefficient in coefficients[..N - 1].iter().rev() {
        sum = simd.fma(sum, x, simd.splat(*coefficient));
    }
    sum
}
