//! From settings to an encoder and an engine; shared by the commands that need them.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;

use crate::config::{DEFAULT_CORPUS, Settings};
use crate::corpus::{Corpus, CorpusLimits};
use crate::encoder::model::{FetchOptions, Manifest, ModelFiles, fetch, open_folder, open_pinned};
use crate::encoder::{self, Encoder};
use crate::engine::{Engine, IngestOptions, IngestReport, Snapshot};
use crate::store::View;

use super::progress::{CorpusBar, ModelBar};

/// Someone who is told in words what is being done.
pub(super) type StatusReporter<'a> = &'a (dyn Fn(String) + Sync);

/// Nobody listens.
pub(super) fn no_status(_: String) {}

/// How the model is fetched under these settings.
pub(super) fn fetch_options(settings: &Settings, force: bool) -> FetchOptions {
    FetchOptions {
        hub_endpoint: settings
            .hub_endpoint
            .clone()
            // The name under which Hugging Face's own tools know a mirror.
            .or_else(|| std::env::var("HF_ENDPOINT").ok()),
        python_path: settings.python_path.clone(),
        offline: settings.offline,
        force,
        ..FetchOptions::new(settings.model_cache_dir.clone())
    }
}

/// The model's verified files: the folder that was named, or the pinned model, fetched if it is
/// not there yet.
pub(super) fn model(settings: &Settings, report: StatusReporter<'_>) -> anyhow::Result<ModelFiles> {
    if let Some(folder) = &settings.model_dir {
        return Ok(open_folder(folder)?);
    }
    let manifest = Manifest::built_in()?;
    let folder = fetch(
        &manifest,
        &fetch_options(settings, false),
        &ModelBar::new(report),
    )?;
    Ok(open_pinned(&manifest, &folder)?)
}

/// The encoder.
pub(super) fn encoder(
    settings: &Settings,
    report: StatusReporter<'_>,
) -> anyhow::Result<Arc<dyn Encoder>> {
    let files = model(settings, report)?;
    report("loading the model".to_owned());
    let encoder = encoder::load(
        &files,
        settings.precision.into(),
        settings.kernel.as_deref(),
    )?;
    // The first text pays for memory that all later ones reuse.
    encoder.encode(&["ready"])?;
    tracing::debug!(kernel = encoder.kernel(), "the encoder is ready");
    Ok(encoder)
}

/// The engine over the data directory; it holds the directory's lock.
pub(super) fn engine(settings: &Settings, report: StatusReporter<'_>) -> anyhow::Result<Engine> {
    let encoder = encoder(settings, report)?;
    Ok(Engine::open(
        &settings.data_dir,
        encoder,
        settings.engine_options(),
    )?)
}

/// What is stored now, for a command that encodes nothing: with the index that lies beside the store,
/// and beside a service that may be writing both.
pub(super) fn snapshot(settings: &Settings) -> anyhow::Result<Snapshot> {
    let view = View::open(&settings.data_dir)?;
    let index = settings.engine_options().index;
    Ok(Snapshot::open(&settings.data_dir, view, index)?)
}

/// Looks at files and folders; done before anything else, so that a misspelt path costs nothing.
pub(super) fn corpus(paths: &[PathBuf]) -> anyhow::Result<Corpus> {
    Corpus::open(paths, &CorpusLimits::default()).context("the corpus cannot be read")
}

/// The corpus that belongs to the store: the one that was named, or the default one, unless it is
/// not there or the store holds something else.
pub(super) fn corpus_path(settings: &Settings, engine: &Engine) -> anyhow::Result<Option<PathBuf>> {
    if settings.corpus.is_some() {
        return Ok(settings.corpus.clone());
    }
    let default = PathBuf::from(DEFAULT_CORPUS);
    if !default.exists() {
        tracing::warn!("there is no folder {DEFAULT_CORPUS} here; --corpus names another");
        return Ok(None);
    }
    if !engine.allow_default_corpus()? {
        tracing::info!("the data directory holds another corpus; --corpus names what else to read");
        return Ok(None);
    }
    Ok(Some(default))
}

/// Reads a corpus into the store, with a progress bar.
pub(super) fn ingest(
    engine: &Engine,
    corpus: &Corpus,
    options: IngestOptions,
    report: StatusReporter<'_>,
) -> anyhow::Result<IngestReport> {
    Ok(engine.ingest(corpus, options, &CorpusBar::new(report))?)
}
