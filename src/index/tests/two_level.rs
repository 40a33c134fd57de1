//! Search by row and best sentence.

use std::convert::Infallible;

use roaring::RoaringBitmap;

use super::*;

/// Sentences of each row: none, or up to four near it.
type Sentences = Vec<Vec<Vec<f32>>>;

fn rows_with_sentences(count: usize) -> (RowsWithSentences, Sentences) {
    let vectors = clustered(count);
    let mut rows = RowsWithSentences::new(24).unwrap();
    let mut next = noise(5);
    let mut all = Vec::new();
    for (number, row) in vectors.rows().enumerate() {
        let sentences: Vec<Vec<f32>> = (0..number % 5)
            .map(|_| unit(row.iter().map(|x| x + 0.4 * next()).collect()))
            .collect();
        rows.push(row).unwrap();
        rows.push_sentences(&sentences.concat()).unwrap();
        all.push(sentences);
    }
    (rows, all)
}

/// Scores every row in `f32`, best first.
fn brute_force(rows: &RowsWithSentences, sentences: &Sentences, query: &[f32]) -> Vec<(u32, f32)> {
    let mut scored: Vec<(u32, f32)> = (0..)
        .zip(rows.rows().rows().zip(sentences))
        .map(|(row, (vector, sentences))| {
            let own = similarity(query, vector);
            let best = sentences
                .iter()
                .map(|sentence| similarity(query, sentence))
                .reduce(f32::max);
            (row, best.map_or(own, |best| 0.5 * (own + best)))
        })
        .collect();
    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    scored
}

/// Searches and scores exactly; rows are those of `order`.
fn search(
    index: &SegmentedIndex,
    order: &[u32],
    sentences: &Sentences,
    query: &[f32],
    params: &KnnParams<'_>,
) -> (Vec<(u32, f32)>, bool) {
    let candidates = index.search_two_level(query, params).unwrap();
    let mut scorer = ExactScorer::new(index, query, |row, buffer: &mut Vec<f32>| {
        *buffer = sentences[order[row as usize] as usize].concat();
        Ok::<_, Infallible>(())
    });
    let Ok(best) = scorer.best(candidates.rows, params.k, |neighbour| neighbour.score);
    let found = best.iter().map(|(neighbour, score)| {
        assert_eq!(neighbour.score.to_bits(), score.to_bits());
        (order[neighbour.row as usize], *score)
    });
    (found.collect(), candidates.exhaustive)
}

fn bits(found: &[(u32, f32)]) -> Vec<u32> {
    found.iter().map(|(_, score)| score.to_bits()).collect()
}

#[test]
fn an_exhaustive_search_equals_brute_force_to_the_bit() {
    let (rows, sentences) = rows_with_sentences(1300);
    let empty = SegmentedIndex::new(24, HnswParameters::default()).unwrap();
    let appended = empty.with_rows_and_sentences(&rows).unwrap();
    let (compacted, order) = appended
        .compacted(BuildOptions::default(), &NoBuildProgress)
        .unwrap();
    let in_order: Vec<u32> = (0..1300).collect();
    let mut next = noise(9);
    for _ in 0..20 {
        let query = unit((0..24).map(|_| next()).collect());
        let expected = brute_force(&rows, &sentences, &query);
        for k in [1, 10, 300] {
            let params = KnnParams {
                exact: true,
                ..KnnParams::top_k(k)
            };
            let (found, exhaustive) = search(&appended, &in_order, &sentences, &query, &params);
            assert!(exhaustive);
            assert_eq!(found, expected[..k]);
            // Equal scores may be in the order of another row id.
            let (found, _) = search(&compacted, &order, &sentences, &query, &params);
            assert_eq!(bits(&found), bits(&expected[..k]));
        }
    }
}

