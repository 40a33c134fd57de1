//! `antiphon search`.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use anyhow::Context;
use clap::{Args, ValueEnum};

use crate::config::{DEFAULT_CORPUS, DEFAULT_DATA_DIR, Settings};
use crate::encoder::Encoder;
use crate::engine::{Engine, IngestOptions, Snapshot};
use crate::search::{
    self, CacheMode, DEFAULT_LIMIT, Filter, Hit, Mode, Query, QueryEncoder, QueryParams,
    SearchResults,
};
use crate::server::search_response;
use crate::store::{StoreError, View};

use super::{open, output};

const WRAP_COLUMNS: usize = 96;

/// What to look for.
#[derive(Debug, Args)]
pub(super) struct SearchArgs {
    /// Words, a sentence, up to a paragraph
    query: String,
    /// Most hits, 1 to 1,000
    #[arg(long, short = 'n', default_value_t = DEFAULT_LIMIT)]
    limit: usize,
    /// Hits to leave out before the first
    #[arg(long, default_value_t = 0)]
    offset: usize,
    /// By meaning, by words, or by both
    #[arg(long, value_enum, default_value_t = ModeArg::Semantic)]
    mode: ModeArg,
    /// Which documents may be found, as JSON, e.g. `{"country": "FRA"}`
    #[arg(long, value_name = "JSON")]
    filter: Option<String>,
    /// Only documents of this speaker; may be given several times
    #[arg(long)]
    speaker: Vec<String>,
    /// Only documents of this country; may be given several times
    #[arg(long)]
    country: Vec<String>,
    /// Only documents of this date: 2015, 2015-10, 2015..2016-06; may be given several times
    #[arg(long)]
    date: Vec<String>,
    /// Print the answer as JSON, as the HTTP service gives it
    #[arg(long)]
    json: bool,
}

/// How to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ModeArg {
    /// The passages that mean it
    Semantic,
    /// The passages that hold the words: "several words" stand together, begin* stands for endings
    Keyword,
    /// The ranks of both, fused
    Hybrid,
}

impl SearchArgs {
    fn query(&self) -> anyhow::Result<Query> {
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
        let parts = QueryParams {
            text: Some(self.query.clone()),
            limit: self.limit,
            offset: self.offset,
            mode: match self.mode {
                ModeArg::Semantic => Mode::Semantic,
                ModeArg::Keyword => Mode::Keyword,
                ModeArg::Hybrid => Mode::Hybrid,
            },
            filter: Filter::All(filters),
            ..QueryParams::default()
        };
        Ok(Query::new(parts)?)
    }
}

/// Searches what is stored; where nothing is yet, the corpus is read first.
pub(super) fn run(settings: &Settings, arguments: &SearchArgs) -> anyhow::Result<()> {
    let query = arguments.query()?;
    let encoder = open::encoder(settings, &open::no_status)?;
    let view = match View::open(&settings.data_dir) {
        Err(StoreError::NoCorpus { .. }) if may_create_store(settings) => {
            create_store(settings, encoder.clone())?;
            View::open(&settings.data_dir)?
        }
        Err(StoreError::Outdated { .. }) => {
            // Whoever opens it for writing brings it up to date.
            Engine::open(
                &settings.data_dir,
                encoder.clone(),
                settings.engine_options(),
            )?;
            View::open(&settings.data_dir)?
        }
        other => other?,
    };
    view.check_encoder(encoder.fingerprint())?;
    // One query does not repay a graph.
    let snapshot = Snapshot::new_exact(view)?;
    let start = Instant::now();
    let encoder = QueryEncoder::new(encoder);
    let answer = search::search(&snapshot, &encoder, &query, CacheMode::Bypass)?;
    if arguments.json {
        let response = search_response(&snapshot, &query, answer, Duration::ZERO, start)?;
        return output::print_json(&response);
    }
    print(&answer, snapshot.info().passages)
}

/// Whether an absent store is to be filled: a data directory that was named and is not there is
/// more likely misspelt.
fn may_create_store(settings: &Settings) -> bool {
    let defaults = settings.data_dir == Path::new(DEFAULT_DATA_DIR);
    settings.corpus.is_some() || (defaults && Path::new(DEFAULT_CORPUS).exists())
}

/// Reads the corpus into a new store.
fn create_store(settings: &Settings, encoder: Arc<dyn Encoder>) -> anyhow::Result<()> {
    let engine = Engine::open(&settings.data_dir, encoder, settings.engine_options())?;
    if let Some(path) = open::corpus_path(settings, &engine)? {
        let options = IngestOptions {
            keep_boilerplate: settings.keep_boilerplate,
            prune: false,
        };
        open::ingest(&engine, &open::corpus(&[path])?, options, &open::no_status)?;
    }
    Ok(())
}

fn print(answer: &SearchResults, passages: usize) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    if answer.hits.is_empty() {
        let why = match (passages, answer.filtered_count) {
            (0, _) => "Nothing is stored yet; `antiphon index PATH` reads a corpus.",
            (_, Some(0)) => "The filter lets no passage through.",
            _ => "No passage was found.",
        };
        writeln!(out, "{why}")?;
    }
    for hit in &answer.hits {
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
        "{strong}{:>3}{strong:#}  {:.3}  {name}{}{name:#}  {dim}{}{dim:#}",
        hit.rank,
        hit.score,
        hit.passage.id(),
        output::byline(&hit.document),
    )?;
    let evidence = hit.sentence.as_ref().map(|s| s.text.as_str());
    for line in hit.passage.text.lines() {
        // The sentence that answers stands out where it lies within one line of the passage.
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

/// Sets `sentence` in `style` in lines that were wrapped from a text that holds it.
fn highlight(lines: &[String], sentence: &str, style: Style) -> Vec<String> {
    // Wrapping turned blanks into line ends one for one, so positions in the joined text hold.
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
    fn the_answering_sentence_is_marked_across_wrapped_lines() {
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
