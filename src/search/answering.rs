//! From a query to hits.

use std::sync::Arc;
use std::time::Instant;

use roaring::RoaringBitmap;

use crate::encoder::Embedding;
use crate::engine::Snapshot;
use crate::index::{Work, similarity};
use crate::passages::TextRange;
use crate::store::{ContentHash, HitRecord, PassageRecord, StoreError, Term};

use super::nearest::nearest;
use super::ranking::{Candidate, Scored, by_rank, diversified, fused, grouped};
use super::recall::Approximate;
use super::subject::Subject;
use super::{
    Answer, CANDIDATES, Caching, Context, Evidence, Filter, GroupBy, Hit, Mode, Query,
    QueryEncoder, SearchError, StageTimes, facets, keyword,
};

/// Answers a query from one snapshot.
///
/// # Errors
///
/// If the query is longer than the model reads at once (it would be truncated), names what is not
/// there, or a room above fails.
pub fn search(
    snapshot: &Snapshot,
    encoder: &QueryEncoder,
    query: &Query,
    caching: Caching,
) -> Result<Answer, SearchError> {
    let (mut answers, times) = search_all(snapshot, encoder, &[query], caching);
    let mut answer = answers.pop().unwrap_or(Err(SearchError::EmptyQuery))?;
    answer.times.tokenize = times.tokenize;
    answer.times.encode = times.encode;
    Ok(answer)
}

/// Answers several queries from one snapshot, encoded together; the times of encoding are those of
/// all of them.
pub fn search_all(
    snapshot: &Snapshot,
    encoder: &QueryEncoder,
    queries: &[&Query],
    caching: Caching,
) -> (Vec<Result<Answer, SearchError>>, StageTimes) {
    let subjects = encoder.subjects(snapshot, queries, caching);
    let mut times = StageTimes {
        tokenize: subjects.tokenize,
        encode: subjects.encode,
        ..StageTimes::default()
    };
    let answers = queries
        .iter()
        .zip(subjects.each)
        .map(|(query, subject)| {
            let answer = answer(snapshot, query, &subject?)?;
            times.search += answer.times.search;
            times.fetch += answer.times.fetch;
            Ok(answer)
        })
        .collect();
    (answers, times)
}

fn answer(snapshot: &Snapshot, query: &Query, subject: &Subject) -> Result<Answer, SearchError> {
    let start = Instant::now();
    let parts = query.parts();
    let mut search = Search {
        snapshot,
        query,
        allowed: allowed(snapshot, query, subject)?,
        work: Work::default(),
        approximate: None,
    };
    let (candidates, terms) = search.candidates(subject, query.terms())?;
    let considered = candidates.len();
    let (chosen, more) = choose(snapshot, query, candidates);
    let searched = Instant::now();
    let hits = hits(snapshot, query, subject, &terms, chosen)?;
    let facets = match parts.facets.as_slice() {
        [] => Vec::new(),
        fields => facets::facets(snapshot.catalogue(), &parts.filter, fields)?,
    };
    Ok(Answer {
        hits,
        facets,
        more,
        considered,
        allowed: search.allowed.as_ref().map(|rows| rows.len()),
        work: search.work,
        approximate: search.approximate,
        times: StageTimes {
            search: searched - start,
            fetch: searched.elapsed(),
            ..StageTimes::default()
        },
    })
}

/// The rows that may be found, none if all may.
fn allowed(
    snapshot: &Snapshot,
    query: &Query,
    subject: &Subject,
) -> Result<Option<Arc<RoaringBitmap>>, SearchError> {
    let filter = &query.parts().filter;
    filter.check(snapshot.catalogue())?;
    let everything = matches!(filter, Filter::All(filters) if filters.is_empty());
    let rows = (!everything).then(|| {
        let identity = ContentHash::of_identity(filter);
        snapshot.rows_where(identity, |document| filter.admits(document))
    });
    if subject.examples.is_empty() {
        return Ok(rows);
    }
    // An example is not its own answer.
    let mut rows = match rows {
        Some(rows) => RoaringBitmap::clone(&rows),
        None => snapshot.catalogue().rows_where(|_| true),
    };
    for row in &subject.examples {
        rows.remove(*row);
    }
    Ok(Some(Arc::new(rows)))
}