#[test]
fn filters_and_tombstones_apply_to_both_levels() {
    let (rows, sentences) = rows_with_sentences(700);
    let empty = SegmentedIndex::new(24, HnswParameters::default()).unwrap();
    let index = empty.with_rows_and_sentences(&rows).unwrap();
    let in_order: Vec<u32> = (0..700).collect();
    let query = unit(sentences[4][0].clone());
    let ranked = brute_force(&rows, &sentences, &query);
    let deleted = ranked[0].0;
    let index = index.without_rows([deleted]);
    // Many rows and few: the second are compared one by one.
    for share in [2, 97] {
        let allowed: RoaringBitmap = (0..700).filter(|row| row % share == 0).collect();
        let params = KnnParams {
            allowed_rows: Some(&allowed),
            ..KnnParams::top_k(5)
        };
        let expected: Vec<(u32, f32)> = ranked
            .iter()
            .filter(|(row, _)| allowed.contains(*row) && *row != deleted)
            .take(5)
            .copied()
            .collect();
        let (found, exhaustive) = search(&index, &in_order, &sentences, &query, &params);
        assert!(exhaustive, "there is no graph");
        assert_eq!(found, expected);
    }
}

#[test]
fn the_graph_is_trusted_only_if_its_candidates_suffice() {
    let (rows, sentences) = rows_with_sentences(12_000);
    // Wider searches of so few rows would be slower than a scan.
    let parameters = HnswParameters {
        ef_search: 100,
        ..HnswParameters::default()
    };
    let empty = SegmentedIndex::new(24, parameters).unwrap();
    let appended = empty.with_rows_and_sentences(&rows).unwrap();
    let (index, order) = appended
        .compacted(BuildOptions::default(), &NoBuildProgress)
        .unwrap();
    let mut next = noise(3);
    let query = unit((0..24).map(|_| next()).collect());
    let params = |ef| KnnParams {
        ef,
        ..KnnParams::top_k(10)
    };
    let expected = bits(&brute_force(&rows, &sentences, &query)[..10]);
    let (found, exhaustive) = search(&index, &order, &sentences, &query, &params(None));
    assert!(!exhaustive);
    let same = bits(&found)
        .iter()
        .filter(|score| expected.contains(score))
        .count();
    assert!(same >= 8, "{same} of 10");
    // Pages begin with the same rows.
    for k in [3, 80] {
        let request = KnnParams::top_k(k);
        let (page, _) = search(&index, &order, &sentences, &query, &request);
        let shared = k.min(10);
        assert_eq!(page[..shared], found[..shared]);
    }
    // A width that the caller asks for is not widened.
    let (found, exhaustive) = search(&index, &order, &sentences, &query, &params(Some(16)));
    assert!(!exhaustive);
    let scores: Vec<f32> = found.iter().map(|(_, score)| *score).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b) && scores.len() == 10);
}

#[test]
fn bounds_contain_the_exact_score() {
    let (rows, sentences) = rows_with_sentences(400);
    let empty = SegmentedIndex::new(24, HnswParameters::default()).unwrap();
    let index = empty.with_rows_and_sentences(&rows).unwrap();
    let query = unit(rows.rows().row(7).unwrap().to_vec());
    let wanted: Vec<u32> = (0..400).collect();
    let bounds = index.two_level_bounds(&query, &wanted).unwrap();
    let mut exact = brute_force(&rows, &sentences, &query);
    exact.sort_by_key(|(row, _)| *row);
    for (bounds, (row, score)) in bounds.iter().zip(exact) {
        assert_eq!(bounds.row, row);
        assert!(
            bounds.lower <= score && score <= bounds.upper,
            "{bounds:?} {score}"
        );
        assert!((bounds.middle() - score).abs() < 0.02);
    }
}

#[test]
fn invalid_sentences_are_rejected() {
    let mut rows = RowsWithSentences::new(2).unwrap();
    rows.push(&[1.0, 0.0]).unwrap();
    assert!(rows.push_sentences(&[1.0, 0.0, 1.0]).is_err());
    assert!(rows.push_sentences(&[f32::NAN, 0.0]).is_err());
    rows.push_sentences(&[0.0, 1.0]).unwrap();
    assert_eq!(rows.len(), 1);
    assert!(!rows.is_empty());
}
