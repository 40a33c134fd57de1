//! Examples for an empty box, taken from the corpus.

use crate::archive::Archive;
use crate::corpus::DocumentId;
use crate::passages::{TextRange, tokenize_words};
use crate::search::Filter;
use crate::server::problem::Problem;
use crate::store::PassageRecord;

/// Number of examples.
const EXAMPLES: usize = 5;

/// Words of an example: enough to mean something, few enough to be read at a glance.
const WORDS: std::ops::RangeInclusive<usize> = 5..=16;

/// Returns sentences of documents that are spread over the corpus.
pub(super) async fn examples(archive: &Archive) -> Result<Vec<String>, Problem> {
    let everything = Filter::All(Vec::new());
    let places = archive.documents(everything, None, usize::MAX, |page| {
        let step = (page.documents.len() / EXAMPLES).max(1);
        let documents = page.documents.iter().step_by(step).take(EXAMPLES);
        let per_document = if page.documents.len() < EXAMPLES {
            3
        } else {
            1
        };
        let places =
            documents.flat_map(|document| spread(&document.id, document.passages, per_document));
        places.take(EXAMPLES).collect::<Vec<_>>()
    });
    let mut sentences: Vec<String> = Vec::new();
    for (document, ordinal) in places.await? {
        // The document may have been replaced in the meantime.
        let Ok(found) = archive.passage(document, ordinal).await else {
            continue;
        };
        let candidates = [Some(found.passage), found.next, found.previous];
        let sentence = candidates
            .into_iter()
            .flatten()
            .find_map(|passage| best_sentence(&passage));
        sentences.extend(sentence.filter(|sentence| !sentences.contains(sentence)));
    }
    Ok(sentences)
}

/// Returns passages that are spread over a document, without its salutation and its end.
fn spread(id: &DocumentId, passages: usize, count: usize) -> Vec<(DocumentId, u32)> {
    let ordinals = (1..=count).map(|index| (passages * index / (count + 1)).max(1));
    let ordinals = ordinals.filter_map(|ordinal| u32::try_from(ordinal).ok());
    ordinals
        .filter(|_| passages > 0)
        .map(|ordinal| (id.clone(), ordinal))
        .collect()
}

fn best_sentence(passage: &PassageRecord) -> Option<String> {
    let text = |range: &TextRange| {
        passage
            .slice(*range)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    let sentences = passage.sentences.iter().map(text);
    sentences
        .into_iter()
        .find(|text| WORDS.contains(&tokenize_words(text).len()))
}
