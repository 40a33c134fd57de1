//! TEI P5: passages as text, what links them beside it.
//!
//! The header says where the text comes from; each passage stands once in the body, sentence by
//! sentence, with its place in its document; `standOff` holds a link for each pair, links for its
//! sentences, spans for its shared words, and its numbers as a certainty and a feature structure. Where
//! sentences carry a pair, its link leads to theirs. Links follow the texts that they point to, so they
//! wait in files without a name until the last passage is written.

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

/// Whose the numbers of a pair are.
const INTERPRETATION: &str = "A pair is carried by its whole passages, or by a sentence of each: the feature carrier says which. What carries it has the degree of its certainty, its wording (the type of its link), and the features confidence, score, words, likeness, percentile, margin and formula; it is what is said, or nearly so, in so many other documents (source_documents, target_documents) and by so many of their known speakers. passage_score is the cosine of the whole passages, whatever carries them, and phrase the weight of the longest wording that they have in common. Where sentences carry a pair, corresp of its link points to the link of these sentences, whose subtype is carrier.";

/// All that a path of a URI would rather not hold.
const PATH_ESCAPES: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Writes a TEI document.
pub struct Tei<W> {
    out: W,
    /// What was found, in a sentence.
    summary: String,
    /// Numbers of documents, by their ids.
    documents: HashMap<String, usize>,
    /// Numbers of passages that are written, by their ids.
    passages: HashMap<String, usize>,
    links: DeferredSection,
    annotations: DeferredSection,
    written: usize,
}

/// What comes after the texts.
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
    /// Writes to this.
    ///
    /// # Errors
    ///
    /// If there is no room for a temporary file.
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

    /// Writes the header, and what stands before the first passage.
    fn write_head(&mut self, head: &TeiHeader<'_>) -> io::Result<()> {
        let ids = head.bibliography.iter().map(|document| &document.id);
        self.documents = ids.zip(1..).map(|(id, n)| (id.to_string(), n)).collect();
        header::write(&mut self.out, head)?;
        writeln!(self.out, "<text>\n<body>\n<div type=\"passages\">")?;
        head.summary.clone_into(&mut self.summary);
        Ok(())
    }

    /// Writes what follows the last passage; the group of links has these attributes.
    fn write_tail(&mut self, group: &str) -> io::Result<()> {
        if self.passages.is_empty() {
            // There has to be something.
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

    /// Writes a passage, if that has not been done, and gives its number.
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
        for (place, sentence) in passage.sentences.iter().enumerate() {
            let before = TextRange {
                start: at,
                end: sentence.start,
            };
            write!(
                self.out,
                r#"{}<s xml:id="p{number}.s{}">{}</s>"#,
                Escaped(passage.slice(before)),
                place + 1,
                Escaped(passage.slice(*sentence))
            )?;
            at = sentence.end;
        }
        let rest = TextRange {
            start: at,
            end: passage.range.end,
        };
        writeln!(self.out, "{}</ab>", Escaped(passage.slice(rest)))?;
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
        // It is no parallel, but its texts show how far apart they are.
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
        let carrying = parallel.matched_sentence_pair();
        let carrying =
            carrying.map_or_else(String::new, |_| format!(r##" corresp="#l{link}.s1""##));
        writeln!(
            self.links.0,
            r##"<link xml:id="l{link}" type="{}" target="#p{source} #p{target}"{carrying} ana="#l{link}.numbers"/>"##,
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
