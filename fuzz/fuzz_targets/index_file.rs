//! Index files that differ from a valid one in a few bytes, with checksums that match.

#![no_main]

use std::fs;
use std::sync::LazyLock;

use antiphon::index::{
    BuildOptions, Compaction, HnswParameters, KnnParams, NoBuildProgress, SegmentedIndex,
    VectorIndex, Vectors, file,
};
use tempfile::TempDir;

const OWNER: [u8; 32] = [7; 32];
const DIMENSION: usize = 4;
const ROWS: u32 = 40;
const PARAMETERS: HnswParameters = HnswParameters {
    m: 2,
    ef_construction: 16,
    ef_search: 16,
};

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().expect("a folder"));

/// A valid file.
static VALID: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut vectors = Vectors::new(DIMENSION).expect("a dimension");
    for row in 0..ROWS {
        let angle = f64::from(row) / f64::from(ROWS);
        #[allow(clippy::cast_possible_truncation)] // any vector will do
        let (sin, cos) = (angle.sin() as f32, angle.cos() as f32);
        vectors.push(&[sin, cos, 0.0, 0.0]).expect("a unit vector");
    }
    let index = SegmentedIndex::new(DIMENSION, PARAMETERS).expect("valid parameters");
    let index = index.with_rows(&vectors).expect("valid rows");
    let options = BuildOptions {
        deterministic: true,
    };
    let built = Compaction::build(&index, options, &NoBuildProgress);
    let built = built.expect("not cancelled").expect("there are rows");
    let label = file::RowLabel { key: 1, hash: 2 };
    let path = FOLDER.path().join("valid");
    file::write(&path, &built, OWNER, &vec![label; ROWS as usize]).expect("a writable folder");
    fs::read(path).expect("a file")
});

// The input is a list of changes: where, in two bytes, and what is xored there, in one.
libfuzzer_sys::fuzz_target!(|changes: &[u8]| {
    let mut bytes = VALID.clone();
    let (changes, rest) = changes.as_chunks::<3>();
    for [high, low, mask] in changes {
        let at = usize::from(u16::from_be_bytes([*high, *low])) % bytes.len();
        bytes[at] ^= mask;
    }
    match rest {
        [] => {}
        [kept] => bytes.truncate(bytes.len() - usize::from(*kept)),
        rest => bytes.extend_from_slice(rest),
    }
    file::fuzzing::set_checksums(&mut bytes);
    let path = FOLDER.path().join("changed");
    fs::write(&path, bytes).expect("a writable folder");
    if let Ok(Some(opened)) = file::open(&path, OWNER, DIMENSION, PARAMETERS) {
        let rows = opened.labels().len();
        for exact in [false, true] {
            let request = KnnParams {
                exact,
                ..KnnParams::top_k(8)
            };
            if let Ok(found) = opened.index.search(&[1.0, 0.0, 0.0, 0.0], &request) {
                assert!(
                    found
                        .neighbours
                        .iter()
                        .all(|found| (found.row as usize) < rows)
                );
            }
        }
    }
});
