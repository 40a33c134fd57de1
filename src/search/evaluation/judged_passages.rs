//! Finds the judged passages and documents in the store.

use std::collections::{HashMap, HashSet};

use crate::corpus::DocumentId;
use crate::engine::Snapshot;
use crate::store::{PassageRecord, StoreError};

use super::Grades;
use super::error::RetrievalError;
use super::judgements::{JudgedUnit, Judgements};

/// Returns the judgements with today's ids, without those of passages and documents that are not in the
/// store, which are counted.
pub(super) fn match_to_store(
    snapshot: &Snapshot,
    mut judgements: Judgements,
) -> Result<Judgements, RetrievalError> {
    let judged: HashSet<&String> = judgements
        .queries
        .iter()
        .flat_map(|query| query.grades.keys())
        .collect();
    let mut ids = HashMap::new();
    let mut documents = PassagesOfDocuments {
        snapshot,
        passages: HashMap::new(),
    };
    for id in &judged {
        let found = match judgements.unit {
            JudgedUnit::Document => documents.contains(id)?.then(|| (*id).clone()),
            JudgedUnit::Passage => documents.find(id, judgements.texts.get(*id))?,
        };
        if let Some(found) = found {
            ids.insert((*id).clone(), found);
        }
    }
    let (judged_count, missing) = (judged.len(), judged.len() - ids.len());
    if ids.is_empty() {
        return Err(RetrievalError::ForeignCorpus {
            judged: judged_count,
            unit: judgements.unit.plural(),
            example: judged.into_iter().min().cloned().unwrap_or_default(),
        });
    }
    for query in &mut judgements.queries {
        let mut grades = Grades::new();
        for (id, grade) in &query.grades {
            if let Some(id) = ids.get(id) {
                // Two judged passages may have been joined to one.
                let best = grades.entry(id.clone()).or_insert(*grade);
                *best = (*best).max(*grade);
            }
        }
        query.grades = grades;
    }
    judgements.missing = missing;
    Ok(judgements)
}

/// The passages of documents, read once.
struct PassagesOfDocuments<'a> {
    snapshot: &'a Snapshot,
    passages: HashMap<String, Vec<PassageRecord>>,
}

impl PassagesOfDocuments<'_> {
    fn contains(&self, document: &str) -> Result<bool, StoreError> {
        match document.parse::<DocumentId>() {
            Ok(id) => Ok(self.snapshot.view().summary(&id)?.is_some()),
            Err(_) => Ok(false),
        }
    }

    /// Returns the id of the passage that has this text or, if it is not known, this id.
    fn find(&mut self, id: &str, text: Option<&String>) -> Result<Option<String>, StoreError> {
        let Some((document, _)) = id.rsplit_once("#p") else {
            return Ok(None);
        };
        if !self.passages.contains_key(document) {
            let record = match document.parse::<DocumentId>() {
                Ok(id) => self.snapshot.view().document(&id)?,
                Err(_) => None,
            };
            let passages = record.map(|record| record.passages).unwrap_or_default();
            self.passages.insert(document.to_owned(), passages);
        }
        let passages = self.passages.get(document).map_or(&[][..], Vec::as_slice);
        let found = match text {
            None => passages.iter().find(|passage| passage.id() == id),
            Some(text) => most_similar(passages, id, text),
        };
        Ok(found.map(PassageRecord::id))
    }
}

/// Returns the passage with this text, else the one that shares more than half of the words of both.
fn most_similar<'a>(
    passages: &'a [PassageRecord],
    id: &str,
    text: &str,
) -> Option<&'a PassageRecord> {
    let words = |text: &str| -> HashSet<String> {
        text.split_whitespace().map(str::to_lowercase).collect()
    };
    let judged = words(text);
    let overlap = |passage: &PassageRecord| {
        let own = words(&passage.text);
        let shared = own.intersection(&judged).count();
        (shared, own.len() + judged.len() - shared)
    };
    let is_same =
        |passage: &&PassageRecord| passage.text.split_whitespace().eq(text.split_whitespace());
    let same = passages.iter().filter(is_same);
    let by_id = same.clone().find(|passage| passage.id() == id);
    by_id.or_else(|| same.clone().next()).or_else(|| {
        passages
            .iter()
            .map(|passage| (overlap(passage), passage))
            .filter(|((shared, all), _)| 2 * shared > *all)
            .max_by(|((a, all_a), _), ((b, all_b), _)| (a * all_b).cmp(&(b * all_a)))
            .map(|(_, passage)| passage)
    })
}
