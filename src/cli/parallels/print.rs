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
        writeln!(
            out,
            "{strong}{place:>3}  {:.2} {}{strong:#}{dim}  cosine {:.3}  words {:.2}{}{}{formula}{dim:#}",
            pair.confidence,
            parallel.wording,
            pair.score,
            pair.words,
            margin.unwrap_or_default(),
            rank.unwrap_or_default(),
        )?;
        side(&parallel.source, &mut out)?;
        side(&parallel.target, &mut out)?;
        for sentences in &parallel.sentences {
            let (source, target) = (&parallel.source.passage, &parallel.target.passage);
            writeln!(
                out,
                "     {dim}{:.2} {}{dim:#}",
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
    for (text, shared) in marked_lines(&side.passage.text, side.passage.range.start, &side.shared) {
        let mut line = String::new();
        for (piece, shared) in text.into_iter().zip(shared) {
            let strong = Style::new().bold();
            if shared {
                line.push_str(&format!("{strong}{piece}{strong:#}"));
            } else {
                line.push_str(&piece);
            }
        }
        writeln!(out, "     {line}")?;
    }
    Ok(())
}

/// The lines of a text, each in pieces that hold shared words or not.
fn marked_lines(text: &str, start: usize, shared: &[TextRange]) -> Vec<(Vec<String>, Vec<bool>)> {
    let is_shared = |place: usize| {
        let after = shared.partition_point(|range| range.end <= place);
        shared.get(after).is_some_and(|range| range.start <= place)
    };
    let mut lines = Vec::new();
    let (mut line, mut width): (Vec<(String, bool)>, usize) = (Vec::new(), 0);
    let mut word: Vec<(char, bool)> = Vec::new();
    let mut flush =
        |word: &mut Vec<(char, bool)>, line: &mut Vec<(String, bool)>, width: &mut usize| {
            if word.is_empty() {
                return;
            }
            if *width > 0 && *width + 1 + word.len() > WIDTH {
                lines.push(std::mem::take(line));
                *width = 0;
            }
            if *width > 0 {
                put(line, ' ', false);
                *width += 1;
            }
            *width += word.len();
            for (character, shared) in word.drain(..) {
                put(line, character, shared);
            }
        };
    for (place, character) in text.chars().enumerate() {
        if character.is_whitespace() {
            flush(&mut word, &mut line, &mut width);
        } else {
            let shown = if character.is_control() {
                '\u{fffd}'
            } else {
                character
            };
            word.push((shown, is_shared(start + place)));
        }
    }
    flush(&mut word, &mut line, &mut width);
    lines.push(line);
    lines
        .into_iter()
        .map(|line| line.into_iter().unzip())
        .collect()
}

/// Appends a character to the last piece, if it is of the same kind, or begins another.
fn put(line: &mut Vec<(String, bool)>, character: char, shared: bool) {
    match line.last_mut().filter(|(_, last)| *last == shared) {
        Some((piece, _)) => piece.push(character),
        None => line.push((character.to_string(), shared)),
    }
}

/// What two documents gave.
pub(super) fn comparison(survey: &Survey, found: &Comparison, shown: usize) -> anyhow::Result<()> {
    let mut text = format!(
        "{} of {} compared",
        counted(found.pairs.len(), "parallel"),
        counted(found.compared, "pair")
    );
    if found.taken > 0 {
        text += &format!(
            "; {} left out whose passages are in better pairs (--many shows them)",
            thousands(found.taken)
        );
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
        text += &format!("; {} without a date", counted(sweep.undated(), "document"));
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
        "; the closest were {} and {}, confidence {:.2}, cosine {:.3}",
        survey.id_of(pair.source).unwrap_or_default(),
        survey.id_of(pair.target).unwrap_or_default(),
        pair.confidence,
        pair.score
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_what_is_shared_apart() {
        let shared = [TextRange { start: 12, end: 20 }];
        let lines = marked_lines("A new deal\nfor all of us", 5, &shared);
        let pieces = [("A new d", false), ("eal for a", true), ("ll of us", false)];
        let (text, marks): (Vec<String>, Vec<bool>) = pieces
            .map(|(text, mark)| (text.to_owned(), mark))
            .into_iter()
            .unzip();
        assert_eq!(text.concat(), lines[0].0.concat());
        assert!(lines[0].1.contains(&true) && !lines[0].1[0]);
        assert_eq!(lines.len(), 1);
        let _ = marks;
        let long = "word ".repeat(60);
        assert!(
            marked_lines(&long, 0, &[])
                .iter()
                .all(|(text, _)| text.concat().len() <= WIDTH)
        );
    }
}
