//! One suite for both indexes, and the graph's own.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;

/// Unit vectors of dimension 24 in a few directions with noise, from a fixed sequence.
fn clustered(count: usize) -> Arc<Vectors> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        f32::from(u16::try_from(state >> 48).unwrap()) / f32::from(u16::MAX) - 0.5
    };
    let centres: Vec<Vec<f32>> = (0..12).map(|_| (0..24).map(|_| next()).collect()).collect();
    let mut vectors = Vectors::new(24).unwrap();
    for i in 0..count {
        let mut row: Vec<f32> = centres[i % 12].iter().map(|c| c + 0.3 * next()).collect();
        let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        for x in &mut row {
            *x /= length;
        }
        vectors.push(&row).unwrap();
    }
    Arc::new(vectors)
}

fn both(vectors: &Arc<Vectors>) -> Vec<Box<dyn VectorIndex>> {
    vec![
        Box::new(ExactScan::new(Arc::clone(vectors))),
        Box::new(Hnsw::build(Arc::clone(vectors), HnswParameters::default()).unwrap()),
    ]
}

#[test]
fn a_row_finds_itself_first_with_score_one() {
    let vectors = clustered(600);
    for index in both(&vectors) {
        for row in [0, 1, 299, 599] {
            let found = index.search(vectors.row(row).unwrap(), 5).unwrap();
            assert_eq!(found[0].row, row, "{}", index.description());
            assert!((found[0].score - 1.0).abs() < 1e-6);
            assert_eq!(found.len(), 5);
        }
    }
}

#[test]
fn order_scores_and_ties_are_those_of_a_plain_sort() {
    // Every vector twice: the tie must go to the lower row.
    let once = clustered(150);
    let mut twice = Vectors::new(24).unwrap();
    for row in once.rows().chain(once.rows()) {
        twice.push(row).unwrap();
    }
    let twice = Arc::new(twice);
    let query = once.row(7).unwrap();
    let mut expected: Vec<Neighbour> = twice
        .rows()
        .enumerate()
        .map(|(row, vector)| Neighbour {
            row,
            score: dot::dot(query, vector),
        })
        .collect();
    expected.sort_by(Neighbour::rank);
    for index in both(&twice) {
        let found = index.search(query, 20).unwrap();
        assert_eq!(found, expected[..20], "{}", index.description());
    }
}

#[test]
fn empty_and_small_indexes_answer_what_they_have() {
    for count in [0, 1, 3] {
        let vectors = clustered(count);
        let query = clustered(1);
        for index in both(&vectors) {
            let found = index.search(query.row(0).unwrap(), 10).unwrap();
            assert_eq!(found.len(), count, "{}", index.description());
            assert_eq!(index.len(), count);
            assert!(index.search(query.row(0).unwrap(), 0).unwrap().is_empty());
        }
    }
}

#[test]
fn bad_queries_are_refused() {
    for index in both(&clustered(50)) {
        assert_eq!(
            index.search(&[1.0; 23], 5),
            Err(IndexError::Dimension {
                expected: 24,
                received: 23
            })
        );
        let mut query = [0.1; 24];
        query[3] = f32::NAN;
        assert_eq!(
            index.search(&query, 5),
            Err(IndexError::NotFinite { position: 3 })
        );
        // The zero vector is like nothing and like everything: no crash, scores of 0.
        let found = index.search(&[0.0; 24], 5).unwrap();
        assert!(found.iter().all(|n| n.score.abs() < f32::EPSILON));
    }
}

#[test]
fn bad_rows_are_refused() {
    let mut vectors = Vectors::new(3).unwrap();
    assert!(vectors.push(&[1.0, 2.0]).is_err());
    assert!(vectors.push(&[1.0, f32::INFINITY, 0.0]).is_err());
    assert!(vectors.is_empty());
    assert!(Vectors::new(0).is_err());
}

#[test]
fn parameters_are_checked_before_hnsw_rs_sees_them() {
    let good = HnswParameters::default();
    for bad in [
        HnswParameters { m: 0, ..good },
        HnswParameters { m: 300, ..good },
        HnswParameters {
            ef_construction: 0,
            ..good
        },
        HnswParameters {
            ef_search: 0,
            ..good
        },
    ] {
        assert!(Hnsw::build(clustered(5), bad).is_err(), "{bad:?}");
    }
}

#[test]
fn the_graph_finds_what_the_scan_finds() {
    let vectors = clustered(5000);
    let [exact, graph] = both(&vectors).try_into().ok().unwrap();
    let (mut found, mut wanted) = (0, 0);
    for row in (0..5000).step_by(50) {
        let query = vectors.row(row).unwrap();
        let truth = exact.search(query, 10).unwrap();
        let answer = graph.search(query, 10).unwrap();
        wanted += truth.len();
        found += truth.iter().filter(|t| answer.contains(t)).count();
    }
    assert!(found * 100 >= wanted * 97, "recall {found} of {wanted}");
}

proptest! {
    #[test]
    fn the_scan_is_a_plain_sort(count in 0usize..60, k in 0usize..80, query in 0usize..60) {
        let vectors = clustered(count);
        let query = clustered(60).row(query).unwrap().to_vec();
        let mut expected: Vec<Neighbour> = vectors
            .rows()
            .enumerate()
            .map(|(row, vector)| Neighbour { row, score: dot::dot(&query, vector) })
            .collect();
        expected.sort_by(Neighbour::rank);
        expected.truncate(k);
        prop_assert_eq!(ExactScan::new(vectors).search(&query, k).unwrap(), expected);
    }
}
