//! The header of a TEI document.

use std::io::{self, Write};

use std::sync::Arc;

use crate::export::ExportProvenance;
use crate::export::escape::Escaped;
use crate::store::DocumentSummary;

/// The content of a header.
pub(super) struct TeiHeader<'a> {
    pub(super) title: &'a str,
    /// The unit of the content, and its number.
    pub(super) extent: (&'static str, usize),
    pub(super) provenance: &'a ExportProvenance,
    /// The cited documents.
    pub(super) bibliography: &'a [Arc<DocumentSummary>],
    pub(super) summary: &'a str,
    /// The provenance and counts, as names and values.
    pub(super) rows: &'a [(String, String)],
    /// The explanation of the measures.
    pub(super) interpretation: &'static str,
}

/// Writes the provenance and the documents.
pub(super) fn write(out: &mut impl Write, head: &TeiHeader<'_>) -> io::Result<()> {
    let (provenance, (unit, count)) = (head.provenance, head.extent);
    writeln!(
        out,
        r#"<?xml version="1.0" encoding="UTF-8"?>
<TEI xmlns="http://www.tei-c.org/ns/1.0">
<teiHeader>
<fileDesc>
<titleStmt><title>{}</title></titleStmt>
<extent><measure unit="{unit}" quantity="{count}">{count}</measure></extent>"#,
        Escaped(head.title)
    )?;
    write!(
        out,
        "<publicationStmt><p>Written by Antiphon {} (commit {}) from a corpus of {} documents",
        provenance.version, provenance.commit, provenance.source.documents
    )?;
    if let Some(changed) = &provenance.changed {
        let changed = Escaped(changed);
        write!(
            out,
            r#", last changed <date when="{changed}">{changed}</date>"#
        )?;
    }
    writeln!(out, ".</p></publicationStmt>\n<sourceDesc>")?;
    if head.bibliography.is_empty() {
        writeln!(out, "<p>No documents are cited.</p>")?;
    } else {
        writeln!(out, "<listBibl>")?;
        for (number, document) in (1..).zip(head.bibliography) {
            write_entry(out, number, document)?;
        }
        writeln!(out, "</listBibl>")?;
    }
    writeln!(
        out,
        "</sourceDesc>\n</fileDesc>\n<encodingDesc>\n<projectDesc>\n<p>{}</p>",
        Escaped(head.summary)
    )?;
    writeln!(out, "<p><list type=\"gloss\">")?;
    for (name, value) in head.rows {
        writeln!(
            out,
            "<label>{}</label><item>{}</item>",
            Escaped(name),
            Escaped(value)
        )?;
    }
    writeln!(
        out,
        r#"</list></p>
</projectDesc>
<editorialDecl>
<interpretation><p>{}</p></interpretation>
</editorialDecl>
<listPrefixDef>
<prefixDef ident="document" matchPattern="(.+)#char=([0-9]+),([0-9]+)" replacementPattern="/v1/documents/$1#char=$2,$3">
<p>A location in a document: its id, and a range of characters of its text as returned by the service, from the first inside to the first after it, counted as in RFC 5147.</p>
</prefixDef>
</listPrefixDef>
<appInfo>
<application ident="antiphon" version="{}"><label>Antiphon</label><desc>commit {}</desc></application>
</appInfo>
</encodingDesc>
</teiHeader>"#,
        head.interpretation, provenance.version, provenance.commit
    )
}

fn write_entry(out: &mut impl Write, number: usize, document: &DocumentSummary) -> io::Result<()> {
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
