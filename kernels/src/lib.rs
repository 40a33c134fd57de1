//! The arithmetic of Antiphon in the instruction sets of the processor, and all of its `unsafe` code.
//!
//! - [`bert`]: the encoder's matrix products, attention and norms.
//! - [`dot`]: dot products of embeddings, and of their quantized codes, for the index.
//! - [`MappedFile`]: a file read through the page cache.
//!
//! What is compiled here is compiled once for every instruction set: callers outside get functions that are not
//! generic, so that a build of the program without optimizations still has optimized kernels.

mod cpu_features;
mod mapped_file;

pub mod bert;
pub mod dot;

pub use mapped_file::MappedFile;
