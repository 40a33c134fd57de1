//! Gold files: pairs of texts that somebody has judged, or the same statements in several versions.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::GoldError;

/// Bytes of the largest file that is read.
const MOST_BYTES: u64 = 64 << 20;

/// Rows of the longest file: every text is compared with every other.
pub(super) const MOST_ROWS: usize = 10_000;

/// Versions of the widest file.
const MOST_VERSIONS: usize = 8;

/// Characters of the longest text.
const MOST_CHARACTERS: usize = 20_000;

/// The first cell of a file of versions.
const HEADER: &str = "ref";

/// The highest score of a judge.
const BEST: f64 = 5.0;

/// What a gold file holds.
#[derive(Debug, PartialEq)]
pub(super) enum Gold {
    /// Pairs that somebody has judged.
    Labelled(Vec<Labelled>),
    /// The same statements in several versions.
    Versions(Versions),
}

/// A pair of texts, and whether they say the same.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Labelled {
    pub(super) source: String,
    pub(super) target: String,
    /// `None` where the judges were of two minds.
    pub(super) same: Option<bool>,
}

/// The same statements in several versions.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Versions {
    pub(super) names: Vec<String>,
    /// `[version][row]`, all of one length.
    pub(super) texts: Vec<Vec<String>>,
}

/// Where something is wrong, and what would be right.
struct Fault {
    line: usize,
    received: String,
    expected: String,
}

/// Reads a file; its first line says what it holds.
pub(super) fn read(path: &Path) -> Result<Gold, GoldError> {
    let unreadable = |source| GoldError::Read {
        file: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    let mut file = file.take(MOST_BYTES + 1);
    file.read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(GoldError::File {
            file: path.to_owned(),
            received: "is larger".to_owned(),
            expected: format!("{} MiB at most", MOST_BYTES >> 20),
        });
    }
    parse(&bytes).map_err(|fault| GoldError::Line {
        file: path.to_owned(),
        line: fault.line,
        received: fault.received,
        expected: fault.expected,
    })
}

fn parse(bytes: &[u8]) -> Result<Gold, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = good.split(|byte| *byte == b'\n').count();
        fault(line, "bytes that are no UTF-8", "UTF-8 text")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(number, line)| (number, line.split('\t').map(str::trim).collect::<Vec<_>>()));
    let expected = format!(
        "score, text and text, or a header \"{HEADER}\" with two names or more, parted by tabs"
    );
    let Some((line, first)) = lines.next() else {
        return Err(fault(1, "nothing", expected));
    };
    if first.first() == Some(&HEADER) {
        return versions(line, &first, lines).map(Gold::Versions);
    }
    if first
        .first()
        .is_none_or(|cell| cell.parse::<f64>().is_err())
    {
        return Err(fault(line, shown(&first), expected));
    }
    labelled(std::iter::once((line, first)).chain(lines)).map(Gold::Labelled)
}

fn labelled<'a>(
    lines: impl Iterator<Item = (usize, Vec<&'a str>)>,
) -> Result<Vec<Labelled>, Fault> {
    let mut scored = Vec::new();
    let mut last = 1;
    for (line, cells) in lines {
        last = line;
        let [score, source, target] = cells[..] else {
            let received = columns(cells.len());
            return Err(fault(line, received, "3: score, text and text"));
        };
        let score = score.parse::<f64>().ok();
        let score = score.filter(|score| (0.0..=BEST).contains(score));
        let Some(score) = score else {
            let received = format!("the score {:?}", cells[0]);
            return Err(fault(line, received, "a number from 0 to 5"));
        };
        check(line, source)?;
        check(line, target)?;
        scored.push((score, source, target));
        enough_rows(line, scored.len())?;
    }
    // Labels of 0 and 1 are no scores of judges.
    let graded = scored.iter().any(|(score, ..)| *score > 1.0);
    let judge = |score: f64| match score {
        score if !graded => Some(score >= 0.5),
        score if score >= 4.0 => Some(true),
        score if score <= 2.0 => Some(false),
        _ => None,
    };
    let pairs: Vec<Labelled> = scored
        .into_iter()
        .map(|(score, source, target)| Labelled {
            source: source.to_owned(),
            target: target.to_owned(),
            same: judge(score),
        })
        .collect();
    for (wanted, kind) in [(true, "say the same"), (false, "do not say the same")] {
        if !pairs.iter().any(|pair| pair.same == Some(wanted)) {
            let received = format!("the last pair, and none of all that {kind}");
            return Err(fault(last, received, "pairs of both kinds"));
        }
    }
    Ok(pairs)
}

