//! Files that were damaged in every way that we could think of.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::index::tests::{clustered, full_compaction};
use crate::index::{HnswParameters, KnnParams, VectorIndex};

const OWNER_FINGERPRINT: [u8; 32] = [7; 32];

/// Each row named after the row that it was.
fn labels(order: &[u32]) -> Vec<RowLabel> {
    let label = |row: &u32| RowLabel {
        key: i64::from(*row),
        hash: 1,
    };
    order.iter().map(label).collect()
}

/// A good file, written once.
fn valid_file() -> &'static [u8] {
    static GOOD: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
        let built = full_compaction(&clustered(1500));
        let labels = labels(built.source_rows());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index");
        write(&path, &built, OWNER_FINGERPRINT, &labels).unwrap();
        fs::read(path).unwrap()
    });
    &GOOD
}

fn read(path: &Path) -> Result<Option<LoadedIndex>, FileError> {
    open(path, OWNER_FINGERPRINT, 24, HnswParameters::default())
}

/// Opens these bytes as a file.
fn open_bytes(bytes: &[u8]) -> Result<Option<LoadedIndex>, FileError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    fs::write(&path, bytes).unwrap();
    read(&path)
}

#[test]
fn a_file_gives_back_what_was_written() {
    let vectors = clustered(1500);
    let built = full_compaction(&vectors);
    let labels = labels(built.source_rows());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    write(&path, &built, OWNER_FINGERPRINT, &labels).unwrap();
    let (index, _) = built.into_index();
    let opened = read(&path).unwrap().unwrap();
    assert_eq!(opened.labels(), labels);
    assert_ne!(opened.index.build_id(), 0);
    assert_eq!(
        opened.index.build_id(),
        read(&path).unwrap().unwrap().index.build_id()
    );
    for row in [0, 700, 1499] {
        let request = KnnParams::top_k(10);
        let query = index.vector(row);
        let (ours, theirs) = (
            index.search(query, &request),
            opened.index.search(query, &request),
        );
        assert_eq!(ours.unwrap(), theirs.unwrap());
    }
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing is left beside it"
    );
}

#[test]
fn no_file_is_no_error_and_labels_are_one_for_each_row() {
    let folder = tempfile::tempdir().unwrap();
    assert!(read(&folder.path().join("index")).unwrap().is_none());
    let built = full_compaction(&clustered(5));
    let error = write(&folder.path().join("index"), &built, OWNER_FINGERPRINT, &[]).unwrap_err();
    assert!(error.to_string().contains("0 labels for 5 rows"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn another_store_model_version_or_program_is_refused_by_name() {
    let refused = |result: Result<Option<LoadedIndex>, FileError>| match result {
        Err(FileError::Foreign { what, .. }) => what,
        other => panic!("{:?}", other.map(|_| ())),
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    fs::write(&path, valid_file()).unwrap();
    let parameters = HnswParameters::default();
    assert_eq!(refused(open(&path, [8; 32], 24, parameters)), "its stamp");
    assert_eq!(
        refused(open(&path, OWNER_FINGERPRINT, 25, parameters)),
        "its dimension"
    );
    let other = HnswParameters { m: 8, ..parameters };
    assert_eq!(refused(open(&path, OWNER_FINGERPRINT, 24, other)), "m");
    let mut newer = valid_file().to_vec();
    newer[8] = 2;
    assert_eq!(refused(open_bytes(&newer)), "its version");
    assert_eq!(refused(open_bytes(b"PK\x03\x04")), "its length");
    assert_eq!(refused(open_bytes(&[b'x'; 5000])), "its beginning");
    assert_eq!(refused(open_bytes(b"")), "its length");
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused() {
    let good = valid_file();
    for length in [
        1,
        7,
        100,
        180,
        4095,
        4096,
        5000,
        good.len() / 2,
        good.len() - 1,
    ] {
        assert!(
            open_bytes(&good[..length]).is_err(),
            "{length} of {} bytes",
            good.len()
        );
    }
    let mut longer = good.to_vec();
    longer.push(0);
    assert!(open_bytes(&longer).is_err());
}

#[test]
fn links_that_point_outside_are_refused_though_the_checksums_are_right() {
    let mut built = full_compaction(&clustered(200));
    let labels = labels(built.source_rows());
    let broken = built.graph_mut();
    let mut links = broken.base_layer.to_vec();
    links[5] = 200;
    broken.base_layer = links.into();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    write(&path, &built, OWNER_FINGERPRINT, &labels).unwrap();
    let error = read(&path).err().unwrap().to_string();
    assert!(error.contains("points outside"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Every byte of header, payload and checksums counts; only the zeros after the header and
    /// before the checksums do not.
    #[test]
    fn one_flipped_bit_is_noticed(place: prop::sample::Index, bit in 0u8..8) {
        let mut bytes = valid_file().to_vec();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        let header = size_of::<layout::FileHeader>();
        let padding = (header..layout::HEADER_BYTES).contains(&place);
        let checksums = 4 * (valid_file().len() - layout::HEADER_BYTES).div_ceil(layout::CHECKSUM_BLOCK_BYTES);
        let before_checksums = (valid_file().len() - checksums - 64..valid_file().len() - checksums).contains(&place);
        if !padding && !before_checksums {
            prop_assert!(open_bytes(&bytes).is_err(), "byte {}", place);
        }
    }

    /// Anything at all may stand in a file.
    #[test]
    fn noise_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..9000)) {
        prop_assert!(open_bytes(&bytes).is_err());
    }

    /// A header that is right by its checksum, with sizes that are not.
    #[test]
    fn impossible_sizes_are_refused(
        rows: u32, dimension in 0u32..5000, m in 0u32..300, entry: u32, members: [u32; 3], cut: bool,
    ) {
        let mut bytes = valid_file().to_vec();
        let size = size_of::<layout::FileHeader>();
        let mut header: layout::FileHeader = bytemuck::pod_read_unaligned(&bytes[..size]);
        let before = header;
        header.rows = rows;
        header.m = m;
        header.entry_point = entry;
        header.layer_sizes[..3].copy_from_slice(&members);
        if cut {
            header.dimension = dimension;
        }
        header.header_checksum = header.compute_checksum();
        bytes[..size].copy_from_slice(bytemuck::bytes_of(&header));
        prop_assume!(header != before);
        let result = open_with(&bytes, header.dimension as usize, header.m as usize);
        prop_assert!(result.is_err());
    }
}

fn open_with(bytes: &[u8], dimension: usize, m: usize) -> Result<Option<LoadedIndex>, FileError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    fs::write(&path, bytes).unwrap();
    let parameters = HnswParameters {
        m,
        ..HnswParameters::default()
    };
    open(&path, OWNER_FINGERPRINT, dimension, parameters)
}
