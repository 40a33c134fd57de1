//! Files that were damaged in every way that we could think of.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::index::tests::{clustered, compaction};
use crate::index::{HnswParameters, Request, VectorIndex};

const STAMP: [u8; 32] = [7; 32];

/// Each row named after the row that it was.
fn labels(order: &[u32]) -> Vec<Label> {
    let label = |row: &u32| Label {
        key: i64::from(*row),
        hash: 1,
    };
    order.iter().map(label).collect()
}

/// A good file, written once.
fn good() -> &'static [u8] {
    static GOOD: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
        let built = compaction(&clustered(1500));
        let labels = labels(built.rows());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index");
        write(&path, &built, STAMP, &labels).unwrap();
        fs::read(path).unwrap()
    });
    &GOOD
}

fn read(path: &Path) -> Result<Option<Opened>, FileError> {
    open(path, STAMP, 24, HnswParameters::default())
}

/// Opens these bytes as a file.
fn opened(bytes: &[u8]) -> Result<Option<Opened>, FileError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    fs::write(&path, bytes).unwrap();
    read(&path)
}

#[test]
fn a_file_gives_back_what_was_written() {
    let vectors = clustered(1500);
    let built = compaction(&vectors);
    let labels = labels(built.rows());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    write(&path, &built, STAMP, &labels).unwrap();
    let (index, _) = built.into_index();
    let opened = read(&path).unwrap().unwrap();
    assert_eq!(opened.labels(), labels);
    assert_ne!(opened.index.build(), 0);
    assert_eq!(
        opened.index.build(),
        read(&path).unwrap().unwrap().index.build()
    );
    for row in [0, 700, 1499] {
        let request = Request::nearest(10);
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
    let built = compaction(&clustered(5));
    let error = write(&folder.path().join("index"), &built, STAMP, &[]).unwrap_err();
    assert!(error.to_string().contains("0 labels for 5 rows"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn another_store_model_version_or_program_is_refused_by_name() {
    let refused = |result: Result<Option<Opened>, FileError>| match result {
        Err(FileError::Foreign { what, .. }) => what,
        other => panic!("{:?}", other.map(|_| ())),
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    fs::write(&path, good()).unwrap();
    let parameters = HnswParameters::default();
    assert_eq!(refused(open(&path, [8; 32], 24, parameters)), "its stamp");
    assert_eq!(refused(open(&path, STAMP, 25, parameters)), "its dimension");
    let other = HnswParameters { m: 8, ..parameters };
    assert_eq!(refused(open(&path, STAMP, 24, other)), "m");
    let mut newer = good().to_vec();
    newer[8] = 2;
    assert_eq!(refused(opened(&newer)), "its version");
    assert_eq!(refused(opened(b"PK\x03\x04")), "its length");
    assert_eq!(refused(opened(&[b'x'; 5000])), "its beginning");
    assert_eq!(refused(opened(b"")), "its length");
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused() {
    let good = good();
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
            opened(&good[..length]).is_err(),
            "{length} of {} bytes",
            good.len()
        );
    }
    let mut longer = good.to_vec();
    longer.push(0);
    assert!(opened(&longer).is_err());
}

#[test]
fn links_that_point_outside_are_refused_though_the_checksums_are_right() {
    let mut built = compaction(&clustered(200));
    let labels = labels(built.rows());
    let broken = built.graph_mut();
    let mut links = broken.bottom.to_vec();
    links[5] = 200;
    broken.bottom = links.into();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    write(&path, &built, STAMP, &labels).unwrap();
    let error = read(&path).err().unwrap().to_string();
    assert!(error.contains("points outside"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Every byte of header, payload and checksums counts; only the zeros after the header and
    /// before the checksums do not.
    #[test]
    fn one_flipped_bit_is_noticed(place: prop::sample::Index, bit in 0u8..8) {
        let mut bytes = good().to_vec();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        let header = size_of::<layout::Header>();
        let padding = (header..layout::HEADER_BYTES).contains(&place);
        let checksums = 4 * (good().len() - layout::HEADER_BYTES).div_ceil(layout::BLOCK);
        let before_checksums = (good().len() - checksums - 64..good().len() - checksums).contains(&place);
        if !padding && !before_checksums {
            prop_assert!(opened(&bytes).is_err(), "byte {}", place);
        }
    }

    /// Anything at all may stand in a file.
    #[test]
    fn noise_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..9000)) {
        prop_assert!(opened(&bytes).is_err());
    }

    /// A header that is right by its checksum, with sizes that are not.
    #[test]
    fn impossible_sizes_are_refused(
        rows: u32, dimension in 0u32..5000, m in 0u32..300, entry: u32, members: [u32; 3], cut: bool,
    ) {
        let mut bytes = good().to_vec();
        let size = size_of::<layout::Header>();
        let mut header: layout::Header = bytemuck::pod_read_unaligned(&bytes[..size]);
        let before = header;
        header.rows = rows;
        header.m = m;
        header.entry = entry;
        header.members[..3].copy_from_slice(&members);
        if cut {
            header.dimension = dimension;
        }
        header.own = header.checksum();
        bytes[..size].copy_from_slice(bytemuck::bytes_of(&header));
        prop_assume!(header != before);
        let result = open_with(&bytes, header.dimension as usize, header.m as usize);
        prop_assert!(result.is_err());
    }
}

fn open_with(bytes: &[u8], dimension: usize, m: usize) -> Result<Option<Opened>, FileError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    fs::write(&path, bytes).unwrap();
    let parameters = HnswParameters {
        m,
        ..HnswParameters::default()
    };
    open(&path, STAMP, dimension, parameters)
}
