//! Search by meaning.

use std::time::Instant;

use crate::encoder::{Embedding, Encoder};
use crate::engine::Snapshot;
use crate::store::HitRecord;

use super::{Answer, Evidence, Hit, Query, SearchError, StageTimes};

/// The passages nearest in meaning to a query.
///
/// # Errors
///
/// If the query is longer than the model reads at once (it would be truncated), or a room above
/// fails.
pub fn semantic(
    snapshot: &Snapshot,
    encoder: &dyn Encoder,
    query: &Query,
) -> Result<Answer, SearchError> {
    let start = Instant::now();
    let tokens = encoder.tokenizer().tokenize(query.text())?;
    if tokens.is_truncated() {
        return Err(SearchError::QueryTooLong {
            received: tokens.untruncated,
            expected: encoder.tokenizer().max_tokens(),
            unit: "tokens",
        });
    }
    let tokenized = Instant::now();
    let embeddings = encoder.encode_tokens(&[&tokens.ids])?;
    let Some(embedding) = embeddings.first() else {
        return Ok(Answer {
            hits: Vec::new(),
            times: StageTimes::default(),
        });
    };
    let query_ready = Instant::now();
    let nearest = snapshot.nearest(embedding, &query.request())?;
    let searched = Instant::now();
    let mut hits = Vec::with_capacity(query.limit());
    for (rank, (key, score)) in (1..).zip(nearest.passages).skip(query.offset()) {
        if let Some(record) = snapshot.view().hit(key)? {
            hits.push(hit(record, rank, score, embedding));
        }
    }
    Ok(Answer {
        hits,
        times: StageTimes {
            tokenize: tokenized - start,
            encode: query_ready - tokenized,
            search: searched - query_ready,
            fetch: searched.elapsed(),
        },
    })
}

fn hit(record: HitRecord, rank: usize, score: f32, query: &Embedding) -> Hit {
    let sentence = best_sentence(&record, query);
    Hit {
        rank,
        score,
        sentence,
        passage: record.passage,
        document: record.document,
    }
}

/// The sentence nearest to the query; of equals the first.
fn best_sentence(record: &HitRecord, query: &Embedding) -> Option<Evidence> {
    let dimension = query.as_slice().len();
    record
        .passage
        .sentences
        .iter()
        .zip(record.sentence_vectors.chunks_exact(dimension))
        .map(|(range, vector)| (*range, query.similarity_to(vector)))
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
        .map(|(range, score)| Evidence {
            text: record.passage.slice(range).to_owned(),
            range,
            score,
        })
}
