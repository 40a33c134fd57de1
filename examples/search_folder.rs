//! Indexes a folder of speeches and searches it, without a server:
//! `cargo run --release --example search_folder -- corpus "sovereignty in cyberspace"`.

#![allow(clippy::print_stdout)] // printing is what it is for

use std::error::Error;

use antiphon::corpus::{Corpus, CorpusLimits};
use antiphon::encoder::model::{FetchOptions, Manifest, NoFetchProgress, fetch, open_pinned};
use antiphon::encoder::{self, Precision};
use antiphon::engine::{Engine, EngineOptions, IndexConfig, IngestOptions, NoIngestProgress};
use antiphon::search::{CacheMode, Query, QueryEncoder, QueryParams, search};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(text)) = (arguments.next(), arguments.next()) else {
        return Err("expected two arguments: FOLDER QUERY".into());
    };

    let manifest = Manifest::built_in()?;
    let model = fetch(&manifest, &FetchOptions::new("models"), &NoFetchProgress)?;
    let encoder = encoder::load(&open_pinned(&manifest, &model)?, Precision::Int8, None)?;

    // A data directory that is kept makes the second run embed only what has changed.
    let data_dir = tempfile::tempdir()?;
    let options = EngineOptions {
        reader_connections: 2,
        index: IndexConfig::Exact,
    };
    let engine = Engine::open(data_dir.path(), encoder, options)?;
    let corpus = Corpus::open(&[folder.into()], &CorpusLimits::default())?;
    let report = engine.ingest(&corpus, IngestOptions::default(), &NoIngestProgress)?;
    println!("{} documents added", report.added);

    let snapshot = engine.publish()?;
    let queries = QueryEncoder::new(engine.shared_encoder());
    let query = Query::new(QueryParams {
        text: Some(text),
        limit: 3,
        ..QueryParams::default()
    })?;
    for hit in search(&snapshot, &queries, &query, CacheMode::Bypass)?.hits {
        println!("{}. {:.3} {}", hit.rank, hit.score, hit.document.id);
        println!("   {}", hit.passage.text);
    }
    Ok(())
}
