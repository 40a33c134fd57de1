//! SHA-256 of stored content: equal hashes mean equal content.

use std::fmt;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use sha2::{Digest, Sha256};

use crate::canonical::{Canonical, CanonicalBytes, Identity};

/// A SHA-256, displayed in lower-case hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// Returns the hash of several parts. Each is preceded by its length, so that moving a boundary
    /// between two parts changes the hash.
    #[must_use]
    pub fn from_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// Returns the hash of a value's identity.
    #[must_use]
    pub(crate) fn of_identity(value: &impl Identity) -> Self {
        Self(Sha256::digest(value.canonical_bytes()).into())
    }

    /// Returns the first eight bytes as a number.
    #[must_use]
    pub fn prefix(&self) -> u64 {
        let (first, _) = self.0.as_chunks::<8>();
        first.first().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    /// Returns the 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Canonical for ContentHash {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        bytes.bytes(&self.0);
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Every hit of a response prints one, and formatting byte by byte takes ten times as long.
        let mut text = [0; 64];
        hex::encode_to_slice(self.0, &mut text).map_err(|_| fmt::Error)?;
        f.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl ToSql for ContentHash {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(&self.0)))
    }
}

impl FromSql for ContentHash {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let blob = value.as_blob()?;
        let bytes = blob.try_into().map_err(|_| FromSqlError::InvalidBlobSize {
            expected_size: 32,
            blob_size: blob.len(),
        })?;
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_between_parts_count() {
        let ab_c = ContentHash::from_parts([b"ab".as_slice(), b"c"]);
        let a_bc = ContentHash::from_parts([b"a".as_slice(), b"bc"]);
        assert_ne!(ab_c, a_bc);
    }

    #[test]
    fn a_hash_is_shown_in_lower_case_hexadecimal() {
        let bytes: [u8; 32] = std::array::from_fn(|i| u8::try_from(i * 8).unwrap() | 5);
        let shown = ContentHash(bytes).to_string();
        assert_eq!(&shown[..12], "050d151d252d");
        assert_eq!(&shown[52..], "d5dde5edf5fd");
        assert_eq!(shown.len(), 64);
    }
}
