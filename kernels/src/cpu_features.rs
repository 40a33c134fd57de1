//! The instruction sets of the processor, detected once for the kernels of `encoder` and `index`.
//!
//! The safety of both kernel folders rests on this file: a field is true only if processor and
//! operating system support all of the named extensions.

use std::sync::LazyLock;

/// Groups of `AArch64` extensions that the kernels use together.
#[cfg(target_arch = "aarch64")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct CpuFeatures {
    /// NEON.
    pub neon: bool,
    /// NEON with the dot products of signed bytes.
    pub dotprod: bool,
    /// These, and the matrix products of bytes.
    pub i8mm: bool,
}

#[cfg(target_arch = "aarch64")]
impl CpuFeatures {
    /// Returns the features of this processor.
    pub(crate) fn detected() -> Self {
        static DETECTED: LazyLock<CpuFeatures> = LazyLock::new(|| {
            let neon = std::arch::is_aarch64_feature_detected!("neon");
            let dotprod = neon && std::arch::is_aarch64_feature_detected!("dotprod");
            CpuFeatures {
                neon,
                dotprod,
                i8mm: dotprod && std::arch::is_aarch64_feature_detected!("i8mm"),
            }
        });
        *DETECTED
    }
}

/// Groups of x86-64 extensions that the kernels use together.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy)]
#[allow(clippy::struct_excessive_bools)] // independent of each other
pub(crate) struct CpuFeatures {
    /// AVX2 and FMA.
    pub avx2: bool,
    /// AVX-VNNI, AVX2 and FMA.
    pub avx_vnni: bool,
    /// AVX-512 F, BW, DQ and VL, AVX2 and FMA.
    pub avx512_bw: bool,
    /// AVX-512 F, BW, DQ, VL and VNNI, AVX2 and FMA.
    pub avx512_vnni: bool,
}

#[cfg(target_arch = "x86_64")]
impl CpuFeatures {
    /// Returns the features of this processor.
    pub(crate) fn detected() -> Self {
        static DETECTED: LazyLock<CpuFeatures> = LazyLock::new(|| {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let avx512_bw = avx2
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            CpuFeatures {
                avx2,
                avx_vnni: avx2 && is_x86_feature_detected!("avxvnni"),
                avx512_bw,
                avx512_vnni: avx512_bw && is_x86_feature_detected!("avx512vnni"),
            }
        });
        *DETECTED
    }
}
