//! The contract of [`VectorIndex`], for every implementation.

use proptest::prelude::*;

use super::*;

/// Returns every kind of index over the same rows, each with its vectors in the order of its rows,
/// which a graph changes.
fn all_index_kinds(vectors: &Arc<Vectors>) -> Vec<(Arc<Vectors>, Box<dyn VectorIndex>)> {
    let (graph, order) = compacted_index(vectors);
    let mut reordered = Vectors::new(vectors.dimension()).unwrap();
    for row in order {
        reordered.push(vectors.row(row as usize).unwrap()).unwrap();
    }
    vec![
        (
            Arc::clone(vectors),
            Box::new(ExactScan::new(Arc::clone(vectors))),
        ),
        (Arc::clone(vectors), Box::new(append_only_index(vectors))),
        (Arc::new(reordered), Box::new(graph)),
    ]
}

#[test]
fn a_row_finds_itself_first_with_score_one() {
    for (vectors, index) in all_index_kinds(&clustered(600)) {
        for row in [0, 1, 299, 599] {
            let query = vectors.row(row as usize).unwrap();
            let found = index
                .search(query, &KnnParams::top_k(5))
                .unwrap()
                .neighbours;
            assert_eq!(found[0].row, row, "{}", index.description());
            assert!((found[0].score - 1.0).abs() < 1e-6);
            assert_eq!(found.len(), 5);
        }
    }
}

#[test]
fn order_scores_and_ties_match_a_sort() {
    // Every vector twice: the lower row must be first.
    let distinct = clustered(150);
    let mut twice = Vectors::new(24).unwrap();
    for row in distinct.rows().chain(distinct.rows()) {
        twice.push(row).unwrap();
    }
    let query = distinct.row(7).unwrap();
    for (vectors, index) in all_index_kinds(&Arc::new(twice)) {
        let mut expected: Vec<Neighbour> = (0..)
            .zip(vectors.rows())
            .map(|(row, vector)| Neighbour {
                row,
                score: antiphon_kernels::dot::SimdLevel::best().dot_f32(query, vector),
            })
            .collect();
        expected.sort_by(|a, b| a.cmp_best_first(*b, |x, y| x.cmp(&y)));
        let found = index.search(query, &KnnParams::top_k(20)).unwrap();
        assert_eq!(found.neighbours, expected[..20], "{}", index.description());
    }
}

#[test]
fn empty_and_small_indexes_return_all_their_rows() {
    let query = clustered(1);
    let query = query.row(0).unwrap();
    for count in [0, 1, 3] {
        for (_, index) in all_index_kinds(&clustered(count)) {
            let found = index.search(query, &KnnParams::top_k(10)).unwrap();
            assert_eq!(found.neighbours.len(), count, "{}", index.description());
            assert_eq!(index.len(), count);
            let none = index.search(query, &KnnParams::top_k(0)).unwrap();
            assert!(none.neighbours.is_empty());
        }
    }
}

#[test]
fn invalid_queries_are_rejected() {
    for (_, index) in all_index_kinds(&clustered(50)) {
        let error_of = |query: &[f32]| index.search(query, &KnnParams::top_k(5)).unwrap_err();
        assert_eq!(
            error_of(&[1.0; 23]),
            IndexError::Dimension {
                expected: 24,
                received: 23
            }
        );
        let mut query = [0.1; 24];
        query[3] = f32::NAN;
        assert_eq!(error_of(&query), IndexError::NotFinite { position: 3 });
        // The zero vector has the score 0 with every row.
        let found = index.search(&[0.0; 24], &KnnParams::top_k(5)).unwrap();
        assert_eq!(found.neighbours.len(), 5);
        assert!(
            found
                .neighbours
                .iter()
                .all(|n| n.score.abs() < f32::EPSILON)
        );
    }
}

#[test]
fn invalid_rows_are_rejected() {
    let mut vectors = Vectors::new(3).unwrap();
    assert!(vectors.push(&[1.0, 2.0]).is_err());
    assert!(vectors.push(&[1.0, f32::INFINITY, 0.0]).is_err());
    let long = vectors.push(&[1.0, 2.0, 0.0]).unwrap_err();
    assert!(matches!(long, IndexError::NotUnitLength { .. }));
    assert!(vectors.is_empty());
    assert!(Vectors::new(0).is_err());
    assert!(
        append_only_index(&clustered(2))
            .with_rows(&Vectors::new(23).unwrap())
            .is_err()
    );
}

