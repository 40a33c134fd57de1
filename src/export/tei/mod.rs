//! Export as TEI P5: passages as text, with stand-off links.
//!
//! The header contains the provenance. Each passage occurs once in the body, sentence by sentence, with
//! its location in its document. `standOff` contains a link for each pair, links for its sentences,
//! spans for its shared words, and its measures as a certainty and a feature structure. If sentences
//! match, the link of the pair points to theirs. Links follow the texts that they point to, so they are
//! buffered in temporary files until the last passage is written.

mod families;
mod header;
mod standoff;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::parallels::Parallel;
use crate::passages::TextRange;
use crate::store::PassageRecord;

use super::escape::Escaped;
use super::{Export, ParallelsReport};

use self::header::TeiHeader;

/// The explanation of the measures in the header.
const INTERPRETATION: &str = "A pair is matched by its whole passages or by one sentence of each: see the feature matched_by. The matched text determines the certainty (degree), the kind of text reuse (type of the link), and the features confidence, score, lexical_overlap, combined_similarity, percentile, margin and formula; source_documents and target_documents count the other documents that restate it, source_speakers and target_speakers their known speakers. passage_score is the cosine of the whole passages in either case, alignment_score the local alignment score of the whole passages. Where sentences match, corresp of the link points to the link of these sentences, whose subtype is matched.";

/// Characters that are percent-encoded in a path.
const PATH_ESCAPES: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Writes a TEI document.
pub struct Tei<W> {
    out: W,
    /// A sentence on what was found.
    summary: String,
    /// Numbers of the documents, by id.
    documents: HashMap<String, usize>,
    /// Numbers of the written passages, by id.
    passages: HashMap<String, usize>,
    links: DeferredSection,
    annotations: DeferredSection,
    written: usize,
}

/// A section that is written after the texts.
struct DeferredSection(BufWriter<File>);

impl DeferredSection {
    fn new() -> io::Result<Self> {
        Ok(Self(BufWriter::new(tempfile::tempfile()?)))
    }

    fn append_to(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.0.flush()?;
        let file = self.0.get_mut();
        file.rewind()?;
        io::copy(file, out)?;
        Ok(())
    }
}

impl<W: Write> Tei<W> {
    /// Creates an export that writes to `out`.
    ///
    /// # Errors
    ///
    /// If no temporary file can be created.
    pub fn new(out: W) -> io::Result<Self> {
        Ok(Self {
            out,
            summary: String::new(),
            documents: HashMap::new(),
            passages: HashMap::new(),
            links: DeferredSection::new()?,
            annotations: DeferredSection::new()?,
            written: 0,
        })
    }

    /// Writes the header, and what precedes the first passage.
    fn write_head(&mut self, head: &TeiHeader<'_>) -> io::Result<()> {
        let ids = head.bibliography.iter().map(|document| &document.id);
        self.documents = ids.zip(1..).map(|(id, n)| (id.to_string(), n)).collect();
        header::write(&mut self.out, head)?;
        writeln!(self.out, "<text>\n<body>\n<div type=\"passages\">")?;
        head.summary.clone_into(&mut self.summary);
        Ok(())
    }

    /// Writes what follows the last passage; `group` holds the attributes of the group of links.
    fn write_tail(&mut self, group: &str) -> io::Result<()> {
        if self.passages.is_empty() {
            // The schema requires some content.
            writeln!(self.out, "<p>{}</p>", Escaped(&self.summary))?;
        }
        writeln!(self.out, "</div>\n</body>\n</text>")?;
        if !self.passages.is_empty() {
            writeln!(self.out, "<standOff>\n<linkGrp {group}>")?;
            self.links.append_to(&mut self.out)?;
            writeln!(self.out, "</linkGrp>")?;
            self.annotations.append_to(&mut self.out)?;
            writeln!(self.out, "</standOff>")?;
        }
        writeln!(self.out, "</TEI>")
    }

    /// Writes a passage unless it has been written, and returns its number.
    fn write_passage(&mut self, passage: &PassageRecord) -> io::Result<usize> {
        let id = passage.id();
        let next = self.passages.len() + 1;
        let number = *self.passages.entry(id.clone()).or_insert(next);
        if number < next {
            return Ok(number);
        }
        let document = passage.document.as_str();
        write!(
            self.out,
            r#"<ab type="passage" xml:id="p{number}" n="{}""#,
            Escaped(&id)
        )?;
        if let Some(document) = self.documents.get(document) {
            write!(self.out, r##" corresp="#d{document}""##)?;
        }
        write!(
            self.out,
            r#" source="document:{}#char={},{}" xml:space="preserve">"#,
            utf8_percent_encode(document, PATH_ESCAPES),
            passage.range.start,
            passage.range.end
        )?;
        let mut at = passage.range.start;
        for (index, sentence) in passage.sentences.iter().enumerate() {
            let before = TextRange {
                start: at,
                end: sentence.start,
            };
            write!(
                self.out,
                r#"{}<s xml:id="p{number}.s{}">{}</s>"#,
                Escaped(passage.slice(before)),
                index + 1,
                Escaped(passage.slice(*sentence))
            )?;
            at = sentence.end;
        }
        let tail = TextRange {
            start: at,
            end: passage.range.end,
        };
        writeln!(self.out, "{}</ab>", Escaped(passage.slice(tail)))?;
        Ok(number)
    }
}

impl<W: Write> Export for Tei<W> {
    fn begin(&mut self, report: &ParallelsReport) -> io::Result<()> {
        let head = TeiHeader {
            title: &report.title(),
            extent: ("pairs", report.counts.found),
            provenance: &report.provenance,
            bibliography: &report.bibliography,
            summary: &report.summary(),
            rows: &report.rows(),
            interpretation: INTERPRETATION,
        };
        self.write_head(&head)?;
        // It is not a parallel, but its texts show how far apart the closest pair is.
        if let Some(closest) = &report.closest {
            self.parallel(closest)?;
            self.written = 0;
        }
        Ok(())
    }

    fn parallel(&mut self, parallel: &Parallel) -> io::Result<()> {
        self.written += 1;
        let link = self.written;
        let source = self.write_passage(&parallel.source.passage)?;
        let target = self.write_passage(&parallel.target.passage)?;
        let matched = parallel.matched_sentence_pair();
        let corresp = matched.map_or_else(String::new, |_| format!(r##" corresp="#l{link}.s1""##));
        writeln!(
            self.links.0,
            r##"<link xml:id="l{link}" type="{}" target="#p{source} #p{target}"{corresp} ana="#l{link}.measures"/>"##,
            parallel.text_reuse
        )?;
        standoff::write(&mut self.annotations.0, parallel, link, (source, target))
    }

    fn end(&mut self) -> io::Result<()> {
        let kind = if self.written > 0 {
            "parallels"
        } else {
            "closest"
        };
        self.write_tail(&format!(r#"type="{kind}" targFunc="source target""#))
    }
}
