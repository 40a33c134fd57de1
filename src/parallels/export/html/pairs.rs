//! Pairs side by side.

use std::collections::HashMap;
use std::io::{self, Write};

use super::page::{self, Head};
use super::{Html, counted, heading, text};
use crate::parallels::export::escape::Escaped;
use crate::parallels::export::{Export, Report, Subject};
use crate::parallels::{Carrier, Parallel, Side};
use crate::store::DocumentRecord;

/// What the numbers mean, in the order in which they stand beside a pair.
const NUMBERS: [(&str, &str); 10] = [
    (
        "carrier",
        "What says the same thing: the whole passages, or a sentence of each, whichever is surer. Sentences that carry a pair are framed. All numbers are of what carries the pair; but the cosine of the passages and the phrase are always of the whole passages, and each numbered line below a pair is of its own sentences.",
    ),
    (
        "confidence",
        "How sure it is that what carries the pair says the same thing on both sides, from 0 to 1. It is an estimate, made from likeness; how, was fitted on labelled pairs.",
    ),
    (
        "wording",
        "How near the words are. Verbatim: nine tenths of them are the same, in the same order. Close: at least half of them. Paraphrase: the same thing in other words.",
    ),
    (
        "cosine",
        "How near the meanings are as the language model sees them: 1 for the same, about 0 for what has nothing in common.",
    ),
    (
        "words in common",
        "How many of the words that tell something are in both, from 0 to 1. A word that is in every passage tells nothing.",
    ),
    (
        "likeness",
        "Cosine and words in common together. Confidence is made of it.",
    ),
    (
        "margin",
        "How far the likeness stands out from what is usual around both passages, or around both sentences: 1 is no more than usual. It is unknown where there is nothing around to compare with.",
    ),
    (
        "percentile",
        "Of 100 pairs of passages, or of sentences, drawn at random from the corpus, how many are less alike by cosine.",
    ),
    (
        "phrase",
        "Weight of the longest wording that both passages have in the same order, gaps taking from it; a rare word counts up to 1.",
    ),
    (
        "formula",
        "What carries the pair, or nearly the same, is said in so many documents that it says little about these: thanks, greetings, courtesies.",
    ),
];

