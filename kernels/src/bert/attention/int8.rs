//! Attention in int8.

use super::{AttentionBuffers, AttentionWorkspace, MASK_LOGIT};
use crate::bert::{
    gemm_int8::{band_blocks, band_blocks_mut, panel_blocks, panel_blocks_mut},
    layout::{
        DEPTH_UNIT, Int8TileInput, Int8TileOutput, K4_GROUPS_PER_UNIT, TILE_COLUMNS, TILE_PANELS,
        TILE_ROWS,
    },
    math,
    simd::{Kernel, LANES, Simd},
};

/// Attention in int8.
pub struct Int8Attention<'a> {
    /// The tokens of one sequence.
    pub buffers: AttentionBuffers<'a>,
    /// Buffers.
    pub workspace: &'a mut AttentionWorkspace,
}

/// Binary logarithm of a row's greatest probability: slightly less than 16, so that it is within 16 bits
/// after rounding.
const MAX_PROBABILITY_LOG2: f32 = 15.999;

/// Rounds `x * inverse` to a signed byte.
#[inline(always)]
fn round_signed<S: Simd>(simd: S, x: &[f32; LANES], inverse: S::F) -> S::I {
    simd.round(simd.mul(simd.load(x), inverse))
}

/// Returns the greater of `largest` and the magnitude of `x`.
#[inline(always)]
fn max_abs<S: Simd>(simd: S, largest: S::F, x: S::F) -> S::F {
    simd.max(largest, simd.max(x, simd.sub(simd.splat(0.0), x)))
}

/// Returns the scale at which `largest` is 127 steps, and its inverse.
#[inline(always)]
fn symmetric_scale(largest: f32) -> (f32, f32) {
    if largest > 0.0 {
        (largest / 127.0, 127.0 / largest)
    } else {
        (0.0, 0.0)
    }
}

/// A head of `H` vectors.
struct AttentionHead<'a, 'b, S: Simd, const H: usize> {
    simd: S,
    buffers: &'b mut AttentionBuffers<'a>,
    workspace: &'b mut AttentionWorkspace,
    tiles: &'b mut [Int8TileOutput; 2],
    /// Index of the head.
    index: usize,
}

impl<S: Simd, const H: usize> AttentionHead<'_, '_, S, H> {
    /// Returns the head's part of a token's query (0), key (1) or value (2).
    #[inline(always)]
    fn projection(&self, token: usize, which: usize) -> &[[f32; LANES]; H] {
        let part = self.buffers.projection(token, which, self.index);
        part.as_array().unwrap_or(&[[0.0; LANES]; H])
    }

    /// Returns the number of tokens, and that number rounded up to whole tiles.
    #[inline(always)]
    fn token_counts(&self) -> (usize, usize) {
        let tokens = self.buffers.tokens();
        (tokens, tokens.next_multiple_of(TILE_COLUMNS))
    }

    /// Quantizes queries to bytes with the zero point 128; returns the head's scale.
    #[inline(always)]
    fn pack_queries(&mut self) -> f32 {
        let (simd, (tokens, _)) = (self.simd, self.token_counts());
        let (scale, inverse) = symmetric_scale(self.largest_magnitude(0));
        let (inverse, zero_point) = (simd.splat(inverse), simd.splat_int(128));
        let mut memory = std::mem::take(&mut self.workspace.queries);
        let rows = band_blocks_mut::<S>(&mut memory).as_flattened_mut();
        for (token, row) in (0..tokens).zip(rows) {
            for (x, to) in self.projection(token, 0).iter().zip(row.as_chunks_mut().0) {
                simd.store_levels(to, simd.add_int(round_signed(simd, x, inverse), zero_point));
            }
        }
        self.workspace.queries = memory;
        scale
    }

