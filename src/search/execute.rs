//! Executes queries: candidates, ranking, page, hits.

use std::sync::Arc;
use std::time::Instant;

use roaring::RoaringBitmap;

use crate::encoder::Embedding;
use crate::engine::Snapshot;
use crate::index::{SearchStats, SentenceScore};
use crate::keyword::{self, QueryTerm};
use crate::passages::TextRange;
use crate::store::{ContentHash, PassageRecord, StoreError};

use super::hybrid::fused_rows;
use super::keyword_search::KeywordMatches;
use super::nearest::nearest_rows;
use super::query_vector::QueryVector;
use super::ranking::{HitCandidate, group_hits, mmr};
use super::recall::ApproximateResult;
use super::{
    AdjacentPassages, CANDIDATE_POOL_SIZE, CacheMode, Evidence, Filter, GroupBy, Hit, Mode, Query,
    QueryEncoder, SearchError, SearchResults, StageTimes, facets,
};

/// Executes a query on a snapshot.
///
/// # Errors
///
/// If the query exceeds the model's token limit (it would be truncated), refers to an unknown passage
/// or field, or encoder, index or store fail.
pub fn search(
    snapshot: &Snapshot,
    encoder: &QueryEncoder,
    query: &Query,
    caching: CacheMode,
) -> Result<SearchResults, SearchError> {
    let (mut results, times) = search_all(snapshot, encoder, &[query], caching);
    let mut result = results.pop().unwrap_or(Err(SearchError::EmptyQuery))?;
    result.times.tokenize = times.tokenize;
    result.times.encode = times.encode;
    Ok(result)
}

/// Executes several queries on one snapshot. They are encoded in one batch; the returned times are
/// totals over all queries.
pub fn search_all(
    snapshot: &Snapshot,
    encoder: &QueryEncoder,
    queries: &[&Query],
    caching: CacheMode,
) -> (Vec<Result<SearchResults, SearchError>>, StageTimes) {
    let query_vectors = encoder.resolve_query_vectors(snapshot, queries, caching);
    let mut times = StageTimes {
        tokenize: query_vectors.tokenize,
        encode: query_vectors.encode,
        ..StageTimes::default()
    };
    let results = queries
        .iter()
        .zip(query_vectors.results)
        .map(|(query, query_vector)| {
            let result = execute(snapshot, query, &query_vector?)?;
            times.search += result.times.search;
            times.fetch += result.times.fetch;
            Ok(result)
        })
        .collect();
    (results, times)
}

fn execute(
    snapshot: &Snapshot,
    query: &Query,
    query_vector: &QueryVector,
) -> Result<SearchResults, SearchError> {
    let start = Instant::now();
    let params = query.params();
    let mut search = SearchExecution {
        snapshot,
        query,
        allowed_rows: allowed_rows(snapshot, query, query_vector)?,
        stats: SearchStats::default(),
        approximate: None,
        candidate_count: 0,
    };
    let (candidates, terms) = search.candidates(query_vector, query.terms())?;
    let (page, has_more) = select_page(snapshot, query, candidates);
    let searched = Instant::now();
    let hits = build_hits(snapshot, query, &terms, page)?;
    let facets = match params.facets.as_slice() {
        [] => Vec::new(),
        fields => facets::count_facets(snapshot.document_table(), &params.filter, fields)?,
    };
    Ok(SearchResults {
        hits,
        facets,
        has_more,
        candidate_count: search.candidate_count,
        filtered_count: search.allowed_rows.as_ref().map(|rows| rows.len()),
        stats: search.stats,
        approximate: search.approximate,
        times: StageTimes {
            search: searched - start,
            fetch: searched.elapsed(),
            ..StageTimes::default()
        },
    })
}

/// Returns the rows that may match; `None` if all may.
fn allowed_rows(
    snapshot: &Snapshot,
    query: &Query,
    query_vector: &QueryVector,
) -> Result<Option<Arc<RoaringBitmap>>, SearchError> {
    let filter = &query.params().filter;
    filter.check_fields(snapshot.document_table())?;
    let allows_all = matches!(filter, Filter::All(filters) if filters.is_empty());
    let rows = (!allows_all).then(|| {
        let identity = ContentHash::of_identity(filter);
        snapshot.filter_rows(identity, |document| filter.matches(document))
    });
    if query_vector.example_rows.is_empty() {
        return Ok(rows);
    }
    // An example is no hit for itself.
    let mut rows = match rows {
        Some(rows) => RoaringBitmap::clone(&rows),
        None => snapshot.document_table().filter_rows(|_| true),
    };
    for row in &query_vector.example_rows {
        rows.remove(*row);
    }
    Ok(Some(Arc::new(rows)))
}

