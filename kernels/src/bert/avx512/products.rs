//! Integer products on AVX-512: of words, of bytes with VNNI, or of AMX tiles.
#![allow(unsafe_code)]
#![allow(clippy::wildcard_imports)] // the intrinsics of one architecture

use std::arch::x86_64::*;

use crate::bert::{
    amx::AmxTiles,
    buffer::Element,
    gemm_int8::dot_product_tile,
    layout::{DEPTH_UNIT, Int8TileInput, Int8TileOutput, K4Groups},
    simd::{DotProduct, LANES},
};

/// Calls an intrinsic on behalf of a token.
macro_rules! intrinsic {
    ($call:expr) => {
        // SAFETY: every function here takes a proof, which is only created by `detect`, or is called by one
        // that does, so the
        // processor has the instruction; pointers come from references to arrays of exactly the size
        // read or written, and the unaligned forms are used.
        unsafe { $call }
    };
}

/// The integer products of a token, and the proof of their instructions; the methods are those of [`Simd`](super::Simd)
/// and [`DotProduct`].
pub(crate) trait Int8Products: Copy {
    /// Representation of an unsigned byte.
    type Lhs: Element + From<u8>;
    /// A broadcast group of four unsigned levels.
    type K4Broadcast: Copy;

    fn store_levels(self, to: &mut [Self::Lhs; LANES], value: __m512i);
    fn k4_slot(group: usize) -> usize;
    fn store_depth_unit(self, to: &mut [Self::Lhs; DEPTH_UNIT], values: [__m512i; 4]);
    fn store_split_bytes(
        self,
        high: &mut [Self::Lhs; DEPTH_UNIT],
        low: &mut [Self::Lhs; DEPTH_UNIT],
        values: [__m512i; 4],
    );
    fn store_k4_lane(to: &mut K4Groups<i8>, lane: usize, levels: [i8; 4]);
    fn broadcast_k4(self, levels: &[Self::Lhs; 4]) -> Self::K4Broadcast;
    fn dot(self, sum: __m512i, a: Self::K4Broadcast, b: &K4Groups<i8>) -> __m512i;
    #[inline(always)]
    fn dot_tile<const R: usize, const W: usize>(
        self,
        sums: &mut [[__m512i; W]; R],
        rows: [&[Self::Lhs; 4]; R],
        panels: [&K4Groups<i8>; W],
    ) {
        for r in 0..R {
            let a = self.broadcast_k4(rows[r]);
            for p in 0..W {
                sums[r][p] = self.dot(sums[r][p], a, panels[p]);
            }
        }
    }
    fn tile<S: DotProduct<Lhs = Self::Lhs, Rhs = i8>, const W: usize, const Q: usize>(
        self,
        simd: S,
        input: &Int8TileInput<'_, Self::Lhs, i8, W>,
        output: &mut Int8TileOutput,
    );
}

/// Proof that the processor has AVX-512 F and BW, for products of words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words(pub(super) ());

/// Proof that the processor has AVX-512 VNNI.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vnni(pub(super) ());

impl Int8Products for Words {
    type Lhs = i16;
    /// The first two words, and the last two, sixteen times each.
    type K4Broadcast = [__m512i; 2];

    #[inline(always)]
    fn store_levels(self, to: &mut [i16; LANES], value: __m512i) {
        let to = to.as_mut_ptr().cast();
        intrinsic!(_mm256_storeu_si256(to, _mm512_cvtepi32_epi16(value)));
    }

