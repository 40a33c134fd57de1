//! Attention in `f32`.

use super::{AttentionBuffers, AttentionWorkspace, MASK_LOGIT};
use crate::bert::{
    gemm_f32,
    layout::{TILE_COLUMNS, TILE_ROWS},
    math,
    simd::{Kernel, LANES, Simd},
};

/// Attention in `f32`.
pub struct F32Attention<'a> {
    /// The tokens of one sequence.
    pub buffers: AttentionBuffers<'a>,
    /// Buffers.
    pub workspace: &'a mut AttentionWorkspace,
}

impl F32Attention<'_> {
    /// Packs keys into panels of sixteen tokens, and values into panels of sixteen columns.
    #[inline(always)]
    fn pack<S: Simd>(&mut self, simd: S, head: usize) {
        let (tokens, size) = (self.buffers.tokens(), self.buffers.head_size);
        let depth = tokens.next_multiple_of(gemm_f32::DEPTH_UNIT);
        let w = &mut *self.workspace;
        #[allow(clippy::cast_precision_loss)] // at most 64
        let unit = simd.splat(std::f32::consts::LOG2_E / (size as f32).sqrt());
        for token in 0..tokens {
            let key = self.buffers.projection(token, 1, head);
            let panel = &mut w.f32_keys[token / LANES * LANES * size..][..LANES * size];
            for (i, x) in key.iter().enumerate() {
                let mut scaled = [0.0; LANES];
                simd.store(&mut scaled, simd.mul(simd.load(x), unit));
                for (j, x) in scaled.iter().enumerate() {
                    panel[(i * LANES + j) * LANES + token % LANES] = *x;
                }
            }
            for (i, x) in self.buffers.projection(token, 2, head).iter().enumerate() {
                w.f32_values[(i * depth + token) * LANES..][..LANES].copy_from_slice(x);
            }
        }
    }

    /// Computes the context of up to 32 queries from `start` on.
    #[inline(always)]
    fn attend<S: Simd, const P: usize>(&mut self, simd: S, head: usize, start: usize) {
        let (tokens, size, hidden) = (
            self.buffers.tokens(),
            self.buffers.head_size,
            self.buffers.hidden(),
        );
        let padded = tokens.next_multiple_of(TILE_COLUMNS);
        let depth = tokens.next_multiple_of(gemm_f32::DEPTH_UNIT);
        let rows = TILE_ROWS.min(tokens - start);
        let w = &mut *self.workspace;
        for first in (0..padded).step_by(TILE_COLUMNS) {
            let panels = &w.f32_keys[first * size..][..TILE_COLUMNS * size];
            let input = gemm_f32::F32TileInput {
                lhs: &self.buffers.qkv[start * 3 * hidden + head * size..],
                lhs_stride: 3 * hidden,
                rows,
                depth: size,
                panels: std::array::from_fn::<_, { gemm_f32::TILE_PANELS }, _>(|p| {
                    &panels[p * LANES * size..][..LANES * size]
                }),
                column_bias: w.mask[first..][..TILE_COLUMNS].as_chunks().0,
            };
            gemm_f32::tile::<S, _, false>(simd, &input, &mut w.logits[first..], padded);
        }
        let mut inverses = [0.0; TILE_ROWS];
        for (r, inverse) in inverses.iter_mut().enumerate().take(rows) {
            let logits = w.logits[r * padded..][..padded].as_chunks_mut::<LANES>().0;
            let mut largest = simd.splat(MASK_LOGIT);
            for x in logits.iter() {
                largest = simd.max(largest, simd.load(x));
            }
            let largest = simd.splat(simd.reduce_max(largest));
            let mut sum = simd.splat(0.0);
            for x in logits.iter_mut() {
                let power = math::exp2(simd, simd.sub(simd.load(x), largest));
                sum = simd.add(sum, power);
                simd.store(x, power);
            }
            *inverse = 1.0 / simd.reduce_add(sum);
        }
        for first in (0..size / LANES).step_by(P) {
            let input = gemm_f32::F32TileInput {
                lhs: &w.logits,
                lhs_stride: padded,
                rows,
                depth,
                panels: std::array::from_fn::<_, P, _>(|p| {
                    &w.f32_values[(first + p) * LANES * depth..][..LANES * depth]
                }),
                column_bias: &[[0.0; LANES]; P],
            };
            let at = start * hidden + head * size + first * LANES;
            gemm_f32::tile::<S, P, false>(simd, &input, &mut self.buffers.context[at..], hidden);
            for (r, inverse) in inverses.iter().enumerate().take(rows) {
                let inverse = simd.splat(*inverse);
                let context = &mut self.buffers.context[at + r * hidden..][..P * LANES];
                for x in context.as_chunks_mut::<LANES>().0 {
                    let value = simd.mul(simd.load(x), inverse);
                    simd.store(x, value);
                }
            }
        }
    }
}

impl Kernel for F32Attention<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let (tokens, size) = (self.buffers.tokens(), self.buffers.head_size);
        let padded = tokens.next_multiple_of(TILE_COLUMNS);
        let w = &mut *self.workspace;
        w.f32_keys.reserve(padded * size);
        w.f32_values.reserve(padded * size);
        w.logits.reserve(padded * TILE_ROWS);
        w.mask.reserve(padded);
        w.mask[..tokens].fill(0.0);
        w.mask[tokens..padded].fill(MASK_LOGIT);
        // Clears the padding: it is masked, or multiplied by zero, and must be finite.
        w.f32_keys[..padded * size].fill(0.0);
        w.f32_values[..padded * size].fill(0.0);
        for head in 0..self.buffers.head_count {
            self.pack(simd, head);
            for start in (0..tokens).step_by(TILE_ROWS) {
                if size.is_multiple_of(2 * LANES) {
                    self.attend::<S, 2>(simd, head, start);
                } else {
                    self.attend::<S, 1>(simd, head, start);
                }
            }
        }
    }
}
