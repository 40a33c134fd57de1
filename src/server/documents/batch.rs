//! What was sent, and what became of it.

use crate::corpus::{Document, DocumentId, Note, Sent, SentFault, SkipReason, Unfit};
use crate::engine::{Change, Condition, Engine, Incoming, Outcome};
use crate::server::problem::{Problem, failed};

use super::shapes::{DocumentResult, ErrorBody, Status};

/// Text written in one turn: little enough that a writer with one document waits a second or two.
pub(super) const BATCH_BYTES: usize = 32 * 1024;

/// Documents written in one turn.
pub(super) const BATCH_DOCUMENTS: usize = 256;

/// Most characters of what a client sent that are sent back with an error: as many as an id may have.
const MOST_REPEATED: usize = 200;

/// Most characters of an error.
const MOST_SAID: usize = 1000;

/// Where a document that was sent comes from, in place of a file.
const ORIGIN: &str = "http";

/// A document of a list or stream, or what is wrong with it.
pub(in crate::server) struct Item {
    line: usize,
    id: Option<String>,
    read: Result<(Document, Vec<Note>), Problem>,
}

impl Item {
    /// What was read, with the line or place that it stood in.
    pub(in crate::server) fn new(line: usize, sent: Result<Sent, Unfit>) -> Self {
        match sent {
            Ok(sent) => Self {
                line,
                id: sent
                    .given_id()
                    .map(|id| shortened(id.to_owned(), MOST_REPEATED)),
                read: documented(sent, None),
            },
            Err(Unfit { id, fault }) => Self {
                line,
                id: id.map(|id| shortened(id, MOST_REPEATED)),
                read: Err(fault.into()),
            },
        }
    }

    /// A line that was not read.
    pub(super) fn unread(line: usize, problem: Problem) -> Self {
        Self {
            line,
            id: None,
            read: Err(problem),
        }
    }
}

/// Splits a list into what is written in one turn each.
pub(in crate::server) fn turns(items: Vec<Item>) -> Vec<Vec<Item>> {
    let mut turns: Vec<Vec<Item>> = Vec::new();
    let mut bytes = 0;
    for item in items {
        let length = item
            .read
            .as_ref()
            .map_or(0, |(document, _)| document.text.len());
        match turns.last_mut() {
            Some(turn) if bytes < BATCH_BYTES && turn.len() < BATCH_DOCUMENTS => turn.push(item),
            _ => {
                turns.push(vec![item]);
                bytes = 0;
            }
        }
        bytes += length;
    }
    turns
}

/// Writes what is good and answers everything, in its order.
pub(in crate::server) fn store(
    engine: &Engine,
    items: Vec<Item>,
) -> Result<Vec<DocumentResult>, Problem> {
    let mut good = Vec::new();
    let mut read = Vec::new();
    for Item {
        line,
        id,
        read: item,
    } in items
    {
        read.push(match item {
            Ok((document, notes)) => {
                let id = document.id.to_string();
                good.push(incoming(document, Condition::default()));
                (line, Some(id), Ok(notes))
            }
            Err(problem) => (line, id, Err(problem)),
        });
    }
    let mut outcomes = engine
        .put_documents(&good)
        .map_err(|e| failed(&e))?
        .into_iter();
    let answer = |(line, id, read): (usize, Option<String>, Result<Vec<Note>, Problem>)| {
        let settled = read.and_then(|notes| Ok((settled(outcomes.next())?, notes)));
        let mut result = match settled {
            Ok((stored, notes)) => stored.result(&notes),
            Err(problem) => refused(&problem),
        };
        result.line = Some(line);
        result.id = id;
        result
    };
    Ok(read.into_iter().map(answer).collect())
}

