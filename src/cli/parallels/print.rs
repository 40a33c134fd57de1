//! Parallels for a person.

use std::io::Write;

use anstyle::{AnsiColor, Style};

use crate::cli::output::{self, count_of, with_thousands};
use crate::parallels::{
    CorpusComparison, CorpusContext, CorpusMatches, DocumentMatches, Pair, Parallel, Side,
};
use crate::passages::TextRange;

const LINE_WIDTH: usize = 96;

/// Each with its numbers, both texts, and the sentences that carry it.
pub(super) fn print_parallels(parallels: &[Parallel]) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    for (place, parallel) in (1..).zip(parallels) {
        let (strong, dim) = (Style::new().bold(), Style::new().dimmed());
        let pair = &parallel.pair;
        let formula = if parallel.formula { "  formula" } else { "" };
        let margin = parallel
            .margin
            .map(|margin| format!("  margin {margin:.2}"));
        let rank = parallel
            .percentile
            .map(|rank| format!("  percentile {rank:.4}"));
        let carrying = parallel.matched_sentence_pair();
        let passages = carrying.map(|_| format!(" (passages {:.3})", parallel.passage_score));
        writeln!(
            out,
            "{strong}{place:>3}  {:.2} {}{strong:#}{dim}  carrier {}  cosine {:.3}{}  words {:.2}{}{}{formula}{dim:#}",
            pair.confidence,
            parallel.text_reuse,
            pair.matched_by.name(),
            pair.score,
            passages.unwrap_or_default(),
            pair.lexical_overlap,
            margin.unwrap_or_default(),
            rank.unwrap_or_default(),
        )?;
        print_side(&parallel.source, &mut out)?;
        print_side(&parallel.target, &mut out)?;
        for sentences in &parallel.sentences {
            let (source, target) = (&parallel.source.passage, &parallel.target.passage);
            let carries = carrying == Some(sentences);
            let carries = if carries { "  carries the pair" } else { "" };
            writeln!(
                out,
                "     {dim}{:.2} {}{carries}{dim:#}",
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
    let common = match side.prevalence.documents {
        0 => String::new(),
        others => format!("  also in {}", count_of(others, "other document")),
    };
    writeln!(
        out,
        "     {name}{}{name:#}  {dim}{}{common}{dim:#}",
        side.passage.id(),
        output::byline(&side.document)
    )?;
    for line in highlight_shared(&side.passage.text, side.passage.range.start, &side.shared) {
        writeln!(out, "     {line}")?;
    }
    Ok(())
}

/// The lines of a text that begins at a character of its document, what is shared set in bold.
fn highlight_shared(text: &str, start: usize, shared: &[TextRange]) -> Vec<String> {
    let is_shared = |place: usize| {
        let next = shared.get(shared.partition_point(|range| range.end <= place));
        next.is_some_and(|range| range.start <= place)
    };
    let strong = Style::new().bold();
    let mut lines = vec![String::new()];
    let mut width = 0;
    let places = (start..).zip(text.chars()).collect::<Vec<_>>();
    let is_blank = |(_, character): &(usize, char)| character.is_whitespace();
    for word in places.split(is_blank).filter(|word| !word.is_empty()) {
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
        // Pieces of a word that are shared, or not.
        for piece in word.chunk_by(|(a, _), (b, _)| is_shared(*a) == is_shared(*b)) {
            let text: String = piece.iter().map(|(_, character)| *character).collect();
            let text = output::strip_control_chars(&text);
            if piece.first().is_some_and(|(place, _)| is_shared(*place)) {
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

/// What two documents gave.
pub(super) fn print_comparison_summary(
    survey: &CorpusContext,
    found: &DocumentMatches,
    shown: usize,
) -> anyhow::Result<()> {
    let mut text = format!(
        "{} of {} compared",
        count_of(found.pairs.len(), "parallel"),
        count_of(found.compared_pairs, "pair")
    );
    if found.superseded > 0 {
        let taken = with_thousands(found.superseded);
        text += "; ";
        text += &taken;
        text += " left out whose passages are in better pairs (--many shows them)";
    }
    text += &truncation_note(found.pairs.len(), shown);
    if found.pairs.is_empty() {
        text += &closest_note(survey, found.closest);
    }
    output::print_line(format_args!("{text}"))
}

/// What a corpus gave.
pub(super) fn print_corpus_summary(
    survey: &CorpusContext,
    sweep: &CorpusComparison<'_>,
    swept: &CorpusMatches,
    shown: usize,
) -> anyhow::Result<()> {
    let left_out = swept.filtered_counts;
    let mut text = format!(
        "{}: {} of {} compared with {}; left out: {} not sure enough, {} near to too much else, {} formulas",
        count_of(swept.pairs.len(), "parallel"),
        count_of(swept.passages, "passage"),
        count_of(sweep.sources().len(), "document"),
        count_of(sweep.targets(), "document"),
        with_thousands(left_out.low_confidence),
        with_thousands(left_out.low_margin),
        with_thousands(left_out.formulas),
    );
    if sweep.undated() > 0 {
        text += "; without a date: ";
        text += &count_of(sweep.undated(), "document");
    }
    text += &truncation_note(swept.pairs.len(), shown);
    if swept.pairs.is_empty() {
        text += &closest_note(survey, swept.closest);
    }
    output::print_line(format_args!("{text}"))
}

fn truncation_note(found: usize, shown: usize) -> String {
    if shown < found {
        format!("; the first {} are shown (--limit)", with_thousands(shown))
    } else {
        String::new()
    }
}

/// How close the best pair came.
fn closest_note(survey: &CorpusContext, closest: Option<Pair>) -> String {
    let Some(pair) = closest else {
        return "; there was nothing to compare".to_owned();
    };
    format!(
        "; the closest were {} and {}, confidence {:.2}, cosine {:.3} of {}",
        survey.passage_id(pair.source).unwrap_or_default(),
        survey.passage_id(pair.target).unwrap_or_default(),
        pair.confidence,
        pair.score,
        pair.matched_by.description()
    )
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
