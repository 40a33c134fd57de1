//! Parallels for a person.

use std::io::Write;

use anstyle::{AnsiColor, Style};

use crate::cli::output;
use crate::parallels::{Parallel, Side};

const WIDTH: usize = 96;

pub(super) fn parallels(parallels: &[Parallel]) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    for parallel in parallels {
        let strong = Style::new().bold();
        writeln!(
            out,
            "{strong}{:.2}{strong:#}  {}  cosine {:.3}  words {:.2}  phrase {:.2}  like {:.3}  margin {}  percentile {}{}",
            parallel.pair.confidence,
            parallel.wording,
            parallel.pair.score,
            parallel.pair.words,
            parallel.phrase,
            parallel.pair.likeness,
            parallel
                .margin
                .map_or("-".to_owned(), |m| format!("{m:.2}")),
            parallel
                .percentile
                .map_or("-".to_owned(), |p| format!("{p:.4}")),
            if parallel.formula { "  formula" } else { "" },
        )?;
        side(&parallel.source, &mut out)?;
        side(&parallel.target, &mut out)?;
        for pair in &parallel.sentences {
            writeln!(out, "     = {:.2} {}", pair.confidence, pair.wording)?;
            let (a, b) = (&parallel.source.passage, &parallel.target.passage);
            writeln!(out, "       {}", a.slice(pair.source).replace('\n', " "))?;
            writeln!(out, "       {}", b.slice(pair.target).replace('\n', " "))?;
        }
        writeln!(out)?;
    }
    out.flush()?;
    Ok(())
}

fn side(side: &Side, out: &mut impl Write) -> anyhow::Result<()> {
    let name = AnsiColor::Cyan.on_default();
    writeln!(
        out,
        "  {name}{}{name:#}  said in {} other documents",
        side.passage.id(),
        side.common.documents
    )?;
    for line in output::wrap(&side.passage.text, WIDTH) {
        writeln!(out, "     {line}")?;
    }
    Ok(())
}