    /// Quantizes keys to signed bytes in panels of sixteen tokens; returns the head's scale. Computes what
    /// the zero point of the queries adds to the product with each key, negated.
    #[inline(always)]
    fn pack_keys(&mut self) -> f32 {
        let (simd, (tokens, _)) = (self.simd, self.token_counts());
        let (scale, inverse) = symmetric_scale(self.largest_magnitude(1));
        let (inverse, low_byte) = (simd.splat(inverse), simd.splat_int(255));
        let mut memory = std::mem::take(&mut self.workspace.keys);
        for (panel, first) in panel_blocks_mut::<S>(&mut memory)
            .iter_mut()
            .zip((0..tokens).step_by(LANES))
        {
            for lane in 0..LANES.min(tokens - first) {
                let key = self.projection(first + lane, 1);
                for (part, x) in key.iter().enumerate() {
                    let mut bytes = [0; LANES];
                    let levels = simd.and_int(round_signed(simd, x, inverse), low_byte);
                    simd.store_bytes(&mut bytes, levels);
                    for (group, bytes) in bytes.as_chunks::<4>().0.iter().enumerate() {
                        let levels = bytes.map(u8::cast_signed);
                        S::store_k4_lane(panel, 4 * part + group, lane, levels);
                    }
                }
            }
            let sums = match H {
                1 => simd.lane_sums::<4>(panel),
                2 => simd.lane_sums::<8>(panel),
                3 => simd.lane_sums::<12>(panel),
                _ => simd.lane_sums::<16>(panel),
            };
            let sums = simd.mul(simd.float(sums), simd.splat(-128.0));
            simd.store(
                &mut self.workspace.key_sums.as_chunks_mut().0[first / LANES],
                sums,
            );
        }
        self.workspace.keys = memory;
        scale
    }

    /// Returns the greatest magnitude among the head's queries (0) or keys (1).
    #[inline(always)]
    fn largest_magnitude(&self, which: usize) -> f32 {
        let mut largest = [self.simd.splat(0.0); H];
        for token in 0..self.buffers.tokens() {
            let part = self.projection(token, which);
            for (largest, x) in largest.iter_mut().zip(part) {
                *largest = max_abs(self.simd, *largest, self.simd.load(x));
            }
        }
        let all = largest[1..]
            .iter()
            .fold(largest[0], |a, b| self.simd.max(a, *b));
        self.simd.reduce_max(all)
    }

    /// Quantizes values to signed bytes, four tokens interleaved; returns the scale of each column.
    #[inline(always)]
    fn pack_values(&mut self) -> [[f32; LANES]; H] {
        let (simd, (tokens, padded)) = (self.simd, self.token_counts());
        let low_byte = simd.splat_int(255);
        let mut scales = [[0.0; LANES]; H];
        let mut memory = std::mem::take(&mut self.workspace.values);
        let panels = panel_blocks_mut::<S>(&mut memory).chunks_exact_mut(padded / DEPTH_UNIT);
        for ((panel, to), scales) in panels.enumerate().zip(&mut scales) {
            let mut largest = simd.splat(0.0);
            for token in 0..tokens {
                largest = max_abs(simd, largest, simd.load(&self.projection(token, 2)[panel]));
            }
            let mut inverses = [0.0; LANES];
            simd.store(&mut inverses, largest);
            for (inverse, scale) in inverses.iter_mut().zip(scales) {
                (*scale, *inverse) = symmetric_scale(*inverse);
            }
            let inverse = simd.load(&inverses);
            for token in (0..tokens).step_by(4) {
                let block = &mut to[token / DEPTH_UNIT];
                let slot = S::k4_slot(token % DEPTH_UNIT / 4);
                let mut bytes = [simd.splat_int(0); 4];
                for (i, byte) in bytes.iter_mut().enumerate() {
                    // Tokens beyond the last one have probabilities of zero.
                    let value = &self.projection((token + i).min(tokens - 1), 2)[panel];
                    *byte = simd.and_int(round_signed(simd, value, inverse), low_byte);
                }
                let low = simd.or_int(bytes[0], simd.shl_int::<8>(bytes[1]));
                let high = simd.or_int(bytes[2], simd.shl_int::<8>(bytes[3]));
                let mut words = [0; LANES];
                simd.store_int(&mut words, simd.or_int(low, simd.shl_int::<16>(high)));
                for (lane, word) in words.iter().enumerate() {
                    S::store_k4_lane(block, slot, lane, word.to_le_bytes().map(u8::cast_signed));
                }
            }
        }
        self.workspace.values = memory;
        scales
    }

