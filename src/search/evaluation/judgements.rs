//! Test collections: queries with graded judgements, in BEIR's layout or as JSON Lines.
//!
//! BEIR (Thakur et al. 2021): a folder with `queries.jsonl` (`_id`, `text`) and `qrels/*.tsv` (a header,
//! then query id, document id, grade). Its `corpus.jsonl` is what the data directory was indexed from.
//!
//! JSON Lines: a file whose lines are `{"query", "grades": {passage id: grade}}`. If its name contains
//! `relevance`, a file of the same name with `passages` has the texts that were judged, as lines of
//! `{"passage", "text"}`: where a corpus is segmented differently today, they find the passage.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Grades;
use super::error::RetrievalError;
use crate::search::{GroupBy, Grouping};

/// Queries and their judgements.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgements {
    /// Name of the file or folder.
    pub name: String,
    /// What is judged.
    pub unit: JudgedUnit,
    /// The queries.
    pub queries: Vec<JudgedQuery>,
    /// The judged texts by the id of their passage, if they are known.
    pub texts: HashMap<String, String>,
    /// Judged passages or documents that are not in the store.
    pub missing: usize,
}

/// What the judgements of a collection refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JudgedUnit {
    /// Passages.
    Passage,
    /// Documents, ranked by their best passage.
    Document,
}

impl JudgedUnit {
    /// Returns the name of several.
    #[must_use]
    pub fn plural(self) -> &'static str {
        match self {
            Self::Passage => "passages",
            Self::Document => "documents",
        }
    }

    pub(super) fn grouping(self) -> Option<Grouping> {
        (self == Self::Document).then_some(Grouping {
            by: GroupBy::Document,
            size: 1,
        })
    }
}

/// A query and the grades of what was judged for it: 0 is irrelevant.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedQuery {
    /// Its id, unique in the collection.
    pub id: String,
    /// Its text.
    pub text: String,
    /// The grades by id.
    pub grades: Grades,
}

impl JudgedQuery {
    pub(super) fn has_relevant(&self, min_grade: u32) -> bool {
        self.grades.values().any(|grade| *grade >= min_grade)
    }
}

const LAYOUTS: &str = "a folder in BEIR's layout (queries.jsonl, qrels/*.tsv), one of its qrels files, or a JSON Lines file of {\"query\", \"grades\"}";

#[derive(Deserialize)]
struct BeirQuery {
    #[serde(rename = "_id")]
    id: String,
    text: String,
}

#[derive(Deserialize)]
struct GradedQuery {
    query: String,
    grades: Grades,
}

#[derive(Deserialize)]
struct JudgedText {
    passage: String,
    text: String,
}

impl Judgements {
    /// Reads judgements: a folder in BEIR's layout, one of its qrels files, or a JSON Lines file. Of
    /// several qrels files in a folder, `test.tsv` is read.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, the layout is another one, or a line is invalid.
    pub fn read(path: &Path) -> Result<Self, RetrievalError> {
        let metadata = fs::metadata(path).map_err(|source| RetrievalError::Read {
            path: path.to_owned(),
            source,
        })?;
        if metadata.is_dir() {
            let qrels = select_qrels(path)?;
            return read_beir(&path.join("queries.jsonl"), &qrels);
        }
        let extension = path.extension().and_then(|extension| extension.to_str());
        match (extension, path.parent().and_then(Path::parent)) {
            (Some("jsonl"), _) => read_graded_queries(path),
            (Some("tsv"), Some(folder)) => read_beir(&folder.join("queries.jsonl"), path),
            _ => Err(RetrievalError::InvalidCollection {
                path: path.to_owned(),
                received: "is another file".to_owned(),
                expected: LAYOUTS,
            }),
        }
    }
}