struct Search<'a> {
    snapshot: &'a Snapshot,
    query: &'a Query,
    allowed: Option<Arc<RoaringBitmap>>,
    work: Work,
    approximate: Option<Approximate>,
}

impl Search<'_> {
    /// Rows in the order of their scores: as many as the answer needs, and one that tells whether
    /// there are more. With them the terms that were looked for.
    fn candidates(
        &mut self,
        subject: &Subject,
        terms: &[Term],
    ) -> Result<(Vec<Candidate>, Vec<Term>), SearchError> {
        let parts = self.query.parts();
        let count = if self.query.is_chosen() {
            CANDIDATES
        } else {
            parts.offset + parts.limit + 1
        };
        let semantic = match parts.mode {
            Mode::Keyword => Vec::new(),
            Mode::Semantic | Mode::Hybrid => self.nearest(subject, count)?,
        };
        let (keyword, terms) = match parts.mode {
            Mode::Semantic => (Vec::new(), Vec::new()),
            Mode::Keyword | Mode::Hybrid => self.matching(terms, count)?,
        };
        let mut candidates: Vec<Candidate> = match parts.mode {
            Mode::Semantic => semantic.into_iter().map(Candidate::of).collect(),
            Mode::Keyword => keyword.into_iter().map(Candidate::of).collect(),
            Mode::Hybrid => fused(&semantic, &keyword, parts.semantic_weight, self.snapshot),
        };
        if let Some(least) = parts.min_score {
            candidates.retain(|candidate| candidate.score >= least);
        }
        Ok((candidates, terms))
    }

    fn nearest(&mut self, subject: &Subject, k: usize) -> Result<Vec<Scored>, SearchError> {
        let Some(vector) = &subject.vector else {
            return Ok(Vec::new());
        };
        let allowed = self.allowed.as_deref();
        let found = nearest(self.snapshot, vector, self.query, k, allowed)?;
        self.work = found.work;
        let found = found.rows;
        // Where nothing was walked everything was compared.
        if self.work.visited > 0 {
            self.approximate = Some(Approximate {
                vector: Arc::clone(vector),
                allowed: self.allowed.clone(),
                found: found.clone(),
            });
        }
        Ok(found)
    }

    /// The best by words, and the terms that were looked for.
    fn matching(
        &self,
        terms: &[Term],
        count: usize,
    ) -> Result<(Vec<Scored>, Vec<Term>), SearchError> {
        let mut matching = Vec::new();
        let terms = self.snapshot.matching(terms, |row, score| {
            if self.allowed.as_ref().is_none_or(|rows| rows.contains(row)) {
                matching.push((row, score));
            }
        })?;
        let by_rank = by_rank(self.snapshot);
        if matching.len() > count {
            matching.select_nth_unstable_by(count, by_rank);
            matching.truncate(count);
        }
        matching.sort_unstable_by(by_rank);
        Ok((matching, terms))
    }
}

/// The candidates that are answered with, and whether more would follow.
fn choose(
    snapshot: &Snapshot,
    query: &Query,
    mut candidates: Vec<Candidate>,
) -> (Vec<Ranked>, bool) {
    let parts = query.parts();
    let (skip, count) = (parts.offset, parts.limit);
    if let Some(diversity) = parts.diversity {
        let wanted = if parts.group.is_some() {
            candidates.len()
        } else {
            skip + count + 1
        };
        candidates = diversified(candidates, diversity, wanted, snapshot);
    }
    let mut ranked: Vec<Ranked> = Vec::new();
    let Some(grouping) = parts.group else {
        let more = candidates.len() > skip + count;
        let window = (1..).zip(candidates).skip(skip).take(count);
        ranked.extend(window.map(|(rank, candidate)| Ranked { rank, candidate }));
        return (ranked, more);
    };
    let mut ranks = std::collections::HashMap::new();
    for (rank, candidate) in (1..).zip(&mut candidates) {
        ranks.insert(candidate.row, rank);
        let document = snapshot.catalogue().document_of(candidate.row);
        candidate.group = document.and_then(|document| match grouping.by {
            GroupBy::Document => Some(document.id.to_string()),
            GroupBy::Speaker => document.metadata.speaker.clone(),
        });
    }
    // One group more tells whether there are more.
    let rest = grouped(candidates.clone(), 1, (skip + count, 1));
    let chosen = grouped(candidates, grouping.size, (skip, count));
    ranked.extend(chosen.into_iter().map(|candidate| Ranked {
        rank: ranks.get(&candidate.row).copied().unwrap_or(0),
        candidate,
    }));
    (ranked, !rest.is_empty())
}

