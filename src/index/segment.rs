//! Rows that do not change: vectors, codes and perhaps a graph over them.

use roaring::RoaringBitmap;

use super::codes::{CodedQuery, Codes, Quantiser};
use super::field::Field;
use super::graph::{self, BuildOptions, Everything, Graph, HnswParameters, Walk};
use super::section::Section;
use super::vectors::check;
use super::{BuildProgress, IndexError, Work, scan};

/// Rows numbered from 0. The codes stand beside the exact vectors, which are read only for the few
/// candidates that are rescored.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) dimension: usize,
    /// `[len, dimension]`.
    pub(super) vectors: Section<f32>,
    pub(super) codes: Codes,
    pub(super) graph: Option<Graph>,
}

/// What is wanted of a segment.
pub(super) struct Wanted<'a> {
    pub(super) k: usize,
    pub(super) ef: usize,
    pub(super) exact: bool,
    /// Rows that may be found, none if all may.
    pub(super) allowed: Option<&'a RoaringBitmap>,
    /// Rows that may not.
    pub(super) deleted: &'a RoaringBitmap,
}

impl Wanted<'_> {
    pub(super) fn admits(&self, row: u32) -> bool {
        self.allowed.is_none_or(|rows| rows.contains(row)) && !self.deleted.contains(row)
    }

    /// How many of the first `rows` rows may be found.
    fn count(&self, rows: usize) -> usize {
        #[allow(clippy::cast_possible_truncation)] // rows are counted in 32 bits
        let range = 0..rows as u32;
        let count = match self.allowed {
            None => rows as u64 - self.deleted.range_cardinality(range),
            Some(allowed) => {
                let gone = (allowed & self.deleted).range_cardinality(range.clone());
                allowed.range_cardinality(range) - gone
            }
        };
        usize::try_from(count).unwrap_or(usize::MAX)
    }
}

thread_local! {
    static WALK: std::cell::RefCell<Walk> = std::cell::RefCell::default();
}

/// Products that a walk computes for each candidate that it keeps, on real passages with `m` = 16:
/// 13 at `ef` = 256, 20 at `ef` = 64.
const WALK_PRODUCTS: usize = 18;

/// What a product costs on a walk, in a scan of scattered rows and in a scan of all, relatively.
const COST: (usize, usize, usize) = (6, 3, 2);

/// Candidates of a walk that are rescored: enough that one which codes rank too low is among them.
fn rescored(k: usize) -> usize {
    k + k.clamp(20, 200)
}

impl Segment {
    /// No rows yet.
    pub(super) fn empty(dimension: usize) -> Self {
        Self {
            dimension,
            vectors: Vec::new().into(),
            codes: Codes::new(Quantiser::new(dimension)),
            graph: None,
        }
    }

    /// These rows, `[rows, dimension]`, after those that are here; without a graph.
    pub(super) fn extended(&self, rows: &[f32]) -> Self {
        let vectors: Vec<f32> = self.vectors.iter().chain(rows).copied().collect();
        Self {
            dimension: self.dimension,
            codes: self.codes.extended(rows.chunks_exact(self.dimension)),
            vectors: vectors.into(),
            graph: None,
        }
    }

    /// The same rows with a graph, in the order that suits it, and that order: for each row now,
    /// which it was.
    pub(super) fn with_graph(
        &self,
        parameters: HnswParameters,
        options: BuildOptions,
        progress: &dyn BuildProgress,
    ) -> Result<(Self, Vec<u32>), IndexError> {
        let Some(frozen) = graph::freeze(&self.codes, parameters, options, progress)? else {
            return Ok((self.clone(), Vec::new()));
        };
        let mut vectors = Vec::with_capacity(self.vectors.len());
        for row in &frozen.order {
            vectors.extend_from_slice(self.vector(*row));
        }
        let segment = Self {
            dimension: self.dimension,
            vectors: vectors.into(),
            codes: self.codes.reordered(&frozen.order),
            graph: Some(frozen.graph),
        };
        Ok((segment, frozen.order))
    }

    pub(super) fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether a vector could be a query here.
    pub(super) fn check(&self, query: &[f32]) -> Result<(), IndexError> {
        check(query, self.dimension)
    }

    pub(super) fn vector(&self, row: u32) -> &[f32] {
        &self.vectors[row as usize * self.dimension..][..self.dimension]
    }

    /// Offers the rows that may be among the `k` best to a field.
    pub(super) fn search(
        &self,
        query: &CodedQuery,
        wanted: &Wanted<'_>,
        field: Field,
        work: &mut Work,
    ) -> Field {
        let count = wanted.count(self.len());
        let scan_cost = (count * COST.1).min(self.len() * COST.2);
        if let (Some(graph), false) = (&self.graph, wanted.exact) {
            let ef = wanted.ef.max(wanted.k).min(count);
            let products = (ef * WALK_PRODUCTS).saturating_mul(self.len()) / count.max(1);
            if products.saturating_mul(COST.0) < scan_cost {
                return self.walk(graph, query, wanted, (ef, scan_cost / COST.0), field, work);
            }
        }
        self.scan(query, wanted, count, field, work)
    }

    fn scan(
        &self,
        query: &CodedQuery,
        wanted: &Wanted<'_>,
        count: usize,
        mut field: Field,
        work: &mut Work,
    ) -> Field {
        match wanted.allowed {
            Some(allowed) if count * COST.1 < self.len() * COST.2 => {
                #[allow(clippy::cast_possible_truncation)] // rows are counted in 32 bits
                let rows = allowed.range(0..self.len() as u32);
                let rows = rows.filter(|row| !wanted.deleted.contains(*row));
                work.evaluations += scan::some(&self.codes, query, rows, &mut field);
                field
            }
            _ => {
                work.evaluations += self.len();
                let admits = |row| wanted.admits(row);
                scan::all(&self.codes, query, 0, admits, field, wanted.k)
            }
        }
    }

    fn walk(
        &self,
        graph: &Graph,
        query: &CodedQuery,
        wanted: &Wanted<'_>,
        (ef, budget): (usize, usize),
        mut field: Field,
        work: &mut Work,
    ) -> Field {
        let walked = WALK.with_borrow_mut(|walk| {
            let codes = &self.codes;
            let everything = wanted.allowed.is_none() && wanted.deleted.is_empty();
            let complete = if everything {
                graph::walk(graph, codes, query, (ef, usize::MAX), &Everything, walk)
            } else {
                let admit = |row: u32| wanted.admits(row);
                graph::walk(graph, codes, query, (ef, budget), &admit, walk)
            };
            work.evaluations += walk.evaluations;
            work.visited += walk.visited;
            let admitted = walk.steps.iter().filter(|step| step.is_admitted());
            let candidates: Vec<_> = admitted.take(rescored(wanted.k)).collect();
            if !complete || candidates.len() < wanted.k.min(ef) {
                return false;
            }
            for step in candidates {
                let bound = query.bound(codes.lost()[step.row() as usize]);
                field.offer(step.row(), query.score(step.product), bound);
            }
            true
        });
        if walked {
            field
        } else {
            self.scan(query, wanted, wanted.count(self.len()), field, work)
        }
    }
}
