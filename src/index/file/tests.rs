//! Index files, valid and corrupt in many ways.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::index::tests::{clustered, full_compaction};
use crate::index::{HnswParameters, KnnParams, VectorIndex};

const OWNER_FINGERPRINT: [u8; 32] = [7; 32];

/// Labels whose keys are the source rows.
fn labels(order: &[u32]) -> Vec<RowLabel> {
    let label = |row: &u32| RowLabel {
        key: i64::from(*row),
        hash: 1,
    };
    order.iter().map(label).collect()
}

/// Returns a valid file, written once.
fn valid_file() -> &'static [u8] {
    static VALID: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
        let built = full_compaction(&clustered(1500));
        let labels = labels(built.source_rows());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index");
        write(&path, &built, OWNER_FINGERPRINT, &labels).unwrap();
        fs::read(path).unwrap()
    });
    &VALID
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
fn a_written_index_can_be_opened() {
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
        "a temporary file is left"
    );
}

#[test]
fn a_missing_file_is_no_error_and_every_row_needs_a_label() {
    let folder = tempfile::tempdir().unwrap();
    assert!(read(&folder.path().join("index")).unwrap().is_none());
    let built = full_compaction(&clustered(5));
    let error = write(&folder.path().join("index"), &built, OWNER_FINGERPRINT, &[]).unwrap_err();
    assert!(error.to_string().contains("0 labels for 5 rows"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn files_of_another_store_model_version_or_program_are_rejected() {
    let mismatch_of = |result: Result<Option<LoadedIndex>, FileError>| match result {
        Err(FileError::Foreign { what, .. }) => what,
        other => panic!("{:?}", other.map(|_| ())),
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    fs::write(&path, valid_file()).unwrap();
    let parameters = HnswParameters::default();
    assert_eq!(
        mismatch_of(open(&path, [8; 32], 24, parameters)),
        "store and encoder fingerprint"
    );
    assert_eq!(
        mismatch_of(open(&path, OWNER_FINGERPRINT, 25, parameters)),
        "vector dimension"
    );
    let other = HnswParameters { m: 8, ..parameters };
    assert_eq!(
        mismatch_of(open(&path, OWNER_FINGERPRINT, 24, other)),
        "hnsw_m"
    );
    // The version before sentences, and a later one.
    for version in [1, 3] {
        let mut other = valid_file().to_vec();
        other[8] = version;
        assert_eq!(mismatch_of(open_bytes(&other)), "format version");
    }
    assert_eq!(mismatch_of(open_bytes(b"PK\x03\x04")), "file size");
    assert_eq!(mismatch_of(open_bytes(&[b'x'; 5000])), "magic number");
    assert_eq!(mismatch_of(open_bytes(b"")), "file size");
}

#[test]
fn truncated_and_extended_files_are_rejected() {
    let valid = valid_file();
    for length in [
        1,
        7,
        100,
        180,
        4095,
        4096,
        5000,
        valid.len() / 2,
        valid.len() - 1,
    ] {
        assert!(
            open_bytes(&valid[..length]).is_err(),
            "{length} of {} bytes",
            valid.len()
        );
    }
    let mut longer = valid.to_vec();
    longer.push(0);
    assert!(open_bytes(&longer).is_err());
}

#[test]
fn links_out_of_range_are_rejected_despite_valid_checksums() {
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
    assert!(error.contains("link is out of range"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Every bit of header, payload and checksums is verified, except for the padding after the header
    /// and before the checksums.
    #[test]
    fn a_flipped_bit_is_detected(position: prop::sample::Index, bit in 0u8..8) {
        let mut bytes = valid_file().to_vec();
        let position = position.index(bytes.len());
        bytes[position] ^= 1 << bit;
        let header = size_of::<layout::FileHeader>();
        let padding = (header..layout::HEADER_BYTES).contains(&position);
        let checksums = 4 * (valid_file().len() - layout::HEADER_BYTES).div_ceil(layout::CHECKSUM_BLOCK_BYTES);
        let before_checksums = (valid_file().len() - checksums - 64..valid_file().len() - checksums).contains(&position);
        if !padding && !before_checksums {
            prop_assert!(open_bytes(&bytes).is_err(), "byte {}", position);
        }
    }

    #[test]
    fn random_bytes_are_rejected(bytes in prop::collection::vec(any::<u8>(), 0..9000)) {
        prop_assert!(open_bytes(&bytes).is_err());
    }

    /// The checksum of the header is valid here, its sizes are not.
    #[test]
    fn invalid_sizes_are_rejected(
        rows: u32, dimension in 0u32..5000, m in 0u32..300, entry_point: u32, layer_sizes: [u32; 3],
        change_dimension: bool,
    ) {
        let mut bytes = valid_file().to_vec();
        let size = size_of::<layout::FileHeader>();
        let mut header: layout::FileHeader = bytemuck::pod_read_unaligned(&bytes[..size]);
        let before = header;
        header.rows = rows;
        header.m = m;
        header.entry_point = entry_point;
        header.layer_sizes[..3].copy_from_slice(&layer_sizes);
        if change_dimension {
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
