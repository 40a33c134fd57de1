//! What is near, against plain arithmetic.

use super::*;

/// Rows near to one by comparing everything.
fn brute_force(vectors: &Vectors, row: u32, near: &RangeQuery<'_>) -> Vec<Neighbour> {
    let others = Arc::new(vectors.clone());
    let scan = ExactScan::new(others);
    let all = KnnParams::top_k(vectors.len());
    let query = vectors.row(row as usize).unwrap();
    let mut found = scan.search(query, &all).unwrap().neighbours;
    let admitted = |row: u32| {
        near.allowed_rows.is_none_or(|rows| rows.contains(row)) && !near.excluded_rows.contains(row)
    };
    found.retain(|n| admitted(n.row));
    let reached = found.iter().filter(|n| n.score >= near.min_score).count();
    found.truncate(reached.max(near.min_neighbours));
    found
}

#[test]
fn exact_range_search_is_complete_in_every_segment() {
    let vectors = clustered(3_000);
    let (base, order) = compacted_index(&vectors);
    let moved = |rows: &[u32]| {
        let mut moved = Vectors::new(24).unwrap();
        for row in rows {
            moved.push(vectors.row(*row as usize).unwrap()).unwrap();
        }
        moved
    };
    // The same rows again, in a second graph and in a tail.
    let index = base.with_rows(&moved(&order[..1_200])).unwrap();
    let (index, _) = index
        .delta_compacted(BuildOptions::default(), &NoBuildProgress)
        .unwrap();
    let index = index.with_rows(&moved(&order[..700])).unwrap();
    let mut all = Vectors::new(24).unwrap();
    for row in 0..4_900 {
        all.push(index.vector(row)).unwrap();
    }
    let own: RoaringBitmap = (10..20).collect();
    let allowed: RoaringBitmap = (0..4_900).filter(|row| row % 3 != 0).collect();
    let none = RoaringBitmap::new();
    for (floor, least) in [(0.9, 0), (0.9, 5), (2.0, 7), (-1.0, 0)] {
        for (allowed, excluded) in [(None, &none), (None, &own), (Some(&allowed), &own)] {
            let near = RangeQuery {
                min_score: floor,
                min_neighbours: least,
                exact: true,
                allowed_rows: allowed,
                excluded_rows: excluded,
            };
            let rows = [3, 17, 2_999, 3_500, 4_899, 9_999];
            let found = index.range_search(&rows, &near);
            assert_eq!(found.len(), rows.len());
            for (row, found) in rows.iter().zip(&found).take(5) {
                let expected = brute_force(&all, *row, &near);
                assert!(*found == expected, "{row} {floor} {least}");
            }
            assert!(found[5].is_empty(), "there is no such row");
        }
    }
}

#[test]
fn graph_range_search_finds_nearly_all_neighbours() {
    let vectors = clustered(24_000);
    // Of the graphs that a race of threads makes of twelve dense heaps one in many is worse.
    let options = BuildOptions {
        deterministic: true,
    };
    let (index, _) = append_only_index(&vectors)
        .compacted(options, &NoBuildProgress)
        .unwrap();
    let index = index.without_rows(0..50);
    let excluded: RoaringBitmap = (100..130).collect();
    let near = |exact| RangeQuery {
        min_score: 0.93,
        min_neighbours: 4,
        exact,
        allowed_rows: None,
        excluded_rows: &excluded,
    };
    let rows: Vec<u32> = (100..20_000).step_by(400).collect();
    let (walked, exact) = (
        index.range_search(&rows, &near(false)),
        index.range_search(&rows, &near(true)),
    );
    let most = exact.iter().map(Vec::len).max().unwrap();
    assert!(most > 100, "{most}: no walk has to go on");
    let (mut found, mut all) = (0, 0);
    for (walked, exact) in walked.iter().zip(&exact) {
        assert!(
            walked
                .iter()
                .all(|n| n.row >= 50 && !excluded.contains(n.row))
        );
        found += walked.iter().filter(|n| exact.contains(n)).count();
        all += exact.len();
        assert!(walked.len() <= exact.len());
    }
    assert!(found * 1000 > all * 980, "{found} of {all}");
}
