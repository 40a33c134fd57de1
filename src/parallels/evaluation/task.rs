//! Tasks: texts on two sides, and which pairs of them say the same thing.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::encoder::Encoder;

use super::error::{EvaluationError, EvaluationProgress};
use super::gold_file::{GoldStandard, LabelledPair, ParallelTexts};
use super::task_texts::{TaskSide, TextVectors, TokenizedText, idf_table};

/// Number of nearest targets by cosine that a statement is compared with, in addition to its
/// counterpart.
const NEAREST_TARGETS: usize = 5;

/// Number of nearest targets by cosine that a paragraph is compared with, in addition to all that share
/// a statement.
const NEAREST_PARAGRAPHS: usize = 12;

/// A retrieval and classification task.
pub(super) struct EvaluationTask {
    pub(super) name: String,
    pub(super) ground_truth: GroundTruth,
    pub(super) sources: TaskSide,
    /// `None` if pairs are of one set of texts.
    targets: Option<TaskSide>,
    /// Number of pairs without a clear label.
    pub(super) undecided: usize,
}

/// Which pairs of a task are positive.
pub(super) enum GroundTruth {
    /// Those labelled so.
    Labelled(Vec<IndexedPair>),
    /// Versions of the same statement.
    Versions {
        /// Rows that are equal in one of the two versions: neither positive nor negative.
        duplicates: Vec<HashSet<usize>>,
    },
    /// Paragraphs that share one statement.
    Paragraphs {
        /// Number of statements of a paragraph.
        paragraph_size: usize,
    },
}

/// A labelled pair by the indices of its texts, with its number in the file.
pub(super) struct IndexedPair {
    pub(super) number: usize,
    pub(super) source: usize,
    pub(super) target: usize,
    pub(super) is_positive: bool,
}

impl EvaluationTask {
    pub(super) fn targets(&self) -> &TaskSide {
        self.targets.as_ref().unwrap_or(&self.sources)
    }

    /// Returns whether pairs are of one set of texts, none being compared with itself.
    pub(super) fn is_one_set(&self) -> bool {
        self.targets.is_none()
    }

    /// Returns the number of nearest targets by cosine that every source is compared with.
    pub(super) fn target_depth(&self) -> usize {
        match &self.ground_truth {
            GroundTruth::Labelled(_) => 0,
            GroundTruth::Versions { .. } => NEAREST_TARGETS,
            GroundTruth::Paragraphs { .. } => NEAREST_PARAGRAPHS,
        }
    }

    /// Returns the positive targets of a source.
    pub(super) fn counterparts(&self, source: usize) -> Vec<usize> {
        match &self.ground_truth {
            GroundTruth::Labelled(_) => Vec::new(),
            GroundTruth::Versions { .. } => vec![source],
            GroundTruth::Paragraphs { paragraph_size } => {
                paragraphs_sharing_a_statement(source, *paragraph_size, self.targets().len())
            }
        }
    }

    /// Returns whether a pair is neither positive nor negative.
    pub(super) fn is_duplicate(&self, source: usize, target: usize) -> bool {
        match &self.ground_truth {
            GroundTruth::Versions { duplicates } => duplicates
                .get(source)
                .is_some_and(|duplicates| duplicates.contains(&target)),
            _ => false,
        }
    }
}

/// Returns the tasks of a file, and adds to `skipped` what cannot be evaluated.
pub(super) fn tasks(
    file: &Path,
    gold: GoldStandard,
    paragraph_size: usize,
    encoder: &dyn Encoder,
    progress: EvaluationProgress<'_>,
    skipped: &mut Vec<String>,
) -> Result<Vec<EvaluationTask>, EvaluationError> {
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    match gold {
        GoldStandard::Labelled(pairs) => Ok(vec![labelled_task(&name, pairs, encoder, progress)?]),
        GoldStandard::Versions(versions) => {
            let rows = versions.texts.first().map_or(0, Vec::len);
            // With fewer rows, paragraphs would share several statements, or all would share one.
            let has_paragraphs = paragraph_size > 0 && rows / paragraph_size > paragraph_size;
            if paragraph_size > 0 && !has_paragraphs {
                skipped.push(format!(
                    "{name}: paragraphs of {paragraph_size} statements need {} rows; the file has {rows}",
                    paragraph_size * (paragraph_size + 1)
                ));
            }
            let paragraph_size = if has_paragraphs { paragraph_size } else { 0 };
            version_tasks(versions, paragraph_size, encoder, progress)
        }
    }
}

