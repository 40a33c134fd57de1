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
//! [`config`] has the settings; only [`server`] and [`cli`] import it. All modules may import
//! `atomic_file`, which replaces files, and `canonical`, which writes the bytes of identities.

use std::sync::OnceLock;

pub(crate) mod atomic_file;
pub(crate) mod canonical;
#[cfg(target_arch = "x86_64")]
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

/// Set once, by the program.
static COMMIT: OnceLock<&str> = OnceLock::new();

/// Returns the commit that the program was built from, twelve hexadecimal digits. It is `unknown` in
/// programs that use the library without [`cli::main`].
pub(crate) fn commit() -> &'static str {
    COMMIT.get().unwrap_or(&"unknown")
}