/// Writes one document, under the id that it is sent to or its own.
pub(in crate::server) fn store_one(
    engine: &Engine,
    sent: Sent,
    sent_to: Option<&DocumentId>,
    condition: Condition,
) -> Result<DocumentResult, Problem> {
    let (document, notes) = documented(sent, sent_to)?;
    let id = document.id.to_string();
    let outcomes = engine.put_documents(&[incoming(document, condition)]);
    let outcome = outcomes.map_err(|e| failed(&e))?.into_iter().next();
    let mut result = settled(outcome)?.result(&notes);
    result.id = Some(id);
    Ok(result)
}

fn documented(
    mut sent: Sent,
    sent_to: Option<&DocumentId>,
) -> Result<(Document, Vec<Note>), Problem> {
    let notes = std::mem::take(&mut sent.notes);
    Ok((sent.document(sent_to)?, notes))
}

fn incoming(document: Document, condition: Condition) -> Incoming {
    Incoming {
        document,
        origin: ORIGIN.to_owned(),
        condition,
    }
}

/// A document that is stored now.
struct Settled {
    change: Change,
    passages: usize,
    content_hash: String,
}

impl Settled {
    fn result(self, notes: &[Note]) -> DocumentResult {
        DocumentResult {
            line: None,
            id: None,
            status: self.change.into(),
            passages: self.passages,
            content_hash: Some(self.content_hash),
            notes: notes.iter().map(Note::to_string).collect(),
            error: None,
        }
    }
}

fn refused(problem: &Problem) -> DocumentResult {
    DocumentResult {
        line: None,
        id: None,
        status: Status::Error,
        passages: 0,
        content_hash: None,
        notes: Vec::new(),
        error: Some(ErrorBody::from(problem)),
    }
}

fn settled(outcome: Option<Outcome>) -> Result<Settled, Problem> {
    match outcome {
        Some(Outcome::Stored(stored)) => Ok(Settled {
            change: stored.change,
            passages: stored.passages,
            content_hash: stored.content_hash.to_string(),
        }),
        Some(Outcome::Refused(stored)) => Err(Problem::precondition_failed(match stored {
            Some(hash) => format!("the condition does not hold: stored is the version {hash}"),
            None => "the condition does not hold: there is no such document".to_owned(),
        })),
        Some(Outcome::NoPassage { .. }) => Err(Problem::empty_text(
            "no passage is left of the text once navigation and page furniture are left out",
        )
        .at("text")),
        Some(Outcome::NotEncoded(error)) => Err(failed(&*error)),
        None => Err(Problem::internal("the document was not dealt with")),
    }
}

impl From<SentFault> for Problem {
    fn from(fault: SentFault) -> Self {
        let detail = shortened(fault.to_string(), MOST_SAID);
        let name = |field| shortened(field, MOST_REPEATED);
        match fault {
            SentFault::Unreadable(reason) => unreadable(&reason, detail),
            SentFault::Repeated { field, .. } => Self::repeated_field(detail).at(name(field)),
            SentFault::Value { field, .. } if field == "date" => Self::bad_date(detail).at(field),
            SentFault::Value { field, .. } => Self::wrong_type(detail).at(name(field)),
            SentFault::Nul { field } => Self::not_text(detail).at(field),
            SentFault::NoId => Self::missing_field(detail).at("id"),
            SentFault::Id(_) => Self::bad_id(detail).at("id"),
            SentFault::OtherId { .. } => Self::other_id(detail).at("id"),
        }
    }
}

/// A name may be as long as a body: an answer is not.
fn shortened(mut text: String, most: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
        text.push('…');
    }
    text
}

fn unreadable(reason: &SkipReason, detail: String) -> Problem {
    match reason {
        SkipReason::Empty => Problem::empty_text(detail).at("text"),
        SkipReason::TooLarge { .. } => Problem::body_too_large(detail).at("text"),
        SkipReason::Binary { .. } => Problem::not_text(detail).at("text"),
        SkipReason::NoText { .. } => Problem::missing_field(detail).at("text"),
        SkipReason::FieldType { field, .. } => Problem::wrong_type(detail).at(*field),
        SkipReason::NotAnObject { .. } => Problem::wrong_type(detail),
        _ => Problem::bad_json(detail),
    }
}
