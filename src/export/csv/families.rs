//! One row per member of a family.

use std::borrow::Cow;
use std::io::{self, Write};

use super::{Csv, PASSAGE_COLUMNS, bool_cell, number_cell, passage_cells, text_cell};
use crate::export::{ExportFamilies, FamiliesReport};
use crate::parallels::FamilyTexts;
use crate::passages::TextRange;

/// Columns of the family, repeated for all its members, and of the member.
const FAMILY_COLUMNS: [&str; 11] = [
    "family",
    "members",
    "mean_confidence",
    "least_confidence",
    "representative",
    "first",
    "confidence",
    "matched_by",
    "sentence_start",
    "sentence_end",
    "sentence",
];

impl<W: Write> ExportFamilies for Csv<W> {
    fn begin(&mut self, report: &FamiliesReport) -> io::Result<()> {
        let columns = FAMILY_COLUMNS.iter().chain(&PASSAGE_COLUMNS);
        let columns: Vec<String> = columns.map(|name| (*name).to_owned()).collect();
        self.write_header(report.rows(), &columns)
    }

    fn family(&mut self, texts: &FamilyTexts) -> io::Result<()> {
        self.written += 1;
        let (number, family) = (self.written, &texts.family);
        for member in &texts.members {
            let sentence = member.sentence.map(|range| member.passage.slice(range));
            let position_cell = |end: fn(TextRange) -> usize| {
                let position = member.sentence.map(|range| end(range).to_string());
                Cow::Owned(position.unwrap_or_default())
            };
            let family_cells = [
                Cow::Owned(number.to_string()),
                Cow::Owned(texts.members.len().to_string()),
                number_cell(family.mean_confidence),
                number_cell(family.min_confidence),
                bool_cell(member.is_representative),
                bool_cell(member.is_first),
                number_cell(member.confidence),
                Cow::Borrowed(family.matched_by()),
                position_cell(|sentence| sentence.start),
                position_cell(|sentence| sentence.end),
                sentence.map_or(Cow::Borrowed(""), text_cell),
            ];
            let passage_cells = passage_cells(&member.passage, &member.document);
            self.write_row(family_cells.into_iter().chain(passage_cells))?;
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}