#[test]
fn parameters_are_checked_before_hnsw_rs_sees_them() {
    let valid = HnswParameters::default();
    for invalid in [
        HnswParameters { m: 0, ..valid },
        HnswParameters { m: 300, ..valid },
        HnswParameters {
            ef_construction: 0,
            ..valid
        },
        HnswParameters {
            ef_search: 0,
            ..valid
        },
    ] {
        assert!(SegmentedIndex::new(24, invalid).is_err(), "{invalid:?}");
    }
    let vectors = clustered(10);
    let request = KnnParams {
        ef: Some(MAX_EF + 1),
        ..KnnParams::top_k(3)
    };
    assert!(
        append_only_index(&vectors)
            .search(vectors.row(0).unwrap(), &request)
            .is_err()
    );
}

/// Returns the recall@10 of fifty rows of the index as queries.
pub(super) fn recall(index: &SegmentedIndex, request: &KnnParams<'_>) -> f64 {
    let (mut found, mut expected) = (0.0, 0.0);
    for row in (0..u32::try_from(index.len()).unwrap()).step_by(index.len() / 50) {
        let query = index.vector(row);
        let exact = KnnParams {
            exact: true,
            ..*request
        };
        let truth = index.search(query, &exact).unwrap().neighbours;
        let neighbours = index.search(query, request).unwrap().neighbours;
        assert_eq!(
            neighbours.len(),
            truth.len(),
            "the filter matches fewer rows than k"
        );
        for neighbour in &truth {
            expected += 1.0;
            found += f64::from(u8::from(neighbours.contains(neighbour)));
        }
    }
    found / expected
}

#[test]
fn graph_search_reaches_the_recall_of_the_scan() {
    // Races between threads decide some links, and about 0.01 of the recall.
    let options = BuildOptions {
        deterministic: true,
    };
    let (index, _) = append_only_index(&clustered(20_000))
        .compacted(options, &NoBuildProgress)
        .unwrap();
    let request = KnnParams {
        ef: Some(64),
        ..KnnParams::top_k(10)
    };
    let stats = index.search(index.vector(5), &request).unwrap().stats;
    assert!(
        stats.nodes_visited > 0 && stats.distance_computations < 10_000,
        "a graph search, not a scan: {stats:?}"
    );
    let recall = recall(&index, &request);
    assert!(recall > 0.97, "{recall}");
}

#[test]
fn deterministic_builds_are_identical() {
    let vectors = clustered(3000);
    let options = BuildOptions {
        deterministic: true,
    };
    let build = || {
        append_only_index(&vectors)
            .compacted(options, &NoBuildProgress)
            .unwrap()
    };
    let ((a, a_order), (b, b_order)) = (build(), build());
    assert_eq!(a_order, b_order);
    let links = |index: &SegmentedIndex| {
        index
            .main_segment()
            .graph
            .as_ref()
            .unwrap()
            .base_layer
            .to_vec()
    };
    assert!(links(&a) == links(&b));
}

#[test]
fn a_build_can_be_cancelled() {
    struct AlwaysCancelled;
    impl BuildProgress for AlwaysCancelled {
        fn update(&self, _: usize, _: usize) {}
        fn is_cancelled(&self) -> bool {
            true
        }
    }
    let built =
        append_only_index(&clustered(2000)).compacted(BuildOptions::default(), &AlwaysCancelled);
    assert_eq!(built.err(), Some(IndexError::Cancelled));
}

#[test]
fn copies_of_one_vector_are_all_found() {
    // All distances between copies are 0, which tends to disconnect graphs.
    let original = clustered(1);
    let mut vectors = Vectors::new(24).unwrap();
    for _ in 0..3000 {
        vectors.push(original.row(0).unwrap()).unwrap();
    }
    for row in clustered(3000).rows() {
        vectors.push(row).unwrap();
    }
    let (index, _) = compacted_index(&vectors);
    for k in [1, 10, 500] {
        let found = index
            .search(original.row(0).unwrap(), &KnnParams::top_k(k))
            .unwrap();
        assert_eq!(found.neighbours.len(), k);
        assert!(found.neighbours.iter().all(|n| n.score > 0.999));
    }
}

proptest! {
    #[test]
    fn the_quantized_scan_is_exact(count in 0usize..3000, k in 0usize..80, seed: u64) {
        let vectors = clustered(count);
        let mut next = noise(seed);
        let query = unit((0..24).map(|_| next()).collect());
        let truth = ExactScan::new(Arc::clone(&vectors));
        let truth = truth.search(&query, &KnnParams::top_k(k)).unwrap().neighbours;
        let scanned = append_only_index(&vectors).search(&query, &KnnParams::top_k(k)).unwrap().neighbours;
        prop_assert_eq!(scanned, truth);
    }
}
