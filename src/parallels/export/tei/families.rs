//! Families: a link for each, to all that its members say.

use std::io::{self, Write};

use super::Tei;
use super::header::TeiHeader;
use crate::parallels::FamilyTexts;
use crate::parallels::export::{ExportFamilies, FamiliesReport};

/// What the numbers mean.
const INTERPRETATION: &str = "A link holds a family: its targets are the members in order of date, those without one last, each of another document. Its type says whether they are whole passages or sentences; corresp points to the representative, the member that is most like the others. The degree of its certainty, mean_confidence, is how sure it is on average that two members say the same thing, least_confidence how sure it is of the two that are least alike; confidences are of each member and the representative, in the order of targets. The first targets, as many as first says, are of the earliest date.";

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
                let place = sentences.iter().position(|own| *own == range)?;
                Some(format!(".s{}", place + 1))
            });
            let target = format!("#p{passage}{}", sentence.unwrap_or_default());
            if member.is_representative {
                representative.clone_from(&target);
            }
            targets.push(target);
        }
        writeln!(
            self.links.0,
            r##"<link xml:id="f{link}" type="{}" target="{}" corresp="{representative}" ana="#f{link}.numbers"/>"##,
            family.matched_by(),
            targets.join(" ")
        )?;
        let out = &mut self.annotations.0;
        writeln!(
            out,
            r##"<certainty target="#f{link}" locus="value" degree="{:.4}"/>
<fs xml:id="f{link}.numbers" type="family">
<f name="members"><numeric value="{}"/></f>
<f name="first"><numeric value="{}"/></f>
<f name="mean_confidence"><numeric value="{:.4}"/></f>
<f name="least_confidence"><numeric value="{:.4}"/></f>
<f name="carrier"><symbol value="{}"/></f>"##,
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
