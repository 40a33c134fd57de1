//! An evaluation for a person.

use std::io::Write;

use anstyle::Style;

use crate::cli::output::{counted, plain, thousands};
use crate::parallels::Calibration;
use crate::parallels::gold::{
    Asks, Evaluation, Half, Quality, Reliability, Signal, SignalReport, TaskReport,
};

/// Cells of the longest bar.
const BAR: u8 = 20;

pub(super) fn evaluation(report: &Evaluation) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "{} in {}", report.model, report.precision)?;
    if report.items == Half::Odd {
        writeln!(
            out,
            "Fitted on the even items of every task; all figures are of the odd ones."
        )?;
    }
    for task in &report.tasks {
        of_task(task, &mut out)?;
    }
    for reason in &report.left_out {
        writeln!(out, "\nLeft out: {}.", plain(reason))?;
    }
    let strong = Style::new().bold();
    writeln!(out, "\n{strong}All tasks, each weighing the same{strong:#}")?;
    let kinds = [
        ("shipped", &report.together.shipped),
        ("fitted", &report.together.fitted),
    ];
    for (kind, reliability) in kinds {
        if let Some(reliability) = reliability {
            diagram(kind, reliability, &mut out)?;
        }
    }
    if let Some(fitted) = &report.fitted {
        writeln!(out)?;
        numbers("Shipped", &report.shipped, &mut out)?;
        numbers("Fitted", fitted, &mut out)?;
    }
    out.flush()?;
    Ok(())
}

fn of_task(task: &TaskReport, out: &mut impl Write) -> anyhow::Result<()> {
    let strong = Style::new().bold();
    let texts = match task.targets {
        Some(targets) => format!(
            "{} and {}",
            thousands(task.sources),
            counted(targets, "text")
        ),
        None => counted(task.sources, "text"),
    };
    writeln!(out, "\n{strong}{}{strong:#}: {texts}", plain(&task.name))?;
    let what = match task.asks {
        Asks::Labels => "pairs with a label",
        Asks::Versions => "pairs of the nearest by cosine and of versions",
        Asks::Joined => "pairs of the nearest by cosine and of those that share a statement",
    };
    let (pairs, same) = (thousands(task.pairs), thousands(task.same));
    writeln!(out, "{pairs} {what}, {same} of which say the same")?;
    if task.undecided > 0 {
        let pairs = counted(task.undecided, "pair");
        writeln!(out, "{pairs} left out: the judges were of two minds")?;
    }
    if task.truncated > 0 {
        let texts = counted(task.truncated, "text");
        writeln!(out, "{texts} longer than the model reads: truncated")?;
    }
    let asked = task.signals.iter().any(|signal| signal.retrieval.is_some());
    let found = if asked { "recall@1     MRR  " } else { "" };
    writeln!(out, "{:26}{found}     AP     AUC  P@R.90  R@P.95", "")?;
    for signal in &task.signals {
        of_signal(signal, asked, out)?;
    }
    if let Some(reliability) = &task.shipped.reliability {
        diagram("shipped", reliability, out)?;
    }
    if let Some(fitted) = &task.fitted {
        writeln!(out, "  {:10}     AP   error   Brier", "")?;
        side("shipped", &task.shipped, out)?;
        side("fitted", fitted, out)?;
    }
    Ok(())
}

fn of_signal(report: &SignalReport, asked: bool, out: &mut impl Write) -> anyhow::Result<()> {
    // Signals of a likeness are ours; those before are what one has anyway.
    let ours = !matches!(report.signal, Signal::Bm25 | Signal::Cosine | Signal::Words);
    let mark = if ours { ' ' } else { '*' };
    write!(out, "{mark} {:24}", report.signal.name())?;
    if asked {
        let retrieval = report.retrieval.as_ref();
        let recall = number(retrieval.map(|r| r.recall_at_1));
        let rank = number(retrieval.map(|r| r.mean_reciprocal_rank));
        write!(out, "   {recall}  {rank}  ")?;
    }
    let scores = report.separation.as_ref();
    let scores = [
        scores.map(|s| s.average_precision),
        scores.map(|s| s.roc_auc),
        scores.map(|s| s.precision_at_recall_90),
        scores.map(|s| s.recall_at_precision_95),
    ];
    writeln!(out, "{}", scores.map(number).join("  "))?;
    Ok(())
}

fn side(name: &str, quality: &Quality, out: &mut impl Write) -> anyhow::Result<()> {
    let reliability = quality.reliability.as_ref();
    let scores = [
        quality.separation.as_ref().map(|s| s.average_precision),
        reliability.map(|r| r.expected_calibration_error),
        reliability.map(|r| r.brier_score),
    ];
    writeln!(out, "  {name:10}{}", scores.map(number).join("  "))?;
    Ok(())
}

/// A figure of six places, or its absence.
fn number(number: Option<f64>) -> String {
    number.map_or_else(|| format!("{:>6}", "-"), |number| format!("{number:6.3}"))
}

/// A reliability diagram: a bar is as long as the share that is right, the mark stands at the confidence.
fn diagram(name: &str, reliability: &Reliability, out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(
        out,
        "Confidence, {name}: calibration error {:.3}, Brier score {:.3}",
        reliability.expected_calibration_error, reliability.brier_score
    )?;
    writeln!(out, "  {:9}   mean  right    pairs", "")?;
    for bin in &reliability.bins {
        writeln!(
            out,
            "  {:.1} - {:.1}  {:5.3}  {:5.3}  {:>7}  {}",
            bin.from,
            bin.to,
            bin.confidence,
            bin.right,
            thousands(bin.pairs),
            bar(bin.right, bin.confidence)
        )?;
    }
    Ok(())
}

fn bar(right: f64, confidence: f64) -> String {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // shares of 20
    let cells = |share: f64| (share * f64::from(BAR)).round() as u8;
    let mark = cells(confidence).max(1);
    let cell = |cell| match cell {
        _ if cell == mark => '|',
        _ if cell <= cells(right) => '#',
        _ => '.',
    };
    (1..=BAR).map(cell).collect()
}

/// Numbers as they stand in the source.
fn numbers(name: &str, calibration: &Calibration, out: &mut impl Write) -> anyhow::Result<()> {
    let Calibration {
        words,
        slope,
        middle,
    } = calibration;
    writeln!(
        out,
        "{name}: Calibration {{ words: {words:?}, slope: {slope:?}, middle: {middle:?} }}"
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_shows_what_is_right_and_what_was_said() {
        assert_eq!(bar(1.0, 0.5), "#########|##########");
        assert_eq!(bar(0.25, 1.0), "#####..............|");
        assert_eq!(bar(0.0, 0.0), "|...................");
    }
}
