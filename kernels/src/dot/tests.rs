//! Every level against plain arithmetic.

use super::*;

/// Returns pseudorandom bytes, with many extremes.
fn bytes(seed: u32, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        match state >> 28 {
            0 => 0,
            1 => 255,
            _ => (state >> 16).to_le_bytes()[0],
        }
    };
    (0..count).map(|_| next()).collect()
}

fn lines(bytes: &[u8]) -> Vec<CodeLine> {
    bytes
        .as_chunks::<LINE_BYTES>()
        .0
        .iter()
        .copied()
        .map(CodeLine)
        .collect()
}

#[test]
fn integer_products_are_exact_on_every_level() {
    for stride in [1, 2, 6, 12] {
        let count = 11;
        let codes = bytes(1, count * stride * LINE_BYTES);
        let query: Vec<i8> = bytes(2, stride * LINE_BYTES)
            .iter()
            .map(|b| b.cast_signed())
            .collect();
        let query_lines = query.as_chunks::<LINE_BYTES>().0;
        let reference = |row: usize| -> i32 {
            let row = &codes[row * stride * LINE_BYTES..][..stride * LINE_BYTES];
            row.iter()
                .zip(&query)
                .map(|(c, q)| i32::from(*c) * i32::from(*q))
                .sum()
        };
        let rows: Vec<u32> = [3, 0, 10, 10, 7, 1, 2].to_vec();
        for level in SimdLevel::available() {
            let mut selected = vec![0; rows.len()];
            level.dot_selected(query_lines, &lines(&codes), &rows, &mut selected);
            let expected: Vec<i32> = rows.iter().map(|row| reference(*row as usize)).collect();
            assert_eq!(selected, expected, "{level:?} with {stride} lines");
            let mut range = vec![0; count - 2];
            level.dot_range(query_lines, &lines(&codes), 2, &mut range);
            let expected: Vec<i32> = (2..count).map(reference).collect();
            assert_eq!(range, expected, "{level:?} with {stride} lines");
        }
    }
}

#[test]
fn four_queries_at_once_have_the_products_of_each() {
    for (stride, count) in [(1, 3), (6, 11), (6, 16), (12, 1), (6, 0)] {
        let codes = lines(&bytes(5, (count + 2) * stride * LINE_BYTES));
        let queries: [Vec<QueryLine>; 4] = std::array::from_fn(|seed| {
            let bytes = bytes(6 + u32::try_from(seed).unwrap(), stride * LINE_BYTES);
            let bytes: Vec<i8> = bytes.iter().map(|b| b.cast_signed()).collect();
            bytes.as_chunks::<LINE_BYTES>().0.to_vec()
        });
        for level in SimdLevel::available() {
            let mut out = [(); 4].map(|()| vec![7; count]);
            let [a, b, c, d] = &mut out;
            level.dot_x4(
                queries.each_ref().map(Vec::as_slice),
                &codes,
                2,
                [a, b, c, d],
            );
            for (query, out) in queries.iter().zip(&out) {
                let mut expected = vec![0; count];
                SimdLevel::available()
                    .last()
                    .unwrap()
                    .dot_range(query, &codes, 2, &mut expected);
                assert_eq!(out, &expected, "{level:?} with {stride} lines");
            }
        }
    }
}

#[test]
fn products_of_two_rows_are_exact_on_every_level() {
    for stride in [1, 6] {
        let (a, b) = (bytes(3, stride * LINE_BYTES), bytes(4, stride * LINE_BYTES));
        let products = a.iter().zip(&b);
        let reference: i32 = products
            .map(|(a, b)| (i32::from(*a) - 128) * (i32::from(*b) - 128))
            .sum();
        for level in SimdLevel::available() {
            assert_eq!(level.dot_codes(&a, &b), reference, "{level:?}");
        }
    }
}

#[test]
fn f32_products_are_identical_on_every_level() {
    for length in [1, 3, 16, 63, 64, 65, 100, 384, 500] {
        let vector = |seed| -> Vec<f32> {
            let bytes = bytes(seed, length);
            bytes
                .iter()
                .map(|b| (f32::from(*b) - 127.0) / 4000.0)
                .collect()
        };
        let (a, b) = (vector(5), vector(6));
        let reference: f64 = a
            .iter()
            .zip(&b)
            .map(|(x, y)| f64::from(*x) * f64::from(*y))
            .sum();
        let expected = SimdLevel(SimdLevelKind::Portable).dot_f32(&a, &b);
        assert!(
            (f64::from(expected) - reference).abs() < 1e-6,
            "length {length}"
        );
        for level in SimdLevel::available() {
            assert_eq!(
                level.dot_f32(&a, &b).to_bits(),
                expected.to_bits(),
                "{level:?} {length}"
            );
        }
    }
}

#[test]
fn scores_are_clamped_to_the_range_of_a_cosine() {
    let a = [1.000_001_f32];
    for level in SimdLevel::available() {
        assert_eq!(level.dot_f32(&a, &a).to_bits(), 1.0_f32.to_bits());
        assert_eq!(
            level.dot_f32(&a, &[-1.000_001]).to_bits(),
            (-1.0_f32).to_bits()
        );
    }
}

#[test]
#[should_panic(expected = "out of range")]
fn a_row_out_of_range_panics() {
    SimdLevel::best().dot_selected(
        &[[0; LINE_BYTES]],
        &[CodeLine([0; LINE_BYTES])],
        &[1],
        &mut [0],
    );
}
