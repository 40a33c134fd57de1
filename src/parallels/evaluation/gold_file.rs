//! Gold files: labelled pairs of texts, or the same statements in several versions.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::error::EvaluationError;

/// Maximum size of a file, in bytes.
const MAX_GOLD_BYTES: u64 = 64 << 20;

/// Maximum number of rows of a file: every text is compared with every other one.
pub(super) const MAX_GOLD_ROWS: usize = 10_000;

/// Maximum number of versions in a file.
const MAX_VERSIONS: usize = 8;

/// Maximum length of a text, in characters.
const MAX_TEXT_CHARS: usize = 20_000;

/// First cell of a file of versions.
const VERSIONS_HEADER: &str = "ref";

/// Maximum score of a labelled pair.
const MAX_SCORE: f64 = 5.0;

/// The content of a gold file.
#[derive(Debug, PartialEq)]
pub(super) enum GoldStandard {
    /// Labelled pairs.
    Labelled(Vec<LabelledPair>),
    /// The same statements in several versions.
    Versions(ParallelTexts),
}

/// A pair of texts with its label.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LabelledPair {
    pub(super) source: String,
    pub(super) target: String,
    /// `None` if the score is in between.
    pub(super) label: Option<bool>,
}

/// The same statements in several versions.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ParallelTexts {
    pub(super) names: Vec<String>,
    /// `[version][row]`, all of one length.
    pub(super) texts: Vec<Vec<String>>,
}

/// The line number of a fault, and both sides of it.
struct InvalidGoldLine {
    line: usize,
    received: String,
    expected: String,
}

/// Reads a file; its first line determines the kind of content.
pub(super) fn read_gold(path: &Path) -> Result<GoldStandard, EvaluationError> {
    let unreadable = |source| EvaluationError::Read {
        file: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    let mut file = file.take(MAX_GOLD_BYTES + 1);
    file.read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_GOLD_BYTES {
        return Err(EvaluationError::InvalidFile {
            file: path.to_owned(),
            received: "is too large".to_owned(),
            expected: format!("at most {} MiB", MAX_GOLD_BYTES >> 20),
        });
    }
    parse(&bytes).map_err(|fault| EvaluationError::InvalidLine {
        file: path.to_owned(),
        line: fault.line,
        received: fault.received,
        expected: fault.expected,
    })
}

fn parse(bytes: &[u8]) -> Result<GoldStandard, InvalidGoldLine> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = valid.split(|byte| *byte == b'\n').count();
        invalid_line(line, "invalid UTF-8", "UTF-8 text")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(number, line)| (number, line.split('\t').map(str::trim).collect::<Vec<_>>()));
    let expected = format!(
        "score, text, text; or a header \"{VERSIONS_HEADER}\" with two or more names; tab-separated"
    );
    let Some((line, first)) = lines.next() else {
        return Err(invalid_line(1, "an empty file", expected));
    };
    if first.first() == Some(&VERSIONS_HEADER) {
        return parse_versions(line, &first, lines).map(GoldStandard::Versions);
    }
    if first
        .first()
        .is_none_or(|cell| cell.parse::<f64>().is_err())
    {
        return Err(invalid_line(line, excerpt(&first), expected));
    }
    parse_labelled(std::iter::once((line, first)).chain(lines)).map(GoldStandard::Labelled)
}

fn parse_labelled<'a>(
    lines: impl Iterator<Item = (usize, Vec<&'a str>)>,
) -> Result<Vec<LabelledPair>, InvalidGoldLine> {
    let mut scored = Vec::new();
    let mut last = 1;
    for (line, cells) in lines {
        last = line;
        let [score, source, target] = cells[..] else {
            let received = column_count(cells.len());
            return Err(invalid_line(line, received, "3 columns: score, text, text"));
        };
        let score = score.parse::<f64>().ok();
        let score = score.filter(|score| (0.0..=MAX_SCORE).contains(score));
        let Some(score) = score else {
            let received = format!("the score {:?}", cells[0]);
            return Err(invalid_line(line, received, "a number from 0 to 5"));
        };
        check_text(line, source)?;
        check_text(line, target)?;
        scored.push((score, source, target));
        check_row_count(line, scored.len())?;
    }
    // Labels of 0 and 1 are not graded scores.
    let graded = scored.iter().any(|(score, ..)| *score > 1.0);
    let label = |score: f64| match score {
        score if !graded => Some(score >= 0.5),
        score if score >= 4.0 => Some(true),
        score if score <= 2.0 => Some(false),
        _ => None,
    };
    let pairs: Vec<LabelledPair> = scored
        .into_iter()
        .map(|(score, source, target)| LabelledPair {
            source: source.to_owned(),
            target: target.to_owned(),
            label: label(score),
        })
        .collect();
    for (label, kind) in [(true, "positive"), (false, "negative")] {
        if !pairs.iter().any(|pair| pair.label == Some(label)) {
            let received = format!("end of file without a {kind} pair");
            return Err(invalid_line(last, received, "pairs of both classes"));
        }
    }
    Ok(pairs)
}

