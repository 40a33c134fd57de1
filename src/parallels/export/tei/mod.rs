//! TEI P5: passages as text, what links them beside it.
//!
//! The header says where the text comes from; each passage stands once in the body, sentence by
//! sentence, with its place in its document; `standOff` holds a link for each pair, links for its
//! sentences, spans for its shared words, and its numbers as a certainty and a feature structure. Where
//! sentences carry a pair, its link leads to theirs. Links follow the texts that they point to, so they
//! wait in files without a name until the last passage is written.

mod beside;
mod header;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::parallels::{Parallel, Side};
use crate::passages::TextRange;

use super::escape::Escaped;
use super::{Export, Report};

/// All that a path of a URI would rather not hold.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Writes a TEI document.
pub struct Tei<W> {
    out: W,
    /// Numbers of documents, by their ids.
    documents: HashMap<String, usize>,
    /// Numbers of passages that are written, by their ids.
    passages: HashMap<String, usize>,
    links: Later,
    annotations: Later,
    written: usize,
}

/// What comes after the texts.
struct Later(BufWriter<File>);

impl Later {
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
            documents: HashMap::new(),
            passages: HashMap::new(),
            links: Later::new()?,
            annotations: Later::new()?,
            written: 0,
        })
    }

    /// Writes a passage, if that has not been done, and gives its number.
    fn passage(&mut self, side: &Side) -> io::Result<usize> {
        let passage = &side.passage;
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
            utf8_percent_encode(document, ESCAPED),
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
    fn begin(&mut self, report: &Report) -> io::Result<()> {
        let bibliography = report.bibliography.iter().map(|document| &document.id);
        let numbers = bibliography.zip(1..);
        self.documents = numbers.map(|(id, n)| (id.to_string(), n)).collect();
        header::write(&mut self.out, report)?;
        writeln!(self.out, "<text>\n<body>\n<div type=\"passages\">")?;
        match &report.closest {
            // It is no parallel, but its texts show how far apart they are.
            Some(closest) => {
                self.parallel(closest)?;
                self.written = 0;
            }
            None if report.counts.found == 0 => {
                writeln!(self.out, "<p>{}</p>", Escaped(&report.summary()))?;
            }
            None => {}
        }
        Ok(())
    }

    fn parallel(&mut self, parallel: &Parallel) -> io::Result<()> {
        self.written += 1;
        let link = self.written;
        let source = self.passage(&parallel.source)?;
        let target = self.passage(&parallel.target)?;
        let carrying = parallel.carrying();
        let carrying =
            carrying.map_or_else(String::new, |_| format!(r##" corresp="#l{link}.s1""##));
        writeln!(
            self.links.0,
            r##"<link xml:id="l{link}" type="{}" target="#p{source} #p{target}"{carrying} ana="#l{link}.numbers"/>"##,
            parallel.wording
        )?;
        beside::write(&mut self.annotations.0, parallel, link, (source, target))
    }

    fn end(&mut self) -> io::Result<()> {
        writeln!(self.out, "</div>\n</body>\n</text>")?;
        if !self.passages.is_empty() {
            let kind = if self.written > 0 {
                "parallels"
            } else {
                "closest"
            };
            writeln!(self.out, "<standOff>")?;
            writeln!(
                self.out,
                r#"<linkGrp type="{kind}" targFunc="source target">"#
            )?;
            self.links.append_to(&mut self.out)?;
            writeln!(self.out, "</linkGrp>")?;
            self.annotations.append_to(&mut self.out)?;
            writeln!(self.out, "</standOff>")?;
        }
        writeln!(self.out, "</TEI>")
    }
}
