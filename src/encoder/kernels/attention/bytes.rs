//! Attention in bytes.

use super::{Heads, MASKED, Workspace};
use crate::encoder::kernels::{
    int8::{self, DEPTH_UNIT, TILE_COLUMNS, TILE_ROWS, TileOutput},
    math,
    simd::{Kernel, LANES, Simd},
};

/// Attention in bytes.
pub struct ByteAttention<'a> {
    /// The tokens of one sequence.
    pub heads: Heads<'a>,
    /// Working memory.
    pub workspace: &'a mut Workspace,
}

/// Rounds `x * inverse` to a byte around zero.
#[inline(always)]
fn signed_bytes<S: Simd>(simd: S, x: &[f32; LANES], inverse: S::F) -> S::I {
    simd.round(simd.mul(simd.load(x), inverse))
}

/// The larger of `largest` and the magnitude of `x`.
#[inline(always)]
fn larger_magnitude<S: Simd>(simd: S, largest: S::F, x: S::F) -> S::F {
    simd.max(largest, simd.max(x, simd.sub(simd.splat(0.0), x)))
}

/// 127 steps to the largest magnitude: the scale and its inverse.
#[inline(always)]
fn steps(largest: f32) -> (f32, f32) {
    if largest > 0.0 {
        (largest / 127.0, 127.0 / largest)
    } else {
        (0.0, 0.0)
    }
}

