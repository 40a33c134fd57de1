//! Cells, against comparing everything.

use super::*;

/// More directions than cells that are looked into.
fn scattered(count: usize) -> Vectors {
    let mut next = noise(5);
    let middles: Vec<Vec<f32>> = (0..600)
        .map(|_| (0..24).map(|_| next()).collect())
        .collect();
    let mut vectors = Vectors::new(24).unwrap();
    for i in 0..count {
        let middle = &middles[i * 7 % 600];
        let row: Vec<f32> = middle.iter().map(|c| c + 0.15 * next()).collect();
        vectors.push(&unit(row)).unwrap();
    }
    vectors
}

fn near(excluded: &RoaringBitmap) -> Near<'_> {
    Near {
        floor: 0.93,
        least: 4,
        exact: false,
        allowed: None,
        excluded,
    }
}

#[test]
fn cells_hold_nearly_all_that_is_near_and_nothing_else() {
    let index = tail(&scattered(20_000)).without(0..500);
    let excluded: RoaringBitmap = (1_000..1_040).collect();
    let allowed: RoaringBitmap = (0..20_000).filter(|row| row % 3 != 0).collect();
    let cells = Cells::of(&index);
    let rows: Vec<u32> = (1_000..20_000).step_by(300).chain([7, 99_999]).collect();
    for allowed in [None, Some(&allowed)] {
        let near = Near {
            allowed,
            ..near(&excluded)
        };
        let found = cells.near(&index, &rows, &near);
        let exact = index.near(
            &rows,
            &Near {
                exact: true,
                ..near
            },
        );
        let (mut right, mut all) = (0, 0);
        for (found, exact) in found.iter().zip(&exact) {
            let same = found.iter().filter(|n| exact.contains(n)).count();
            let reached = |n: &&Neighbour| n.score >= near.floor;
            assert!(found.iter().filter(reached).all(|n| exact.contains(n)));
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
            (right, all) = (right + same, all + exact.len());
        }
        assert!(all > 300 && right * 1000 > all * 980, "{right} of {all}");
        assert_eq!(found.len(), rows.len());
        assert!(
            found[found.len() - 2..].iter().all(Vec::is_empty),
            "no such rows"
        );
    }
}

#[test]
fn the_same_rows_make_the_same_cells_however_they_came() {
    let all = scattered(9_000);
    let mut halves = [Vectors::new(24).unwrap(), Vectors::new(24).unwrap()];
    for row in 0..9_000 {
        halves[usize::from(row >= 4_000)]
            .push(all.row(row).unwrap())
            .unwrap();
    }
    let none = RoaringBitmap::new();
    let rows: Vec<u32> = (0..9_000).step_by(50).collect();
    let found = |index: &SegmentedIndex| Cells::of(index).near(index, &rows, &near(&none));
    let [first, second] = &halves;
    let at_once = found(&tail(&all));
    assert_eq!(at_once, found(&tail(first).with_rows(second).unwrap()));
    let more = tail(&all).with_rows(&scattered(700)).unwrap();
    assert_eq!(at_once, found(&more.without(9_000..9_700)));
}

#[test]
fn cells_of_few_rows_or_none_find_them_all() {
    let none = RoaringBitmap::new();
    for count in [0, 1, 2, 30] {
        let vectors = clustered(count.max(1));
        let index = match count {
            0 => SegmentedIndex::new(24, HnswParameters::default()).unwrap(),
            _ => tail(&vectors),
        };
        let rows = [0, 1, 29];
        let cells = Cells::of(&index);
        assert_eq!(
            cells.near(&index, &rows, &near(&none)),
            index.near(&rows, &near(&none)),
            "{count} rows"
        );
    }
}