    /// The packs below work within 128-bit quarters, each of which is one group of both vectors.
    #[inline(always)]
    fn k4_slot(group: usize) -> usize {
        let (vector, quarter) = (group / 4, group % 4);
        vector / 2 * 8 + quarter * 2 + vector % 2
    }
    #[inline(always)]
    fn store_depth_unit(self, to: &mut [i16; DEPTH_UNIT], values: [__m512i; 4]) {
        let [a, b, c, d] = values;
        let to = to.as_mut_ptr();
        intrinsic!({
            _mm512_storeu_si512(to.cast(), _mm512_packus_epi32(a, b));
            _mm512_storeu_si512(to.add(32).cast(), _mm512_packus_epi32(c, d));
        });
    }
    #[inline(always)]
    fn store_split_bytes(
        self,
        high: &mut [i16; DEPTH_UNIT],
        low: &mut [i16; DEPTH_UNIT],
        values: [__m512i; 4],
    ) {
        let [a, b, c, d] = values;
        let (high, low) = (high.as_mut_ptr(), low.as_mut_ptr());
        intrinsic!({
            let low_byte = _mm512_set1_epi16(255);
            let words = _mm512_packus_epi32(a, b);
            _mm512_storeu_si512(high.cast(), _mm512_srli_epi16::<8>(words));
            _mm512_storeu_si512(low.cast(), _mm512_and_si512(words, low_byte));
            let words = _mm512_packus_epi32(c, d);
            _mm512_storeu_si512(high.add(32).cast(), _mm512_srli_epi16::<8>(words));
            _mm512_storeu_si512(low.add(32).cast(), _mm512_and_si512(words, low_byte));
        });
    }

    /// The first pair of every lane, then the second.
    #[inline(always)]
    fn store_k4_lane(to: &mut K4Groups<i8>, lane: usize, [a, b, c, d]: [i8; 4]) {
        let pairs = to.as_flattened_mut().as_chunks_mut::<2>().0;
        (pairs[lane], pairs[LANES + lane]) = ([a, b], [c, d]);
    }
    #[inline(always)]
    fn broadcast_k4(self, levels: &[i16; 4]) -> Self::K4Broadcast {
        [broadcast_pair(levels, 0), broadcast_pair(levels, 1)]
    }
    #[inline(always)]
    fn dot(self, sum: __m512i, a: Self::K4Broadcast, b: &K4Groups<i8>) -> __m512i {
        let mut sum = sum;
        for pair in 0..2 {
            sum = multiply_add(sum, a[pair], widen_pair(b, pair));
        }
        sum
    }
    /// Pair by pair, so that few widened levels occupy registers and no sum waits for itself.
    #[inline(always)]
    fn dot_tile<const R: usize, const W: usize>(
        self,
        sums: &mut [[__m512i; W]; R],
        rows: [&[i16; 4]; R],
        panels: [&K4Groups<i8>; W],
    ) {
        for pair in 0..2 {
            let mut b = [widen_pair(panels[0], pair); W];
            for p in 1..W {
                b[p] = widen_pair(panels[p], pair);
            }
            for r in 0..R {
                let a = broadcast_pair(rows[r], pair);
                for p in 0..W {
                    sums[r][p] = multiply_add(sums[r][p], a, b[p]);
                }
            }
        }
    }
    #[inline(always)]
    fn tile<S: DotProduct<Lhs = i16, Rhs = i8>, const W: usize, const Q: usize>(
        self,
        simd: S,
        input: &Int8TileInput<'_, i16, i8, W>,
        output: &mut Int8TileOutput,
    ) {
        dot_product_tile::<_, W, Q>(simd, input, output);
    }
}

/// Broadcasts two of four words.
#[inline(always)]
fn broadcast_pair(levels: &[i16; 4], pair: usize) -> __m512i {
    let [a, b] = levels.as_chunks().0[pair].map(i16::to_le_bytes);
    intrinsic!(_mm512_set1_epi32(i32::from_le_bytes([
        a[0], a[1], b[0], b[1]
    ])))
}

/// Widens a pair of every lane to words.
#[inline(always)]
fn widen_pair(groups: &K4Groups<i8>, pair: usize) -> __m512i {
    let half = groups.as_chunks::<8>().0[pair].as_ptr();
    intrinsic!(_mm512_cvtepi8_epi16(_mm256_loadu_si256(half.cast())))
}

/// Adds the products of words to the sums.
#[inline(always)]
fn multiply_add(sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
    intrinsic!(_mm512_add_epi32(sum, _mm512_madd_epi16(a, b)))
}

