//! Shared by tests: the model, engines in temporary folders, a running server.

pub(crate) mod client;
pub(crate) mod process;
pub(crate) mod raw_http;

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use antiphon::corpus::{Corpus, CorpusLimits};
use antiphon::encoder::model::{
    FetchOptions, Manifest, ModelFiles, NoFetchProgress, fetch, open_pinned,
};
use antiphon::encoder::{self, CandleBert, Encoder, Precision};
use antiphon::engine::{
    Engine, EngineOptions, IndexConfig, IngestOptions, IngestReport, NoIngestProgress,
};
use antiphon::server::{self, Service, ServiceLimits};
use tempfile::TempDir;

/// Compares a long output with the file `tests/snapshots/{name}.snap`. After an intended change,
/// `INSTA_UPDATE=always cargo test --release` rewrites the file, whose difference is reviewed. The version is
/// left out.
pub(crate) fn assert_snapshot(name: &str, output: &str) {
    let output = output.replace(env!("CARGO_PKG_VERSION"), "{version}");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root().join("tests/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, output));
}

/// Returns the package's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the folder of the pinned model, which is downloaded if necessary.
pub(crate) fn model_folder() -> PathBuf {
    let manifest = Manifest::built_in().unwrap();
    fetch(
        &manifest,
        &FetchOptions::new(root().join("models")),
        &NoFetchProgress,
    )
    .unwrap_or_else(|e| panic!("the tests need the model: {e}"))
}

fn files() -> ModelFiles {
    open_pinned(&Manifest::built_in().unwrap(), &model_folder()).unwrap()
}

/// Returns the default encoder, loaded once.
pub(crate) fn encoder() -> Arc<dyn Encoder> {
    static ENCODER: LazyLock<Arc<dyn Encoder>> =
        LazyLock::new(|| encoder::load(&files(), Precision::Int8, None).unwrap());
    Arc::clone(&ENCODER)
}

/// Loads the f32 encoder with the named instruction set, or the fastest.
pub(crate) fn f32_encoder(kernel: Option<&str>) -> Arc<dyn Encoder> {
    encoder::load(&files(), Precision::F32, kernel).unwrap()
}

/// Loads candle's BERT.
pub(crate) fn candle_encoder() -> Arc<dyn Encoder> {
    Arc::new(CandleBert::load(&files()).unwrap())
}

pub(crate) const OPTIONS: EngineOptions = EngineOptions {
    reader_connections: 2,
    index: IndexConfig::Exact,
};

/// Opens an engine in a temporary data directory.
pub(crate) fn engine(data: &TempDir) -> Engine {
    Engine::open(data.path(), encoder(), OPTIONS).unwrap()
}

/// Indexes files and folders.
pub(crate) fn ingest(engine: &Engine, paths: &[PathBuf], options: IngestOptions) -> IngestReport {
    let corpus = Corpus::open(paths, &CorpusLimits::default()).unwrap();
    engine.ingest(&corpus, options, &NoIngestProgress).unwrap()
}

/// Returns an engine with the sample corpus, published.
pub(crate) fn sample_engine() -> (Arc<Engine>, TempDir) {
    let data = TempDir::new().unwrap();
    let engine = engine(&data);
    ingest(&engine, &[root().join("corpus")], IngestOptions::default());
    engine.publish().unwrap();
    (Arc::new(engine), data)
}

/// Starts a server on a free port, in a thread that ends with the process.
pub(crate) fn start_server(service: Arc<Service>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        actix_web::rt::System::new()
            .block_on(async { server::serve(listener, service).unwrap().await })
            .unwrap();
    });
    address
}

pub(crate) const LIMITS: ServiceLimits = ServiceLimits {
    workers: 2,
    queue_capacity: 64,
    recall_sample_every: 0,
    max_body_bytes: 256 * 1024,
};
