//! Dot products in the instruction sets of the processor.
//!
//! A row is a sequence of *codes*: unsigned bytes that represent `byte - 128` quantization steps.
//! A query is signed bytes. Integer dot products are exact, so every [`SimdLevel`] returns the same
//! numbers; `f32` dot products are summed in one fixed order, so their bits are equal as well.
//! [`SimdLevel::best`] is the fastest level of the processor; tests compare all levels with plain
//! arithmetic.

mod portable;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;

#[cfg(target_arch = "aarch64")]
mod dotprod;
#[cfg(target_arch = "aarch64")]
mod neon;

#[cfg(test)]
mod tests;

use std::sync::OnceLock;

/// Bytes of a cache line.
pub const LINE_BYTES: usize = 64;

/// One cache line of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
pub struct CodeLine(pub [u8; LINE_BYTES]);

/// The part of a query that is multiplied with one [`CodeLine`].
pub type QueryLine = [i8; LINE_BYTES];

/// Independent sums of an `f32` dot product. Their number, and the pairwise reduction that follows,
/// determine the bits of every score.
pub const LANES: usize = 64;

/// An instruction set that this processor supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimdLevel(SimdLevelKind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SimdLevelKind {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Dotprod,
    #[cfg(target_arch = "aarch64")]
    Neon,
    Portable,
}

/// Calls the function of this name in the module of a level.
macro_rules! dispatch {
    ($level:expr, $name:ident($($argument:expr),*)) => {
        match $level.0 {
            // SAFETY: a level is only constructed by `available`, if the processor has its
            // instructions.
            #[cfg(target_arch = "x86_64")]
            #[allow(unsafe_code)]
            SimdLevelKind::Avx512 => unsafe { avx512::$name($($argument),*) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            #[allow(unsafe_code)]
            SimdLevelKind::Avx2 => unsafe { avx2::$name($($argument),*) },
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            #[allow(unsafe_code)]
            SimdLevelKind::Dotprod => unsafe { dotprod::$name($($argument),*) },
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            #[allow(unsafe_code)]
            SimdLevelKind::Neon => unsafe { neon::$name($($argument),*) },
            SimdLevelKind::Portable => portable::$name($($argument),*),
        }
    };
}

impl SimdLevel {
    /// Returns the fastest level of this processor, detected once.
    pub fn best() -> Self {
        static BEST: OnceLock<SimdLevel> = OnceLock::new();
        *BEST.get_or_init(|| Self::available()[0])
    }

    /// Returns all levels of this processor, fastest first; the portable one is always included.
    pub fn available() -> Vec<Self> {
        let mut kinds = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let features = crate::cpu_features::CpuFeatures::detected();
            if features.avx512_vnni {
                kinds.push(SimdLevelKind::Avx512);
            }
            if features.avx2 {
                kinds.push(SimdLevelKind::Avx2);
            }
        }
        #[cfg(target_arch = "aarch64")]
        {
            let features = crate::cpu_features::CpuFeatures::detected();
            if features.dotprod {
                kinds.push(SimdLevelKind::Dotprod);
            }
            if features.neon {
                kinds.push(SimdLevelKind::Neon);
            }
        }
        kinds.push(SimdLevelKind::Portable);
        kinds.into_iter().map(Self).collect()
    }

    /// Computes the dot product of the query and row `rows[i]` into `out[i]`, without subtracting the
    /// zero point of the codes; a row is `query.len()` lines of `codes`.
    ///
    /// # Panics
    ///
    /// If a row is out of range, or `rows` and `out` differ in length.
    pub fn dot_selected(
        self,
        query: &[QueryLine],
        codes: &[CodeLine],
        rows: &[u32],
        out: &mut [i32],
    ) {
        assert_eq!(rows.len(), out.len());
        dispatch!(self, dot_rows(query, codes, out, |i| rows[i] as usize));
    }

    /// As [`Self::dot_selected`], for the rows from `first` on.
    ///
    /// # Panics
    ///
    /// If there are fewer than `out.len()`.
    pub fn dot_range(self, query: &[QueryLine], codes: &[CodeLine], first: usize, out: &mut [i32]) {
        dispatch!(self, dot_rows(query, codes, out, |i| first + i));
    }

    /// As [`Self::dot_range`] for four queries at once, with an output for each.
    ///
    /// # Panics
    ///
    /// If the queries, or the outputs, differ in length, or there are fewer rows than `out[0].len()`.
    pub fn dot_x4(
        self,
        queries: [&[QueryLine]; 4],
        codes: &[CodeLine],
        first: usize,
        out: [&mut [i32]; 4],
    ) {
        assert!(queries.iter().all(|query| query.len() == queries[0].len()));
        assert!(out.iter().all(|row| row.len() == out[0].len()));
        dispatch!(self, dot_rows_x4(queries, codes, first, out));
    }

    /// Returns the sum of `(a - 128) * (b - 128)` over two rows of equal length, in whole lines.
    #[must_use]
    pub fn dot_codes(self, a: &[u8], b: &[u8]) -> i32 {
        let (a, b) = (a.as_chunks::<LINE_BYTES>().0, b.as_chunks::<LINE_BYTES>().0);
        dispatch!(self, dot_codes(a, b))
    }

    /// Returns the dot product of two vectors of equal length, clamped to [-1, 1]: by rounding, the dot
    /// product of two unit vectors can be slightly greater than 1.
    #[must_use]
    pub fn dot_f32(self, a: &[f32], b: &[f32]) -> f32 {
        let (a_blocks, a_rest) = a.as_chunks::<LANES>();
        let (b_blocks, b_rest) = b.as_chunks::<LANES>();
        let mut sums = dispatch!(self, dot_blocks(a_blocks, b_blocks));
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

/// Prefetches memory into the processor's cache.
#[inline(always)]
#[allow(clippy::inline_always)] // one instruction per line
pub fn prefetch<T>(memory: &[T]) {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    {
        let bytes = size_of_val(memory);
        let start = memory.as_ptr().cast::<i8>();
        for offset in (0..bytes).step_by(LINE_BYTES) {
            // SAFETY: a prefetch has no visible effect and never faults; the address is inside
            // the slice.
            #[cfg(target_arch = "x86_64")]
            #[allow(unsafe_code)]
            unsafe {
                use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
                _mm_prefetch::<_MM_HINT_T0>(start.add(offset));
            }
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            #[allow(unsafe_code)]
            unsafe {
                std::arch::asm!(
                    "prfm pldl1keep, [{line}]",
                    line = in(reg) start.add(offset),
                    options(readonly, nostack, preserves_flags)
                );
            }
        }
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = memory;
}
