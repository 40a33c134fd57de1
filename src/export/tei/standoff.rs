//! The stand-off annotations of a pair: its measures, and pointers into its passages.

use std::io::{self, Write};

use crate::parallels::Parallel;
use crate::passages::TextRange;
use crate::store::PassageRecord;

/// Writes the measures of a pair, the links between its sentences, and the shared words.
pub(super) fn write(
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
    writeln!(out, r#"<fs xml:id="l{link}.measures" type="parallel">"#)?;
    let sides = [("source", &parallel.source), ("target", &parallel.target)];
    let numeric = |name: &str, value: &dyn std::fmt::Display| {
        format!("<f name=\"{name}\"><numeric value=\"{value}\"/></f>\n")
    };
    let decimals = |value: f32| format!("{value:.4}");
    let mut features = String::new();
    for (name, value) in [
        ("confidence", pair.confidence),
        ("score", pair.score),
        ("lexical_overlap", pair.lexical_overlap),
        ("combined_similarity", pair.combined_similarity),
        ("passage_score", parallel.passage_score),
        ("alignment_score", parallel.alignment_score),
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
        features += &numeric(&format!("{name}_documents"), &side.prevalence.documents);
        features += &numeric(&format!("{name}_speakers"), &side.prevalence.speakers);
    }
    writeln!(
        out,
        "{features}<f name=\"matched_by\"><symbol value=\"{}\"/></f>\n<f name=\"text_reuse\"><symbol value=\"{}\"/></f>\n<f name=\"formula\"><binary value=\"{}\"/></f>\n</fs>",
        pair.matched_by.name(),
        parallel.text_reuse,
        parallel.formula
    )?;
    sentences(out, parallel, link, (source, target))?;
    shared(out, parallel, link, (source, target))
}

fn sentences(
    out: &mut impl Write,
    parallel: &Parallel,
    link: usize,
    (source, target): (usize, usize),
) -> io::Result<()> {
    let sentence_number = |passage: &PassageRecord, range: TextRange| {
        let index = passage
            .sentences
            .iter()
            .position(|sentence| *sentence == range);
        index.map(|index| index + 1)
    };
    let (a, b) = (&parallel.source.passage, &parallel.target.passage);
    let pairs: Vec<_> = parallel
        .sentences
        .iter()
        .filter_map(|pair| {
            Some((
                sentence_number(a, pair.source)?,
                sentence_number(b, pair.target)?,
                pair,
            ))
        })
        .collect();
    if pairs.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        r##"<linkGrp type="sentences" targFunc="source target" corresp="#l{link}">"##
    )?;
    for (number, (source_sentence, target_sentence, pair)) in (1..).zip(&pairs) {
        let is_matched = parallel.matched_sentence_pair() == Some(*pair);
        let subtype = if is_matched {
            r#" subtype="matched""#
        } else {
            ""
        };
        writeln!(
            out,
            r##"<link xml:id="l{link}.s{number}" type="{}"{subtype} target="#p{source}.s{source_sentence} #p{target}.s{target_sentence}"/>"##,
            pair.text_reuse
        )?;
    }
    writeln!(out, "</linkGrp>")?;
    for (number, (.., pair)) in (1..).zip(&pairs) {
        writeln!(
            out,
            r##"<certainty target="#l{link}.s{number}" locus="value" degree="{:.4}"/>"##,
            pair.confidence
        )?;
    }
    Ok(())
}

/// Marks the shared words. A passage may be in several pairs and share different words in each, so the
/// spans are listed with the pair and point into the passage. `string-range` is a pointer scheme of
/// TEI's own and counts characters from 0.
fn shared(
    out: &mut impl Write,
    parallel: &Parallel,
    link: usize,
    (source, target): (usize, usize),
) -> io::Result<()> {
    let sides = [(source, &parallel.source), (target, &parallel.target)];
    if sides.iter().all(|(_, side)| side.shared.is_empty()) {
        return Ok(());
    }
    writeln!(out, r##"<spanGrp type="shared" corresp="#l{link}">"##)?;
    for (passage, side) in sides {
        for TextRange { start, end } in &side.shared {
            let (offset, length) = (start - side.passage.range.start, end - start);
            writeln!(
                out,
                r##"<span target="#string-range(p{passage},{offset},{length})"/>"##
            )?;
        }
    }
    writeln!(out, "</spanGrp>")
}
