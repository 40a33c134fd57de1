//! Printing of an evaluation.

use std::io::Write;

use anstyle::Style;

use crate::cli::output::{count_of, strip_control_chars, with_thousands};
use crate::parallels::Calibration;
use crate::parallels::evaluation::{
    Evaluation, Quality, Reliability, Signal, SignalReport, Split, TaskKind, TaskReport,
};

/// Width of a bar, in cells.
const BAR_CELLS: u8 = 20;

pub(super) fn print_evaluation(report: &Evaluation) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "{} in {}", report.model, report.precision)?;
    if report.items == Split::Odd {
        writeln!(
            out,
            "Fitted on the even items of each task; all figures are for the odd items."
        )?;
    }
    for task in &report.tasks {
        print_task(task, &mut out)?;
    }
    for reason in &report.left_out {
        writeln!(out, "\nSkipped: {}.", strip_control_chars(reason))?;
    }
    let strong = Style::new().bold();
    writeln!(out, "\n{strong}All tasks, equally weighted{strong:#}")?;
    let kinds = [
        ("default", &report.together.shipped),
        ("fitted", &report.together.fitted),
    ];
    for (kind, reliability) in kinds {
        if let Some(reliability) = reliability {
            print_reliability(kind, reliability, &mut out)?;
        }
    }
    if let Some(fitted) = &report.fitted {
        writeln!(out)?;
        print_calibration("Default", &report.shipped, &mut out)?;
        print_calibration("Fitted", fitted, &mut out)?;
    }
    out.flush()?;
    Ok(())
}

fn print_task(task: &TaskReport, out: &mut impl Write) -> anyhow::Result<()> {
    let strong = Style::new().bold();
    let texts = match task.targets {
        Some(targets) => format!(
            "{} and {}",
            with_thousands(task.sources),
            count_of(targets, "text")
        ),
        None => count_of(task.sources, "text"),
    };
    writeln!(
        out,
        "\n{strong}{}{strong:#}: {texts}",
        strip_control_chars(&task.name)
    )?;
    let what = match task.asks {
        TaskKind::Labels => "labelled pairs",
        TaskKind::Versions => "pairs: nearest by cosine, and the counterparts",
        TaskKind::Paragraphs => "pairs: nearest by cosine, and those that share a statement",
    };
    let (pairs, positives) = (with_thousands(task.pairs), with_thousands(task.same));
    writeln!(out, "{pairs} {what}, {positives} positive")?;
    if task.undecided > 0 {
        let pairs = count_of(task.undecided, "pair");
        writeln!(out, "{pairs} without a clear label skipped")?;
    }
    if task.truncated > 0 {
        let texts = count_of(task.truncated, "text");
        writeln!(out, "{texts} truncated to the model's maximum length")?;
    }
    let has_retrieval = task.signals.iter().any(|signal| signal.retrieval.is_some());
    let retrieval_header = if has_retrieval {
        "recall@1     MRR  "
    } else {
        ""
    };
    writeln!(
        out,
        "{:36}{retrieval_header}     AP     AUC  P@R.90  R@P.95",
        ""
    )?;
    for signal in &task.signals {
        print_signal(signal, has_retrieval, out)?;
    }
    if let Some(reliability) = &task.shipped.reliability {
        print_reliability("default", reliability, out)?;
    }
    if let Some(fitted) = &task.fitted {
        writeln!(out, "  {:10}     AP   error   Brier", "")?;
        print_quality("default", &task.shipped, out)?;
        print_quality("fitted", fitted, out)?;
    }
    Ok(())
}

fn print_signal(
    report: &SignalReport,
    has_retrieval: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    // Marks the baselines, which need nothing of this program.
    let is_baseline = matches!(
        report.signal,
        Signal::Bm25 | Signal::Cosine | Signal::LexicalOverlap
    );
    let mark = if is_baseline { '*' } else { ' ' };
    write!(out, "{mark} {:34}", report.signal.name())?;
    if has_retrieval {
        let retrieval = report.retrieval.as_ref();
        let recall = format_metric(retrieval.map(|r| r.recall_at_1));
        let rank = format_metric(retrieval.map(|r| r.mean_reciprocal_rank));
        write!(out, "   {recall}  {rank}  ")?;
    }
    let scores = report.separation.as_ref();
    let scores = [
        scores.map(|s| s.average_precision),
        scores.map(|s| s.roc_auc),
        scores.map(|s| s.precision_at_recall_90),
        scores.map(|s| s.recall_at_precision_95),
    ];
    writeln!(out, "{}", scores.map(format_metric).join("  "))?;
    Ok(())
}

fn print_quality(name: &str, quality: &Quality, out: &mut impl Write) -> anyhow::Result<()> {
    let reliability = quality.reliability.as_ref();
    let scores = [
        quality.separation.as_ref().map(|s| s.average_precision),
        reliability.map(|r| r.expected_calibration_error),
        reliability.map(|r| r.brier_score),
    ];
    writeln!(out, "  {name:10}{}", scores.map(format_metric).join("  "))?;
    Ok(())
}

/// Formats a metric in six columns, or its absence.
fn format_metric(number: Option<f64>) -> String {
    number.map_or_else(|| format!("{:>6}", "-"), |number| format!("{number:6.3}"))
}

/// Prints a reliability diagram: a bar is as long as the share of positive pairs, the mark is at the
/// confidence.
fn print_reliability(
    name: &str,
    reliability: &Reliability,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    writeln!(
        out,
        "Confidence, {name}: calibration error {:.3}, Brier score {:.3}",
        reliability.expected_calibration_error, reliability.brier_score
    )?;
    writeln!(out, "  {:9}   mean  accuracy  pairs", "")?;
    for bin in &reliability.bins {
        writeln!(
            out,
            "  {:.1} - {:.1}  {:5.3}  {:8.3}  {:>5}  {}",
            bin.from,
            bin.to,
            bin.confidence,
            bin.right,
            with_thousands(bin.pairs),
            reliability_bar(bin.right, bin.confidence)
        )?;
    }
    Ok(())
}

fn reliability_bar(accuracy: f64, confidence: f64) -> String {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // shares of 20
    let cells = |share: f64| (share * f64::from(BAR_CELLS)).round() as u8;
    let mark = cells(confidence).max(1);
    let cell = |cell| match cell {
        _ if cell == mark => '|',
        _ if cell <= cells(accuracy) => '#',
        _ => '.',
    };
    (1..=BAR_CELLS).map(cell).collect()
}

/// Prints a calibration as Rust source, to be pasted.
fn print_calibration(
    name: &str,
    calibration: &Calibration,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let Calibration {
        lexical_weight,
        slope,
        midpoint,
    } = calibration;
    writeln!(
        out,
        "{name}: Calibration {{ lexical_weight: {lexical_weight:?}, slope: {slope:?}, midpoint: {midpoint:?} }}"
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_shows_accuracy_and_confidence() {
        assert_eq!(reliability_bar(1.0, 0.5), "#########|##########");
        assert_eq!(reliability_bar(0.25, 1.0), "#####..............|");
        assert_eq!(reliability_bar(0.0, 0.0), "|...................");
    }
}