fn labelled_task(
    name: &str,
    pairs: Vec<LabelledPair>,
    encoder: &dyn Encoder,
    progress: EvaluationProgress<'_>,
) -> Result<EvaluationTask, EvaluationError> {
    let mut indices: HashMap<String, usize> = HashMap::new();
    let mut texts = Vec::new();
    let mut index_of = |text: String| {
        *indices.entry(text).or_insert_with_key(|text| {
            texts.push(TokenizedText::new(text.clone()));
            texts.len() - 1
        })
    };
    let (mut decided, mut undecided) = (Vec::new(), 0);
    for (number, pair) in pairs.into_iter().enumerate() {
        let (source, target) = (index_of(pair.source), index_of(pair.target));
        match pair.label {
            Some(is_positive) => decided.push(IndexedPair {
                number,
                source,
                target,
                is_positive,
            }),
            None => undecided += 1,
        }
    }
    decided.sort_by_key(|pair| pair.source);
    let vectors = TextVectors::encode(texts.iter(), encoder, progress)?;
    let all: Vec<&TokenizedText> = texts.iter().collect();
    Ok(EvaluationTask {
        name: name.to_owned(),
        ground_truth: GroundTruth::Labelled(decided),
        sources: TaskSide::new(&all, &idf_table(texts.iter()), &vectors),
        targets: None,
        undecided,
    })
}

fn version_tasks(
    versions: ParallelTexts,
    paragraph_size: usize,
    encoder: &dyn Encoder,
    progress: EvaluationProgress<'_>,
) -> Result<Vec<EvaluationTask>, EvaluationError> {
    let ParallelTexts { names, texts } = versions;
    let columns: Vec<VersionColumn> = texts
        .iter()
        .map(|rows| VersionColumn::new(rows, paragraph_size))
        .collect();
    let all = columns.iter().flat_map(VersionColumn::all);
    let vectors = TextVectors::encode(all, encoder, progress)?;
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
        tasks.push(two_sided_task(
            format!("{from} to {to}"),
            GroundTruth::Versions {
                duplicates: duplicate_rows(x, y),
            },
            (&a.rows, &b.rows),
            &vectors,
        ));
        if paragraph_size > 0 {
            tasks.push(two_sided_task(
                format!("{from} to {to}, paragraphs of {paragraph_size}"),
                GroundTruth::Paragraphs { paragraph_size },
                (&a.in_order, &b.staggered),
                &vectors,
            ));
        }
    }
    Ok(tasks)
}

fn two_sided_task(
    name: String,
    ground_truth: GroundTruth,
    (sources, targets): (&[TokenizedText], &[TokenizedText]),
    vectors: &TextVectors<'_>,
) -> EvaluationTask {
    let idf_table = idf_table(sources.iter().chain(targets));
    let side = |texts: &[TokenizedText]| {
        TaskSide::new(&texts.iter().collect::<Vec<_>>(), &idf_table, vectors)
    };
    EvaluationTask {
        name,
        ground_truth,
        sources: side(sources),
        targets: Some(side(targets)),
        undecided: 0,
    }
}

/// One version of all statements, and the paragraphs made of it.
struct VersionColumn {
    rows: Vec<TokenizedText>,
    /// Paragraph `i` consists of the rows from `n * i` on.
    in_order: Vec<TokenizedText>,
    /// Paragraph `i` consists of the first row of paragraph `i` in order, the second row of the next
    /// one, and so on.
    staggered: Vec<TokenizedText>,
}

