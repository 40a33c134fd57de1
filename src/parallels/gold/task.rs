//! From a gold file to tasks: texts on two sides, and which pairs of them say the same.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::encoder::Encoder;

use super::read::{Gold, Labelled, Versions};
use super::side::{Side, Text, Vectors, lexicon};
use super::{GoldError, Progress};

/// Statements are compared with so many of the nearest by cosine, and with their counterpart.
const NEAREST: usize = 5;

/// Paragraphs are compared with so many of the nearest by cosine, and with all that share a statement.
const NEAREST_JOINED: usize = 12;

/// Something to be good at.
pub(super) struct Task {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) sources: Side,
    /// `None` where pairs are of one set of texts.
    targets: Option<Side>,
    /// Pairs whose judges were of two minds.
    pub(super) undecided: usize,
}

/// What is asked of the pairs of a task.
pub(super) enum Kind {
    /// Whether somebody said that the pair says the same.
    Labelled(Vec<LabelledPair>),
    /// Whether both are versions of one statement.
    Versions {
        /// Rows that are the same in one of the two versions: neither right nor wrong.
        repeats: Vec<HashSet<usize>>,
    },
    /// Whether both hold one statement, among others.
    Joined {
        /// Statements of a paragraph.
        join: usize,
    },
}

/// A pair of places, its number in the file, and whether it says the same.
pub(super) struct LabelledPair {
    pub(super) number: usize,
    pub(super) source: usize,
    pub(super) target: usize,
    pub(super) same: bool,
}

impl Task {
    pub(super) fn targets(&self) -> &Side {
        self.targets.as_ref().unwrap_or(&self.sources)
    }

    /// Whether pairs are of one set of texts, none being compared with itself.
    pub(super) fn is_one_set(&self) -> bool {
        self.targets.is_none()
    }

    /// How many of the nearest by cosine every source is compared with.
    pub(super) fn nearest(&self) -> usize {
        match &self.kind {
            Kind::Labelled(_) => 0,
            Kind::Versions { .. } => NEAREST,
            Kind::Joined { .. } => NEAREST_JOINED,
        }
    }

    /// The targets that say the same as a source for certain.
    pub(super) fn counterparts(&self, source: usize) -> Vec<usize> {
        match &self.kind {
            Kind::Labelled(_) => Vec::new(),
            Kind::Versions { .. } => vec![source],
            Kind::Joined { join } => sharing(source, *join, self.targets().len()),
        }
    }

    /// Whether a pair is neither right nor wrong.
    pub(super) fn is_repeat(&self, source: usize, target: usize) -> bool {
        match &self.kind {
            Kind::Versions { repeats } => repeats
                .get(source)
                .is_some_and(|repeats| repeats.contains(&target)),
            _ => false,
        }
    }
}

/// The tasks of a file. `left_out` is told what cannot be asked.
pub(super) fn tasks(
    file: &Path,
    gold: Gold,
    join: usize,
    encoder: &dyn Encoder,
    progress: Progress<'_>,
    left_out: &mut Vec<String>,
) -> Result<Vec<Task>, GoldError> {
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    match gold {
        Gold::Labelled(pairs) => Ok(vec![labelled(&name, pairs, encoder, progress)?]),
        Gold::Versions(versions) => {
            let rows = versions.texts.first().map_or(0, Vec::len);
            // With fewer, paragraphs would share more than one statement, or all would share one.
            let joined = join > 0 && rows / join > join;
            if join > 0 && !joined {
                left_out.push(format!(
                    "{name}: paragraphs of {join} statements, for which {} rows are needed; it has {rows}",
                    join * (join + 1)
                ));
            }
            let join = if joined { join } else { 0 };
            of_versions(versions, join, encoder, progress)
        }
    }
}

fn labelled(
    name: &str,
    pairs: Vec<Labelled>,
    encoder: &dyn Encoder,
    progress: Progress<'_>,
) -> Result<Task, GoldError> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut texts = Vec::new();
    let mut place = |text: String| {
        *places.entry(text).or_insert_with_key(|text| {
            texts.push(Text::of(text.clone()));
            texts.len() - 1
        })
    };
    let (mut decided, mut undecided) = (Vec::new(), 0);
    for (number, pair) in pairs.into_iter().enumerate() {
        let (source, target) = (place(pair.source), place(pair.target));
        match pair.same {
            Some(same) => decided.push(LabelledPair {
                number,
                source,
                target,
                same,
            }),
            None => undecided += 1,
        }
    }
    decided.sort_by_key(|pair| pair.source);
    let vectors = Vectors::of(texts.iter(), encoder, progress)?;
    let all: Vec<&Text> = texts.iter().collect();
    Ok(Task {
        name: name.to_owned(),
        kind: Kind::Labelled(decided),
        sources: Side::of(&all, &lexicon(texts.iter()), &vectors),
        targets: None,
        undecided,
    })
}

