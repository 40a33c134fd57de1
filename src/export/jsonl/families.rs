//! Export of families as JSON lines.

use std::io::{self, Write};

use serde::Serialize;

use super::{FileLine, Jsonl, write_line};
use crate::export::{ExportFamilies, FamiliesReport};
use crate::parallels::FamilyTexts;
use crate::wire::{FamilyDto, FilteredCountsDto};

/// The content of the last line.
#[derive(Debug, Serialize)]
struct FamiliesEnd {
    found: usize,
    /// Clusters with fewer than the minimum number of members.
    small: usize,
    /// Families of sentences removed because their passages are all in one family of passages.
    nested: usize,
    /// Number of clustered pairs.
    pairs: usize,
    filtered_counts: FilteredCountsDto,
    /// Documents excluded because they have no date.
    undated: usize,
    /// Number of compared passages.
    passages: usize,
    complete: bool,
}

impl<W: Write> ExportFamilies for Jsonl<W> {
    fn begin(&mut self, report: &FamiliesReport) -> io::Result<()> {
        let end = FamiliesEnd {
            found: report.found,
            small: report.small,
            nested: report.nested,
            pairs: report.pairs,
            filtered_counts: report.filtered_counts.into(),
            undated: report.undated,
            passages: report.compared_passages,
            complete: true,
        };
        self.write_begin(report.title(), &report.provenance, end)
    }

    fn family(&mut self, texts: &FamilyTexts) -> io::Result<()> {
        let family = FamilyDto::from_texts(texts.clone()).map_err(io::Error::other)?;
        write_line(&mut self.out, &FileLine::<FamiliesEnd>::Family(&family))
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.write_all(&self.end_line)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value};

    use super::*;
    use crate::export::fixtures::{families, families_report};

    #[test]
    fn families_are_read_back() {
        let (families, mut bytes) = (families(), Vec::new());
        let export: &mut dyn ExportFamilies = &mut Jsonl::new(&mut bytes);
        export.begin(&families_report(families.len())).unwrap();
        for texts in &families {
            export.family(texts).unwrap();
        }
        export.end().unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let lines: Vec<Map<String, Value>> = lines.collect();
        assert_eq!(lines.len(), families.len() + 2);
        assert_eq!(lines[0]["begin"]["title"], "Families of a corpus");
        assert_eq!(lines[0]["begin"]["provenance"]["model"], "a/model");
        for (line, texts) in lines[1..].iter().zip(&families) {
            let read = line["family"]["members"].as_array().unwrap();
            assert_eq!(read.len(), texts.members.len());
            for (read, member) in read.iter().zip(&texts.members) {
                assert_eq!(read["passage"], member.passage.id());
                assert_eq!(read["text"], member.passage.text);
                let is_first = line["family"]["first"].as_array().unwrap();
                assert_eq!(is_first.contains(&read["passage"]), member.is_first);
            }
            let representative = texts.representative().unwrap();
            let read = &line["family"]["representative"];
            assert_eq!(read["passage"], representative.passage.id());
        }
        let end = &lines.last().unwrap()["end"];
        assert_eq!(end["found"], families.len());
        assert_eq!((&end["small"], &end["passages"]), (&6.into(), &77.into()));
    }
}
