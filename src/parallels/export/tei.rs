//! TEI P5: passages as text, what links them beside it.
//!
//! The header says where the text comes from; each passage stands once in the body, sentence by
//! sentence, with its place in its document; `standOff` holds a link for each pair, links for its
//! sentences, and its numbers as a certainty and a feature structure. Links follow the texts that they
//! point to, so they wait in files without a name until the last passage is written.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::parallels::{Parallel, Side};
use crate::passages::TextRange;
use crate::store::{DocumentSummary, PassageRecord};

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
        header(&mut self.out, report)?;
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
        writeln!(
            self.links.0,
            r##"<link xml:id="l{link}" type="{}" target="#p{source} #p{target}" ana="#l{link}.numbers"/>"##,
            parallel.wording
        )?;
        annotate(&mut self.annotations.0, parallel, link, (source, target))
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

/// The numbers of a pair, and the links between its sentences.
fn annotate(
    out: &mut impl Write,
    parallel: &Parallel,
    link: usize,
    (source, target): (usize, usize),
) -> io::Result<()> {
    let pair = &parallel.pair;
    writeln!(
        out,
        r##"<certainty target="#l{link}" locus="value" degree="{:.4}"/>"##,
        pair.confidence
    )?;
    writeln!(out, r#"<fs xml:id="l{link}.numbers" type="parallel">"#)?;
    let sides = [("source", &parallel.source), ("target", &parallel.target)];
    let numeric = |name: &str, value: &dyn std::fmt::Display| {
        format!("<f name=\"{name}\"><numeric value=\"{value}\"/></f>\n")
    };
    let decimals = |value: f32| format!("{value:.4}");
    let mut features = String::new();
    for (name, value) in [
        ("confidence", pair.confidence),
        ("score", pair.score),
        ("words", pair.words),
        ("likeness", pair.likeness),
        ("phrase", parallel.phrase),
    ] {
        features += &numeric(name, &decimals(value));
    }
    if let Some(percentile) = parallel.percentile {
        features += &numeric("percentile", &format_args!("{percentile:.4}"));
    }
    if let Some(margin) = parallel.margin {
        features += &numeric("margin", &decimals(margin));
    }
    for (name, side) in sides {
        features += &numeric(&format!("{name}_documents"), &side.common.documents);
        features += &numeric(&format!("{name}_speakers"), &side.common.speakers);
    }
    writeln!(
        out,
        "{features}<f name=\"wording\"><symbol value=\"{}\"/></f>\n<f name=\"formula\"><binary value=\"{}\"/></f>\n</fs>",
        parallel.wording, parallel.formula
    )?;
    sentences(out, parallel, link, (source, target))
}

fn sentences(
    out: &mut impl Write,
    parallel: &Parallel,
    link: usize,
    (source, target): (usize, usize),
) -> io::Result<()> {
    let place = |passage: &PassageRecord, range: TextRange| {
        let place = passage.sentences.iter().position(|own| *own == range);
        place.map(|place| place + 1)
    };
    let (a, b) = (&parallel.source.passage, &parallel.target.passage);
    let pairs: Vec<_> = parallel
        .sentences
        .iter()
        .filter_map(|pair| Some((place(a, pair.source)?, place(b, pair.target)?, pair)))
        .collect();
    if pairs.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        r##"<linkGrp type="sentences" targFunc="source target" corresp="#l{link}">"##
    )?;
    for (place, (own, theirs, pair)) in (1..).zip(&pairs) {
        writeln!(
            out,
            r##"<link xml:id="l{link}.s{place}" type="{}" target="#p{source}.s{own} #p{target}.s{theirs}"/>"##,
            pair.wording
        )?;
    }
    writeln!(out, "</linkGrp>")?;
    for (place, (.., pair)) in (1..).zip(&pairs) {
        writeln!(
            out,
            r##"<certainty target="#l{link}.s{place}" locus="value" degree="{:.4}"/>"##,
            pair.confidence
        )?;
    }
    Ok(())
}

fn header(out: &mut impl Write, report: &Report) -> io::Result<()> {
    let (origin, found) = (&report.origin, report.counts.found);
    writeln!(
        out,
        r#"<?xml version="1.0" encoding="UTF-8"?>
<TEI xmlns="http://www.tei-c.org/ns/1.0">
<teiHeader>
<fileDesc>
<titleStmt><title>{}</title></titleStmt>
<extent><measure unit="pairs" quantity="{found}">{found}</measure></extent>"#,
        Escaped(&report.title())
    )?;
    write!(
        out,
        "<publicationStmt><p>Written by Antiphon {} (commit {}) from a corpus of {} documents",
        origin.version, origin.commit, origin.documents
    )?;
    if let Some(changed) = &origin.changed {
        let changed = Escaped(changed);
        write!(
            out,
            r#", last changed <date when="{changed}">{changed}</date>"#
        )?;
    }
    writeln!(out, ".</p></publicationStmt>\n<sourceDesc>")?;
    if report.bibliography.is_empty() {
        writeln!(out, "<p>Of no document anything is shown.</p>")?;
    } else {
        writeln!(out, "<listBibl>")?;
        for (number, document) in (1..).zip(&report.bibliography) {
            entry(out, number, document)?;
        }
        writeln!(out, "</listBibl>")?;
    }
    writeln!(
        out,
        "</sourceDesc>\n</fileDesc>\n<encodingDesc>\n<projectDesc>\n<p>{}</p>",
        Escaped(&report.summary())
    )?;
    writeln!(out, "<p><list type=\"gloss\">")?;
    for (name, value) in report.rows() {
        writeln!(
            out,
            "<label>{}</label><item>{}</item>",
            Escaped(&name),
            Escaped(&value)
        )?;
    }
    writeln!(
        out,
        r#"</list></p>
</projectDesc>
<listPrefixDef>
<prefixDef ident="document" matchPattern="(.+)#char=([0-9]+),([0-9]+)" replacementPattern="/v1/documents/$1#char=$2,$3">
<p>A place in a document: its id, and a range of the characters of its text as the service answers it, the first inside and the first after, as RFC 5147 counts them.</p>
</prefixDef>
</listPrefixDef>
<appInfo>
<application ident="antiphon" version="{}"><label>Antiphon</label><desc>commit {}</desc></application>
</appInfo>
</encodingDesc>
</teiHeader>"#,
        origin.version, origin.commit
    )
}

fn entry(out: &mut impl Write, number: usize, document: &DocumentSummary) -> io::Result<()> {
    let id = document.id.as_str();
    let metadata = &document.metadata;
    write!(
        out,
        r#"<bibl xml:id="d{number}"><idno type="document">{}</idno>"#,
        Escaped(id)
    )?;
    for (element, kind, value) in [
        ("title", "", &metadata.title),
        ("author", "", &metadata.speaker),
        ("country", "", &metadata.country),
        ("meeting", "", &metadata.venue),
        ("note", r#" type="language""#, &metadata.language),
        ("note", r#" type="source""#, &metadata.source),
    ] {
        if let Some(value) = value {
            write!(out, "<{element}{kind}>{}</{element}>", Escaped(value))?;
        }
    }
    if let Some(date) = metadata.date {
        write!(out, r#"<date when="{date}">{date}</date>"#)?;
    }
    writeln!(
        out,
        r#"<idno type="sha256">{}</idno></bibl>"#,
        document.content_hash
    )
}
