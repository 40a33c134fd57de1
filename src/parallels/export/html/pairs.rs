//! Pairs side by side.

use std::collections::HashMap;
use std::io::{self, Write};

use super::page::{self, PageHead};
use super::{Html, pluralized, text, write_heading};
use crate::parallels::export::escape::Escaped;
use crate::parallels::export::{Export, ParallelsReport, ReportSubject};
use crate::parallels::{MatchUnit, Parallel, Side};
use crate::store::DocumentRecord;

/// What the numbers mean, in the order in which they stand beside a pair.
const GLOSSARY: [(&str, &str); 10] = [
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
    fn begin(&mut self, report: &ParallelsReport) -> io::Result<()> {
        if let ReportSubject::Documents(both) = &report.subject {
            self.documents = Some(both.clone());
        }
        let pairs = r##"<a href="#pairs">Pairs</a>"##;
        let both = r##"<a href="#pairs">Pairs</a> <a href="#speeches">Both in full</a>"##;
        let head = PageHead {
            title: &report.title(),
            summary: &report.summary(),
            links: if self.documents.is_some() {
                both
            } else {
                pairs
            },
            rows: &report.rows(),
            version: report.provenance.version,
        };
        head.write(&mut self.out)?;
        write_confidence_histogram(&mut self.out, report)?;
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
            let said = report.closest_description().unwrap_or_default();
            writeln!(self.out, "<p>{}</p>", Escaped(&said))?;
            write_article(&mut self.out, closest, "closest", "The closest")?;
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
        write_article(&mut self.out, parallel, &id, &name)
    }

    fn end(&mut self) -> io::Result<()> {
        writeln!(self.out, "</section>")?;
        if let Some(both) = &self.documents {
            write_full_texts(&mut self.out, both, &self.pairs)?;
        }
        page::write_end(&mut self.out, &GLOSSARY)
    }
}

/// A pair with its numbers, both sides, and the sentences that carry it.
fn write_article(
    out: &mut impl Write,
    parallel: &Parallel,
    id: &str,
    name: &str,
) -> io::Result<()> {
    let formula = if parallel.formula { ", formula" } else { "" };
    writeln!(
        out,
        r##"<article id="{id}">
<h3><a href="#{id}">{name}</a> <span class="sure">confidence {:.2}</span> <span class="kind">{}{formula}, carried by {}</span></h3>"##,
        parallel.pair.confidence,
        parallel.text_reuse,
        parallel.pair.matched_by.description()
    )?;
    write_measures(out, parallel)?;
    writeln!(out, r#"<div class="sides">"#)?;
    write_side(out, parallel, id, true)?;
    write_side(out, parallel, id, false)?;
    writeln!(out, "</div>")?;
    if !parallel.sentences.is_empty() {
        writeln!(out, r#"<ul class="evidence">"#)?;
        for (number, sentence) in (1..).zip(&parallel.sentences) {
            let carries = parallel.matched_sentence_pair() == Some(sentence);
            let carries = if carries { ", carries the pair" } else { "" };
            writeln!(
                out,
                r#"<li>Sentence <span class="n s{number}">{number}</span> confidence {:.2}, cosine {:.3}, {}{carries}</li>"#,
                sentence.confidence, sentence.score, sentence.text_reuse
            )?;
        }
        writeln!(out, "</ul>")?;
    }
    writeln!(out, "</article>")
}

/// The numbers of what carries the pair, then those of the whole passages.
fn write_measures(out: &mut impl Write, parallel: &Parallel) -> io::Result<()> {
    let pair = &parallel.pair;
    let passages = match pair.matched_by {
        MatchUnit::Passage => String::new(),
        MatchUnit::Sentence { .. } => format!("cosine {:.3} · ", parallel.passage_score),
    };
    writeln!(
        out,
        r#"<p class="numbers">Of {}: cosine {:.3} · words in common {:.2} · likeness {:.3} · margin {} · percentile {}; of both passages: {passages}phrase {:.1}</p>"#,
        pair.matched_by.description(),
        pair.score,
        pair.lexical_overlap,
        pair.combined_similarity,
        or_unknown(parallel.margin.map(|margin| format!("{margin:.2}"))),
        or_unknown(parallel.percentile.map(|percent| format!("{percent:.4}"))),
        parallel.alignment_score
    )
}

fn or_unknown(value: Option<String>) -> String {
    value.unwrap_or_else(|| "unknown".to_owned())
}

/// How sure the pairs are, as bars.
fn write_confidence_histogram(out: &mut impl Write, report: &ParallelsReport) -> io::Result<()> {
    let max = report
        .confidence_histogram
        .iter()
        .max()
        .copied()
        .unwrap_or(0);
    if max == 0 {
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
    let bars = report.confidence_histogram.iter().enumerate();
    for (place, pairs) in bars.skip_while(|(_, pairs)| **pairs == 0) {
        let width = pairs * 100 / max;
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

fn write_side(
    out: &mut impl Write,
    parallel: &Parallel,
    id: &str,
    is_source: bool,
) -> io::Result<()> {
    let side = if is_source {
        &parallel.source
    } else {
        &parallel.target
    };
    let Side {
        passage,
        document,
        prevalence: common,
        ..
    } = side;
    let metadata = &document.metadata;
    writeln!(out, "<section class=\"side\">")?;
    write_heading(out, document)?;
    write!(
        out,
        r#"<blockquote dir="auto"{}>"#,
        text::lang_attribute(metadata.language.as_deref())
    )?;
    text::write_marked(out, parallel, id, is_source)?;
    writeln!(out, "</blockquote>")?;
    let said = match parallel.pair.matched_by {
        MatchUnit::Passage => "nearly the same",
        MatchUnit::Sentence { .. } => "nearly what is framed",
    };
    writeln!(
        out,
        "<p class=\"place\">{}, characters {} to {}; {said} is said in {} by {}</p>\n</section>",
        Escaped(&passage.id()),
        passage.range.start,
        passage.range.end,
        pluralized(common.documents, "other document"),
        pluralized(common.speakers, "known speaker")
    )
}

/// Two speeches from beginning to end, with links to the pairs of their passages.
fn write_full_texts(
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
            text::lang_attribute(metadata.language.as_deref()),
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
