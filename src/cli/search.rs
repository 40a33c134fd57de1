//! `antiphon search`.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use anyhow::Context;
use clap::Args;

use crate::archive::{Archive, ArchiveError, SearchCall};
use crate::config::{DEFAULT_CORPUS, DEFAULT_DATA_DIR, Settings};
use crate::encoder::Encoder;
use crate::engine::{Engine, IngestOptions};
use crate::search::{CacheMode, DEFAULT_LIMIT, Filter, Hit, Mode, Query, QueryParams, SearchPage};
use crate::store::StoreError;
use crate::wire::SearchResponse;

use super::block_on::block_on;
use super::{open, output};

const WRAP_COLUMNS: usize = 96;

/// Arguments of `antiphon search`.
#[derive(Debug, Args)]
pub(super) struct SearchArgs {
    /// Query: words, a sentence, up to a paragraph
    query: String,
    /// Number of hits, 1 to 1,000
    #[arg(long, short = 'n', default_value_t = DEFAULT_LIMIT)]
    limit: usize,
    /// Number of hits to skip
    #[arg(long, default_value_t = 0)]
    offset: usize,
    /// Search mode
    #[arg(long, value_enum, default_value_t = Mode::Hybrid)]
    mode: Mode,
    /// Filter as JSON, e.g. `{"country": "FRA"}`
    #[arg(long, value_name = "JSON")]
    filter: Option<String>,
    /// Only documents of this speaker; may be repeated
    #[arg(long)]
    speaker: Vec<String>,
    /// Only documents of this country; may be repeated
    #[arg(long)]
    country: Vec<String>,
    /// Only documents of this date: 2015, 2015-10, 2015..2016-06; may be repeated
    #[arg(long)]
    date: Vec<String>,
    /// Print the result as JSON, in the HTTP API's format
    #[arg(long)]
    json: bool,
}

impl SearchArgs {
    fn call(&self) -> anyhow::Result<SearchCall> {
        let mut filters = Vec::new();
        if let Some(filter) = &self.filter {
            let filter = serde_json::from_str(filter).context("--filter is not JSON")?;
            filters.push(Filter::parse(&filter)?);
        }
        let fields = [
            ("speaker", &self.speaker),
            ("country", &self.country),
            ("date", &self.date),
        ];
        for (name, values) in fields.into_iter().filter(|(_, values)| !values.is_empty()) {
            filters.push(Filter::from_url_values(name, values)?);
        }
        let params = QueryParams {
            text: Some(self.query.clone()),
            limit: self.limit,
            offset: self.offset,
            mode: self.mode,
            filter: Filter::All(filters),
            exact: true,
            ..QueryParams::default()
        };
        // Reported before the model is loaded; the archive validates them again.
        Query::new(params.clone())?;
        Ok(SearchCall {
            params,
            cursor: None,
            cache_mode: CacheMode::Bypass,
        })
    }
}

/// Searches the store; if there is none, the corpus is indexed first.
pub(super) fn run(settings: &Settings, arguments: &SearchArgs) -> anyhow::Result<()> {
    let call = arguments.call()?;
    let encoder = open::encoder(settings, &open::no_status)?;
    let archive = open_archive(settings, encoder)?;
    let start = Instant::now();
    let page = block_on(archive.search(call, None, |page, _| Ok(page)))?;
    if arguments.json {
        return output::print_json(&SearchResponse::new(page, Duration::ZERO, start)?);
    }
    print(&page)
}

/// Opens the store for searches: a new one with the corpus if there is none, an older one after its
/// migration.
fn open_archive(settings: &Settings, encoder: Arc<dyn Encoder>) -> anyhow::Result<Archive> {
    let index = settings.engine_options().index;
    match Archive::open_for_search(&settings.data_dir, index, Arc::clone(&encoder)) {
        Err(ArchiveError::Store(StoreError::NoCorpus { .. })) if may_create_store(settings) => {
            create_store(settings, Arc::clone(&encoder))?;
        }
        Err(ArchiveError::Store(StoreError::Outdated { .. })) => {
            // Opening it for writing migrates it.
            Engine::open(
                &settings.data_dir,
                Arc::clone(&encoder),
                settings.engine_options(),
            )?;
        }
        opened => return Ok(opened?),
    }
    Ok(Archive::open_for_search(
        &settings.data_dir,
        index,
        encoder,
    )?)
}

