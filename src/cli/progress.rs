//! Progress bars on stderr.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::encoder::model::FetchProgress;
use crate::engine::{IngestProgress, IngestState};
use crate::index::BuildProgress;
use crate::parallels::CorpusProgress;

/// All bars of the process, so that log lines are written above them.
static BARS: std::sync::LazyLock<MultiProgress> = std::sync::LazyLock::new(MultiProgress::new);

/// Writes log lines to stderr above the progress bars.
#[derive(Debug, Default)]
pub(super) struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !io::stderr().is_terminal() {
            // There are no bars. Without their lock, a stderr that is not read cannot block other threads.
            return io::stderr().write(bytes);
        }
        BARS.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Shows the download of the model.
pub(super) struct ModelBar<'a> {
    bar: ProgressBar,
    on_status: &'a (dyn Fn(String) + Sync),
}

impl<'a> ModelBar<'a> {
    /// `on_status` receives the status as text.
    pub(super) fn new(on_status: &'a (dyn Fn(String) + Sync)) -> Self {
        Self {
            bar: BARS.add(ProgressBar::hidden()),
            on_status,
        }
    }
}

impl Drop for ModelBar<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl FetchProgress for ModelBar<'_> {
    fn source_started(&self, name: &str) {
        tracing::info!("downloading the model from {name}");
        (self.on_status)(format!("downloading the model from {name}"));
        let style = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}";
        self.bar
            .set_draw_target(indicatif::ProgressDrawTarget::stderr());
        self.bar.set_style(style_of(style));
        self.bar.set_message("model");
        self.bar.enable_steady_tick(Duration::from_millis(200));
    }

    fn bytes_received(&self, done: u64, total: Option<u64>) {
        if let Some(total) = total {
            self.bar.set_length(total);
        }
        self.bar.set_position(done);
    }

    fn source_failed(&self, name: &str, why: &str) {
        tracing::info!("model source {name} failed: {why}");
    }
}

/// Shows the indexing of a corpus.
pub(super) struct CorpusBar<'a> {
    bar: ProgressBar,
    on_status: &'a (dyn Fn(String) + Sync),
}

impl<'a> CorpusBar<'a> {
    /// `on_status` receives the status as text.
    pub(super) fn new(on_status: &'a (dyn Fn(String) + Sync)) -> Self {
        let bar = BARS.add(ProgressBar::new(0));
        bar.set_style(style_of("{msg} {wide_bar} {percent}% eta {eta}"));
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, on_status }
    }
}

impl Drop for CorpusBar<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl IngestProgress for CorpusBar<'_> {
    fn update(&self, state: &IngestState) {
        self.bar.set_length(state.total_bytes);
        self.bar.set_position(state.bytes);
        let message = format!("{} documents, {} tokens", state.documents, state.tokens);
        (self.on_status)(format!("reading the corpus: {message}"));
        self.bar.set_message(message);
    }
}

/// Parses a template of this file; an invalid one falls back to the default bar.
fn style_of(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Shows the comparison of a corpus.
pub(super) struct ComparisonBar(ProgressBar);

impl ComparisonBar {
    pub(super) fn new() -> Self {
        let bar = BARS.add(ProgressBar::new(0));
        bar.set_style(style_of("comparing {wide_bar} {percent}% eta {eta}  {msg}"));
        Self(bar)
    }

    pub(super) fn update(&self, progress: CorpusProgress) {
        self.0.set_length(progress.sources as u64);
        self.0.set_position(progress.done as u64);
        self.0.set_message(format!("{} parallels", progress.pairs));
    }
}

impl Drop for ComparisonBar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Shows the build of a graph.
pub(super) struct GraphBar(ProgressBar);

impl GraphBar {
    pub(super) fn new() -> Self {
        let bar = BARS.add(ProgressBar::new(0));
        bar.set_style(style_of(
            "building the graph {wide_bar} {percent}% eta {eta}",
        ));
        Self(bar)
    }
}

impl Drop for GraphBar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl BuildProgress for GraphBar {
    fn update(&self, done: usize, all: usize) {
        self.0.set_length(all as u64);
        self.0.set_position(done as u64);
    }
}

/// Shows steps of several kinds, one kind after the other.
pub(super) struct StepsBar(ProgressBar);

impl StepsBar {
    pub(super) fn new() -> Self {
        let bar = BARS.add(ProgressBar::new(0));
        bar.set_style(style_of("{msg} {wide_bar} {percent}% eta {eta}"));
        Self(bar)
    }

    /// Updates the bar for the steps of kind `what`.
    pub(super) fn update(&self, what: &str, done: usize, all: usize) {
        if self.0.message() != what {
            self.0.set_message(what.to_owned());
            self.0.reset();
        }
        self.0.set_length(all as u64);
        self.0.set_position(done as u64);
    }
}

impl Drop for StepsBar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
