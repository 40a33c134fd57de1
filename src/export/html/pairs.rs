//! Pairs, side by side.

use std::collections::HashMap;
use std::io::{self, Write};

use super::page::{self, PageHead};
use super::{Html, pluralized, text, write_heading};
use crate::export::escape::Escaped;
use crate::export::{Export, ParallelsReport, ReportSubject};
use crate::parallels::{MatchUnit, Parallel, Side};
use crate::store::DocumentRecord;

/// The glossary, in the order in which the measures are shown.
const GLOSSARY: [(&str, &str); 10] = [
    (
        "matched by",
        "Whether the whole passages match, or one sentence of each, whichever has the higher confidence. Matched sentences are framed. All measures describe the matched text, except the cosine of the passages and the alignment score, which always describe the whole passages; each numbered line below a pair describes its own sentences.",
    ),
    (
        "confidence",
        "Estimated probability, from 0 to 1, that the matched texts say the same thing: a logistic regression on the combined similarity, calibrated on labelled pairs.",
    ),
    (
        "text reuse",
        "Verbatim: at least 90 % of the words are shared, in the same order. Close: at least half of them in order, or 60 % in any order. Paraphrase: anything else.",
    ),
    (
        "cosine",
        "Cosine similarity of the embeddings: 1 for identical meaning, about 0 for unrelated texts.",
    ),
    (
        "lexical overlap",
        "TF-IDF cosine of both texts, from 0 to 1: words that occur in every passage have no weight.",
    ),
    (
        "combined similarity",
        "Weighted mean of cosine and lexical overlap; confidence is computed from it.",
    ),
    (
        "margin",
        "Combined similarity divided by the mean combined similarity of the nearest neighbours of both texts (margin criterion): 1 is no more than usual. Unknown where there are no neighbours.",
    ),
    (
        "percentile",
        "Percentage of random pairs of passages (or of sentences) of the corpus with a lower cosine.",
    ),
    (
        "alignment score",
        "Smith-Waterman local alignment score of both passages: rare shared words in the same order add up to 1 each, gaps subtract.",
    ),
    (
        "formula",
        "The matched text, or a near-equivalent, occurs in so many documents that it is formulaic: thanks, greetings, courtesies.",
    ),
];

impl<W: Write> Export for Html<W> {
    fn begin(&mut self, report: &ParallelsReport) -> io::Result<()> {
        if let ReportSubject::Documents(both) = &report.subject {
            self.documents = Some(both.clone());
        }
        let pairs = r##"<a href="#pairs">Pairs</a>"##;
        let both = r##"<a href="#pairs">Pairs</a> <a href="#texts">Full texts</a>"##;
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
                "<h2>Pairs</h2>\n<p class=\"key\">Sentences with the same number and colour correspond; <span class=\"matched\">framed</span> sentences are the matched ones, which the measures describe. Underlined <mark>words</mark> occur in both passages.</p>"
            )?;
        } else {
            writeln!(
                self.out,
                "<h2>No pairs</h2>\n<p>{}</p>",
                Escaped(&report.summary())
            )?;
        }
        if let Some(closest) = &report.closest {
            let description = report.closest_description().unwrap_or_default();
            writeln!(self.out, "<p>{}</p>", Escaped(&description))?;
            write_article(&mut self.out, closest, "closest", "Closest pair")?;
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

/// Writes a pair with its measures, both sides, and its corresponding sentences.
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
<h3><a href="#{id}">{name}</a> <span class="confidence">confidence {:.2}</span> <span class="kind">{}{formula}, matched by {}</span></h3>"##,
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
            let is_matched = parallel.matched_sentence_pair() == Some(sentence);
            let matched = if is_matched { ", matched" } else { "" };
            writeln!(
                out,
                r#"<li>Sentence <span class="n s{number}">{number}</span> confidence {:.2}, cosine {:.3}, {}{matched}</li>"#,
                sentence.confidence, sentence.score, sentence.text_reuse
            )?;
        }
        writeln!(out, "</ul>")?;
    }
    writeln!(out, "</article>")
}

/// Writes the measures of the matched text, then those of the whole passages.
fn write_measures(out: &mut impl Write, parallel: &Parallel) -> io::Result<()> {
    let pair = &parallel.pair;
    let passages = match pair.matched_by {
        MatchUnit::Passage => String::new(),
        MatchUnit::Sentence { .. } => format!("cosine {:.3} · ", parallel.passage_score),
    };
    writeln!(
        out,
        r#"<p class="measures">Of {}: cosine {:.3} · lexical overlap {:.2} · combined similarity {:.3} · margin {} · percentile {}; of both passages: {passages}alignment score {:.1}</p>"#,
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

/// Writes the distribution of confidence, as bars.
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
<h2>Confidence distribution</h2>
<table>
<thead><tr><th scope="col">confidence</th><th scope="col">pairs</th><td></td></tr></thead>
<tbody>"#
    )?;
    let bars = report.confidence_histogram.iter().enumerate();
    for (bin, pairs) in bars.skip_while(|(_, pairs)| **pairs == 0) {
        let width = pairs * 100 / max;
        let bar = if *pairs == 0 {
            String::new()
        } else {
            format!(r#"<div class="bar" style="width:{width}%"></div>"#)
        };
        writeln!(
            out,
            r#"<tr><th scope="row">0.{bin} to {}</th><td>{pairs}</td><td>{bar}</td></tr>"#,
            if bin == 9 {
                "1".to_owned()
            } else {
                format!("0.{}", bin + 1)
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
        prevalence,
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
    let restatement = match parallel.pair.matched_by {
        MatchUnit::Passage => "a restatement",
        MatchUnit::Sentence { .. } => "a restatement of the framed sentence",
    };
    writeln!(
        out,
        "<p class=\"location\">{}, characters {} to {}; {restatement} occurs in {} by {}</p>\n</section>",
        Escaped(&passage.id()),
        passage.range.start,
        passage.range.end,
        pluralized(prevalence.documents, "other document"),
        pluralized(prevalence.speakers, "known speaker")
    )
}

/// Writes the full texts of two documents, with links to the pairs of their passages.
fn write_full_texts(
    out: &mut impl Write,
    both: &[DocumentRecord; 2],
    pairs: &HashMap<String, Vec<usize>>,
) -> io::Result<()> {
    writeln!(
        out,
        "<section id=\"texts\">\n<h2>Full texts</h2>\n<div class=\"sides\">"
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