impl ByteAttention<'_> {
    /// Sizes the workspace and clears what padding must be zero.
    fn prepare(&mut self) {
        let tokens = self.heads.tokens();
        let padded = tokens.next_multiple_of(DEPTH_UNIT);
        let w = &mut *self.workspace;
        w.queries.reserve(padded * DEPTH_UNIT);
        w.keys.reserve(padded * DEPTH_UNIT);
        w.key_sums.reserve(padded);
        w.values.reserve(padded * DEPTH_UNIT);
        w.probabilities.reserve(2 * padded * TILE_ROWS);
        w.logits.reserve(padded * TILE_ROWS);
        w.mask.reserve(padded);
        w.keys[..padded * DEPTH_UNIT].fill(0);
        w.values[..padded * DEPTH_UNIT].fill(0);
        w.key_sums[tokens..padded].fill(0.0);
        w.mask[..tokens].fill(0.0);
        w.mask[tokens..padded].fill(MASKED);
    }

    /// Queries as bytes around 128, keys as signed bytes in panels of sixteen tokens; each with
    /// one scale for the head. What a step of their product is worth, in powers of two.
    #[inline(always)]
    fn pack_queries_and_keys<S: Simd>(&mut self, simd: S, head: usize) -> f32 {
        let (tokens, size) = (self.heads.tokens(), self.heads.head_size);
        let depth = score_depth::<S>(size);
        let mut largest = [simd.splat(0.0); 2];
        for token in 0..tokens {
            for (which, largest) in largest.iter_mut().enumerate() {
                for x in self.heads.part(token, which, head) {
                    *largest = larger_magnitude(simd, *largest, simd.load(x));
                }
            }
        }
        let (query_scale, query_inverse) = steps(simd.reduce_max(largest[0]));
        let (key_scale, key_inverse) = steps(simd.reduce_max(largest[1]));
        let (query_inverse, key_inverse) = (simd.splat(query_inverse), simd.splat(key_inverse));
        let (middle, low_byte) = (simd.splat_int(128), simd.splat_int(255));
        let w = &mut *self.workspace;
        let queries = w.queries.chunks_exact_mut(DEPTH_UNIT);
        for (token, to) in queries.enumerate().take(tokens) {
            let query = self.heads.part(token, 0, head);
            for (x, to) in query.iter().zip(to.as_chunks_mut().0) {
                simd.store_bytes(
                    to,
                    simd.add_int(signed_bytes(simd, x, query_inverse), middle),
                );
            }
        }
        let panels = w.keys.chunks_exact_mut(LANES * depth);
        for ((token, panel), sums) in (0..tokens)
            .step_by(LANES)
            .zip(panels)
            .zip(w.key_sums.as_chunks_mut::<LANES>().0)
        {
            let quads = panel.as_chunks_mut::<{ 4 * LANES }>().0;
            for within in 0..LANES.min(tokens - token) {
                let key = self.heads.part(token + within, 1, head);
                let mut sum = simd.splat_int(0);
                for (x, quads) in key.iter().zip(quads.chunks_exact_mut(4)) {
                    let steps = signed_bytes(simd, x, key_inverse);
                    sum = simd.add_int(sum, steps);
                    let mut bytes = [0; LANES];
                    simd.store_bytes(&mut bytes, simd.and_int(steps, low_byte));
                    for (quad, bytes) in quads.iter_mut().zip(bytes.as_chunks::<4>().0) {
                        quad.as_chunks_mut().0[within] = bytes.map(u8::cast_signed);
                    }
                }
                // At most 64 bytes: exact.
                sums[within] = -128.0 * simd.reduce_add(simd.float(sum));
            }
        }
        // Logits are wanted in powers of two, over the square root of the head's size.
        #[allow(clippy::cast_precision_loss)] // at most 64
        let unit = std::f32::consts::LOG2_E / (size as f32).sqrt();
        query_scale * key_scale * unit
    }

    /// Values as signed bytes, four tokens interleaved; the scale of each column.
    #[inline(always)]
    fn pack_values<S: Simd>(&mut self, simd: S, head: usize, scales: &mut [[f32; LANES]; 4]) {
        let tokens = self.heads.tokens();
        let depth = tokens.next_multiple_of(DEPTH_UNIT);
        let zero = simd.splat(0.0);
        let low_byte = simd.splat_int(255);
        for panel in 0..self.heads.head_size / LANES {
            let mut largest = zero;
            for token in 0..tokens {
                let x = simd.load(&self.heads.part(token, 2, head)[panel]);
                largest = larger_magnitude(simd, largest, x);
            }
            let mut inverses = [0.0; LANES];
            simd.store(&mut inverses, largest);
            for (inverse, scale) in inverses.iter_mut().zip(&mut scales[panel]) {
                (*scale, *inverse) = steps(*inverse);
            }
            let inverse = simd.load(&inverses);
            let byte = |token: usize| {
                if token < tokens {
                    let value = &self.heads.part(token, 2, head)[panel];
                    simd.and_int(signed_bytes(simd, value, inverse), low_byte)
                } else {
                    simd.splat_int(0)
                }
            };
            let to = &mut self.workspace.values[panel * LANES * depth..][..LANES * depth];
            let to = to.as_chunks_mut::<{ 4 * LANES }>().0;
            for (quad, to) in to[..tokens.div_ceil(4)]
                .iter_mut()
                .enumerate()
                .map(|(i, t)| (4 * i, t))
            {
                let low = simd.or_int(byte(quad), simd.shl_int::<8>(byte(quad + 1)));
                let high = simd.or_int(byte(quad + 2), simd.shl_int::<8>(byte(quad + 3)));
                let mut words = [0; LANES];
                simd.store_int(&mut words, simd.or_int(low, simd.shl_int::<16>(high)));
                for (to, word) in to.as_chunks_mut::<4>().0.iter_mut().zip(words) {
                    *to = word.to_le_bytes().map(u8::cast_signed);
                }
            }
        }
    }

    /// Probabilities of thirty-two (or fewer) queries from `start` on over all keys: 16-bit
    /// steps of which 65,535 is the row's largest, high bytes apart from low bytes, and each row's
    /// sum. (Eight bits lose the many small probabilities beside one large one.)
    #[inline(always)]
    fn score<S: Simd>(&mut self, simd: S, start: usize, unit: f32, sums: &mut [f32; TILE_ROWS]) {
        let tokens = self.heads.tokens();
        let padded = tokens.next_multiple_of(DEPTH_UNIT);
        let rows = TILE_ROWS.min(tokens - start);
        let depth = score_depth::<S>(self.heads.head_size);
        let w = &mut *self.workspace;
        let mut tile = TileOutput::ZERO;
        let unit = simd.splat(unit);
        let mut largest = [simd.splat(MASKED); TILE_ROWS];
        for group in 0..padded / TILE_COLUMNS {
            let keys = group * TILE_COLUMNS..(group + 1) * TILE_COLUMNS;
            let panels = &w.keys[keys.start * depth..keys.end * depth];
            let input = int8::TileInput {
                left: &w.queries[start * DEPTH_UNIT..],
                left_stride: DEPTH_UNIT,
                rows,
                depth,
                panels: std::array::from_fn::<_, { int8::TILE_PANELS }, _>(|p| {
                    &panels[p * LANES * depth..][..LANES * depth]
                }),
            };
            simd.tile(&input, &mut tile);
            let key_sums = w.key_sums[keys.clone()].as_chunks().0;
            let mask = w.mask[keys.clone()].as_chunks().0;
            for r in 0..rows {
                let tile = tile.row(r);
                let logits = &mut w.logits[r * padded + keys.start..][..TILE_COLUMNS];
                let logits = logits.as_chunks_mut::<LANES>().0;
                for p in 0..int8::TILE_PANELS {
                    let sum = simd.float(simd.load_int(&tile[p]));
                    let product = simd.add(sum, simd.load(&key_sums[p]));
                    let logit = simd.fma(product, unit, simd.load(&mask[p]));
                    largest[r] = simd.max(largest[r], logit);
                    simd.store(&mut logits[p], logit);
                }
            }
        }
        let top = simd.splat(65_535.0);
        let low_byte = simd.splat_int(255);
        let (high, low) = w.probabilities.split_at_mut(TILE_ROWS * padded);
        for r in 0..rows {
            let largest = simd.splat(simd.reduce_max(largest[r]));
            let logits = w.logits[r * padded..][..padded].as_chunks::<LANES>().0;
            let high = high[r * padded..][..padded].as_chunks_mut().0;
            let low = low[r * padded..][..padded].as_chunks_mut().0;
            let mut sum = simd.splat_int(0);
            for ((logit, high), low) in logits.iter().zip(high).zip(low) {
                let power = math::exp2(simd, simd.sub(simd.load(logit), largest));
                let steps = simd.round(simd.mul(power, top));
                sum = simd.add_int(sum, steps);
                simd.store_bytes(high, simd.shr_int::<8>(steps));
                simd.store_bytes(low, simd.and_int(steps, low_byte));
            }
            sums[r] = simd.reduce_add(simd.float(sum));
        }
    }

    /// The context of those queries: their probabilities times the values.
    #[inline(always)]
    fn mix<S: Simd, const P: usize>(
        &mut self,
        simd: S,
        (head, start): (usize, usize),
        sums: &[f32; TILE_ROWS],
        scales: &[[f32; LANES]; 4],
    ) {
        let (tokens, size, hidden) = (
            self.heads.tokens(),
            self.heads.head_size,
            self.heads.hidden(),
        );
        let padded = tokens.next_multiple_of(DEPTH_UNIT);
        let rows = TILE_ROWS.min(tokens - start);
        let (mut high, mut low) = (TileOutput::ZERO, TileOutput::ZERO);
        let (high_bytes, low_bytes) = self.workspace.probabilities.split_at(TILE_ROWS * padded);
        let unit = simd.splat(256.0);
        for first in (0..size / LANES).step_by(P) {
            for (left, tile) in [(high_bytes, &mut high), (low_bytes, &mut low)] {
                let input = int8::TileInput {
                    left,
                    left_stride: padded,
                    rows,
                    depth: padded,
                    panels: std::array::from_fn::<_, P, _>(|p| {
                        &self.workspace.values[(first + p) * LANES * padded..][..LANES * padded]
                    }),
                };
                simd.tile(&input, tile);
            }
            for r in 0..rows {
                let inverse = simd.splat(1.0 / sums[r]);
                let at = (start + r) * hidden + head * size + first * LANES;
                let out = self.heads.context[at..][..P * LANES].as_chunks_mut().0;
                for p in 0..P {
                    let scale = simd.mul(inverse, simd.load(&scales[first + p]));
                    let high = simd.float(simd.load_int(&high.row(r)[p]));
                    let low = simd.float(simd.load_int(&low.row(r)[p]));
                    simd.store(&mut out[p], simd.mul(simd.fma(high, unit, low), scale));
                }
            }
        }
    }
}

/// Depth of the product of queries and keys: whole tiles where there are tiles.
fn score_depth<S: Simd>(head_size: usize) -> usize {
    if S::TILES { DEPTH_UNIT } else { head_size }
}

impl Kernel for ByteAttention<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        self.prepare();
        let mut scales = [[0.0; LANES]; 4];
        let mut sums = [0.0; TILE_ROWS];
        for head in 0..self.heads.heads {
            let unit = self.pack_queries_and_keys(simd, head);
            self.pack_values(simd, head, &mut scales);
            for start in (0..self.heads.tokens()).step_by(TILE_ROWS) {
                self.score(simd, start, unit, &mut sums);
                if self.heads.head_size.is_multiple_of(2 * LANES) {
                    self.mix::<S, 2>(simd, (head, start), &sums, &scales);
                } else {
                    self.mix::<S, 1>(simd, (head, start), &sums, &scales);
                }
            }
        }
    }
}
