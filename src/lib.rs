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
//! | [`export`] | parallels, families | files |
//! | [`archive`] | calls | all of the above, for HTTP, the command line and the page |
//! | [`server`] | HTTP requests | responses |
//! | [`cli`] | a command line | all of it |
//!
//! `wire` has the JSON of results, for HTTP, `--json` and files of JSON lines. [`config`] has the settings;
//! only [`server`] and [`cli`] import it. All modules may import `atomic_file`, which replaces files, and
//! `canonical`, which writes the bytes of identities.
//!
//! # Examples
//!
//! Embeds texts and compares them:
//!
//! ```
//! use antiphon::encoder::model::{FetchOptions, Manifest, NoFetchProgress, fetch, open_pinned};
//! use antiphon::encoder::{self, Precision};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Downloads and verifies the model on first use.
//! let manifest = Manifest::built_in()?;
//! let folder = fetch(&manifest, &FetchOptions::new("models"), &NoFetchProgress)?;
//! let encoder = encoder::load(&open_pinned(&manifest, &folder)?, Precision::Int8, None)?;
//!
//! let query = &encoder.encode(&["sovereignty in cyberspace"])?[0];
//! let texts = ["Respect for cyber sovereignty.", "The fishing season begins in April."];
//! let embeddings = encoder.encode(&texts)?;
//! let [first, second] = [0, 1].map(|text| query.similarity_to(embeddings[text].as_slice()));
//! assert!(first > 0.5 && second < 0.2);
//! # Ok(())
//! # }
//! ```
//!
//! Indexes a folder of speeches and searches it:
//!
//! ```
//! use antiphon::corpus::{Corpus, CorpusLimits};
//! use antiphon::engine::{Engine, EngineOptions, IndexConfig, IngestOptions, NoIngestProgress};
//! use antiphon::search::{CacheMode, Query, QueryEncoder, QueryParams, search};
//! # use antiphon::encoder::model::{FetchOptions, Manifest, NoFetchProgress, fetch, open_pinned};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let manifest = Manifest::built_in()?;
//! # let model = fetch(&manifest, &FetchOptions::new("models"), &NoFetchProgress)?;
//! # let model = open_pinned(&manifest, &model)?;
//! # let encoder = antiphon::encoder::load(&model, antiphon::encoder::Precision::Int8, None)?;
//! # let data_dir = tempfile::tempdir()?;
//! let options = EngineOptions {
//!     reader_connections: 1,
//!     index: IndexConfig::Exact,
//! };
//! let engine = Engine::open(data_dir.path(), encoder, options)?;
//! let corpus = Corpus::open(&["corpus".into()], &CorpusLimits::default())?;
//! engine.ingest(&corpus, IngestOptions::default(), &NoIngestProgress)?;
//!
//! let snapshot = engine.publish()?;
//! let queries = QueryEncoder::new(engine.shared_encoder());
//! let query = Query::new(QueryParams {
//!     text: Some("sovereignty in cyberspace".to_owned()),
//!     ..QueryParams::default()
//! })?;
//! let found = search(&snapshot, &queries, &query, CacheMode::ReadWrite)?;
//! assert_eq!(found.hits[0].document.id.as_str(), "un-cyber-statement-2015");
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

use std::sync::OnceLock;

pub(crate) mod atomic_file;
pub(crate) mod canonical;

pub mod corpus;
pub mod passages;

pub mod encoder;

pub mod store;

pub mod index;

pub mod keyword;

pub mod engine;

pub mod search;

pub mod parallels;

pub(crate) mod wire;

pub mod export;

pub mod archive;

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
