//! Printing of parallels.

use std::io::Write;

use anstyle::{AnsiColor, Style};

use crate::cli::output::{self, count_of, with_thousands};
use crate::parallels::{FoundPairs, Parallel, Side};
use crate::passages::TextRange;

const LINE_WIDTH: usize = 96;

/// Prints each with its measures, both texts, and its corresponding sentences.
pub(super) fn print_parallels(parallels: &[Parallel]) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    for (number, parallel) in (1..).zip(parallels) {
        let (strong, dim) = (Style::new().bold(), Style::new().dimmed());
        let pair = &parallel.pair;
        let formula = if parallel.formula { "  formula" } else { "" };
        let margin = parallel
            .margin
            .map(|margin| format!("  margin {margin:.2}"));
        let percentile = parallel
            .percentile
            .map(|percentile| format!("  percentile {percentile:.4}"));
        let matched_sentences = parallel.matched_sentence_pair();
        let passages =
            matched_sentences.map(|_| format!(" (passages {:.3})", parallel.passage_score));
        writeln!(
            out,
            "{strong}{number:>3}  {:.2} {}{strong:#}{dim}  matched by {}  cosine {:.3}{}  overlap {:.2}{}{}{formula}{dim:#}",
            pair.confidence,
            parallel.text_reuse,
            pair.matched_by.name(),
            pair.score,
            passages.unwrap_or_default(),
            pair.lexical_overlap,
            margin.unwrap_or_default(),
            percentile.unwrap_or_default(),
        )?;
        print_side(&parallel.source, &mut out)?;
        print_side(&parallel.target, &mut out)?;
        for sentences in &parallel.sentences {
            let (source, target) = (&parallel.source.passage, &parallel.target.passage);
            let is_matched = matched_sentences == Some(sentences);
            let matched = if is_matched { "  matched" } else { "" };
            writeln!(
                out,
                "     {dim}{:.2} {}{matched}{dim:#}",
                sentences.confidence, sentences.text_reuse
            )?;
            for text in [
                source.slice(sentences.source),
                target.slice(sentences.target),
            ] {
                for line in output::wrap(
                    &output::strip_control_chars(&text.replace('\n', " ")),
                    LINE_WIDTH - 4,
                ) {
                    writeln!(out, "       {line}")?;
                }
            }
        }
        writeln!(out)?;
    }
    out.flush()?;
    Ok(())
}

fn print_side(side: &Side, out: &mut impl Write) -> anyhow::Result<()> {
    let (name, dim) = (AnsiColor::Cyan.on_default(), Style::new().dimmed());
    let prevalence = match side.prevalence.documents {
        0 => String::new(),
        others => format!("  restated in {}", count_of(others, "other document")),
    };
    writeln!(
        out,
        "     {name}{}{name:#}  {dim}{}{prevalence}{dim:#}",
        side.passage.id(),
        output::byline(&side.document)
    )?;
    for line in highlight_shared(&side.passage.text, side.passage.range.start, &side.shared) {
        writeln!(out, "     {line}")?;
    }
    Ok(())
}

/// Wraps a text that starts at this character of its document, with shared words in bold.
fn highlight_shared(text: &str, start: usize, shared: &[TextRange]) -> Vec<String> {
    let is_shared = |position: usize| {
        let next = shared.get(shared.partition_point(|range| range.end <= position));
        next.is_some_and(|range| range.start <= position)
    };
    let strong = Style::new().bold();
    let mut lines = vec![String::new()];
    let mut width = 0;
    let characters = (start..).zip(text.chars()).collect::<Vec<_>>();
    let is_blank = |(_, character): &(usize, char)| character.is_whitespace();
    for word in characters.split(is_blank).filter(|word| !word.is_empty()) {
        if width > 0 && width + 1 + word.len() > LINE_WIDTH {
            lines.push(String::new());
            width = 0;
        }
        let Some(line) = lines.last_mut() else {
            continue;
        };
        if width > 0 {
            line.push(' ');
        }
        width += word.len() + usize::from(width > 0);
        // Parts of a word may be shared.
        for piece in word.chunk_by(|(a, _), (b, _)| is_shared(*a) == is_shared(*b)) {
            let text: String = piece.iter().map(|(_, character)| *character).collect();
            let text = output::strip_control_chars(&text);
            if piece
                .first()
                .is_some_and(|(position, _)| is_shared(*position))
            {
                line.push_str(&strong.render().to_string());
                line.push_str(&text);
                line.push_str(&strong.render_reset().to_string());
            } else {
                line.push_str(&text);
            }
        }
    }
    lines
}