/// Proof of VNNI, and the way to compute a tile.
pub(crate) trait VnniTile: Copy {
    /// Computes a tile of an integer matrix product.
    fn tile<S: DotProduct<Lhs = u8, Rhs = i8>, const W: usize, const Q: usize>(
        self,
        simd: S,
        input: &Int8TileInput<'_, u8, i8, W>,
        output: &mut Int8TileOutput,
    );
}

impl VnniTile for Vnni {
    #[inline(always)]
    fn tile<S: DotProduct<Lhs = u8, Rhs = i8>, const W: usize, const Q: usize>(
        self,
        simd: S,
        input: &Int8TileInput<'_, u8, i8, W>,
        output: &mut Int8TileOutput,
    ) {
        dot_product_tile::<_, W, Q>(simd, input, output);
    }
}

impl VnniTile for &AmxTiles {
    #[inline(always)]
    fn tile<S: DotProduct<Lhs = u8, Rhs = i8>, const W: usize, const Q: usize>(
        self,
        _: S,
        input: &Int8TileInput<'_, u8, i8, W>,
        output: &mut Int8TileOutput,
    ) {
        AmxTiles::tile(self, input.lhs, input.rows, input.panels, output);
    }
}

impl<T: VnniTile> Int8Products for T {
    type Lhs = u8;
    type K4Broadcast = __m512i;

    #[inline(always)]
    fn store_levels(self, to: &mut [u8; LANES], value: __m512i) {
        let to = to.as_mut_ptr().cast();
        intrinsic!(_mm_storeu_si128(to, _mm512_cvtepi32_epi8(value)));
    }

    /// The packs below work within 128-bit quarters, each of which is one group of every vector.
    #[inline(always)]
    fn k4_slot(group: usize) -> usize {
        4 * (group % 4) + group / 4
    }
    #[inline(always)]
    fn store_depth_unit(self, to: &mut [u8; DEPTH_UNIT], values: [__m512i; 4]) {
        let [a, b, c, d] = values;
        intrinsic!({
            let (a, b) = (_mm512_packus_epi32(a, b), _mm512_packus_epi32(c, d));
            _mm512_storeu_si512(to.as_mut_ptr().cast(), _mm512_packus_epi16(a, b));
        });
    }
    #[inline(always)]
    fn store_split_bytes(
        self,
        high: &mut [u8; DEPTH_UNIT],
        low: &mut [u8; DEPTH_UNIT],
        values: [__m512i; 4],
    ) {
        let [a, b, c, d] = values;
        intrinsic!({
            let (a, b) = (_mm512_packus_epi32(a, b), _mm512_packus_epi32(c, d));
            let high_bytes =
                _mm512_packus_epi16(_mm512_srli_epi16::<8>(a), _mm512_srli_epi16::<8>(b));
            _mm512_storeu_si512(high.as_mut_ptr().cast(), high_bytes);
            let low_byte = _mm512_set1_epi16(255);
            let low_bytes =
                _mm512_packus_epi16(_mm512_and_si512(a, low_byte), _mm512_and_si512(b, low_byte));
            _mm512_storeu_si512(low.as_mut_ptr().cast(), low_bytes);
        });
    }

    #[inline(always)]
    fn store_k4_lane(to: &mut K4Groups<i8>, lane: usize, levels: [i8; 4]) {
        to[lane] = levels;
    }
    #[inline(always)]
    fn broadcast_k4(self, levels: &[u8; 4]) -> Self::K4Broadcast {
        intrinsic!(_mm512_set1_epi32(i32::from_le_bytes(*levels)))
    }
    #[inline(always)]
    fn dot(self, sum: __m512i, a: Self::K4Broadcast, b: &K4Groups<i8>) -> __m512i {
        intrinsic!(_mm512_dpbusd_epi32(
            sum,
            a,
            _mm512_loadu_si512(b.as_ptr().cast())
        ))
    }
    #[inline(always)]
    fn tile<S: DotProduct<Lhs = u8, Rhs = i8>, const W: usize, const Q: usize>(
        self,
        simd: S,
        input: &Int8TileInput<'_, u8, i8, W>,
        output: &mut Int8TileOutput,
    ) {
        VnniTile::tile::<S, W, Q>(self, simd, input, output);
    }
}
