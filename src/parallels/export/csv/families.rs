//! A row a member of a family.

use std::borrow::Cow;
use std::io::{self, Write};

use super::{Csv, PASSAGE, number, passage, text, truth};
use crate::parallels::FamilyTexts;
use crate::parallels::export::{ExportFamilies, FamiliesReport};
use crate::passages::TextRange;

/// Columns of the family, which all its members repeat, and of the member's place in it.
const FAMILY: [&str; 11] = [
    "family",
    "members",
    "mean_confidence",
    "least_confidence",
    "representative",
    "first",
    "confidence",
    "carrier",
    "sentence_start",
    "sentence_end",
    "sentence",
];

impl<W: Write> ExportFamilies for Csv<W> {
    fn begin(&mut self, report: &FamiliesReport) -> io::Result<()> {
        let columns = FAMILY.iter().chain(&PASSAGE);
        let columns: Vec<String> = columns.map(|name| (*name).to_owned()).collect();
        self.head(report.rows(), &columns)
    }

    fn family(&mut self, texts: &FamilyTexts) -> io::Result<()> {
        self.written += 1;
        let (place, family) = (self.written, &texts.family);
        for member in &texts.members {
            let sentence = member.sentence.map(|range| member.passage.slice(range));
            let place_of = |end: fn(TextRange) -> usize| {
                let place = member.sentence.map(|range| end(range).to_string());
                Cow::Owned(place.unwrap_or_default())
            };
            let own = [
                Cow::Owned(place.to_string()),
                Cow::Owned(texts.members.len().to_string()),
                number(family.mean),
                number(family.least),
                truth(member.represents),
                truth(member.first),
                number(member.confidence),
                Cow::Borrowed(family.carrier()),
                place_of(|sentence| sentence.start),
                place_of(|sentence| sentence.end),
                sentence.map_or(Cow::Borrowed(""), text),
            ];
            let cells = passage(&member.passage, &member.document);
            self.row(own.into_iter().chain(cells))?;
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}
