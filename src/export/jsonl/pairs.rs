//! Export of parallels as JSON lines.

use std::io::{self, Write};

use serde::Serialize;

use super::{Jsonl, write_line};
use crate::export::{ComparedCount, Export, ParallelsReport};
use crate::parallels::{FilteredCounts, Parallel};
use crate::wire::{FilteredCountsDto, PairDto, StreamLine};

/// The content of the last line.
#[derive(Debug, Serialize)]
struct PairsEnd {
    found: usize,
    filtered_counts: FilteredCountsDto,
    /// Pairs superseded by higher-ranked pairs of the same passages.
    superseded: usize,
    /// Documents excluded because they have no date.
    undated: usize,
    /// For two documents: compared pairs of passages.
    #[serde(skip_serializing_if = "Option::is_none")]
    compared: Option<usize>,
    /// For a corpus: compared passages.
    #[serde(skip_serializing_if = "Option::is_none")]
    passages: Option<usize>,
    /// If no pair was found, the one with the highest confidence.
    closest: Option<PairDto>,
    complete: bool,
}

impl<W: Write> Export for Jsonl<W> {
    fn begin(&mut self, report: &ParallelsReport) -> io::Result<()> {
        self.write_begin(
            report.title(),
            &report.provenance,
            PairsEnd::from_report(report),
        )
    }

    fn parallel(&mut self, parallel: &Parallel) -> io::Result<()> {
        let parallel = Box::new(parallel.clone().into());
        write_line(&mut self.out, &StreamLine::Parallel(parallel))
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.write_all(&self.end_line)
    }
}

impl PairsEnd {
    fn from_report(report: &ParallelsReport) -> Self {
        let counts = &report.counts;
        let (compared, passages) = match counts.compared {
            ComparedCount::Pairs(pairs) => (Some(pairs), None),
            ComparedCount::Passages(passages) => (None, Some(passages)),
        };
        Self {
            found: counts.found,
            filtered_counts: FilteredCountsDto::from(FilteredCounts {
                low_confidence: counts.low_confidence,
                low_margin: counts.low_margin,
                formulas: counts.formulas,
            }),
            superseded: counts.superseded,
            undated: counts.undated,
            compared,
            passages,
            closest: report.closest.as_ref().map(PairDto::from),
            complete: counts.limit.is_none_or(|limit| counts.found < limit),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value};

    use super::*;
    use crate::export::ReportSubject;
    use crate::export::fixtures::{parallels, report};
    use crate::parallels::Side;
    use crate::passages::TextRange;

    /// Returns the lines by their keys.
    fn export_lines(report: &ParallelsReport, parallels: &[Parallel]) -> Vec<(String, Value)> {
        let mut bytes = Vec::new();
        let mut export = Jsonl::new(&mut bytes);
        export.begin(report).unwrap();
        for parallel in parallels {
            export.parallel(parallel).unwrap();
        }
        export.end().unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.ends_with('\n'));
        let line = |line: &str| {
            let line: Map<String, Value> = serde_json::from_str(line).unwrap();
            assert_eq!(line.len(), 1);
            line.into_iter().next().unwrap()
        };
        text.split_terminator('\n').map(line).collect()
    }

    fn check_side(read: &Value, side: &Side) {
        let passage = &side.passage;
        assert_eq!(read["passage"], passage.id());
        assert_eq!(read["text"], passage.text);
        assert_eq!(read["start"], passage.range.start);
        assert_eq!(read["end"], passage.range.end);
        assert_eq!(read["prevalence"]["documents"], side.prevalence.documents);
        let metadata = &side.document.metadata;
        assert_eq!(read["document"]["title"], metadata.title.clone().unwrap());
        assert_eq!(
            read["document"]["speaker"],
            Value::from(metadata.speaker.clone())
        );
        let range = |range: &TextRange| serde_json::json!({"start": range.start, "end": range.end});
        let shared: Vec<Value> = side.shared.iter().map(range).collect();
        assert_eq!(read["shared"], Value::Array(shared));
    }

    #[test]
    fn lines_are_read_back() {
        let parallels = parallels();
        let report = report(parallels.len(), ReportSubject::Corpus);
        let lines = export_lines(&report, &parallels);
        assert_eq!(lines, export_lines(&report, &parallels), "deterministic");
        assert_eq!(lines.len(), parallels.len() + 2);
        let (kind, begin) = &lines[0];
        assert_eq!(kind, "begin");
        assert_eq!(begin["asked"]["target"], "=two\nlines");
        assert_eq!(begin["corpus_changed"], "2026-01-02T03:04:05Z");
        assert_eq!(begin["provenance"]["snapshot"], "s");
        for ((kind, read), parallel) in lines[1..].iter().zip(&parallels) {
            assert_eq!(kind, "parallel");
            check_side(&read["source"], &parallel.source);
            check_side(&read["target"], &parallel.target);
            assert_eq!(read["matched_by"], parallel.pair.matched_by.name());
            assert_eq!(read["score"], -0.125);
            assert_eq!(read["passage_score"], parallel.passage_score);
            assert_eq!(read["margin"], Value::Null);
            let sentences = read["sentences"].as_array().unwrap();
            assert_eq!(sentences.len(), parallel.sentences.len());
            for (read, pair) in sentences.iter().zip(&parallel.sentences) {
                let text = parallel.target.passage.slice(pair.target);
                assert_eq!(read["target"]["text"], text);
            }
        }
        let (kind, end) = lines.last().unwrap();
        assert_eq!(kind, "end");
        assert_eq!((&end["found"], &end["passages"]), (&5.into(), &77.into()));
        assert_eq!(end["filtered_counts"]["low_margin"], 2);
        assert_eq!(
            (&end["superseded"], &end["undated"]),
            (&4.into(), &5.into())
        );
        assert_eq!(end["complete"], true);
        assert_eq!(end["closest"], Value::Null);
    }

    #[test]
    fn without_parallels_the_closest_pair_is_reported() {
        let report = report(0, ReportSubject::Corpus);
        let lines = export_lines(&report, &[]);
        assert_eq!(lines.len(), 2);
        let end = &lines[1].1;
        assert_eq!((&end["found"], &end["passages"]), (&0.into(), &77.into()));
        assert_eq!(end["closest"]["source"], "x:y&z#p1");
        assert_eq!(end["closest"]["confidence"], 0.8125);
        assert_eq!(end["closest"]["matched_by"], "passages");
    }
}
