//! The instruction sets of the processor, detected once for the kernels of `encoder` and `index`.
//!
//! The safety of both kernel folders rests on this file: a field is true only if processor and
//! operating system support all of the named extensions.

use std::sync::LazyLock;

/// Groups of x86-64 extensions that the kernels use together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CpuFeatures {
    /// AVX2 and FMA.
    pub(crate) avx2: bool,
    /// AVX-VNNI, AVX2 and FMA.
    pub(crate) avx_vnni: bool,
    /// AVX-512 F, BW, DQ and VL, AVX2 and FMA.
    pub(crate) avx512_bw: bool,
    /// AVX-512 F, BW, DQ, VL and VNNI, AVX2 and FMA.
    pub(crate) avx512_vnni: bool,
}

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