/// Returns whether an absent store may be created. A data directory that was set explicitly and does
/// not exist is probably misspelt.
fn may_create_store(settings: &Settings) -> bool {
    let defaults = settings.data_dir == Path::new(DEFAULT_DATA_DIR);
    settings.corpus.is_some() || (defaults && Path::new(DEFAULT_CORPUS).exists())
}

/// Indexes the corpus into a new store.
fn create_store(settings: &Settings, encoder: Arc<dyn Encoder>) -> anyhow::Result<()> {
    let engine = Engine::open(&settings.data_dir, encoder, settings.engine_options())?;
    if let Some(path) = open::corpus_path(settings, &engine)? {
        let options = IngestOptions {
            keep_boilerplate: settings.keep_boilerplate,
            prune: false,
        };
        open::ingest(
            &engine,
            &open::corpus(settings, &[path])?,
            options,
            &open::no_status,
        )?;
    }
    Ok(())
}

fn print(page: &SearchPage) -> anyhow::Result<()> {
    let (results, passages) = (&page.results, page.provenance.passages);
    let mut out = anstream::stdout().lock();
    if results.hits.is_empty() {
        let message = match (passages, results.filtered_count) {
            (0, _) => "The store is empty; index a corpus with `antiphon index PATH`.",
            (_, Some(0)) => "No passage matches the filter.",
            _ => "No results.",
        };
        writeln!(out, "{message}")?;
    }
    for hit in &results.hits {
        print_hit(hit, &mut out)?;
    }
    out.flush()?;
    Ok(())
}

fn print_hit(hit: &Hit, out: &mut impl Write) -> anyhow::Result<()> {
    let (strong, dim) = (Style::new().bold(), Style::new().dimmed());
    let name = AnsiColor::Cyan.on_default();
    writeln!(
        out,
        "{strong}{:>3}{strong:#}  {:.3}  {name}{}{name:#}  {dim}{}{}{dim:#}",
        hit.rank,
        hit.score,
        hit.passage.id(),
        output::byline(&hit.document),
        output::place(hit.passage.place),
    )?;
    let evidence = hit.sentence.as_ref().map(|s| s.text.as_str());
    for line in hit.passage.text.lines() {
        // The best sentence is highlighted if it is within one line of the passage.
        let marked = evidence.and_then(|sentence| line.split_once(sentence).map(|s| (sentence, s)));
        let plain = output::wrap(line, WRAP_COLUMNS);
        match marked {
            Some((sentence, _)) => {
                for wrapped in highlight(&plain, sentence, strong) {
                    writeln!(out, "     {wrapped}")?;
                }
            }
            None => {
                for wrapped in plain {
                    writeln!(out, "     {wrapped}")?;
                }
            }
        }
    }
    writeln!(out)?;
    Ok(())
}

/// Applies `style` to `sentence` in the wrapped lines of a text that contains it.
fn highlight(lines: &[String], sentence: &str, style: Style) -> Vec<String> {
    // Wrapping replaces each blank by one line end, so offsets in the joined text are valid.
    let joined = lines.join(" ");
    let Some(start) = joined.find(sentence) else {
        return lines.to_vec();
    };
    let end = start + sentence.len();
    let mut position = 0;
    lines
        .iter()
        .map(|line| {
            let from = start.saturating_sub(position).min(line.len());
            let to = end.saturating_sub(position).min(line.len());
            position += line.len() + 1;
            match (line.get(..from), line.get(from..to), line.get(to..)) {
                (Some(before), Some(inside), Some(after)) if !inside.is_empty() => {
                    format!("{before}{style}{inside}{style:#}{after}")
                }
                _ => line.clone(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_sentence_is_highlighted_across_wrapped_lines() {
        let lines = output::wrap("First one. Second goes on here. Third.", 20);
        let marked = highlight(&lines, "Second goes on here.", Style::new().bold());
        let bold = Style::new().bold();
        assert_eq!(
            marked,
            [
                format!("First one. {bold}Second{bold:#}"),
                format!("{bold}goes on here.{bold:#} Third.")
            ]
        );
    }
}
