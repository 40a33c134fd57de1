//! The arithmetic of BERT in the instruction sets of the processor.
//!
//! Kernels are written once, generic over a [`simd::Simd`] token, and contain no `unsafe`; the
//! tokens (`portable`, `avx2`, `avx512` with the tiles of `amx`, `neon`) wrap the instructions. [`Isa`] is
//! the choice at run time; [`Isa::run`] runs an [`Operation`], which is a kernel compiled for all of them.

#![allow(clippy::inline_always)] // functions called by a kernel must be compiled for its instruction set
#![allow(clippy::needless_range_loop)] // rows, panels and lanes index several arrays at once

mod attention;
mod buffer;
mod gemm_f32;
mod gemm_int8;
mod layout;
mod linear;
mod math;
mod operation;
mod peak;
mod portable;
mod rows;
mod simd;
mod tiling;

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;

#[cfg(target_arch = "aarch64")]
mod neon;

mod isa;

pub use attention::{AttentionBuffers, AttentionWorkspace, F32Attention, Int8Attention};
pub use buffer::AlignedBuffer;
pub use isa::{Isa, UnknownIsa};
pub use linear::{
    AddEpilogue, F32Layer, F32Linear, GeluEpilogue, Int8Layer, Int8Linear, PackInt8, StoreEpilogue,
};
pub use operation::Operation;
pub use peak::PeakProducts;
pub use rows::{
    Gelu, LayerNormQuantize, LayerNormRows, LayerNormWeights, MeanPoolRows, QuantizeRows,
    QuantizeWithKnownRange, QuantizedRows, RowMinMax,
};

#[cfg(test)]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::expect_used
)]
mod tests;
