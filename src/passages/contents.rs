//! Tables of contents: entries with dot leaders and page numbers.

use super::DropReason;
use super::lines::SourceLine;

/// Leaders have at least this many dots.
const MIN_LEADER_DOTS: usize = 4;
/// An entry may take this many lines before the one with the leader.
const MAX_WRAPPED_LINES: usize = 2;
/// Longer lines between two entries are text.
const MAX_ENTRY_CHARS: usize = 120;
/// Headings of tables of contents, in lower case.
const HEADINGS: [&str; 14] = [
    "contents",
    "table of contents",
    "inhalt",
    "inhaltsverzeichnis",
    "índice",
    "indice",
    "sommaire",
    "table des matières",
    "contenido",
    "sumário",
    "inhoud",
    "содержание",
    "оглавление",
    "目录",
];

/// Marks tables of contents: two or more entries with leaders, the lines of entries that take several,
/// and the heading above them.
pub(super) fn mark_contents(lines: &[SourceLine], marks: &mut [Option<DropReason>]) {
    let entries: Vec<usize> = (0..lines.len())
        .filter(|&at| has_leader(&lines[at].text))
        .collect();
    if entries.len() < 2 {
        return;
    }
    let mut previous: Option<usize> = None;
    for at in entries {
        let first = match previous {
            Some(previous) if at - previous <= MAX_WRAPPED_LINES + 1 => previous + 1,
            _ => at,
        };
        let wrapped = lines[first..at]
            .iter()
            .all(|line| line.chars <= MAX_ENTRY_CHARS && !line.text.ends_with('.'));
        let first = if wrapped { first } else { at };
        marks[first..=at].fill(Some(DropReason::Contents));
        if let Some(above) = first.checked_sub(1)
            && is_heading(&lines[above].text)
        {
            marks[above] = Some(DropReason::Contents);
        }
        previous = Some(at);
    }
}

fn is_heading(text: &str) -> bool {
    let lower = text.to_lowercase();
    HEADINGS.contains(&lower.trim_end_matches(':'))
}

/// Recognizes `PREAMBLE . . . . . . . 1` and `Work for all......9`.
fn has_leader(text: &str) -> bool {
    let body = text.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, 'i' | 'v' | 'x'));
    let number = text.len() - body.len();
    let title = body.trim_end_matches(['.', '·', '…', '_', ' ']);
    let leader = &body[title.len()..];
    let dots = leader
        .chars()
        .map(|c| match c {
            ' ' => 0,
            '…' => 3,
            _ => 1,
        })
        .sum::<usize>();
    (1..=4).contains(&number) && dots >= MIN_LEADER_DOTS && title.chars().any(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::has_leader;

    #[test]
    fn leaders_are_told_from_ellipses() {
        for entry in [
            "Preamble . . . . . 1",
            "Work for all......9",
            "Foreword …… iv",
            "1. The sea ____ 12",
        ] {
            assert!(has_leader(entry), "{entry}");
        }
        for other in [
            "We waited... 3",
            "and so on. . . .",
            "......... 5",
            "In 2015",
            "We wait...... and wait",
        ] {
            assert!(!has_leader(other), "{other}");
        }
    }
}
