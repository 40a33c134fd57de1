//! What every page has around its articles.

use std::io::{self, Write};

use crate::parallels::export::escape::Escaped;

/// How the page looks.
const STYLE: &str = include_str!("page.css");

/// Nothing may be fetched, whatever a text holds.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// What stands at the head of a page.
pub(super) struct PageHead<'a> {
    pub(super) title: &'a str,
    pub(super) summary: &'a str,
    /// Links to the parts of the page, as markup.
    pub(super) links: &'a str,
    /// Where all of it comes from, by names.
    pub(super) rows: &'a [(String, String)],
    /// The program's version.
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
<nav>{} <a href="#numbers">What the numbers mean</a></nav>
<section id="provenance">
<h2>Where this comes from</h2>
<dl class="rows">"##,
            self.version, self.links
        )?;
        // The title stands above.
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

/// What the numbers mean, and the end of the page.
pub(super) fn write_end(out: &mut impl Write, numbers: &[(&str, &str)]) -> io::Result<()> {
    writeln!(
        out,
        "<section id=\"numbers\">\n<h2>What the numbers mean</h2>\n<dl>"
    )?;
    for (name, meaning) in numbers {
        writeln!(out, "<dt>{name}</dt><dd>{meaning}</dd>")?;
    }
    writeln!(out, "</dl>\n</section>\n</main>\n</body>\n</html>")
}
