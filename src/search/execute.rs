//! Executes queries: candidates, ranking, page, hits.

use std::sync::Arc;
use std::time::Instant;

use roaring::RoaringBitmap;

use crate::encoder::Embedding;
use crate::engine::Snapshot;
use crate::index::{SearchStats, similarity};
use crate::keyword::{self, QueryTerm};
use crate::passages::TextRange;
use crate::store::{ContentHash, HitRecord, PassageRecord, StoreError};

use super::nearest::nearest_rows;
use super::query_vector::QueryVector;
use super::ranking::{
    HitCandidate, ScoredRow, group_hits, mmr, rank_order, reciprocal_rank_fusion,
};
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
    };
    let (candidates, terms) = search.candidates(query_vector, query.terms())?;
    let candidate_count = candidates.len();
    let (page, has_more) = select_page(snapshot, query, candidates);
    let searched = Instant::now();
    let hits = build_hits(snapshot, query, query_vector, &terms, page)?;
    let facets = match params.facets.as_slice() {
        [] => Vec::new(),
        fields => facets::count_facets(snapshot.document_table(), &params.filter, fields)?,
    };
    Ok(SearchResults {
        hits,
        facets,
        has_more,
        candidate_count,
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
        let count = if self.query.uses_candidate_pool() {
            CANDIDATE_POOL_SIZE
        } else {
            params.offset + params.limit + 1
        };
        let semantic = match params.mode {
            Mode::Keyword => Vec::new(),
            Mode::Semantic | Mode::Hybrid => self.semantic_candidates(query_vector, count)?,
        };
        let (keyword, terms) = match params.mode {
            Mode::Semantic => (Vec::new(), Vec::new()),
            Mode::Keyword | Mode::Hybrid => self.keyword_candidates(terms, count)?,
        };
        let mut candidates: Vec<HitCandidate> = match params.mode {
            Mode::Semantic => semantic
                .into_iter()
                .map(HitCandidate::from_scored)
                .collect(),
            Mode::Keyword => keyword.into_iter().map(HitCandidate::from_scored).collect(),
            Mode::Hybrid => {
                reciprocal_rank_fusion(&semantic, &keyword, params.semantic_weight, self.snapshot)
            }
        };
        if let Some(min_score) = params.min_score {
            candidates.retain(|candidate| candidate.score >= min_score);
        }
        Ok((candidates, terms))
    }

    fn semantic_candidates(
        &mut self,
        query_vector: &QueryVector,
        k: usize,
    ) -> Result<Vec<ScoredRow>, SearchError> {
        let Some(vector) = &query_vector.vector else {
            return Ok(Vec::new());
        };
        let allowed = self.allowed_rows.as_deref();
        let nearest = nearest_rows(self.snapshot, vector, self.query, k, allowed)?;
        self.stats = nearest.stats;
        let rows = nearest.rows;
        // A search that visited no graph node was an exact scan.
        if self.stats.nodes_visited > 0 {
            self.approximate = Some(ApproximateResult {
                vector: Arc::clone(vector),
                allowed_rows: self.allowed_rows.clone(),
                found: rows.clone(),
            });
        }
        Ok(rows)
    }

    /// Returns the best rows by BM25, and the terms searched for.
    fn keyword_candidates(
        &self,
        terms: &[QueryTerm],
        count: usize,
    ) -> Result<(Vec<ScoredRow>, Vec<QueryTerm>), SearchError> {
        let mut scored = Vec::new();
        let terms = self.snapshot.keyword_search(terms, |row, score| {
            if self
                .allowed_rows
                .as_ref()
                .is_none_or(|rows| rows.contains(row))
            {
                scored.push((row, score));
            }
        })?;
        let by_rank = rank_order(self.snapshot);
        if scored.len() > count {
            scored.select_nth_unstable_by(count, by_rank);
            scored.truncate(count);
        }
        scored.sort_unstable_by(by_rank);
        Ok((scored, terms))
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
    query_vector: &QueryVector,
    terms: &[QueryTerm],
    page: Vec<RankedCandidate>,
) -> Result<Vec<Hit>, SearchError> {
    let include = query.params().include;
    let rows: Vec<u32> = page.iter().map(|ranked| ranked.candidate.row).collect();
    let records = hit_records(snapshot, &rows)?;
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
        let vector = query_vector.vector.as_deref();
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

/// Reads the passages of these rows.
fn hit_records(snapshot: &Snapshot, rows: &[u32]) -> Result<Vec<HitRecord>, StoreError> {
    let key_and_document = |row: &u32| {
        let document = snapshot.document_table().document_of_row(*row)?;
        Some((snapshot.key_of(*row)?, &document.id))
    };
    let passages: Vec<_> = rows.iter().filter_map(key_and_document).collect();
    snapshot.view().hit_records_in_documents(&passages)
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
        let mut records = hit_records(snapshot, &present)?.into_iter();
        let passage = |row: &Option<u32>| row.and_then(|_| records.next()).map(|r| r.passage);
        Ok(rows.iter().map(passage).collect())
    };
    let both = read(&before)?.into_iter().zip(read(&after)?);
    Ok(both
        .map(|(previous, next)| AdjacentPassages { previous, next })
        .collect())
}

/// Returns the sentence nearest to the query; the first of several with equal scores.
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
