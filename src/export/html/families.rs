//! Families, each with its representative and all its members.

use std::io::{self, Write};

use super::page::{self, PageHead};
use super::{Html, pluralized, text, write_heading};
use crate::export::escape::Escaped;
use crate::export::{ExportFamilies, FamiliesReport};
use crate::parallels::{Family, FamilyTexts, MemberText};
use crate::passages::TextRange;
use crate::search::document_date;

/// Maximum number of listed values of a field.
const MAX_LISTED_VALUES: usize = 20;

/// The glossary.
const GLOSSARY: [(&str, &str); 4] = [
    (
        "member",
        "A whole passage, or one sentence of a passage, which is then framed. The members of a family come from different documents and restate one statement; they are either all passages or all sentences.",
    ),
    (
        "confidence",
        "Estimated probability, from 0 to 1, that two members say the same thing, calibrated on labelled pairs. A member's confidence is with respect to the representative.",
    ),
    (
        "representative",
        "The member most similar to all others. It is shown first; the members follow in order of date, undated ones last.",
    ),
    (
        "first",
        "The members with the earliest known date; dates may be reduced to month or year.",
    ),
];

impl<W: Write> ExportFamilies for Html<W> {
    fn begin(&mut self, report: &FamiliesReport) -> io::Result<()> {
        let head = PageHead {
            title: &report.title(),
            summary: &report.summary(),
            links: r##"<a href="#families">Families</a>"##,
            rows: &report.rows(),
            version: report.provenance.version,
        };
        head.write(&mut self.out)?;
        let name = if report.found > 0 {
            "Families"
        } else {
            "No families"
        };
        writeln!(self.out, "<section id=\"families\">\n<h2>{name}</h2>")
    }

    fn family(&mut self, texts: &FamilyTexts) -> io::Result<()> {
        self.written += 1;
        let (out, number) = (&mut self.out, self.written);
        let family = &texts.family;
        writeln!(
            out,
            r##"<article id="family-{number}">
<h3><a href="#family-{number}">{number}</a> <span class="confidence">{}</span> <span class="kind">{}, mean confidence {:.2}, minimum {:.2}</span></h3>"##,
            pluralized(texts.members.len(), "document"),
            family.matched_by(),
            family.mean_confidence,
            family.min_confidence,
        )?;
        write_value_counts(out, family)?;
        if let Some(representative) = texts.representative() {
            writeln!(out, r#"<section class="side">"#)?;
            write_heading(out, &representative.document)?;
            write_quote(out, representative)?;
            writeln!(out, "</section>")?;
        }
        writeln!(
            out,
            r#"<table class="members">
<thead><tr><th scope="col">date</th><th scope="col">passage</th><th scope="col">confidence</th><th scope="col">text</th></tr></thead>
<tbody>"#
        )?;
        for member in &texts.members {
            write_member_row(out, member)?;
        }
        writeln!(out, "</tbody>\n</table>\n</article>")
    }

    fn end(&mut self) -> io::Result<()> {
        writeln!(self.out, "</section>")?;
        page::write_end(&mut self.out, &GLOSSARY)
    }
}

/// Writes the years and the values of fields, with the number of members that have them.
fn write_value_counts(out: &mut impl Write, family: &Family) -> io::Result<()> {
    let years = family.years.iter();
    let years = years.map(|(year, members)| (format!("{year:04}"), *members));
    write_value_list(out, "years", &years.collect::<Vec<_>>())?;
    for counts in &family.value_counts {
        write_value_list(out, &counts.field, &counts.values)?;
    }
    Ok(())
}

fn write_value_list(
    out: &mut impl Write,
    name: &str,
    values: &[(String, usize)],
) -> io::Result<()> {
    if values.is_empty() {
        return Ok(());
    }
    let listed = values.iter().take(MAX_LISTED_VALUES);
    let listed = listed.map(|(value, members)| match members {
        1 => value.clone(),
        members => format!("{value} ({members})"),
    });
    let text = listed.collect::<Vec<_>>().join(", ");
    let others = match values.len().saturating_sub(MAX_LISTED_VALUES) {
        0 => String::new(),
        others => format!(" and {}", pluralized(others, "other")),
    };
    writeln!(
        out,
        "<p class=\"measures\" dir=\"auto\">{}: {}{others}</p>",
        Escaped(name),
        Escaped(&text)
    )
}

fn write_quote(out: &mut impl Write, member: &MemberText) -> io::Result<()> {
    let language = text::lang_attribute(member.document.metadata.language.as_deref());
    write!(out, r#"<blockquote dir="auto"{language}>"#)?;
    let passage = &member.passage;
    let part = |start, end| Escaped(passage.slice(TextRange { start, end }));
    match member.sentence {
        None => write!(out, "{}", Escaped(&passage.text))?,
        Some(TextRange { start, end }) => write!(
            out,
            r#"{}<span class="matched">{}</span>{}"#,
            part(passage.range.start, start),
            part(start, end),
            part(end, passage.range.end)
        )?,
    }
    writeln!(out, "</blockquote>")
}

fn write_member_row(out: &mut impl Write, member: &MemberText) -> io::Result<()> {
    let date = document_date(&member.document).map(|date| date.to_string());
    let first = member.is_first.then(|| "first".to_owned());
    let date: Vec<String> = [date, first].into_iter().flatten().collect();
    write!(
        out,
        r#"<tr><th scope="row">{}</th><td>{}"#,
        date.join(", "),
        Escaped(&member.passage.id())
    )?;
    if let Some(speaker) = &member.document.metadata.speaker {
        write!(out, r#"<div dir="auto">{}</div>"#, Escaped(speaker))?;
    }
    write!(out, "</td><td>{:.2}</td><td>", member.confidence)?;
    if member.is_representative {
        writeln!(out, "representative</td></tr>")
    } else {
        write_quote(out, member)?;
        writeln!(out, "</td></tr>")
    }
}
