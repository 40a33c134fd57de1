//! The arithmetic of vector search on this processor, and the only room of `index` with `unsafe`.
//!
//! Rows are *codes*: unsigned bytes that stand for `byte - 128` steps. A query is signed bytes.
//! Integer dot products are exact, so every [`Path`] gives the same numbers; `f32` dot products
//! are summed in one fixed order, so they agree to the bit. [`Path::best`] picks the fastest at run
//! time; the tests hold all of them against plain arithmetic. Only `index` may enter.

mod mapped_file;
mod portable;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;

#[cfg(test)]
mod tests;

use std::sync::OnceLock;

pub(super) use mapped_file::MappedFile;

/// Bytes of a cache line.
pub(super) const LINE_BYTES: usize = 64;

/// One cache line of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
pub(super) struct CodeLine(pub(super) [u8; LINE_BYTES]);

/// The part of a query that meets one [`Line`] of a row.
pub(super) type QueryLine = [i8; LINE_BYTES];

/// Independent sums of an `f32` dot product. The number, and that the sums are then folded by
/// halves, fixes the last bit of every score.
pub(super) const LANES: usize = 64;

/// An instruction set that this processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SimdLevel(SimdLevelKind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SimdLevelKind {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
}

/// Calls the function of this name on the path's instruction set.
macro_rules! on_path {
    ($path:expr, $name:ident($($argument:expr),*)) => {
        match $path.0 {
            // SAFETY: a path of this kind is only made where the processor has its instructions.
            #[cfg(target_arch = "x86_64")]
            #[allow(unsafe_code)]
            SimdLevelKind::Avx512 => unsafe { avx512::$name($($argument),*) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            #[allow(unsafe_code)]
            SimdLevelKind::Avx2 => unsafe { avx2::$name($($argument),*) },
            SimdLevelKind::Portable => portable::$name($($argument),*),
        }
    };
}

impl SimdLevel {
    /// The fastest path of this processor, found once.
    pub(super) fn best() -> Self {
        static BEST: OnceLock<SimdLevel> = OnceLock::new();
        *BEST.get_or_init(|| Self::available()[0])
    }

    /// All paths of this processor, fastest first; the portable one is always there.
    pub(super) fn available() -> Vec<Self> {
        let mut kinds = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if avx512::is_supported() {
                kinds.push(SimdLevelKind::Avx512);
            }
            if avx2::is_supported() {
                kinds.push(SimdLevelKind::Avx2);
            }
        }
        kinds.push(SimdLevelKind::Portable);
        kinds.into_iter().map(Self).collect()
    }

    /// `out[i]` becomes the sum of `code * query` over row `rows[i]`, codes as the bytes that they
    /// are; `codes` holds rows of `query.len()` lines.
    ///
    /// # Panics
    ///
    /// If a row lies outside `codes`; `rows` and `out` must be of one length.
    pub(super) fn dot_selected(
        self,
        query: &[QueryLine],
        codes: &[CodeLine],
        rows: &[u32],
        out: &mut [i32],
    ) {
        assert_eq!(rows.len(), out.len());
        on_path!(self, dot_rows(query, codes, out, |i| rows[i] as usize));
    }

    /// As [`Path::dot_some`], for the rows from `first` on.
    ///
    /// # Panics
    ///
    /// If there are fewer than `out.len()`.
    pub(super) fn dot_range(
        self,
        query: &[QueryLine],
        codes: &[CodeLine],
        first: usize,
        out: &mut [i32],
    ) {
        on_path!(self, dot_rows(query, codes, out, |i| first + i));
    }

    /// As [`Path::dot_all`] for four queries at once, one row of `out` each.
    ///
    /// # Panics
    ///
    /// If the queries, or the rows of `out`, differ in length, or there are fewer rows than asked for.
    pub(super) fn dot_x4(
        self,
        queries: [&[QueryLine]; 4],
        codes: &[CodeLine],
        first: usize,
        out: [&mut [i32]; 4],
    ) {
        assert!(queries.iter().all(|query| query.len() == queries[0].len()));
        assert!(out.iter().all(|row| row.len() == out[0].len()));
        on_path!(self, dot_rows_x4(queries, codes, first, out));
    }

    /// The sum of `(a - 128) * (b - 128)` over two rows of equal length, in whole lines.
    pub(super) fn dot_codes(self, a: &[u8], b: &[u8]) -> i32 {
        let (a, b) = (a.as_chunks::<LINE_BYTES>().0, b.as_chunks::<LINE_BYTES>().0);
        on_path!(self, dot_codes(a, b))
    }

    /// The dot product of two vectors of equal length, clamped to [-1, 1]: rounding may carry the
    /// product of two unit vectors just past 1.
    pub(super) fn dot_f32(self, a: &[f32], b: &[f32]) -> f32 {
        let (a_blocks, a_rest) = a.as_chunks::<LANES>();
        let (b_blocks, b_rest) = b.as_chunks::<LANES>();
        let mut sums = on_path!(self, dot_blocks(a_blocks, b_blocks));
        for ((sum, x), y) in sums.iter_mut().zip(a_rest).zip(b_rest) {
            *sum = x.mul_add(*y, *sum);
        }
        let mut width = LANES / 2;
        while width > 0 {
            for i in 0..width {
                sums[i] += sums[i + width];
            }
            width /= 2;
        }
        sums[0].clamp(-1.0, 1.0)
    }
}

/// Asks for memory ahead of its use.
#[inline(always)]
#[allow(clippy::inline_always)] // one instruction a line
pub(super) fn prefetch<T>(memory: &[T]) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let bytes = size_of_val(memory);
        let start = memory.as_ptr().cast::<i8>();
        for offset in (0..bytes).step_by(LINE_BYTES) {
            // SAFETY: a prefetch reads nothing that a program can see and never faults; the
            // address lies inside the slice.
            #[allow(unsafe_code)]
            unsafe {
                _mm_prefetch::<_MM_HINT_T0>(start.add(offset));
            }
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = memory;
}
