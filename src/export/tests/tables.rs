//! Export as CSV.

use std::collections::BTreeMap;

use super::export_all;
use crate::export::ExportFormat;
use crate::export::escape::clean;
use crate::export::fixtures::parallels;

/// Restores a text as the documentation describes.
pub(super) fn unescape_cell(cell: &str) -> String {
    let unprefixed = cell.trim_start_matches('\'');
    let is_prefixed = unprefixed.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let cell = if is_prefixed { &cell[1..] } else { cell };
    cell.to_owned()
}

/// Parses the rows of a table, by column name.
pub(super) fn parse_rows(table: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::ReaderBuilder::new()
        .comment(Some(b'#'))
        .from_reader(table.as_bytes());
    reader
        .deserialize()
        .map(|row| row.expect("a row"))
        .collect()
}

#[test]
fn a_table_is_read_back() {
    let table = export_all(ExportFormat::Csv);
    assert!(table.starts_with("\u{feff}# title,\"Parallels of a corpus\"\r\n"));
    assert!(table.contains("\r\n# target,\"'=two lines\"\r\n"));
    assert!(
        table.contains(",\"007\","),
        "a text that looks like a number"
    );
    let rows = parse_rows(&table);
    let parallels = parallels();
    assert_eq!(rows.len(), parallels.len());
    for (row, parallel) in rows.iter().zip(&parallels) {
        for (name, side) in [("source", &parallel.source), ("target", &parallel.target)] {
            let cell = |column: &str| row[&format!("{name}_{column}")].clone();
            let (passage, metadata) = (&side.passage, &side.document.metadata);
            assert_eq!(unescape_cell(&cell("text")), clean(&passage.text));
            assert_eq!(unescape_cell(&cell("id")), passage.id());
            let title = metadata.title.as_deref().unwrap_or("");
            assert_eq!(unescape_cell(&cell("title")), clean(title));
            let speaker = metadata.speaker.as_deref().unwrap_or("");
            assert_eq!(unescape_cell(&cell("speaker")), clean(speaker));
            assert_eq!(cell("country"), "007");
            assert_eq!(cell("date"), metadata.date.expect("a date").to_string());
            assert_eq!(cell("start"), passage.range.start.to_string());
            assert_eq!(cell("end"), passage.range.end.to_string());
            assert_eq!(cell("documents"), side.prevalence.documents.to_string());
        }
        let passage_score = format!("{:.4}", parallel.passage_score);
        for (name, value) in [
            ("confidence", "0.8125"),
            ("matched_by", parallel.pair.matched_by.name()),
            ("score", "-0.1250"),
            ("passage_score", &passage_score),
            ("margin", ""),
            ("percentile", "99.9999"),
            ("text_reuse", "paraphrase"),
            ("formula", "true"),
        ] {
            assert_eq!(row[name], value);
        }
        let sentences: serde_json::Value = serde_json::from_str(&row["sentences"]).expect("JSON");
        let first = parallel.source.passage.slice(parallel.sentences[0].source);
        assert_eq!(sentences[0]["source"], *clean(first));
        assert_eq!(unescape_cell(&row["source_sentence"]), clean(first));
        assert_eq!(
            sentences.as_array().map(Vec::len),
            Some(parallel.sentences.len())
        );
    }
    let numeric = ["score", "passage_score"];
    for (name, cell) in rows.iter().flatten() {
        let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
        assert!(
            !formula || numeric.contains(&name.as_str()),
            "{name}: {cell}"
        );
    }
}