/// Prints the counts of a comparison of two documents.
pub(super) fn print_comparison_summary(found: &FoundPairs, shown: usize) -> anyhow::Result<()> {
    let (count, extent) = (found.pairs().len(), found.extent());
    let mut text = format!(
        "{} among {} compared",
        count_of(count, "parallel"),
        count_of(extent.compared_pairs.unwrap_or_default(), "pair")
    );
    if extent.superseded > 0 {
        text += "; ";
        text += &with_thousands(extent.superseded);
        text += " superseded by better pairs of the same passages (--many-to-many shows them)";
    }
    text += &truncation_note(count, shown);
    if count == 0 {
        text += &closest_note(found)?;
    }
    output::print_line(format_args!("{text}"))
}

/// Prints the counts of a comparison of a corpus.
pub(super) fn print_corpus_summary(found: &FoundPairs, shown: usize) -> anyhow::Result<()> {
    let (count, extent) = (found.pairs().len(), found.extent());
    let (documents, filtered) = (&extent.documents, &extent.filtered_counts);
    let mut text = format!(
        "{}: {} of {} compared with {}; filtered: {} below the minimum confidence, {} below the minimum margin, {} formulas",
        count_of(count, "parallel"),
        count_of(extent.passages, "passage"),
        count_of(documents.sources, "document"),
        count_of(documents.targets, "document"),
        with_thousands(filtered.low_confidence),
        with_thousands(filtered.low_margin),
        with_thousands(filtered.formulas),
    );
    if documents.undated > 0 {
        text += "; undated: ";
        text += &count_of(documents.undated, "document");
    }
    text += &truncation_note(count, shown);
    if count == 0 {
        text += &closest_note(found)?;
    }
    output::print_line(format_args!("{text}"))
}

fn truncation_note(found: usize, shown: usize) -> String {
    if shown < found {
        format!("; showing the first {} (--limit)", with_thousands(shown))
    } else {
        String::new()
    }
}

/// Describes the closest pair.
fn closest_note(found: &FoundPairs) -> anyhow::Result<String> {
    let Some(closest) = found.closest()? else {
        return Ok("; nothing to compare".to_owned());
    };
    Ok(format!(
        "; closest pair: {} and {}, confidence {:.2}, cosine {:.3} of {}",
        closest.source,
        closest.target,
        closest.pair.confidence,
        closest.pair.score,
        closest.pair.matched_by.description()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_ranges_are_bold_inside_words_and_across_lines() {
        let bold = |text: &str| format!("{0}{text}{0:#}", Style::new().bold());
        let shared = [TextRange { start: 7, end: 15 }];
        let lines = highlight_shared("A new deal\nfor all of us\u{7}", 5, &shared);
        let expected = format!("A {} {} for all of us\u{fffd}", bold("new"), bold("deal"));
        assert_eq!(lines, [expected]);
        let shared = [TextRange { start: 1, end: 3 }];
        assert_eq!(
            highlight_shared("abcd", 0, &shared),
            [format!("a{}d", bold("bc"))]
        );
        let long = "word ".repeat(60);
        let lines = highlight_shared(&long, 0, &[]);
        assert!(lines.len() > 3 && lines.iter().all(|line| line.len() <= LINE_WIDTH));
        assert_eq!(lines.join(" "), long.trim_end());
    }
}
