//! Antiphon finds the passages of speeches and statements that mean what you ask for.
//!
//! Paragraphs are embedded on the CPU by a small sentence-transformer, indexed, and served over
//! HTTP. The modules are the stations of the data, in the order in which it flows; each one
//! imports only from those above it:
//!
//! | module | takes | gives |
//! | --- | --- | --- |
//! | [`corpus`] | files | documents |
//! | [`passages`] | a document's text | clean text, passages, sentences |
//! | [`encoder`] | text | embeddings |
//! | [`store`] | all of the above | the durable truth on disk |
//! | [`index`] | embeddings | nearest neighbours |
//! | [`keyword`] | terms | BM25 scores |
//! | [`engine`] | the five above | ingest, snapshots |
//! | [`search`] | a query | hits |
//! | [`parallels`] | documents | parallels |
//! | [`server`] | HTTP requests | answers |
//! | [`cli`] | a command line | all of it |
//!
//! [`config`] holds the settings; only [`server`] and [`cli`] look at it. `canonical`, which all of
//! them may use, writes the bytes that identities are made of.

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

/// The commit this program is made from, twelve digits; `unknown` where it was built outside of a
/// checkout and nobody set `BUILD_COMMIT`.
pub const COMMIT: &str = env!("BUILD_COMMIT");
