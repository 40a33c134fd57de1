//! What is asked: the corpus's own sentences, or the lines of a file.

use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::json;

use crate::store::{StoreError, View};

use super::super::rng::Lcg;

/// Most sentences taken from a data directory.
const MAX_SENTENCES: usize = 10_000;

/// The lines of a file that are not blank.
pub(super) fn from_file(path: &Path) -> anyhow::Result<Vec<String>> {
    let name = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("{name} cannot be read"))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines: Vec<String> = lines.map(str::to_owned).collect();
    ensure!(
        !lines.is_empty(),
        "{name} holds no queries; expected one a line"
    );
    Ok(lines)
}

/// One sentence of each passage, of as many as are wanted, spread over the whole store and in an
/// order that is mixed but the same in every run.
pub(super) fn from_store(data_dir: &Path) -> anyhow::Result<Vec<String>> {
    let view = View::open(data_dir).map_err(|error| match error {
        StoreError::NoCorpus { .. } => anyhow::anyhow!(
            "{} holds no corpus to take queries from; name the server's data directory with --data-dir, or give --queries FILE",
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
        let one = index % sentences.len().max(1);
        queries.extend(sentences.into_iter().nth(one));
    }
    ensure!(
        !queries.is_empty(),
        "{} holds no sentences; give --queries FILE",
        data_dir.display()
    );
    Lcg::new().shuffle(&mut queries);
    Ok(queries)
}

/// Each query as the body of a request.
pub(super) fn request_bodies(queries: &[String], limit: usize) -> Vec<String> {
    let body = |query: &String| json!({"query": query, "limit": limit}).to_string();
    queries.iter().map(body).collect()
}
