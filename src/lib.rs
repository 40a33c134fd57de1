//! Antiphon is a semantic search engine for speeches and statements.
//!
//! Paragraphs are embedded on the CPU by a small sentence-transformer, indexed, and served over
//! HTTP. The modules are listed in the order of the data flow; each one imports only from those
//! above it:
//!
//! | module | input | output |
//! | --- | --- | --- |
//! | [`corpus`] | files | documents |
//! | [`passages`] | a document's text | clean text, passages, sentences |
//! | [`encoder`] | text | embeddings |
//! | [`store`] | all of the above | the documents on disk |
//! | [`index`] | embeddings | nearest neighbours |
//! | [`keyword`] | terms | BM25 scores |
//! | [`engine`] | the five above | ingestion, snapshots |
//! | [`search`] | a query | hits |
//! | [`parallels`] | documents | parallels, families |
//! | [`server`] | HTTP requests | responses |
//! | [`cli`] | a command line | all of it |
//!
//! [`config`] has the settings; only [`server`] and [`cli`] import it. `canonical`, which all modules
//! may import, writes the bytes of identities.

pub(crate) mod canonical;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod cpu_features;

pub mod corpus;
pub mod passages;

pub mod encoder;

pub mod store;

pub mod index;

pub mod keyword;

pub mod engine;

pub mod search;

pub mod parallels;

pub mod server;

pub mod cli;
pub mod config;

/// The commit that this program was built from, twelve hexadecimal digits; `unknown` if it was built
/// outside of a checkout without `BUILD_COMMIT`.
pub const COMMIT: &str = env!("BUILD_COMMIT");