/// Returns the qrels file of a folder in BEIR's layout.
fn select_qrels(folder: &Path) -> Result<PathBuf, RetrievalError> {
    let qrels = folder.join("qrels");
    let entries = fs::read_dir(&qrels).map_err(|_| RetrievalError::InvalidCollection {
        path: folder.to_owned(),
        received: "has no folder qrels".to_owned(),
        expected: LAYOUTS,
    })?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "tsv"))
        .collect();
    files.sort();
    let test = qrels.join("test.tsv");
    match files.as_slice() {
        [only] => Ok(only.clone()),
        files if files.contains(&test) => Ok(test),
        files => Err(RetrievalError::InvalidCollection {
            path: qrels,
            received: format!("has {} files .tsv", files.len()),
            expected: "one, or one of the name test.tsv; name the file itself",
        }),
    }
}

fn read_beir(queries: &Path, qrels: &Path) -> Result<Judgements, RetrievalError> {
    let texts: HashMap<String, String> = read_json_lines::<BeirQuery>(queries)?
        .into_iter()
        .map(|query| (query.id, query.text))
        .collect();
    let mut judged: Vec<JudgedQuery> = Vec::new();
    let mut positions: HashMap<String, usize> = HashMap::new();
    for (line, text) in (1..).zip(read_text(qrels)?.lines()) {
        let invalid = |received: String, expected: &str| RetrievalError::InvalidLine {
            path: qrels.to_owned(),
            line,
            received,
            expected: expected.to_owned(),
        };
        let cells: Vec<&str> = text.split('\t').map(str::trim).collect();
        if text.trim().is_empty() || (line == 1 && cells.first() == Some(&"query-id")) {
            continue;
        }
        let &[query, document, grade] = cells.as_slice() else {
            let received = format!("{} cells", cells.len());
            return Err(invalid(
                received,
                "query id, document id, grade; tab-separated",
            ));
        };
        let grade: i64 = grade
            .parse()
            .map_err(|_| invalid(format!("grade {grade:?}"), "an integer"))?;
        let position = if let Some(position) = positions.get(query) {
            *position
        } else {
            let text = texts.get(query).ok_or_else(|| {
                invalid(
                    format!("query {query:?}"),
                    "the id of a query of queries.jsonl",
                )
            })?;
            judged.push(JudgedQuery {
                id: query.to_owned(),
                text: text.clone(),
                grades: Grades::new(),
            });
            positions.insert(query.to_owned(), judged.len() - 1);
            judged.len() - 1
        };
        // Some collections grade spam below 0.
        let grade = u32::try_from(grade).unwrap_or(0);
        judged[position].grades.insert(document.to_owned(), grade);
    }
    Ok(Judgements {
        name: name_of(qrels),
        unit: JudgedUnit::Document,
        queries: judged,
        texts: HashMap::new(),
        missing: 0,
    })
}

fn read_graded_queries(path: &Path) -> Result<Judgements, RetrievalError> {
    let queries = read_json_lines::<GradedQuery>(path)?;
    let name = name_of(path);
    let texts = path.with_file_name(name.replace("relevance", "passages"));
    let texts = if texts != path && texts.is_file() {
        read_json_lines::<JudgedText>(&texts)?
    } else {
        Vec::new()
    };
    Ok(Judgements {
        name,
        unit: JudgedUnit::Passage,
        queries: (1..)
            .zip(queries)
            .map(
                |(line, GradedQuery { query, grades }): (usize, _)| JudgedQuery {
                    id: line.to_string(),
                    text: query,
                    grades,
                },
            )
            .collect(),
        texts: texts
            .into_iter()
            .map(|judged| (judged.passage, judged.text))
            .collect(),
        missing: 0,
    })
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn read_text(path: &Path) -> Result<String, RetrievalError> {
    let text = fs::read_to_string(path).map_err(|source| RetrievalError::Read {
        path: path.to_owned(),
        source,
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(text) => text.to_owned(),
        None => text,
    })
}

fn read_json_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, RetrievalError> {
    let text = read_text(path)?;
    let lines = (1..).zip(text.lines());
    lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(line, text)| {
            serde_json::from_str(text).map_err(|error| RetrievalError::InvalidLine {
                path: path.to_owned(),
                line,
                received: error.to_string(),
                expected: "a JSON object with the fields of this file".to_owned(),
            })
        })
        .collect()
}