    /// Computes the probabilities of up to 32 queries from `start` on over all keys, in 16 bits scaled by
    /// [`MAX_PROBABILITY_LOG2`], high and low bytes separately, and the sum of each row. (With eight bits,
    /// many small probabilities would be lost next to a great one.)
    #[inline(always)]
    fn compute_probabilities(&mut self, start: usize, unit: f32, sums: &mut [f32; TILE_ROWS]) {
        let (simd, (tokens, padded)) = (self.simd, self.token_counts());
        let rows = TILE_ROWS.min(tokens - start);
        let w = &mut *self.workspace;
        let tile = &mut self.tiles[0];
        let unit = simd.splat(unit);
        let mut largest = [simd.splat(MASK_LOGIT); TILE_ROWS];
        let queries = &band_blocks::<S>(&w.queries)[start / TILE_ROWS..][..1];
        for first in (0..padded).step_by(TILE_COLUMNS) {
            let keys = &panel_blocks::<S>(&w.keys)[first / LANES..][..TILE_PANELS];
            let panels = std::array::from_fn(|p| &keys[p..=p]);
            let input = Int8TileInput {
                lhs: queries,
                rows,
                panels,
                next_panels: panels,
            };
            if H <= 2 {
                simd.tile::<TILE_PANELS, { K4_GROUPS_PER_UNIT / 2 }>(&input, tile);
            } else {
                simd.tile::<TILE_PANELS, K4_GROUPS_PER_UNIT>(&input, tile);
            }
            let key_sums = w.key_sums[first..][..TILE_COLUMNS].as_chunks().0;
            let mask = w.mask[first..][..TILE_COLUMNS].as_chunks().0;
            for r in 0..rows {
                let tile = tile.row(r);
                let logits = &mut w.logits[r * padded + first..][..TILE_COLUMNS];
                let logits = logits.as_chunks_mut::<LANES>().0;
                for p in 0..TILE_PANELS {
                    let sum = simd.float(simd.load_int(&tile[p]));
                    let product = simd.add(sum, simd.load(&key_sums[p]));
                    let logit = simd.fma(product, unit, simd.load(&mask[p]));
                    largest[r] = simd.max(largest[r], logit);
                    simd.store(&mut logits[p], logit);
                }
            }
        }
        let high = &mut band_blocks_mut::<S>(&mut w.probability_high_bytes)[..padded / DEPTH_UNIT];
        let low = &mut band_blocks_mut::<S>(&mut w.probability_low_bytes)[..padded / DEPTH_UNIT];
        for r in 0..rows {
            let shift = simd.splat(simd.reduce_max(largest[r]) - MAX_PROBABILITY_LOG2);
            let logits = w.logits[r * padded..][..padded].as_chunks::<DEPTH_UNIT>().0;
            let mut sum = simd.splat_int(0);
            for ((logits, high), low) in logits.iter().zip(&mut *high).zip(&mut *low) {
                let mut words = [simd.splat_int(0); 4];
                for (words, logits) in words.iter_mut().zip(logits.as_chunks().0) {
                    let power = math::exp2_u16(simd, simd.sub(simd.load(logits), shift));
                    *words = simd.round(power);
                    sum = simd.add_int(sum, *words);
                }
                simd.store_split_bytes(&mut high[r], &mut low[r], words);
            }
            sums[r] = simd.reduce_add(simd.float(sum));
        }
    }