fn parse_versions<'a>(
    line: usize,
    header: &[&str],
    lines: impl Iterator<Item = (usize, Vec<&'a str>)>,
) -> Result<ParallelTexts, InvalidGoldLine> {
    let names: Vec<String> = header
        .iter()
        .skip(1)
        .map(|name| (*name).to_owned())
        .collect();
    let distinct: HashSet<&str> = header.iter().skip(1).copied().collect();
    let is_distinct = distinct.len() == names.len() && !distinct.contains("");
    if !is_distinct || !(2..=MAX_VERSIONS).contains(&names.len()) {
        let expected = format!("\"{VERSIONS_HEADER}\" and 2 to {MAX_VERSIONS} distinct names");
        return Err(invalid_line(line, excerpt(header), expected));
    }
    let mut texts: Vec<Vec<String>> = vec![Vec::new(); names.len()];
    let (mut rows, mut last) = (0, line);
    for (line, cells) in lines {
        last = line;
        if cells.len() != header.len() {
            let received = column_count(cells.len());
            let expected = format!("{} columns, as in the header", header.len());
            return Err(invalid_line(line, received, expected));
        }
        for (column, text) in texts.iter_mut().zip(&cells[1..]) {
            check_text(line, text)?;
            column.push((*text).to_owned());
        }
        rows += 1;
        check_row_count(line, rows)?;
    }
    if rows < 2 {
        let received = format!("end of file after {rows} rows");
        return Err(invalid_line(last, received, "at least 2 rows"));
    }
    Ok(ParallelTexts { names, texts })
}

fn check_text(line: usize, text: &str) -> Result<(), InvalidGoldLine> {
    if !text.chars().any(char::is_alphanumeric) {
        return Err(invalid_line(
            line,
            format!("the text {text:?}"),
            "text with at least one letter or digit",
        ));
    }
    let characters = text.chars().count();
    if characters > MAX_TEXT_CHARS {
        let received = format!("a text of {characters} characters");
        return Err(invalid_line(
            line,
            received,
            format!("at most {MAX_TEXT_CHARS}"),
        ));
    }
    Ok(())
}

fn check_row_count(line: usize, rows: usize) -> Result<(), InvalidGoldLine> {
    if rows > MAX_GOLD_ROWS {
        let expected = format!("at most {MAX_GOLD_ROWS} rows");
        return Err(invalid_line(line, format!("row {rows}"), expected));
    }
    Ok(())
}

fn column_count(number: usize) -> String {
    format!("{number} column{}", if number == 1 { "" } else { "s" })
}

/// Returns the beginning of a line, for an error.
fn excerpt(cells: &[&str]) -> String {
    let line: String = cells.join("\t").chars().take(60).collect();
    format!("{line:?}")
}

fn invalid_line(
    line: usize,
    received: impl Into<String>,
    expected: impl Into<String>,
) -> InvalidGoldLine {
    InvalidGoldLine {
        line,
        received: received.into(),
        expected: expected.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<Option<bool>> {
        match parse(text.as_bytes()) {
            Ok(GoldStandard::Labelled(pairs)) => pairs.into_iter().map(|pair| pair.label).collect(),
            Ok(GoldStandard::Versions(_)) => panic!("no labelled pairs"),
            Err(fault) => panic!("line {}: {}", fault.line, fault.received),
        }
    }

    #[test]
    fn middle_scores_are_undecided() {
        let graded = "5.0\ta\tb\r\n\n4\ta\tb\n3.9\ta\tb\n2.1\ta\tb\n2\ta\tb\n1\ta\tb\n";
        let expected = [Some(true), Some(true), None, None, Some(false), Some(false)];
        assert_eq!(pairs(graded), expected);
        let labels = "\u{feff}1\ta\tb\n0\ta\tb\n0.5\ta\tb\n";
        assert_eq!(pairs(labels), [Some(true), Some(false), Some(true)]);
    }

    #[test]
    fn versions_are_parsed_by_column() {
        let gold = parse(b"ref\tA\tB\n1\tone\tuno\n2\ttwo\tdos\n");
        let texts = [["one", "two"], ["uno", "dos"]];
        let expected = ParallelTexts {
            names: vec!["A".to_owned(), "B".to_owned()],
            texts: texts.map(|c| c.map(str::to_owned).to_vec()).to_vec(),
        };
        assert!(matches!(gold, Ok(GoldStandard::Versions(found)) if found == expected));
    }

    #[test]
    fn errors_name_their_line() {
        let long = format!("1\ta\t{}\n0\ta\tb", "b".repeat(MAX_TEXT_CHARS + 1));
        let many = "1\ta\tb\n0\ta\tb\n".repeat(MAX_GOLD_ROWS / 2 + 1);
        let cases: [(&[u8], usize, &str); 17] = [
            (b"", 1, "an empty file"),
            (b"\n \n", 1, "an empty file"),
            (b"Hello\n", 1, "Hello"),
            (b"5\ta\n", 1, "2 columns"),
            (b"5\ta\tb\tc\n", 1, "4 columns"),
            (b"5\ta\tb\n6\ta\tb\n", 2, "\"6\""),
            (b"5\ta\tb\nNaN\ta\tb\n", 2, "\"NaN\""),
            (b"5\ta\tb\n\ta\tb\n", 2, "\"\""),
            (b"5\ta\tb\n1\t...\tb\n", 2, "\"...\""),
            (b"5\ta\tb\n5\ta\tb\n", 2, "without a negative pair"),
            (b"ref\tA\n1\ta\n", 1, "ref"),
            (b"ref\tA\tA\n1\ta\tb\n", 1, "ref"),
            (b"ref\tA\tB\n1\ta\tb\n", 2, "1 rows"),
            (b"ref\tA\tB\n1\ta\tb\n2\ta\n", 3, "2 columns"),
            (b"ref\tA\tB\n1\ta\tb\n2\ta\t\xff\n", 3, "invalid UTF-8"),
            (long.as_bytes(), 1, "20001 characters"),
            (many.as_bytes(), MAX_GOLD_ROWS + 1, "row 10001"),
        ];
        for (bytes, line, received) in cases {
            let Err(fault) = parse(bytes) else {
                panic!("{received:?} is accepted");
            };
            assert_eq!(fault.line, line, "{}", fault.received);
            assert!(fault.received.contains(received), "{}", fault.received);
            assert!(!fault.expected.is_empty());
        }
    }
}
