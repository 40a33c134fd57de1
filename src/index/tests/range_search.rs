//! Range search, against brute force.

use super::*;

/// Returns the neighbours in range from an exact scan of all rows.
fn brute_force(vectors: &Vectors, row: u32, range: &RangeQuery<'_>) -> Vec<Neighbour> {
    let others = Arc::new(vectors.clone());
    let scan = ExactScan::new(others);
    let all = KnnParams::top_k(vectors.len());
    let query = vectors.row(row as usize).unwrap();
    let mut found = scan.search(query, &all).unwrap().neighbours;
    let is_allowed = |row: u32| {
        range.allowed_rows.is_none_or(|rows| rows.contains(row))
            && !range.excluded_rows.contains(row)
    };
    found.retain(|n| is_allowed(n.row));
    let in_range = found.iter().filter(|n| n.score >= range.min_score).count();
    found.truncate(in_range.max(range.min_neighbours));
    found
}

#[test]
fn exact_range_search_is_complete_in_every_segment() {
    let vectors = clustered(3_000);
    let (main, order) = compacted_index(&vectors);
    let copied = |rows: &[u32]| {
        let mut copied = Vectors::new(24).unwrap();
        for row in rows {
            copied.push(vectors.row(*row as usize).unwrap()).unwrap();
        }
        copied
    };
    // The same rows again, in the delta segment and in the append buffer.
    let index = main.with_rows(&copied(&order[..1_200])).unwrap();
    let (index, _) = index
        .delta_compacted(BuildOptions::default(), &NoBuildProgress)
        .unwrap();
    let index = index.with_rows(&copied(&order[..700])).unwrap();
    let mut all = Vectors::new(24).unwrap();
    for row in 0..4_900 {
        all.push(index.vector(row)).unwrap();
    }
    let own: RoaringBitmap = (10..20).collect();
    let allowed: RoaringBitmap = (0..4_900).filter(|row| row % 3 != 0).collect();
    let none = RoaringBitmap::new();
    for (min_score, min_neighbours) in [(0.9, 0), (0.9, 5), (2.0, 7), (-1.0, 0)] {
        for (allowed, excluded) in [(None, &none), (None, &own), (Some(&allowed), &own)] {
            let range = RangeQuery {
                min_score,
                min_neighbours,
                exact: true,
                allowed_rows: allowed,
                excluded_rows: excluded,
            };
            let rows = [3, 17, 2_999, 3_500, 4_899, 9_999];
            let found = index.range_search(&rows, &range);
            assert_eq!(found.len(), rows.len());
            for (row, found) in rows.iter().zip(&found).take(5) {
                let expected = brute_force(&all, *row, &range);
                assert!(*found == expected, "{row} {min_score} {min_neighbours}");
            }
            assert!(found[5].is_empty(), "the row does not exist");
        }
    }
}

#[test]
fn graph_range_search_finds_nearly_all_neighbours() {
    let vectors = clustered(24_000);
    // With races between threads, the recall over twelve dense clusters is occasionally worse.
    let options = BuildOptions {
        deterministic: true,
    };
    let (index, _) = append_only_index(&vectors)
        .compacted(options, &NoBuildProgress)
        .unwrap();
    let index = index.without_rows(0..50);
    let excluded: RoaringBitmap = (100..130).collect();
    let range = |exact| RangeQuery {
        min_score: 0.93,
        min_neighbours: 4,
        exact,
        allowed_rows: None,
        excluded_rows: &excluded,
    };
    let rows: Vec<u32> = (100..20_000).step_by(400).collect();
    let (approximate, exact) = (
        index.range_search(&rows, &range(false)),
        index.range_search(&rows, &range(true)),
    );
    let max_count = exact.iter().map(Vec::len).max().unwrap();
    assert!(
        max_count > 100,
        "{max_count}: no search has to be repeated with a greater k"
    );
    let (mut found, mut all) = (0, 0);
    for (approximate, exact) in approximate.iter().zip(&exact) {
        assert!(
            approximate
                .iter()
                .all(|n| n.row >= 50 && !excluded.contains(n.row))
        );
        found += approximate.iter().filter(|n| exact.contains(n)).count();
        all += exact.len();
        assert!(approximate.len() <= exact.len());
    }
    assert!(found * 1000 > all * 980, "{found} of {all}");
}