    /// Computes the context of these queries: their probabilities times the values.
    #[inline(always)]
    fn weight_values(&mut self, start: usize, sums: &[f32; TILE_ROWS], scales: &[[f32; LANES]; H]) {
        let (simd, (tokens, padded)) = (self.simd, self.token_counts());
        let rows = TILE_ROWS.min(tokens - start);
        let units = padded / DEPTH_UNIT;
        let values = panel_blocks::<S>(&self.workspace.values);
        let panels = std::array::from_fn(|p| &values[p * units..][..units]);
        let halves = [
            &self.workspace.probability_high_bytes,
            &self.workspace.probability_low_bytes,
        ];
        for (left, tile) in halves.into_iter().zip(&mut *self.tiles) {
            let input = Int8TileInput {
                lhs: &band_blocks::<S>(left)[..units],
                rows,
                panels,
                next_panels: panels,
            };
            simd.tile::<H, K4_GROUPS_PER_UNIT>(&input, tile);
        }
        let [high, low] = &*self.tiles;
        let unit = simd.splat(256.0);
        let (size, hidden) = (self.buffers.head_size, self.buffers.hidden());
        for r in 0..rows {
            let inverse = simd.splat(1.0 / sums[r]);
            let at = (start + r) * hidden + self.index * size;
            let out = self.buffers.context[at..][..H * LANES].as_chunks_mut().0;
            for p in 0..H {
                let scale = simd.mul(inverse, simd.load(&scales[p]));
                let high = simd.float(simd.load_int(&high.row(r)[p]));
                let low = simd.float(simd.load_int(&low.row(r)[p]));
                simd.store(&mut out[p], simd.mul(simd.fma(high, unit, low), scale));
            }
        }
    }

    /// Computes the context of all queries.
    #[inline(always)]
    fn attend(&mut self) {
        // Logits in base 2, divided by the square root of the head's size.
        #[allow(clippy::cast_precision_loss)] // at most 64
        let unit = std::f32::consts::LOG2_E / (self.buffers.head_size as f32).sqrt();
        let unit = self.pack_queries() * self.pack_keys() * unit;
        let scales = self.pack_values();
        let mut sums = [0.0; TILE_ROWS];
        for start in (0..self.buffers.tokens()).step_by(TILE_ROWS) {
            self.compute_probabilities(start, unit, &mut sums);
            self.weight_values(start, &sums, &scales);
        }
    }
}

impl Int8Attention<'_> {
    /// Grows the buffers. Leftovers of earlier sequences beyond the last token have no effect: their keys
    /// are masked, and the probabilities of their values are zero.
    #[inline(always)]
    fn prepare<S: Simd>(&mut self) {
        let tokens = self.buffers.tokens();
        let padded = tokens.next_multiple_of(TILE_COLUMNS);
        let w = &mut *self.workspace;
        w.queries.reserve::<S::Lhs>(padded * DEPTH_UNIT);
        w.keys.reserve::<S::Rhs>(padded * DEPTH_UNIT);
        w.key_sums.reserve(padded);
        w.values.reserve::<S::Rhs>(padded * DEPTH_UNIT);
        w.probability_high_bytes
            .reserve::<S::Lhs>(padded * TILE_ROWS);
        w.probability_low_bytes
            .reserve::<S::Lhs>(padded * TILE_ROWS);
        w.logits.reserve(padded * TILE_ROWS);
        w.mask.reserve(padded);
        w.mask[..tokens].fill(0.0);
        w.mask[tokens..padded].fill(MASK_LOGIT);
    }

    #[inline(always)]
    fn run_heads<S: Simd, const H: usize>(self, simd: S) {
        let mut heads = self.buffers;
        let mut tiles = [Int8TileOutput::ZERO; 2];
        for index in 0..heads.head_count {
            let mut head = AttentionHead::<'_, '_, S, H> {
                simd,
                buffers: &mut heads,
                workspace: self.workspace,
                tiles: &mut tiles,
                index,
            };
            head.attend();
        }
    }
}

impl Kernel for Int8Attention<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        self.prepare::<S>();
        match self.buffers.head_size / LANES {
            1 => self.run_heads::<S, 1>(simd),
            2 => self.run_heads::<S, 2>(simd),
            3 => self.run_heads::<S, 3>(simd),
            _ => self.run_heads::<S, 4>(simd),
        }
    }
}
