//! The queries: sentences of the corpus, or the lines of a file.

use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::json;

use crate::store::{StoreError, View};

use super::super::rng::Lcg;

/// Maximum number of sentences read from a data directory.
const MAX_SENTENCES: usize = 10_000;

/// Reads the non-blank lines of a file.
pub(super) fn from_file(path: &Path) -> anyhow::Result<Vec<String>> {
    let name = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines: Vec<String> = lines.map(str::to_owned).collect();
    ensure!(
        !lines.is_empty(),
        "{name} contains no queries; expected one per line"
    );
    Ok(lines)
}

/// Reads one sentence each of up to [`MAX_SENTENCES`] passages, spread over the whole store and
/// shuffled in the same way in every run.
pub(super) fn from_store(data_dir: &Path) -> anyhow::Result<Vec<String>> {
    let view = View::open(data_dir).map_err(|error| match error {
        StoreError::NoCorpus { .. } => anyhow::anyhow!(
            "{} contains no corpus to take queries from; set --data-dir to the server's data directory or pass --queries FILE",
            data_dir.display()
        ),
        error => error.into(),
    })?;
    let entries = view.manifest()?.passages;
    let step = (entries.len() / MAX_SENTENCES).max(1);
    let keys: Vec<_> = entries
        .iter()
        .step_by(step)
        .map(|entry| entry.key)
        .collect();
    let mut queries = Vec::new();
    for (index, hit) in view.hit_records(&keys)?.into_iter().enumerate() {
        let passage = hit.passage;
        let sentences: Vec<String> = passage
            .sentences
            .iter()
            .map(|range| {
                let start = range.start.saturating_sub(passage.range.start);
                let length = range.end.saturating_sub(range.start);
                passage.text.chars().skip(start).take(length).collect()
            })
            .collect();
        let chosen = index % sentences.len().max(1);
        queries.extend(sentences.into_iter().nth(chosen));
    }
    ensure!(
        !queries.is_empty(),
        "{} contains no sentences; pass --queries FILE",
        data_dir.display()
    );
    Lcg::new().shuffle(&mut queries);
    Ok(queries)
}

/// Returns the request body of each query.
pub(super) fn request_bodies(queries: &[String], limit: usize) -> Vec<String> {
    let body = |query: &String| json!({"query": query, "limit": limit}).to_string();
    queries.iter().map(body).collect()
}
