//! IVF range search, against exact range search.

use super::*;

/// Returns vectors in more clusters than a query probes.
fn scattered(count: usize) -> Vectors {
    let mut next = noise(5);
    let centres: Vec<Vec<f32>> = (0..600)
        .map(|_| (0..24).map(|_| next()).collect())
        .collect();
    let mut vectors = Vectors::new(24).unwrap();
    for i in 0..count {
        let centre = &centres[i * 7 % 600];
        let row: Vec<f32> = centre.iter().map(|c| c + 0.15 * next()).collect();
        vectors.push(&unit(row)).unwrap();
    }
    vectors
}

fn range_query(excluded: &RoaringBitmap) -> RangeQuery<'_> {
    RangeQuery {
        min_score: 0.93,
        min_neighbours: 4,
        exact: false,
        allowed_rows: None,
        excluded_rows: excluded,
    }
}

#[test]
fn ivf_finds_nearly_all_neighbours_in_range_and_nothing_else() {
    let index = append_only_index(&scattered(20_000)).without_rows(0..500);
    let excluded: RoaringBitmap = (1_000..1_040).collect();
    let allowed: RoaringBitmap = (0..20_000).filter(|row| row % 3 != 0).collect();
    let ivf = IvfIndex::build(&index);
    let rows: Vec<u32> = (1_000..20_000).step_by(300).chain([7, 99_999]).collect();
    for allowed in [None, Some(&allowed)] {
        let range = RangeQuery {
            allowed_rows: allowed,
            ..range_query(&excluded)
        };
        let found = ivf.range_search(&index, &rows, &range);
        let exact = index.range_search(
            &rows,
            &RangeQuery {
                exact: true,
                ..range
            },
        );
        let (mut correct, mut all) = (0, 0);
        for (found, exact) in found.iter().zip(&exact) {
            let common = found.iter().filter(|n| exact.contains(n)).count();
            let in_range = |n: &&Neighbour| n.score >= range.min_score;
            assert!(found.iter().filter(in_range).all(|n| exact.contains(n)));
            assert!(
                found
                    .iter()
                    .all(|n| n.row >= 500 && !excluded.contains(n.row))
            );
            assert!(
                found
                    .iter()
                    .all(|n| allowed.is_none_or(|rows| rows.contains(n.row)))
            );
            assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score));
            (correct, all) = (correct + common, all + exact.len());
        }
        assert!(
            all > 300 && correct * 1000 > all * 980,
            "{correct} of {all}"
        );
        assert_eq!(found.len(), rows.len());
        assert!(
            found[found.len() - 2..].iter().all(Vec::is_empty),
            "the last rows do not exist or are deleted"
        );
    }
}

#[test]
fn the_same_rows_make_the_same_clusters_in_any_batches() {
    let all = scattered(9_000);
    let mut halves = [Vectors::new(24).unwrap(), Vectors::new(24).unwrap()];
    for row in 0..9_000 {
        halves[usize::from(row >= 4_000)]
            .push(all.row(row).unwrap())
            .unwrap();
    }
    let none = RoaringBitmap::new();
    let rows: Vec<u32> = (0..9_000).step_by(50).collect();
    let found = |index: &SegmentedIndex| {
        IvfIndex::build(index).range_search(index, &rows, &range_query(&none))
    };
    let [first, second] = &halves;
    let at_once = found(&append_only_index(&all));
    assert_eq!(
        at_once,
        found(&append_only_index(first).with_rows(second).unwrap())
    );
    let more = append_only_index(&all).with_rows(&scattered(700)).unwrap();
    assert_eq!(at_once, found(&more.without_rows(9_000..9_700)));
}

#[test]
fn ivf_over_few_rows_or_none_is_complete() {
    let none = RoaringBitmap::new();
    for count in [0, 1, 2, 30] {
        let vectors = clustered(count.max(1));
        let index = match count {
            0 => SegmentedIndex::new(24, HnswParameters::default()).unwrap(),
            _ => append_only_index(&vectors),
        };
        let rows = [0, 1, 29];
        let ivf = IvfIndex::build(&index);
        assert_eq!(
            ivf.range_search(&index, &rows, &range_query(&none)),
            index.range_search(&rows, &range_query(&none)),
            "{count} rows"
        );
    }
}