impl<W: Write> Export for Html<W> {
    fn begin(&mut self, report: &Report) -> io::Result<()> {
        if let Subject::Documents(both) = &report.subject {
            self.documents = Some(both.clone());
        }
        let pairs = r##"<a href="#pairs">Pairs</a>"##;
        let both = r##"<a href="#pairs">Pairs</a> <a href="#speeches">Both in full</a>"##;
        let head = Head {
            title: &report.title(),
            summary: &report.summary(),
            links: if self.documents.is_some() {
                both
            } else {
                pairs
            },
            rows: &report.rows(),
            version: report.origin.version,
        };
        head.write(&mut self.out)?;
        overview(&mut self.out, report)?;
        writeln!(self.out, r#"<section id="pairs">"#)?;
        if report.counts.found > 0 {
            writeln!(
                self.out,
                "<h2>Pairs</h2>\n<p class=\"key\">Sentences with the same number and colour answer each other; those that are <span class=\"carries\">framed</span> carry their pair: its numbers are theirs. <mark>Words</mark> that are underlined are in both passages.</p>"
            )?;
        } else {
            writeln!(
                self.out,
                "<h2>No pairs</h2>\n<p>{}</p>",
                Escaped(&report.summary())
            )?;
        }
        if let Some(closest) = &report.closest {
            let said = report.closest_said().unwrap_or_default();
            writeln!(self.out, "<p>{}</p>", Escaped(&said))?;
            article(&mut self.out, closest, "closest", "The closest")?;
        }
        Ok(())
    }

    fn parallel(&mut self, parallel: &Parallel) -> io::Result<()> {
        self.written += 1;
        let number = self.written;
        if self.documents.is_some() {
            for side in [&parallel.source, &parallel.target] {
                let pairs = self.pairs.entry(side.passage.id()).or_default();
                pairs.push(number);
            }
        }
        let (id, name) = (format!("pair-{number}"), number.to_string());
        article(&mut self.out, parallel, &id, &name)
    }

    fn end(&mut self) -> io::Result<()> {
        writeln!(self.out, "</section>")?;
        if let Some(both) = &self.documents {
            speeches(&mut self.out, both, &self.pairs)?;
        }
        page::end(&mut self.out, &NUMBERS)
    }
}

/// A pair with its numbers, both sides, and the sentences that carry it.
fn article(out: &mut impl Write, parallel: &Parallel, id: &str, name: &str) -> io::Result<()> {
    let formula = if parallel.formula { ", formula" } else { "" };
    writeln!(
        out,
        r##"<article id="{id}">
<h3><a href="#{id}">{name}</a> <span class="sure">confidence {:.2}</span> <span class="kind">{}{formula}, carried by {}</span></h3>"##,
        parallel.pair.confidence,
        parallel.wording,
        parallel.pair.carrier.said()
    )?;
    numbers(out, parallel)?;
    writeln!(out, r#"<div class="sides">"#)?;
    side(out, parallel, id, true)?;
    side(out, parallel, id, false)?;
    writeln!(out, "</div>")?;
    if !parallel.sentences.is_empty() {
        writeln!(out, r#"<ul class="evidence">"#)?;
        for (number, sentence) in (1..).zip(&parallel.sentences) {
            let carries = parallel.carrying() == Some(sentence);
            let carries = if carries { ", carries the pair" } else { "" };
            writeln!(
                out,
                r#"<li>Sentence <span class="n s{number}">{number}</span> confidence {:.2}, cosine {:.3}, {}{carries}</li>"#,
                sentence.confidence, sentence.score, sentence.wording
            )?;
        }
        writeln!(out, "</ul>")?;
    }
    writeln!(out, "</article>")
}

/// The numbers of what carries the pair, then those of the whole passages.
fn numbers(out: &mut impl Write, parallel: &Parallel) -> io::Result<()> {
    let pair = &parallel.pair;
    let passages = match pair.carrier {
        Carrier::Passages => String::new(),
        Carrier::Sentences { .. } => format!("cosine {:.3} · ", parallel.passage_score),
    };
    writeln!(
        out,
        r#"<p class="numbers">Of {}: cosine {:.3} · words in common {:.2} · likeness {:.3} · margin {} · percentile {}; of both passages: {passages}phrase {:.1}</p>"#,
        pair.carrier.said(),
        pair.score,
        pair.words,
        pair.likeness,
        known(parallel.margin.map(|margin| format!("{margin:.2}"))),
        known(parallel.percentile.map(|percent| format!("{percent:.4}"))),
        parallel.phrase
    )
}

fn known(value: Option<String>) -> String {
    value.unwrap_or_else(|| "unknown".to_owned())
}

/// How sure the pairs are, as bars.
fn overview(out: &mut impl Write, report: &Report) -> io::Result<()> {
    let most = report.confidences.iter().max().copied().unwrap_or(0);
    if most == 0 {
        return Ok(());
    }
    writeln!(
        out,
        r#"<section id="overview">
<h2>How sure they are</h2>
<table>
<thead><tr><th scope="col">confidence</th><th scope="col">pairs</th><td></td></tr></thead>
<tbody>"#
    )?;
    let bars = report.confidences.iter().enumerate();
    for (place, pairs) in bars.skip_while(|(_, pairs)| **pairs == 0) {
        let width = pairs * 100 / most;
        let bar = if *pairs == 0 {
            String::new()
        } else {
            format!(r#"<div class="bar" style="width:{width}%"></div>"#)
        };
        writeln!(
            out,
            r#"<tr><th scope="row">0.{place} to {}</th><td>{pairs}</td><td>{bar}</td></tr>"#,
            if place == 9 {
                "1".to_owned()
            } else {
                format!("0.{}", place + 1)
            }
        )?;
    }
    writeln!(out, "</tbody>\n</table>\n</section>")
}

fn side(out: &mut impl Write, parallel: &Parallel, id: &str, is_source: bool) -> io::Result<()> {
    let side = if is_source {
        &parallel.source
    } else {
        &parallel.target
    };
    let Side {
        passage,
        document,
        common,
        ..
    } = side;
    let metadata = &document.metadata;
    writeln!(out, "<section class=\"side\">")?;
    heading(out, document)?;
    write!(
        out,
        r#"<blockquote dir="auto"{}>"#,
        text::language(metadata.language.as_deref())
    )?;
    text::marked(out, parallel, id, is_source)?;
    writeln!(out, "</blockquote>")?;
    let said = match parallel.pair.carrier {
        Carrier::Passages => "nearly the same",
        Carrier::Sentences { .. } => "nearly what is framed",
    };
    writeln!(
        out,
        "<p class=\"place\">{}, characters {} to {}; {said} is said in {} by {}</p>\n</section>",
        Escaped(&passage.id()),
        passage.range.start,
        passage.range.end,
        counted(common.documents, "other document"),
        counted(common.speakers, "known speaker")
    )
}

/// Two speeches from beginning to end, with links to the pairs of their passages.
fn speeches(
    out: &mut impl Write,
    both: &[DocumentRecord; 2],
    pairs: &HashMap<String, Vec<usize>>,
) -> io::Result<()> {
    writeln!(
        out,
        "<section id=\"speeches\">\n<h2>Both in full</h2>\n<div class=\"sides\">"
    )?;
    for (letter, document) in ["a", "b"].iter().zip(both) {
        let metadata = &document.summary.metadata;
        let id = document.summary.id.as_str();
        writeln!(
            out,
            "<section class=\"side\"{}>\n<h3 dir=\"auto\">{}</h3>",
            text::language(metadata.language.as_deref()),
            Escaped(metadata.title.as_deref().unwrap_or(id))
        )?;
        for passage in &document.passages {
            let found = pairs.get(&passage.id()).map_or(&[][..], Vec::as_slice);
            let class = if found.is_empty() {
                ""
            } else {
                r#" class="in""#
            };
            write!(
                out,
                r#"<p id="{letter}-{}" dir="auto"{class}>{}"#,
                passage.ordinal,
                Escaped(&passage.text)
            )?;
            for number in found {
                write!(out, r##" <a href="#pair-{number}">{number}</a>"##)?;
            }
            writeln!(out, "</p>")?;
        }
        writeln!(out, "</section>")?;
    }
    writeln!(out, "</div>\n</section>")
}
