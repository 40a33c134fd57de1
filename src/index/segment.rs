//! Rows that do not change: vectors, codes and perhaps a graph over them.

use std::borrow::Cow;
use std::ops::Range;

use roaring::RoaringBitmap;

use super::codes::{CodedQuery, Codes, Quantiser};
use super::field::Field;
use super::graph::{self, Everything, Graph, Walk};
use super::scan::{self, Scan};
use super::section::Section;
use super::vectors::check;
use super::{IndexError, Work};

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

/// What is wanted of an index. Rows are those of the whole index here.
pub(super) struct Wanted<'a> {
    pub(super) k: usize,
    pub(super) ef: usize,
    pub(super) exact: bool,
    pub(super) admitted: &'a Admitted<'a>,
}

/// Rows that may be found.
pub(super) enum Admitted<'a> {
    Only(Cow<'a, RoaringBitmap>),
    AllBut(Cow<'a, RoaringBitmap>),
}

impl<'a> Admitted<'a> {
    /// Those that are allowed, all if it is not said which, and not deleted.
    pub(super) fn of(allowed: Option<&'a RoaringBitmap>, deleted: &'a RoaringBitmap) -> Self {
        match allowed {
            None => Self::AllBut(Cow::Borrowed(deleted)),
            Some(allowed) if deleted.is_empty() => Self::Only(Cow::Borrowed(allowed)),
            Some(allowed) => Self::Only(Cow::Owned(allowed - deleted)),
        }
    }

    /// The same without some.
    pub(super) fn without(self, excluded: &'a RoaringBitmap) -> Self {
        match self {
            admitted if excluded.is_empty() => admitted,
            Self::Only(rows) => Self::Only(Cow::Owned(rows.as_ref() - excluded)),
            Self::AllBut(rows) if rows.is_empty() => Self::AllBut(Cow::Borrowed(excluded)),
            Self::AllBut(rows) => Self::AllBut(Cow::Owned(rows.as_ref() | excluded)),
        }
    }

    pub(super) fn admits(&self, row: u32) -> bool {
        match self {
            Self::Only(rows) => rows.contains(row),
            Self::AllBut(rows) => !rows.contains(row),
        }
    }

    /// How many of a range may be found.
    pub(super) fn count(&self, range: Range<u32>) -> usize {
        let count = match self {
            Self::Only(rows) => rows.range_cardinality(range),
            Self::AllBut(rows) => range.len() as u64 - rows.range_cardinality(range),
        };
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    fn is_everything(&self) -> bool {
        matches!(self, Self::AllBut(rows) if rows.is_empty())
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

    /// Offers the rows that may be among the `k` best to a field, which knows them by their numbers in
    /// the whole index; those of this segment begin at `first`.
    pub(super) fn search(
        &self,
        first: u32,
        query: &CodedQuery,
        wanted: &Wanted<'_>,
        field: Field,
        work: &mut Work,
    ) -> Field {
        let count = wanted.admitted.count(self.range(first));
        let scan_cost = (count * COST.1).min(self.len() * COST.2);
        if let (Some(graph), false) = (&self.graph, wanted.exact) {
            let ef = wanted.ef.max(wanted.k).min(count);
            let products = (ef * WALK_PRODUCTS).saturating_mul(self.len()) / count.max(1);
            if products.saturating_mul(COST.0) < scan_cost {
                let limits = (ef, scan_cost / COST.0);
                return match self.walk(graph, first, query, wanted, limits, work) {
                    Some(found) => field.join(found),
                    None => self.scan(first, query, wanted, count, field, work),
                };
            }
        }
        self.scan(first, query, wanted, count, field, work)
    }

    #[allow(clippy::cast_possible_truncation)] // rows are counted in 32 bits
    pub(super) fn range(&self, first: u32) -> Range<u32> {
        first..first + self.len() as u32
    }

    fn scan(
        &self,
        first: u32,
        query: &CodedQuery,
        wanted: &Wanted<'_>,
        count: usize,
        mut field: Field,
        work: &mut Work,
    ) -> Field {
        match &wanted.admitted {
            Admitted::Only(rows) if count * COST.1 < self.len() * COST.2 => {
                let rows = rows.range(self.range(first));
                work.evaluations += scan::some(&self.codes, query, first, rows, &mut field);
                field
            }
            admitted => {
                work.evaluations += self.len();
                self.scanned(first, admitted).all(query, field, wanted.k)
            }
        }
    }

    /// All rows as they are scanned, their numbers from `first` on.
    #[allow(clippy::cast_possible_truncation)] // rows are counted in 32 bits
    pub(super) fn scanned(
        &self,
        first: u32,
        admitted: &Admitted<'_>,
    ) -> Scan<'_, impl Fn(usize) -> u32 + Sync, impl Fn(u32) -> bool + Sync> {
        Scan {
            codes: &self.codes,
            number_of: move |row| first + row as u32,
            admits: |row| admitted.admits(row),
        }
    }

    /// What a walk finds; `None` if that is too little, or the walk too long.
    fn walk(
        &self,
        graph: &Graph,
        first: u32,
        query: &CodedQuery,
        wanted: &Wanted<'_>,
        (ef, budget): (usize, usize),
        work: &mut Work,
    ) -> Option<Field> {
        WALK.with_borrow_mut(|walk| {
            let codes = &self.codes;
            let complete = if wanted.admitted.is_everything() {
                graph::walk(graph, codes, query, (ef, usize::MAX), &Everything, walk)
            } else {
                let admit = |row: u32| wanted.admitted.admits(first + row);
                graph::walk(graph, codes, query, (ef, budget), &admit, walk)
            };
            work.evaluations += walk.evaluations;
            work.visited += walk.visited;
            let admitted = walk.steps.iter().filter(|step| step.is_admitted());
            let mut found = Field::new(wanted.k);
            let mut count = 0;
            for step in admitted.take(rescored(wanted.k)) {
                let bound = query.bound(codes.lost()[step.row() as usize]);
                found.offer(first + step.row(), query.score(step.product), bound);
                count += 1;
            }
            (complete && count >= wanted.k.min(ef)).then_some(found)
        })
    }
}
