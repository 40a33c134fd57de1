//! Real passages for benchmarks: those of the sample corpus, or of an indexed data directory, if
//! `BENCH_DATA` is set to one.

use std::path::Path;
use std::sync::Arc;

use antiphon::corpus::{Corpus, CorpusLimits};
use antiphon::encoder::model::{FetchOptions, Manifest, NoFetchProgress, fetch, open_pinned};
use antiphon::encoder::{self, Encoder, Precision};
use antiphon::engine::{
    Engine, EngineOptions, IndexConfig, IngestOptions, NoIngestProgress, Snapshot,
};
use antiphon::store::View;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Loads the pinned model.
pub(crate) fn encoder() -> Arc<dyn Encoder> {
    let manifest = Manifest::built_in().expect("the manifest is part of the program");
    let options = FetchOptions::new(root().join("models"));
    let folder =
        fetch(&manifest, &options, &NoFetchProgress).expect("the benchmarks need the model");
    let files = open_pinned(&manifest, &folder).expect("the downloaded model is complete");
    encoder::load(&files, Precision::Int8, None).expect("the model matches its configuration")
}

/// Opens the snapshot to search: that of `BENCH_DATA`, or of the sample corpus.
#[allow(dead_code)] // not every benchmark searches
pub(crate) fn snapshot(encoder: &Arc<dyn Encoder>) -> Snapshot {
    if let Some(data) = std::env::var_os("BENCH_DATA") {
        let view = View::open(Path::new(&data)).expect("BENCH_DATA is a data directory");
        view.check_encoder(encoder.fingerprint())
            .expect("the store belongs to this encoder");
        return Snapshot::new_exact(view).expect("the store can be read");
    }
    let data = tempfile::tempdir().expect("a temporary directory");
    let options = EngineOptions {
        reader_connections: 1,
        index: IndexConfig::Exact,
    };
    let engine = Engine::open(data.path(), Arc::clone(encoder), options).expect("a new store");
    let corpus =
        Corpus::open(&[root().join("corpus")], &CorpusLimits::default()).expect("the samples");
    engine
        .ingest(&corpus, IngestOptions::default(), &NoIngestProgress)
        .expect("the samples can be stored");
    drop(engine);
    Snapshot::new_exact(View::open(data.path()).expect("just written")).expect("just written")
}

/// Returns the texts of all passages of a snapshot, in order.
#[allow(dead_code)] // not every benchmark reads texts
pub(crate) fn texts(snapshot: &Snapshot) -> Vec<String> {
    let view = snapshot.view();
    let mut texts = Vec::new();
    for summary in view
        .documents(None, 1_000_000)
        .expect("the store can be read")
    {
        let document = view.document(&summary.id).expect("the store can be read");
        texts.extend(
            document
                .into_iter()
                .flat_map(|d| d.passages)
                .map(|p| p.text),
        );
    }
    texts
}