fn of_versions(
    versions: Versions,
    join: usize,
    encoder: &dyn Encoder,
    progress: Progress<'_>,
) -> Result<Vec<Task>, GoldError> {
    let Versions { names, texts } = versions;
    let columns: Vec<Column> = texts.iter().map(|rows| Column::of(rows, join)).collect();
    let all = columns.iter().flat_map(Column::all);
    let vectors = Vectors::of(all, encoder, progress)?;
    let neighbours = || {
        columns
            .windows(2)
            .zip(names.windows(2))
            .zip(texts.windows(2))
    };
    let mut tasks = Vec::new();
    for ((columns, names), rows) in neighbours() {
        let ([a, b], [from, to], [x, y]) = (columns, names, rows) else {
            continue;
        };
        tasks.push(two_sides(
            format!("{from} to {to}"),
            Kind::Versions {
                repeats: repeats(x, y),
            },
            (&a.rows, &b.rows),
            &vectors,
        ));
        if join > 0 {
            tasks.push(two_sides(
                format!("{from} to {to}, joined by {join}"),
                Kind::Joined { join },
                (&a.in_order, &b.spread),
                &vectors,
            ));
        }
    }
    Ok(tasks)
}

fn two_sides(
    name: String,
    kind: Kind,
    (sources, targets): (&[Text], &[Text]),
    vectors: &Vectors<'_>,
) -> Task {
    let lexicon = lexicon(sources.iter().chain(targets));
    let side = |texts: &[Text]| Side::of(&texts.iter().collect::<Vec<_>>(), &lexicon, vectors);
    Task {
        name,
        kind,
        sources: side(sources),
        targets: Some(side(targets)),
        undecided: 0,
    }
}

/// One version of all statements, and the paragraphs that are made of it.
struct Column {
    rows: Vec<Text>,
    /// Paragraph `i` holds the rows from `n * i` on.
    in_order: Vec<Text>,
    /// Paragraph `i` holds the first row of paragraph `i`, the second of the next, and so on.
    spread: Vec<Text>,
}

impl Column {
    fn of(rows: &[String], join: usize) -> Self {
        let paragraphs = rows.len().checked_div(join).unwrap_or(0);
        let paragraph = |row: &dyn Fn(usize) -> usize| {
            let lines = (0..join).filter_map(|k| rows.get(row(k)));
            // Lines, as a passage has those of a list: no sentence reaches from one into the next.
            Text::of(lines.map(String::as_str).collect::<Vec<_>>().join("\n"))
        };
        let all = 0..paragraphs;
        Self {
            rows: rows.iter().cloned().map(Text::of).collect(),
            in_order: (all.clone().map(|i| paragraph(&|k| join * i + k))).collect(),
            spread: all
                .map(|i| paragraph(&|k| join * ((i + k) % paragraphs) + k))
                .collect(),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Text> {
        self.rows.iter().chain(&self.in_order).chain(&self.spread)
    }
}

/// The spread paragraphs that share a statement with a paragraph in order: its statement `k` stands in
/// the one `k` before it.
fn sharing(paragraph: usize, join: usize, paragraphs: usize) -> Vec<usize> {
    let before = |k| (paragraph + paragraphs - k) % paragraphs;
    (0..join).map(before).collect()
}

/// For each row the others that are word for word the same on one side.
fn repeats(a: &[String], b: &[String]) -> Vec<HashSet<usize>> {
    let mut repeats = vec![HashSet::new(); a.len()];
    for column in [a, b] {
        let mut rows: HashMap<&str, Vec<usize>> = HashMap::new();
        for (row, text) in column.iter().enumerate() {
            rows.entry(text).or_default().push(row);
        }
        for rows in rows.values() {
            for row in rows {
                if let Some(repeats) = repeats.get_mut(*row) {
                    repeats.extend(rows.iter().filter(|other| *other != row));
                }
            }
        }
    }
    repeats
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_share_one_statement_with_n_others() {
        let rows: Vec<String> = (0..12).map(|row| format!("s{row}")).collect();
        let column = Column::of(&rows, 3);
        let texts = |texts: &[Text]| texts.iter().map(|t| t.whole.clone()).collect::<Vec<_>>();
        assert_eq!(texts(&column.in_order)[1], "s3\ns4\ns5");
        let expected = ["s0\ns4\ns8", "s3\ns7\ns11", "s6\ns10\ns2", "s9\ns1\ns5"];
        assert_eq!(texts(&column.spread), expected);
        for (place, paragraph) in column.in_order.iter().enumerate() {
            for (other, spread) in column.spread.iter().enumerate() {
                let lines: HashSet<&str> = spread.whole.lines().collect();
                let shared = paragraph.whole.lines().filter(|line| lines.contains(line));
                let expected = sharing(place, 3, 4).contains(&other);
                assert_eq!(shared.count(), usize::from(expected));
            }
        }
        assert!(Column::of(&rows, 0).in_order.is_empty());
    }

    #[test]
    fn rows_that_repeat_are_known_from_both_sides() {
        let a = ["x", "x", "y", "z"].map(str::to_owned);
        let b = ["p", "q", "r", "p"].map(str::to_owned);
        let found = repeats(&a, &b);
        assert_eq!(found[0], HashSet::from([1, 3]));
        assert_eq!(found[1], HashSet::from([0]));
        assert!(found[2].is_empty());
    }
}
