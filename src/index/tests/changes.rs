//! An index that changes, against a list that changes in the same way.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::index::file::{self, Label};

/// What may happen to an index.
#[derive(Debug, Clone)]
enum Change {
    Add(u8),
    Delete(u16),
    Replace(u16),
    Fold,
    Compact,
    /// Written, and read again from the file.
    Restart,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (1u8..120).prop_map(Change::Add),
        3 => any::<u16>().prop_map(Change::Delete),
        3 => any::<u16>().prop_map(Change::Replace),
        1 => Just(Change::Fold),
        1 => Just(Change::Compact),
        1 => Just(Change::Restart),
    ]
}

/// An index whose rows have names, and what it should hold.
struct Model {
    index: SegmentedIndex,
    /// The name of each row.
    names: Vec<i64>,
    held: BTreeMap<i64, Vec<f32>>,
    next_name: i64,
    next: Box<dyn FnMut() -> f32>,
    folder: tempfile::TempDir,
}

impl Model {
    fn new() -> Self {
        Self {
            index: SegmentedIndex::new(24, HnswParameters::default()).unwrap(),
            names: Vec::new(),
            held: BTreeMap::new(),
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
            self.held.insert(self.next_name, row);
            self.next_name += 1;
        }
        self.index = self.index.with_rows(&rows).unwrap();
    }

    fn delete(&mut self, which: u16) -> bool {
        let place = usize::from(which) % self.held.len().max(1);
        let Some(name) = self.held.keys().nth(place).copied() else {
            return false;
        };
        self.held.remove(&name);
        let row = self.names.iter().position(|n| *n == name).unwrap();
        self.index = self.index.without([u32::try_from(row).unwrap()]);
        true
    }

    fn compact(&mut self) {
        let (index, from) = self
            .index
            .compacted(BuildOptions::default(), &Unwatched)
            .unwrap();
        self.names = from.iter().map(|row| self.names[*row as usize]).collect();
        self.index = index;
    }

    /// Loses what is not in the file, and takes it in again.
    fn restart(&mut self) {
        let built = Compaction::of(&self.index, BuildOptions::default(), &Unwatched);
        let Some(compaction) = built.unwrap() else {
            return;
        };
        let name = |row: &u32| self.names[*row as usize];
        self.names = compaction.rows().iter().map(name).collect();
        let path = self.folder.path().join("index");
        let labels: Vec<Label> = self
            .names
            .iter()
            .map(|key| Label { key: *key, hash: 0 })
            .collect();
        file::write(&path, &compaction, [7; 32], &labels).unwrap();
        let opened = file::open(&path, [7; 32], 24, HnswParameters::default())
            .unwrap()
            .unwrap();
        assert_eq!(opened.labels(), labels);
        self.index = opened.index;
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Add(count) => self.add(usize::from(*count)),
            Change::Delete(which) => {
                self.delete(*which);
            }
            Change::Replace(which) => {
                if self.delete(*which) {
                    self.add(1);
                }
            }
            Change::Fold => {
                let (index, from) = self
                    .index
                    .folded(BuildOptions::default(), &Unwatched)
                    .unwrap();
                self.names = from.iter().map(|row| self.names[*row as usize]).collect();
                self.index = index;
            }
            Change::Compact => self.compact(),
            Change::Restart => self.restart(),
        }
    }

    /// Every search finds exactly what a sort of all that is held gives.
    fn check(&mut self) {
        let query = unit((0..24).map(|_| (self.next)()).collect());
        let mut expected: Vec<(f32, i64)> = self
            .held
            .iter()
            .map(|(name, row)| (kernels::Path::best().dot_f32(&query, row), *name))
            .collect();
        expected.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        expected.truncate(10);
        assert_eq!(self.index.live(), self.held.len());
        for exact in [true, false] {
            let request = Request {
                exact,
                ..Request::nearest(10)
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
    fn it_holds_what_it_was_given(changes in prop::collection::vec(change(), 1..40)) {
        let mut model = Model::new();
        for change in &changes {
            model.apply(change);
            model.check();
        }
    }
}

#[test]
fn an_older_index_goes_on_as_it_was() {
    let vectors = clustered(3000);
    let old = tail(&vectors);
    let query = vectors.row(10).unwrap();
    let before = old.search(query, &Request::nearest(10)).unwrap();
    let new = old.without(0..100).with_rows(&clustered(50)).unwrap();
    assert_eq!(old.search(query, &Request::nearest(10)).unwrap(), before);
    let after = new.search(query, &Request::nearest(10)).unwrap().neighbours;
    assert!(after.iter().all(|n| n.row >= 100));
    assert_eq!(new.len(), 3050);
    assert_eq!((new.unsettled(), new.deleted()), ((3050, 3050), 100));
}

#[test]
fn deleted_rows_in_a_graph_are_walked_through_and_not_found() {
    let (index, _) = graph(&clustered(20_000));
    let index = index.without((0..20_000).filter(|row| row % 7 == 0));
    let request = Request {
        ef: Some(64),
        ..Request::nearest(10)
    };
    for row in [0, 7, 14_000] {
        let found = index.search(index.vector(row), &request).unwrap();
        assert!(found.work.visited > 0, "a walk");
        assert_eq!(found.neighbours.len(), 10);
        assert!(found.neighbours.iter().all(|n| n.row % 7 != 0));
    }
}

#[test]
fn rows_that_were_folded_are_walked_to_with_and_without_a_filter() {
    let (base, _) = graph(&clustered(20_000));
    let mut more = Vectors::new(24).unwrap();
    let mut next = noise(5);
    for _ in 0..12_000 {
        more.push(&unit((0..24).map(|_| next()).collect())).unwrap();
    }
    let grown = base.with_rows(&more).unwrap().without([3, 20_005]);
    let (folded, from) = grown.folded(BuildOptions::default(), &Unwatched).unwrap();
    assert_eq!(folded.unsettled(), (11_999, 0));
    assert_eq!((folded.len(), folded.deleted()), (31_999, 1));
    assert!(from[20_000..].iter().all(|row| *row != 20_005));
    let odd: RoaringBitmap = (0..32_000).filter(|row| row % 2 == 1).collect();
    for allowed in [None, Some(&odd)] {
        let request = Request {
            ef: Some(64),
            allowed,
            ..Request::nearest(10)
        };
        let exact = Request {
            exact: true,
            ..request
        };
        let (mut found, mut wanted) = (0, 0);
        for row in (20_001..31_000).step_by(500) {
            let query = folded.vector(row);
            let walked = folded.search(query, &request).unwrap();
            assert!(walked.work.visited > 0);
            assert!(walked.work.evaluations < 32_000, "{:?}", walked.work);
            let truth = folded.search(query, &exact).unwrap().neighbours;
            found += truth
                .iter()
                .filter(|n| walked.neighbours.contains(n))
                .count();
            wanted += truth.len();
        }
        assert!(found * 100 >= wanted * 95, "{found} of {wanted}");
    }
}
