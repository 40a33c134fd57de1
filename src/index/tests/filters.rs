//! Filtered searches.

use super::suite::recall;
use super::*;

fn rows_per_mille(rows: u32, per_mille: u32) -> RoaringBitmap {
    (0..rows)
        .filter(|row| row.wrapping_mul(2_654_435_761) % 1000 < per_mille)
        .collect()
}

#[test]
fn filters_of_any_size_find_nearly_all_and_nothing_else() {
    let (index, _) = compacted_index(&clustered(20_000));
    for per_mille in [1, 10, 100, 300, 500, 900, 1000] {
        let allowed = rows_per_mille(20_000, per_mille);
        let request = KnnParams {
            allowed_rows: Some(&allowed),
            ef: Some(64),
            ..KnnParams::top_k(10)
        };
        for row in [0, 777, 19_999] {
            let found = index
                .search(index.vector(row), &request)
                .unwrap()
                .neighbours;
            assert_eq!(found.len() as u64, allowed.len().min(10));
            assert!(found.iter().all(|n| allowed.contains(n.row)));
        }
        let recall = recall(&index, &request);
        assert!(recall > 0.95, "{per_mille} of 1000: {recall}");
    }
}

#[test]
fn a_filter_far_from_the_query_costs_no_more_than_its_rows() {
    // The filter matches rows of some clusters; the query is in another.
    let vectors = clustered(24_000);
    let (index, order) = compacted_index(&vectors);
    let allowed: RoaringBitmap = (0..)
        .zip(&order)
        .filter(|(_, row_before)| *row_before % 12 < 4)
        .map(|(row, _)| row)
        .collect();
    let request = KnnParams {
        allowed_rows: Some(&allowed),
        ef: Some(64),
        ..KnnParams::top_k(10)
    };
    let far = order
        .iter()
        .position(|row_before| row_before % 12 == 7)
        .unwrap();
    let query = index.vector(u32::try_from(far).unwrap());
    let found = index.search(query, &request).unwrap();
    assert!(
        found.stats.nodes_visited > 0,
        "the graph was searched first"
    );
    assert_eq!(found.neighbours.len(), 10);
    let exact = KnnParams {
        exact: true,
        ..request
    };
    assert_eq!(
        found.neighbours,
        index.search(query, &exact).unwrap().neighbours
    );
    // The scan that it falls back to, and an eighth of that for the abandoned graph search.
    assert!(
        found.stats.distance_computations < 24_000 + 24_000 / 8,
        "{:?}",
        found.stats
    );
}

#[test]
fn an_empty_filter_yields_no_neighbours() {
    let (index, _) = compacted_index(&clustered(5000));
    let no_rows = RoaringBitmap::new();
    let out_of_range: RoaringBitmap = (5000..6000).collect();
    for allowed in [&no_rows, &out_of_range] {
        let request = KnnParams {
            allowed_rows: Some(allowed),
            ..KnnParams::top_k(10)
        };
        assert!(
            index
                .search(index.vector(0), &request)
                .unwrap()
                .neighbours
                .is_empty()
        );
    }
}
