//! Parallels for a person.

use std::io::Write;

use anstyle::{AnsiColor, Style};

use crate::cli::output::{self, counted, thousands};
use crate::parallels::{Comparison, Pair, Parallel, Side, Survey, Sweep, Swept};
use crate::passages::TextRange;

const WIDTH: usize = 96;

/// Each with its numbers, both texts, and the sentences that carry it.
pub(super) fn parallels(parallels: &[Parallel]) -> anyhow::Result<()> {
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
        let carrying = parallel.carrying();
        let passages = carrying.map(|_| format!(" (passages {:.3})", parallel.passage_score));
        writeln!(
            out,
            "{strong}{place:>3}  {:.2} {}{strong:#}{dim}  carrier {}  cosine {:.3}{}  words {:.2}{}{}{formula}{dim:#}",
            pair.confidence,
            parallel.wording,
            pair.carrier.name(),
            pair.score,
            passages.unwrap_or_default(),
            pair.words,
            margin.unwrap_or_default(),
            rank.unwrap_or_default(),
        )?;
        side(&parallel.source, &mut out)?;
        side(&parallel.target, &mut out)?;
        for sentences in &parallel.sentences {
            let (source, target) = (&parallel.source.passage, &parallel.target.passage);
            let carries = carrying == Some(sentences);
            let carries = if carries { "  carries the pair" } else { "" };
            writeln!(
                out,
                "     {dim}{:.2} {}{carries}{dim:#}",
                sentences.confidence, sentences.wording
            )?;
            for text in [
                source.slice(sentences.source),
                target.slice(sentences.target),
            ] {
                for line in output::wrap(&output::plain(&text.replace('\n', " ")), WIDTH - 4) {
                    writeln!(out, "       {line}")?;
                }
            }
        }
        writeln!(out)?;
    }
    out.flush()?;
    Ok(())
}

fn side(side: &Side, out: &mut impl Write) -> anyhow::Result<()> {
    let (name, dim) = (AnsiColor::Cyan.on_default(), Style::new().dimmed());
    let common = match side.common.documents {
        0 => String::new(),
        others => format!("  also in {}", counted(others, "other document")),
    };
    writeln!(
        out,
        "     {name}{}{name:#}  {dim}{}{common}{dim:#}",
        side.passage.id(),
        output::byline(&side.document)
    )?;
    for line in marked(&side.passage.text, side.passage.range.start, &side.shared) {
        writeln!(out, "     {line}")?;
    }
    Ok(())
}

/// The lines of a text that begins at a character of its document, what is shared set in bold.
fn marked(text: &str, start: usize, shared: &[TextRange]) -> Vec<String> {
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
        if width > 0 && width + 1 + word.len() > WIDTH {
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
            let text = output::plain(&text);
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
pub(super) fn comparison(survey: &Survey, found: &Comparison, shown: usize) -> anyhow::Result<()> {
    let mut text = format!(
        "{} of {} compared",
        counted(found.pairs.len(), "parallel"),
        counted(found.compared, "pair")
    );
    if found.taken > 0 {
        let taken = thousands(found.taken);
        text += "; ";
        text += &taken;
        text += " left out whose passages are in better pairs (--many shows them)";
    }
    text += &more(found.pairs.len(), shown);
    if found.pairs.is_empty() {
        text += &closest(survey, found.closest);
    }
    output::line(format_args!("{text}"))
}

/// What a corpus gave.
pub(super) fn corpus(
    survey: &Survey,
    sweep: &Sweep<'_>,
    swept: &Swept,
    shown: usize,
) -> anyhow::Result<()> {
    let left_out = swept.left_out;
    let mut text = format!(
        "{}: {} of {} compared with {}; left out: {} not sure enough, {} near to too much else, {} formulas",
        counted(swept.pairs.len(), "parallel"),
        counted(swept.passages, "passage"),
        counted(sweep.sources().len(), "document"),
        counted(sweep.targets(), "document"),
        thousands(left_out.unsure),
        thousands(left_out.hubs),
        thousands(left_out.formulas),
    );
    if sweep.undated() > 0 {
        text += "; without a date: ";
        text += &counted(sweep.undated(), "document");
    }
    text += &more(swept.pairs.len(), shown);
    if swept.pairs.is_empty() {
        text += &closest(survey, swept.closest);
    }
    output::line(format_args!("{text}"))
}

fn more(found: usize, shown: usize) -> String {
    if shown < found {
        format!("; the first {} are shown (--limit)", thousands(shown))
    } else {
        String::new()
    }
}

/// How close the best pair came.
fn closest(survey: &Survey, closest: Option<Pair>) -> String {
    let Some(pair) = closest else {
        return "; there was nothing to compare".to_owned();
    };
    format!(
        "; the closest were {} and {}, confidence {:.2}, cosine {:.3} of {}",
        survey.id_of(pair.source).unwrap_or_default(),
        survey.id_of(pair.target).unwrap_or_default(),
        pair.confidence,
        pair.score,
        pair.carrier.said()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shared_is_bold_also_inside_of_words_and_across_lines() {
        let bold = |text: &str| format!("{0}{text}{0:#}", Style::new().bold());
        let shared = [TextRange { start: 7, end: 15 }];
        let lines = marked("A new deal\nfor all of us\u{7}", 5, &shared);
        let expected = format!("A {} {} for all of us\u{fffd}", bold("new"), bold("deal"));
        assert_eq!(lines, [expected]);
        let shared = [TextRange { start: 1, end: 3 }];
        assert_eq!(marked("abcd", 0, &shared), [format!("a{}d", bold("bc"))]);
        let long = "word ".repeat(60);
        let lines = marked(&long, 0, &[]);
        assert!(lines.len() > 3 && lines.iter().all(|line| line.len() <= WIDTH));
        assert_eq!(lines.join(" "), long.trim_end());
    }
}
