//! Opens model, encoder, engine and corpus as configured; shared by the commands.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;

use crate::archive::Archive;
use crate::config::{DEFAULT_CORPUS, Settings};
use crate::corpus::{Corpus, CorpusLimits};
use crate::encoder::model::{FetchOptions, Manifest, ModelFiles, fetch, open_folder, open_pinned};
use crate::encoder::{self, Encoder};
use crate::engine::{Engine, IngestOptions, IngestReport, Snapshot};
use crate::store::View;

use super::progress::{CorpusBar, ModelBar};

/// A callback that receives descriptions of the current step.
pub(super) type StatusReporter<'a> = &'a (dyn Fn(String) + Sync);

/// Ignores the status.
pub(super) fn no_status(_: String) {}

/// Returns the options of downloading the model.
pub(super) fn fetch_options(settings: &Settings, force: bool) -> FetchOptions {
    FetchOptions {
        hub_endpoint: settings
            .hub_endpoint
            .clone()
            // The variable that Hugging Face's own tools read.
            .or_else(|| std::env::var("HF_ENDPOINT").ok()),
        python_path: settings.python_path.clone(),
        offline: settings.offline,
        force,
        ..FetchOptions::new(settings.model_cache_dir.clone())
    }
}

/// Opens and verifies the files of the configured model folder, or of the pinned model, which is
/// downloaded if necessary.
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

/// Loads the encoder and warms it up.
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
    // The first call allocates memory that later ones reuse.
    encoder.encode(&["ready"])?;
    tracing::debug!(kernel = encoder.kernel(), "encoder ready");
    if encoder.kernel() == encoder::PORTABLE_KERNEL {
        tracing::warn!(
            "the portable kernels encode tens of times slower than those for AVX2 (Intel since 2013, AMD since \
             2015), AVX-512, VNNI or AArch64"
        );
    }
    Ok(encoder)
}

/// Opens the data directory for writing, under its lock.
pub(super) fn engine(settings: &Settings, report: StatusReporter<'_>) -> anyhow::Result<Engine> {
    let encoder = encoder(settings, report)?;
    Ok(Engine::open(
        &settings.data_dir,
        encoder,
        settings.engine_options(),
    )?)
}

/// Opens the data directory for comparisons and exports, without an encoder. A service may be writing it
/// meanwhile.
pub(super) fn archive(settings: &Settings) -> anyhow::Result<Archive> {
    let index = settings.engine_options().index;
    Ok(Archive::open_for_reading(&settings.data_dir, index)?)
}

/// Opens a snapshot with its cached index, for measurements of its parts.
pub(super) fn snapshot(settings: &Settings) -> anyhow::Result<Snapshot> {
    let view = View::open(&settings.data_dir)?;
    let index = settings.engine_options().index;
    Ok(Snapshot::open(&settings.data_dir, view, index)?)
}

/// Lists files and folders. Called first, so that a misspelt path is reported at once.
pub(super) fn corpus(settings: &Settings, paths: &[PathBuf]) -> anyhow::Result<Corpus> {
    let corpus = Corpus::open(paths, &CorpusLimits::default()).context("cannot read the corpus")?;
    Ok(corpus.with_options(settings.read_options()))
}

/// Returns the configured corpus, or the default one if it exists and the store contains no other.
pub(super) fn corpus_path(settings: &Settings, engine: &Engine) -> anyhow::Result<Option<PathBuf>> {
    if settings.corpus.is_some() {
        return Ok(settings.corpus.clone());
    }
    let default = PathBuf::from(DEFAULT_CORPUS);
    if !default.exists() {
        tracing::warn!(
            "no folder {DEFAULT_CORPUS} in the working directory; set one with --corpus"
        );
        return Ok(None);
    }
    if !engine.allow_default_corpus()? {
        tracing::info!("the data directory contains another corpus; use --corpus to add to it");
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
