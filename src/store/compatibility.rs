//! Checks that a database may be written, before anything is.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::encoder::Fingerprint;

use super::meta::read_fingerprint;
use super::{StoreError, schema, wal};

/// Refuses a database with a later schema, or with embeddings of another encoder.
///
/// Reads through a connection that cannot write, so a refused file keeps every byte: opening it for
/// writing would migrate it, and closing it would checkpoint the WAL that a killed process left.
pub(super) fn check(path: &Path, fingerprint: &Fingerprint) -> Result<(), StoreError> {
    if !path.exists() {
        return Ok(());
    }
    let stored = stored_encoder(path).map_err(|error| match error {
        StoreError::Sqlite(error) => StoreError::from_open(path, error),
        other => other,
    })?;
    stored.map_or(Ok(()), |stored| {
        StoreError::require_same_encoder(&stored, fingerprint)
    })
}

/// Returns the encoder of a database with a known schema; `None` where nothing has been stored.
fn stored_encoder(path: &Path) -> Result<Option<Fingerprint>, StoreError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(wal::BUSY_TIMEOUT)?;
    if schema::check_version(&connection)? == 0 {
        return Ok(None);
    }
    read_fingerprint(&connection)
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn a_directory_that_cannot_be_written_is_not_called_damaged() {
        for code in [ffi::SQLITE_READONLY_DIRECTORY, ffi::SQLITE_CANTOPEN] {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            match StoreError::from_open(Path::new("data/antiphon.db"), error) {
                StoreError::Directory { path, .. } => assert_eq!(path, Path::new("data")),
                other => panic!("{other}"),
            }
        }
    }
}