fn versions<'a>(
    line: usize,
    header: &[&str],
    lines: impl Iterator<Item = (usize, Vec<&'a str>)>,
) -> Result<Versions, Fault> {
    let names: Vec<String> = header
        .iter()
        .skip(1)
        .map(|name| (*name).to_owned())
        .collect();
    let distinct: HashSet<&str> = header.iter().skip(1).copied().collect();
    let apart = distinct.len() == names.len() && !distinct.contains("");
    if !apart || !(2..=MOST_VERSIONS).contains(&names.len()) {
        let expected = format!("\"{HEADER}\" and 2 to {MOST_VERSIONS} names, each another");
        return Err(fault(line, shown(header), expected));
    }
    let mut texts: Vec<Vec<String>> = vec![Vec::new(); names.len()];
    let (mut rows, mut last) = (0, line);
    for (line, cells) in lines {
        last = line;
        if cells.len() != header.len() {
            let received = columns(cells.len());
            let expected = format!("{}, as the header has", header.len());
            return Err(fault(line, received, expected));
        }
        for (column, text) in texts.iter_mut().zip(&cells[1..]) {
            check(line, text)?;
            column.push((*text).to_owned());
        }
        rows += 1;
        enough_rows(line, rows)?;
    }
    if rows < 2 {
        let received = format!("the last of {rows} rows");
        return Err(fault(last, received, "2 rows or more to choose from"));
    }
    Ok(Versions { names, texts })
}

fn check(line: usize, text: &str) -> Result<(), Fault> {
    if !text.chars().any(char::is_alphanumeric) {
        return Err(fault(
            line,
            format!("the text {text:?}"),
            "a text with words",
        ));
    }
    let characters = text.chars().count();
    if characters > MOST_CHARACTERS {
        let received = format!("a text of {characters} characters");
        return Err(fault(line, received, format!("{MOST_CHARACTERS} at most")));
    }
    Ok(())
}

fn enough_rows(line: usize, rows: usize) -> Result<(), Fault> {
    if rows > MOST_ROWS {
        let expected = format!("{MOST_ROWS} rows at most, each being compared with all");
        return Err(fault(line, "one more row", expected));
    }
    Ok(())
}

fn columns(number: usize) -> String {
    format!("{number} column{}", if number == 1 { "" } else { "s" })
}

/// The beginning of a line, for an error.
fn shown(cells: &[&str]) -> String {
    let line: String = cells.join("\t").chars().take(60).collect();
    format!("{line:?}")
}

fn fault(line: usize, received: impl Into<String>, expected: impl Into<String>) -> Fault {
    Fault {
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
            Ok(Gold::Labelled(pairs)) => pairs.into_iter().map(|pair| pair.same).collect(),
            Ok(Gold::Versions(_)) => panic!("no labelled pairs"),
            Err(fault) => panic!("line {}: {}", fault.line, fault.received),
        }
    }

    #[test]
    fn judges_are_sure_at_both_ends() {
        let graded = "5.0\ta\tb\r\n\n4\ta\tb\n3.9\ta\tb\n2.1\ta\tb\n2\ta\tb\n1\ta\tb\n";
        let expected = [Some(true), Some(true), None, None, Some(false), Some(false)];
        assert_eq!(pairs(graded), expected);
        let labels = "\u{feff}1\ta\tb\n0\ta\tb\n0.5\ta\tb\n";
        assert_eq!(pairs(labels), [Some(true), Some(false), Some(true)]);
    }

    #[test]
    fn versions_stand_side_by_side() {
        let gold = parse(b"ref\tA\tB\n1\tone\tuno\n2\ttwo\tdos\n");
        let texts = [["one", "two"], ["uno", "dos"]];
        let expected = Versions {
            names: vec!["A".to_owned(), "B".to_owned()],
            texts: texts.map(|c| c.map(str::to_owned).to_vec()).to_vec(),
        };
        assert!(matches!(gold, Ok(Gold::Versions(found)) if found == expected));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let long = format!("1\ta\t{}\n0\ta\tb", "b".repeat(MOST_CHARACTERS + 1));
        let many = "1\ta\tb\n0\ta\tb\n".repeat(MOST_ROWS / 2 + 1);
        let cases: [(&[u8], usize, &str); 17] = [
            (b"", 1, "nothing"),
            (b"\n \n", 1, "nothing"),
            (b"Hello\n", 1, "Hello"),
            (b"5\ta\n", 1, "2 columns"),
            (b"5\ta\tb\tc\n", 1, "4 columns"),
            (b"5\ta\tb\n6\ta\tb\n", 2, "\"6\""),
            (b"5\ta\tb\nNaN\ta\tb\n", 2, "\"NaN\""),
            (b"5\ta\tb\n\ta\tb\n", 2, "\"\""),
            (b"5\ta\tb\n1\t...\tb\n", 2, "\"...\""),
            (b"5\ta\tb\n5\ta\tb\n", 2, "none of all that do not"),
            (b"ref\tA\n1\ta\n", 1, "ref"),
            (b"ref\tA\tA\n1\ta\tb\n", 1, "ref"),
            (b"ref\tA\tB\n1\ta\tb\n", 2, "1 rows"),
            (b"ref\tA\tB\n1\ta\tb\n2\ta\n", 3, "2 columns"),
            (b"ref\tA\tB\n1\ta\tb\n2\ta\t\xff\n", 3, "no UTF-8"),
            (long.as_bytes(), 1, "20001 characters"),
            (many.as_bytes(), MOST_ROWS + 1, "one more row"),
        ];
        for (bytes, line, received) in cases {
            let Err(fault) = parse(bytes) else {
                panic!("{received:?} was not found");
            };
            assert_eq!(fault.line, line, "{}", fault.received);
            assert!(fault.received.contains(received), "{}", fault.received);
            assert!(!fault.expected.is_empty());
        }
    }
}
