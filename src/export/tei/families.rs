//! Families: one link each, to all members.

use std::io::{self, Write};

use super::Tei;
use super::header::TeiHeader;
use crate::export::{ExportFamilies, FamiliesReport};
use crate::parallels::FamilyTexts;

/// The explanation of the measures in the header.
const INTERPRETATION: &str = "A link represents a family: its targets are the members in order of date, undated ones last, each from a different document. Its type says whether the members are whole passages or sentences; corresp points to the representative, the member most similar to all others. The degree of its certainty, mean_confidence, is the mean confidence over all pairs of members, least_confidence the lowest; confidences lists each member's confidence with respect to the representative, in the order of targets. The first n targets, n being the value of first, share the earliest date.";

impl<W: Write> ExportFamilies for Tei<W> {
    fn begin(&mut self, report: &FamiliesReport) -> io::Result<()> {
        let head = TeiHeader {
            title: &report.title(),
            extent: ("families", report.found),
            provenance: &report.provenance,
            bibliography: &report.bibliography,
            summary: &report.summary(),
            rows: &report.rows(),
            interpretation: INTERPRETATION,
        };
        self.write_head(&head)
    }

    fn family(&mut self, texts: &FamilyTexts) -> io::Result<()> {
        self.written += 1;
        let (link, family) = (self.written, &texts.family);
        let (mut targets, mut representative) = (Vec::new(), String::new());
        for member in &texts.members {
            let passage = self.write_passage(&member.passage)?;
            let sentences = &member.passage.sentences;
            let sentence = member.sentence.and_then(|range| {
                let index = sentences.iter().position(|sentence| *sentence == range)?;
                Some(format!(".s{}", index + 1))
            });
            let target = format!("#p{passage}{}", sentence.unwrap_or_default());
            if member.is_representative {
                representative.clone_from(&target);
            }
            targets.push(target);
        }
        writeln!(
            self.links.0,
            r##"<link xml:id="f{link}" type="{}" target="{}" corresp="{representative}" ana="#f{link}.measures"/>"##,
            family.matched_by(),
            targets.join(" ")
        )?;
        let out = &mut self.annotations.0;
        writeln!(
            out,
            r##"<certainty target="#f{link}" locus="value" degree="{:.4}"/>
<fs xml:id="f{link}.measures" type="family">
<f name="members"><numeric value="{}"/></f>
<f name="first"><numeric value="{}"/></f>
<f name="mean_confidence"><numeric value="{:.4}"/></f>
<f name="least_confidence"><numeric value="{:.4}"/></f>
<f name="matched_by"><symbol value="{}"/></f>"##,
            family.mean_confidence,
            texts.members.len(),
            family.first_count,
            family.mean_confidence,
            family.min_confidence,
            family.matched_by()
        )?;
        write!(out, r#"<f name="confidences"><vColl org="list">"#)?;
        for member in &texts.members {
            write!(out, r#"<numeric value="{:.4}"/>"#, member.confidence)?;
        }
        writeln!(out, "</vColl></f>\n</fs>")
    }

    fn end(&mut self) -> io::Result<()> {
        self.write_tail(r#"type="families""#)
    }
}
