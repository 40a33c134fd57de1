//! What stands before the texts.

use std::io::{self, Write};

use crate::parallels::export::Report;
use crate::parallels::export::escape::Escaped;
use crate::store::DocumentSummary;

/// Whose the numbers are.
const NUMBERS: &str = "A pair is carried by its whole passages, or by a sentence of each: the feature carrier says which. What carries it has the degree of its certainty, its wording (the type of its link), and the features confidence, score, words, likeness, percentile, margin and formula; it is what is said, or nearly so, in so many other documents (source_documents, target_documents) and by so many of their known speakers. passage_score is the cosine of the whole passages, whatever carries them, and phrase the weight of the longest wording that they have in common. Where sentences carry a pair, corresp of its link points to the link of these sentences, whose subtype is carrier.";

/// Writes where the texts come from, and their documents.
pub(super) fn write(out: &mut impl Write, report: &Report) -> io::Result<()> {
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
<editorialDecl>
<interpretation><p>{NUMBERS}</p></interpretation>
</editorialDecl>
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
