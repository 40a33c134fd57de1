//! The parts that every page has around its articles.

use std::io::{self, Write};

use crate::export::escape::Escaped;

/// The style sheet of the page.
const STYLE: &str = include_str!("page.css");

/// Forbids the page to load anything, whatever a text contains.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// The head of a page.
pub(super) struct PageHead<'a> {
    pub(super) title: &'a str,
    pub(super) summary: &'a str,
    /// Links to the sections of the page, as markup.
    pub(super) links: &'a str,
    /// The provenance and counts, as names and values.
    pub(super) rows: &'a [(String, String)],
    /// Version of the program.
    pub(super) version: &'a str,
}

impl PageHead<'_> {
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let (title, summary) = (Escaped(self.title), Escaped(self.summary));
        writeln!(
            out,
            r##"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="{CONTENT_SECURITY_POLICY}"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="generator" content="Antiphon {}"/>
<title>{title}</title>
<style>
{STYLE}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p class="lead">{summary}</p>
<nav>{} <a href="#glossary">Glossary of measures</a></nav>
<section id="provenance">
<h2>Provenance</h2>
<dl class="rows">"##,
            self.version, self.links
        )?;
        // The title is the heading already.
        for (name, value) in self.rows.iter().filter(|(name, _)| name != "title") {
            writeln!(
                out,
                "<div><dt>{}</dt><dd>{}</dd></div>",
                Escaped(&name.replace('_', " ")),
                Escaped(value)
            )?;
        }
        writeln!(out, "</dl>\n</section>")
    }
}

/// Writes the glossary of measures, and the end of the page.
pub(super) fn write_end(out: &mut impl Write, glossary: &[(&str, &str)]) -> io::Result<()> {
    writeln!(
        out,
        "<section id=\"glossary\">\n<h2>Glossary of measures</h2>\n<dl>"
    )?;
    for (name, meaning) in glossary {
        writeln!(out, "<dt>{name}</dt><dd>{meaning}</dd>")?;
    }
    writeln!(out, "</dl>\n</section>\n</main>\n</body>\n</html>")
}
