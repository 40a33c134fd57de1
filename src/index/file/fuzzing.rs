//! Entry point of the fuzz target.

use std::mem::offset_of;

use super::layout::{CHECKSUM_BLOCK_BYTES, FileHeader};

/// Replaces the checksums of a file by those of its content, without which a changed file would never
/// reach the checks behind them.
pub fn set_checksums(file: &mut [u8]) {
    let Some(header) = file.get(..size_of::<FileHeader>()) else {
        return;
    };
    let mut header: FileHeader = bytemuck::pod_read_unaligned(header);
    if let Some(layout) = header.layout()
        && file.len() >= layout.checksums.end
    {
        let payload = file[layout.payload()].chunks(CHECKSUM_BLOCK_BYTES);
        let sums: Vec<u8> = payload
            .flat_map(|block| crc32fast::hash(block).to_le_bytes())
            .collect();
        file[layout.checksums.clone()].copy_from_slice(&sums);
        header.checksums_checksum = crc32fast::hash(&sums);
        let at = offset_of!(FileHeader, checksums_checksum);
        file[at..at + 4].copy_from_slice(&header.checksums_checksum.to_le_bytes());
    }
    let at = offset_of!(FileHeader, header_checksum);
    file[at..at + 4].copy_from_slice(&header.compute_checksum().to_le_bytes());
}