struct SearchExecution<'a> {
    snapshot: &'a Snapshot,
    query: &'a Query,
    allowed_rows: Option<Arc<RoaringBitmap>>,
    stats: SearchStats,
    approximate: Option<ApproximateResult>,
    candidate_count: usize,
}

impl SearchExecution<'_> {
    /// Returns candidates by score, as many as the page needs and one more, which shows whether there is
    /// a next page; also the terms searched for.
    fn candidates(
        &mut self,
        query_vector: &QueryVector,
        terms: &[QueryTerm],
    ) -> Result<(Vec<HitCandidate>, Vec<QueryTerm>), SearchError> {
        let params = self.query.params();
        let page_end = params.offset + params.limit + 1;
        let count = if params.group.is_some() || params.diversity.is_some() {
            CANDIDATE_POOL_SIZE
        } else {
            page_end
        };
        let keyword = match params.mode {
            Mode::Semantic => None,
            Mode::Keyword | Mode::Hybrid => {
                let allowed = self.allowed_rows.as_deref();
                Some(KeywordMatches::find(self.snapshot, terms, allowed)?)
            }
        };
        let mut candidates = match (&keyword, &query_vector.vector) {
            (Some(keyword), Some(vector)) => {
                let allowed = self.allowed_rows.as_deref();
                let fused = fused_rows(self.snapshot, vector, self.query, keyword, count, allowed)?;
                self.stats = fused.stats;
                self.candidate_count = fused.candidate_count;
                fused.candidates
            }
            (Some(keyword), None) => {
                let best = keyword.best(self.snapshot, count);
                self.candidate_count = best.len();
                best.into_iter().map(HitCandidate::from_scored).collect()
            }
            (None, Some(vector)) => self.semantic_candidates(vector, count)?,
            (None, None) => Vec::new(),
        };
        if let Some(min_score) = params.min_score {
            candidates.retain(|candidate| candidate.score >= min_score);
        }
        Ok((candidates, keyword.map(|k| k.terms).unwrap_or_default()))
    }

    fn semantic_candidates(
        &mut self,
        vector: &Arc<Embedding>,
        k: usize,
    ) -> Result<Vec<HitCandidate>, SearchError> {
        let allowed = self.allowed_rows.as_deref();
        let nearest = nearest_rows(self.snapshot, vector, self.query, k, allowed)?;
        self.stats = nearest.stats;
        self.candidate_count = nearest.candidate_count;
        if !nearest.exhaustive {
            self.approximate = Some(ApproximateResult {
                vector: Arc::clone(vector),
                allowed_rows: self.allowed_rows.clone(),
                found: nearest.rows.iter().map(|neighbour| neighbour.row).collect(),
            });
        }
        let rows = nearest.rows.into_iter();
        Ok(rows.map(HitCandidate::from_neighbour).collect())
    }
}

/// Selects the candidates of the page; returns whether more would follow.
fn select_page(
    snapshot: &Snapshot,
    query: &Query,
    mut candidates: Vec<HitCandidate>,
) -> (Vec<RankedCandidate>, bool) {
    let params = query.params();
    let (skip, count) = (params.offset, params.limit);
    if let Some(diversity) = params.diversity {
        let selected_count = if params.group.is_some() {
            candidates.len()
        } else {
            skip + count + 1
        };
        candidates = mmr(candidates, diversity, selected_count, snapshot);
    }
    let mut ranked: Vec<RankedCandidate> = Vec::new();
    let Some(grouping) = params.group else {
        let has_more = candidates.len() > skip + count;
        let window = (1..).zip(candidates).skip(skip).take(count);
        ranked.extend(window.map(|(rank, candidate)| RankedCandidate { rank, candidate }));
        return (ranked, has_more);
    };
    let mut ranks = std::collections::HashMap::new();
    for (rank, candidate) in (1..).zip(&mut candidates) {
        ranks.insert(candidate.row, rank);
        let document = snapshot.document_table().document_of_row(candidate.row);
        candidate.group = document.and_then(|document| match grouping.by {
            GroupBy::Document => Some(document.id.to_string()),
            GroupBy::Speaker => document.metadata.speaker.clone(),
        });
    }
    // Whether there is a group after the page.
    let following = group_hits(candidates.clone(), 1, (skip + count, 1));
    let page = group_hits(candidates, grouping.size, (skip, count));
    ranked.extend(page.into_iter().map(|candidate| RankedCandidate {
        rank: ranks.get(&candidate.row).copied().unwrap_or(0),
        candidate,
    }));
    (ranked, !following.is_empty())
}