/// A candidate in its place.
struct Ranked {
    rank: usize,
    candidate: Candidate,
}

fn hits(
    snapshot: &Snapshot,
    query: &Query,
    subject: &Subject,
    terms: &[Term],
    chosen: Vec<Ranked>,
) -> Result<Vec<Hit>, SearchError> {
    let include = query.parts().include;
    let rows: Vec<u32> = chosen.iter().map(|ranked| ranked.candidate.row).collect();
    let records = records(snapshot, &rows)?;
    let mut contexts = if include.context {
        contexts(snapshot, &rows)?.into_iter()
    } else {
        Vec::new().into_iter()
    };
    let mut hits = Vec::with_capacity(chosen.len());
    for (ranked, record) in chosen.into_iter().zip(records) {
        let Ranked { rank, candidate } = ranked;
        let Some(document) = snapshot.catalogue().document_of(candidate.row) else {
            continue;
        };
        let vector = subject.vector.as_deref();
        let embedding = snapshot
            .vector_of(candidate.row)
            .filter(|_| include.embedding);
        hits.push(Hit {
            rank,
            score: candidate.score,
            semantic: candidate.semantic,
            keyword: candidate.keyword,
            group: candidate.group,
            sentence: vector.and_then(|vector| best_sentence(&record, vector)),
            highlights: highlights(terms, &record.passage),
            context: contexts.next(),
            embedding: embedding.map(<[f32]>::to_vec),
            document: Arc::clone(document),
            passage: record.passage,
        });
    }
    Ok(hits)
}

/// The passages of these rows.
fn records(snapshot: &Snapshot, rows: &[u32]) -> Result<Vec<HitRecord>, StoreError> {
    let wanted = |row: &u32| {
        let document = snapshot.catalogue().document_of(*row)?;
        Some((snapshot.key_of(*row)?, &document.id))
    };
    let wanted: Vec<_> = rows.iter().filter_map(wanted).collect();
    snapshot.view().hits_in(&wanted)
}

/// Where a passage holds the terms, in characters of its document.
fn highlights(terms: &[Term], passage: &PassageRecord) -> Vec<TextRange> {
    let place = |range: TextRange| TextRange {
        start: passage.range.start + range.start,
        end: passage.range.start + range.end,
    };
    let own = match terms {
        [] => Vec::new(),
        terms => keyword::highlights(terms, &passage.text),
    };
    own.into_iter().map(place).collect()
}

/// The passages before and after each row.
fn contexts(snapshot: &Snapshot, rows: &[u32]) -> Result<Vec<Context>, SearchError> {
    let neighbours = |by: i32| -> Vec<Option<u32>> {
        let catalogue = snapshot.catalogue();
        rows.iter()
            .map(|row| catalogue.neighbour_of(*row, by))
            .collect()
    };
    let (before, after) = (neighbours(-1), neighbours(1));
    let read = |rows: &[Option<u32>]| -> Result<Vec<Option<_>>, SearchError> {
        let present: Vec<u32> = rows.iter().flatten().copied().collect();
        let mut records = records(snapshot, &present)?.into_iter();
        let passage = |row: &Option<u32>| row.and_then(|_| records.next()).map(|r| r.passage);
        Ok(rows.iter().map(passage).collect())
    };
    let both = read(&before)?.into_iter().zip(read(&after)?);
    Ok(both
        .map(|(previous, next)| Context { previous, next })
        .collect())
}

/// The sentence nearest to the query; of equals the first.
fn best_sentence(record: &HitRecord, query: &Embedding) -> Option<Evidence> {
    let dimension = query.as_slice().len();
    let sentences = record.passage.sentences.iter();
    sentences
        .zip(record.sentence_vectors.chunks_exact(dimension))
        .map(|(range, vector)| (*range, similarity(query.as_slice(), vector)))
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
        .map(|(range, score)| Evidence {
            text: record.passage.slice(range).to_owned(),
            range,
            score,
        })
}
