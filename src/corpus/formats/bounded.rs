//! Reading and unpacking with a limit.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

use crate::corpus::error::SkipReason;
use crate::corpus::parsed::{CountingReader, unreadable};

/// How much more than its packed size a file may unpack to, beyond [`FREE_BYTES`]. Real texts pack to a
/// tenth, rows of a spreadsheet to a fiftieth; bombs to a thousandth.
const MAX_RATIO: u64 = 200;

/// What may be unpacked whatever the ratio.
const FREE_BYTES: u64 = 1024 * 1024;

/// Reads a whole file, unpacked if it is compressed with gzip.
pub(super) fn read_unpacked(file: CountingReader, limit: usize) -> Result<Vec<u8>, SkipReason> {
    let bytes = file.read_to_limit(limit)?;
    if !is_gzip(&bytes) {
        return Ok(bytes);
    }
    let packed = bytes.len();
    read_bounded(MultiGzDecoder::new(bytes.as_slice()), packed, limit).map_err(
        |reason| match reason {
            SkipReason::Unreadable { problem } => SkipReason::Malformed {
                format: "gzip",
                problem,
            },
            reason => reason,
        },
    )
}

/// Returns whether data begin like a gzip file.
pub(super) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// Unpacks at most `limit` bytes, and no more than `packed` bytes can honestly contain.
pub(super) fn read_bounded(
    unpacked: impl Read,
    packed: usize,
    limit: usize,
) -> Result<Vec<u8>, SkipReason> {
    let honest = u64::try_from(packed)
        .unwrap_or(u64::MAX)
        .saturating_mul(MAX_RATIO)
        .saturating_add(FREE_BYTES);
    let limit_bytes = u64::try_from(limit).unwrap_or(u64::MAX);
    let stop = honest.min(limit_bytes);
    let mut bytes = Vec::new();
    unpacked
        .take(stop.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error: io::Error| unreadable(&error))?;
    let received = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if received <= stop {
        return Ok(bytes);
    }
    Err(if honest < limit_bytes {
        SkipReason::LimitExceeded {
            problem: format!("{packed} packed bytes unpack to over {stop}"),
            limit: format!("{MAX_RATIO} times as many"),
        }
    } else {
        SkipReason::TooLarge {
            limit,
            received: None,
        }
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Write, repeat};

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_is_unpacked_and_other_data_are_left() {
        let read = |bytes: &[u8]| read_unpacked(CountingReader::from_bytes(bytes.to_vec()), 1000);
        assert_eq!(read(&gzip(b"words")).unwrap(), b"words");
        assert_eq!(read(b"words").unwrap(), b"words");
        let cut = gzip(b"many words, in no order");
        assert!(matches!(
            read(&cut[..cut.len() - 9]),
            Err(SkipReason::Malformed { format: "gzip", .. })
        ));
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let bomb = gzip(&vec![b' '; 8 << 20]);
        let packed = bomb.len();
        let read = read_unpacked(CountingReader::from_bytes(bomb), 64 << 20);
        assert!(
            matches!(read, Err(SkipReason::LimitExceeded { .. })),
            "{packed}"
        );
        assert!(matches!(
            read_bounded(repeat(b' '), 1 << 30, 1000),
            Err(SkipReason::TooLarge { limit: 1000, .. })
        ));
    }
}