/// A candidate with its rank.
struct RankedCandidate {
    rank: usize,
    candidate: HitCandidate,
}

fn build_hits(
    snapshot: &Snapshot,
    query: &Query,
    terms: &[QueryTerm],
    page: Vec<RankedCandidate>,
) -> Result<Vec<Hit>, SearchError> {
    let include = query.params().include;
    let rows: Vec<u32> = page.iter().map(|ranked| ranked.candidate.row).collect();
    let records = passage_records(snapshot, &rows)?;
    let mut contexts = if include.context {
        contexts(snapshot, &rows)?.into_iter()
    } else {
        Vec::new().into_iter()
    };
    let mut hits = Vec::with_capacity(page.len());
    for (ranked, record) in page.into_iter().zip(records) {
        let RankedCandidate { rank, candidate } = ranked;
        let Some(document) = snapshot.document_table().document_of_row(candidate.row) else {
            continue;
        };
        let embedding = snapshot
            .vector_of(candidate.row)
            .filter(|_| include.embedding);
        hits.push(Hit {
            rank,
            score: candidate.score,
            semantic: candidate.semantic,
            keyword: candidate.keyword,
            group: candidate.group,
            passage_score: candidate.nearest.map(|nearest| nearest.row_score),
            sentence: candidate
                .nearest
                .and_then(|n| evidence(&record, n.sentence?)),
            highlights: highlights(terms, &record),
            context: contexts.next(),
            embedding: embedding.map(<[f32]>::to_vec),
            document: Arc::clone(document),
            passage: record,
        });
    }
    Ok(hits)
}

/// Reads the passages of these rows.
fn passage_records(snapshot: &Snapshot, rows: &[u32]) -> Result<Vec<PassageRecord>, StoreError> {
    let key_and_document = |row: &u32| {
        let document = snapshot.document_table().document_of_row(*row)?;
        Some((snapshot.key_of(*row)?, &document.id))
    };
    let passages: Vec<_> = rows.iter().filter_map(key_and_document).collect();
    snapshot.view().passage_records(&passages)
}

/// Returns the matched ranges of a passage, in characters of its document.
fn highlights(terms: &[QueryTerm], passage: &PassageRecord) -> Vec<TextRange> {
    let in_document = |range: TextRange| TextRange {
        start: passage.range.start + range.start,
        end: passage.range.start + range.end,
    };
    let ranges = match terms {
        [] => Vec::new(),
        terms => keyword::highlights(terms, &passage.text),
    };
    ranges.into_iter().map(in_document).collect()
}

/// Reads the passages before and after each row.
fn contexts(snapshot: &Snapshot, rows: &[u32]) -> Result<Vec<AdjacentPassages>, SearchError> {
    let adjacent_rows = |offset: i32| -> Vec<Option<u32>> {
        let table = snapshot.document_table();
        rows.iter()
            .map(|row| table.adjacent_row(*row, offset))
            .collect()
    };
    let (before, after) = (adjacent_rows(-1), adjacent_rows(1));
    let read = |rows: &[Option<u32>]| -> Result<Vec<Option<_>>, SearchError> {
        let present: Vec<u32> = rows.iter().flatten().copied().collect();
        let mut records = passage_records(snapshot, &present)?.into_iter();
        let passage = |row: &Option<u32>| row.and_then(|_| records.next());
        Ok(rows.iter().map(passage).collect())
    };
    let both = read(&before)?.into_iter().zip(read(&after)?);
    Ok(both
        .map(|(previous, next)| AdjacentPassages { previous, next })
        .collect())
}

/// Returns a sentence of a passage with its text; `None` if the store has fewer sentences than embeddings.
fn evidence(passage: &PassageRecord, sentence: SentenceScore) -> Option<Evidence> {
    let range = *passage.sentences.get(sentence.index)?;
    Some(Evidence {
        text: passage.slice(range).to_owned(),
        range,
        score: sentence.score,
    })
}
