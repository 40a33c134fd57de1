//! What was sent, and what became of it.

use crate::corpus::{
    Document, DocumentId, DocumentNote, InvalidDocument, SkipReason, SubmittedDocument,
    ValidationError,
};
use crate::engine::{ChangeKind, Engine, Precondition, PutOutcome, PutRequest};
use crate::server::problem::{Problem, failed};

use super::dto::{DocumentError, DocumentResult, DocumentStatus};

/// Text written in one turn: little enough that a writer with one document waits a second or two.
pub(super) const BATCH_BYTES: usize = 32 * 1024;

/// Documents written in one turn.
pub(super) const BATCH_DOCUMENTS: usize = 256;

/// Most characters of what a client sent that are sent back with an error: as many as an id may have.
const MAX_ECHOED_CHARS: usize = 200;

/// Most characters of an error.
const MAX_ERROR_CHARS: usize = 1000;

/// Where a document that was sent comes from, in place of a file.
const HTTP_ORIGIN: &str = "http";

/// A document of a list or stream, or what is wrong with it.
pub(in crate::server) struct BatchItem {
    line: usize,
    id: Option<String>,
    parsed: Result<(Document, Vec<DocumentNote>), Problem>,
}

impl BatchItem {
    /// What was read, with the line or place that it stood in.
    pub(in crate::server) fn new(
        line: usize,
        sent: Result<SubmittedDocument, InvalidDocument>,
    ) -> Self {
        match sent {
            Ok(sent) => Self {
                line,
                id: sent
                    .declared_id()
                    .map(|id| truncate_chars(id.to_owned(), MAX_ECHOED_CHARS)),
                parsed: parse_document(sent, None),
            },
            Err(InvalidDocument { id, error: fault }) => Self {
                line,
                id: id.map(|id| truncate_chars(id, MAX_ECHOED_CHARS)),
                parsed: Err(fault.into()),
            },
        }
    }

    /// A line that was not read.
    pub(super) fn rejected(line: usize, problem: Problem) -> Self {
        Self {
            line,
            id: None,
            parsed: Err(problem),
        }
    }
}

/// Splits a list into what is written in one turn each.
pub(in crate::server) fn split_into_batches(items: Vec<BatchItem>) -> Vec<Vec<BatchItem>> {
    let mut batches: Vec<Vec<BatchItem>> = Vec::new();
    let mut bytes = 0;
    for item in items {
        let length = item
            .parsed
            .as_ref()
            .map_or(0, |(document, _)| document.text.len());
        match batches.last_mut() {
            Some(batch) if bytes < BATCH_BYTES && batch.len() < BATCH_DOCUMENTS => batch.push(item),
            _ => {
                batches.push(vec![item]);
                bytes = 0;
            }
        }
        bytes += length;
    }
    batches
}

/// Writes what is good and answers everything, in its order.
pub(in crate::server) fn write_batch(
    engine: &Engine,
    items: Vec<BatchItem>,
) -> Result<Vec<DocumentResult>, Problem> {
    let mut valid = Vec::new();
    let mut read = Vec::new();
    for BatchItem {
        line,
        id,
        parsed: item,
    } in items
    {
        read.push(match item {
            Ok((document, notes)) => {
                let id = document.id.to_string();
                valid.push(upload(document, Precondition::default()));
                (line, Some(id), Ok(notes))
            }
            Err(problem) => (line, id, Err(problem)),
        });
    }
    let mut outcomes = engine
        .put_documents(&valid)
        .map_err(|e| failed(&e))?
        .into_iter();
    let answer = |(line, id, read): (usize, Option<String>, Result<Vec<DocumentNote>, Problem>)| {
        let settled = read.and_then(|notes| Ok((stored_document(outcomes.next())?, notes)));
        let mut result = match settled {
            Ok((stored, notes)) => stored.into_result(&notes),
            Err(problem) => error_result(&problem),
        };
        result.line = Some(line);
        result.id = id;
        result
    };
    Ok(read.into_iter().map(answer).collect())
}

/// Writes one document, under the id that it is sent to or its own.
pub(in crate::server) fn write_one(
    engine: &Engine,
    submitted: SubmittedDocument,
    path_id: Option<&DocumentId>,
    condition: Precondition,
) -> Result<DocumentResult, Problem> {
    let (document, notes) = parse_document(submitted, path_id)?;
    let id = document.id.to_string();
    let outcomes = engine.put_documents(&[upload(document, condition)]);
    let outcome = outcomes.map_err(|e| failed(&e))?.into_iter().next();
    let mut result = stored_document(outcome)?.into_result(&notes);
    result.id = Some(id);
    Ok(result)
}

