//! Updates of an index, against a reference model.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::index::file::{self, RowLabel};

/// An update of an index.
#[derive(Debug, Clone)]
enum IndexChange {
    Add(u8),
    Delete(u16),
    Replace(u16),
    CompactDelta,
    Compact,
    /// Compact into a file, and reopen it.
    Restart,
}

fn change() -> impl Strategy<Value = IndexChange> {
    prop_oneof![
        4 => (1u8..120).prop_map(IndexChange::Add),
        3 => any::<u16>().prop_map(IndexChange::Delete),
        3 => any::<u16>().prop_map(IndexChange::Replace),
        1 => Just(IndexChange::CompactDelta),
        1 => Just(IndexChange::Compact),
        1 => Just(IndexChange::Restart),
    ]
}

/// An index, the names of its rows, and its expected content.
struct ReferenceModel {
    index: SegmentedIndex,
    /// The name of each row.
    names: Vec<i64>,
    expected: BTreeMap<i64, Vec<f32>>,
    next_name: i64,
    next: Box<dyn FnMut() -> f32>,
    folder: tempfile::TempDir,
}

impl ReferenceModel {
    fn new() -> Self {
        Self {
            index: SegmentedIndex::new(24, HnswParameters::default()).unwrap(),
            names: Vec::new(),
            expected: BTreeMap::new(),
            next_name: 0,
            next: Box::new(noise(9)),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn add(&mut self, count: usize) {
        let mut rows = Vectors::new(24).unwrap();
        for _ in 0..count {
            let row = unit((0..24).map(|_| (self.next)()).collect());
            rows.push(&row).unwrap();
            self.names.push(self.next_name);
            self.expected.insert(self.next_name, row);
            self.next_name += 1;
        }
        self.index = self.index.with_rows(&rows).unwrap();
    }

    fn delete(&mut self, which: u16) -> bool {
        let position = usize::from(which) % self.expected.len().max(1);
        let Some(name) = self.expected.keys().nth(position).copied() else {
            return false;
        };
        self.expected.remove(&name);
        let row = self.names.iter().position(|n| *n == name).unwrap();
        self.index = self.index.without_rows([u32::try_from(row).unwrap()]);
        true
    }

    fn compact(&mut self) {
        let (index, source_rows) = self
            .index
            .compacted(BuildOptions::default(), &NoBuildProgress)
            .unwrap();
        self.names = source_rows
            .iter()
            .map(|row| self.names[*row as usize])
            .collect();
        self.index = index;
    }

    /// Replaces the index by one that was written to a file.
    fn restart(&mut self) {
        let built = Compaction::build(&self.index, BuildOptions::default(), &NoBuildProgress);
        let Some(compaction) = built.unwrap() else {
            return;
        };
        let name = |row: &u32| self.names[*row as usize];
        self.names = compaction.source_rows().iter().map(name).collect();
        let path = self.folder.path().join("index");
        let labels: Vec<RowLabel> = self
            .names
            .iter()
            .map(|key| RowLabel { key: *key, hash: 0 })
            .collect();
        file::write(&path, &compaction, [7; 32], &labels).unwrap();
        let opened = file::open(&path, [7; 32], 24, HnswParameters::default())
            .unwrap()
            .unwrap();
        assert_eq!(opened.labels(), labels);
        self.index = opened.index;
    }

    fn apply(&mut self, change: &IndexChange) {
        match change {
            IndexChange::Add(count) => self.add(usize::from(*count)),
            IndexChange::Delete(which) => {
                self.delete(*which);
            }
            IndexChange::Replace(which) => {
                if self.delete(*which) {
                    self.add(1);
                }
            }
            IndexChange::CompactDelta => {
                let (index, source_rows) = self
                    .index
                    .delta_compacted(BuildOptions::default(), &NoBuildProgress)
                    .unwrap();
                self.names = source_rows
                    .iter()
                    .map(|row| self.names[*row as usize])
                    .collect();
                self.index = index;
            }
            IndexChange::Compact => self.compact(),
            IndexChange::Restart => self.restart(),
        }
    }

    /// Asserts that a search returns the first rows of a full sort of the expected content.
    fn check(&mut self) {
        let query = unit((0..24).map(|_| (self.next)()).collect());
        let mut expected: Vec<(f32, i64)> = self
            .expected
            .iter()
            .map(|(name, row)| {
                (
                    antiphon_kernels::dot::SimdLevel::best().dot_f32(&query, row),
                    *name,
                )
            })
            .collect();
        expected.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        expected.truncate(10);
        assert_eq!(self.index.live_row_count(), self.expected.len());
        for exact in [true, false] {
            let request = KnnParams {
                exact,
                ..KnnParams::top_k(10)
            };
            let found = self.index.search(&query, &request).unwrap().neighbours;
            let found: Vec<(f32, i64)> = found
                .iter()
                .map(|n| (n.score, self.names[n.row as usize]))
                .collect();
            assert_eq!(found, expected, "exact: {exact}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn it_matches_the_reference_model(changes in prop::collection::vec(change(), 1..40)) {
        let mut model = ReferenceModel::new();
        for change in &changes {
            model.apply(change);
            model.check();
        }
    }
}

#[test]
fn an_older_index_is_unchanged_by_newer_ones() {
    let vectors = clustered(3000);
    let old = append_only_index(&vectors);
    let query = vectors.row(10).unwrap();
    let before = old.search(query, &KnnParams::top_k(10)).unwrap();
    let new = old.without_rows(0..100).with_rows(&clustered(50)).unwrap();
    assert_eq!(old.search(query, &KnnParams::top_k(10)).unwrap(), before);
    let after = new.search(query, &KnnParams::top_k(10)).unwrap().neighbours;
    assert!(after.iter().all(|n| n.row >= 100));
    assert_eq!(new.len(), 3050);
    assert_eq!(
        (new.uncompacted_rows(), new.deleted_row_count()),
        ((3050, 3050), 100)
    );
}

#[test]
fn tombstones_are_traversed_but_not_returned() {
    let (index, _) = compacted_index(&clustered(20_000));
    let index = index.without_rows((0..20_000).filter(|row| row % 7 == 0));
    let request = KnnParams {
        ef: Some(64),
        ..KnnParams::top_k(10)
    };
    for row in [0, 7, 14_000] {
        let found = index.search(index.vector(row), &request).unwrap();
        assert!(found.stats.nodes_visited > 0, "a graph search");
        assert_eq!(found.neighbours.len(), 10);
        assert!(found.neighbours.iter().all(|n| n.row % 7 != 0));
    }
}

#[test]
fn delta_rows_are_found_by_graph_search_with_and_without_a_filter() {
    let (main, _) = compacted_index(&clustered(20_000));
    let mut more = Vectors::new(24).unwrap();
    let mut next = noise(5);
    for _ in 0..12_000 {
        more.push(&unit((0..24).map(|_| next()).collect())).unwrap();
    }
    let grown = main.with_rows(&more).unwrap().without_rows([3, 20_005]);
    let (updated, source_rows) = grown
        .delta_compacted(BuildOptions::default(), &NoBuildProgress)
        .unwrap();
    assert_eq!(updated.uncompacted_rows(), (11_999, 0));
    assert_eq!((updated.len(), updated.deleted_row_count()), (31_999, 1));
    assert!(source_rows[20_000..].iter().all(|row| *row != 20_005));
    let odd: RoaringBitmap = (0..32_000).filter(|row| row % 2 == 1).collect();
    for allowed in [None, Some(&odd)] {
        let request = KnnParams {
            ef: Some(64),
            allowed_rows: allowed,
            ..KnnParams::top_k(10)
        };
        let exact = KnnParams {
            exact: true,
            ..request
        };
        let (mut found, mut expected) = (0, 0);
        for row in (20_001..31_000).step_by(500) {
            let query = updated.vector(row);
            let result = updated.search(query, &request).unwrap();
            assert!(result.stats.nodes_visited > 0);
            assert!(
                result.stats.distance_computations < 32_000,
                "{:?}",
                result.stats
            );
            let truth = updated.search(query, &exact).unwrap().neighbours;
            found += truth
                .iter()
                .filter(|n| result.neighbours.contains(n))
                .count();
            expected += truth.len();
        }
        assert!(found * 100 >= expected * 95, "{found} of {expected}");
    }
}