impl VersionColumn {
    fn new(rows: &[String], paragraph_size: usize) -> Self {
        let paragraphs = rows.len().checked_div(paragraph_size).unwrap_or(0);
        let paragraph = |row: &dyn Fn(usize) -> usize| {
            let lines = (0..paragraph_size).filter_map(|k| rows.get(row(k)));
            // Joined by line breaks, as in a list, so that no sentence spans two statements.
            TokenizedText::new(lines.map(String::as_str).collect::<Vec<_>>().join("\n"))
        };
        let all = 0..paragraphs;
        Self {
            rows: rows.iter().cloned().map(TokenizedText::new).collect(),
            in_order: (all.clone().map(|i| paragraph(&|k| paragraph_size * i + k))).collect(),
            staggered: all
                .map(|i| paragraph(&|k| paragraph_size * ((i + k) % paragraphs) + k))
                .collect(),
        }
    }

    fn all(&self) -> impl Iterator<Item = &TokenizedText> {
        self.rows
            .iter()
            .chain(&self.in_order)
            .chain(&self.staggered)
    }
}

/// Returns the staggered paragraphs that share a statement with a paragraph in order: its statement `k`
/// is in the one `k` before it.
fn paragraphs_sharing_a_statement(
    paragraph: usize,
    paragraph_size: usize,
    paragraphs: usize,
) -> Vec<usize> {
    let before = |k| (paragraph + paragraphs - k) % paragraphs;
    (0..paragraph_size).map(before).collect()
}

/// Returns for each row the others with an equal text on one side.
fn duplicate_rows(a: &[String], b: &[String]) -> Vec<HashSet<usize>> {
    let mut duplicates = vec![HashSet::new(); a.len()];
    for column in [a, b] {
        let mut rows: HashMap<&str, Vec<usize>> = HashMap::new();
        for (row, text) in column.iter().enumerate() {
            rows.entry(text).or_default().push(row);
        }
        for rows in rows.values() {
            for row in rows {
                if let Some(duplicates) = duplicates.get_mut(*row) {
                    duplicates.extend(rows.iter().filter(|other| *other != row));
                }
            }
        }
    }
    duplicates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_share_one_statement_with_n_others() {
        let rows: Vec<String> = (0..12).map(|row| format!("s{row}")).collect();
        let column = VersionColumn::new(&rows, 3);
        let texts =
            |texts: &[TokenizedText]| texts.iter().map(|t| t.whole.clone()).collect::<Vec<_>>();
        assert_eq!(texts(&column.in_order)[1], "s3\ns4\ns5");
        let expected = ["s0\ns4\ns8", "s3\ns7\ns11", "s6\ns10\ns2", "s9\ns1\ns5"];
        assert_eq!(texts(&column.staggered), expected);
        for (index, paragraph) in column.in_order.iter().enumerate() {
            for (other, staggered) in column.staggered.iter().enumerate() {
                let lines: HashSet<&str> = staggered.whole.lines().collect();
                let shared = paragraph.whole.lines().filter(|line| lines.contains(line));
                let expected = paragraphs_sharing_a_statement(index, 3, 4).contains(&other);
                assert_eq!(shared.count(), usize::from(expected));
            }
        }
        assert!(VersionColumn::new(&rows, 0).in_order.is_empty());
    }

    #[test]
    fn duplicates_in_either_version_are_found() {
        let a = ["x", "x", "y", "z"].map(str::to_owned);
        let b = ["p", "q", "r", "p"].map(str::to_owned);
        let found = duplicate_rows(&a, &b);
        assert_eq!(found[0], HashSet::from([1, 3]));
        assert_eq!(found[1], HashSet::from([0]));
        assert!(found[2].is_empty());
    }
}