fn parse_document(
    mut submitted: SubmittedDocument,
    path_id: Option<&DocumentId>,
) -> Result<(Document, Vec<DocumentNote>), Problem> {
    let notes = std::mem::take(&mut submitted.notes);
    Ok((submitted.into_document(path_id)?, notes))
}

fn upload(document: Document, condition: Precondition) -> PutRequest {
    PutRequest {
        document,
        origin: HTTP_ORIGIN.to_owned(),
        precondition: condition,
    }
}

/// A document that is stored now.
struct StoredDocument {
    change: ChangeKind,
    passages: usize,
    content_hash: String,
}

impl StoredDocument {
    fn into_result(self, notes: &[DocumentNote]) -> DocumentResult {
        DocumentResult {
            line: None,
            id: None,
            status: self.change.into(),
            passages: self.passages,
            content_hash: Some(self.content_hash),
            notes: notes.iter().map(DocumentNote::to_string).collect(),
            error: None,
        }
    }
}

fn error_result(problem: &Problem) -> DocumentResult {
    DocumentResult {
        line: None,
        id: None,
        status: DocumentStatus::Error,
        passages: 0,
        content_hash: None,
        notes: Vec::new(),
        error: Some(DocumentError::from(problem)),
    }
}

fn stored_document(outcome: Option<PutOutcome>) -> Result<StoredDocument, Problem> {
    match outcome {
        Some(PutOutcome::Stored(stored)) => Ok(StoredDocument {
            change: stored.change,
            passages: stored.passages,
            content_hash: stored.content_hash.to_string(),
        }),
        Some(PutOutcome::PreconditionFailed(stored)) => {
            Err(Problem::precondition_failed(match stored {
                Some(hash) => format!("the condition does not hold: stored is the version {hash}"),
                None => "the condition does not hold: there is no such document".to_owned(),
            }))
        }
        Some(PutOutcome::NoPassages { .. }) => Err(Problem::empty_text(
            "no passage is left of the text once navigation and page furniture are left out",
        )
        .at("text")),
        Some(PutOutcome::EncodeFailed(error)) => Err(failed(&*error)),
        None => Err(Problem::internal("the document was not dealt with")),
    }
}

impl From<ValidationError> for Problem {
    fn from(fault: ValidationError) -> Self {
        let detail = truncate_chars(fault.to_string(), MAX_ERROR_CHARS);
        let name = |field| truncate_chars(field, MAX_ECHOED_CHARS);
        match fault {
            ValidationError::Unreadable(reason) => problem_from_skip(&reason, detail),
            ValidationError::RepeatedField { field, .. } => {
                Self::repeated_field(detail).at(name(field))
            }
            ValidationError::InvalidValue { field, .. } if field == "date" => {
                Self::bad_date(detail).at(field)
            }
            ValidationError::InvalidValue { field, .. } => Self::wrong_type(detail).at(name(field)),
            ValidationError::NulCharacter { field } => Self::binary_content(detail).at(field),
            ValidationError::MissingId => Self::missing_field(detail).at("id"),
            ValidationError::InvalidId(_) => Self::bad_id(detail).at("id"),
            ValidationError::IdMismatch { .. } => Self::id_mismatch(detail).at("id"),
        }
    }
}

/// A name may be as long as a body: an answer is not.
fn truncate_chars(mut text: String, max_chars: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(max_chars) {
        text.truncate(end);
        text.push('…');
    }
    text
}

fn problem_from_skip(reason: &SkipReason, detail: String) -> Problem {
    match reason {
        SkipReason::Empty => Problem::empty_text(detail).at("text"),
        SkipReason::TooLarge { .. } => Problem::body_too_large(detail).at("text"),
        SkipReason::Binary { .. } => Problem::binary_content(detail).at("text"),
        SkipReason::MissingText { .. } => Problem::missing_field(detail).at("text"),
        SkipReason::WrongFieldType { field, .. } => Problem::wrong_type(detail).at(*field),
        SkipReason::NotAnObject { .. } => Problem::wrong_type(detail),
        _ => Problem::bad_json(detail),
    }
}
