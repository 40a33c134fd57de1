//! Facts about the store as a whole: its id, its encoder, the time of its last change.

use rusqlite::{Connection, OptionalExtension};

use crate::encoder::Fingerprint;

use super::StoreError;
use super::records::to_json;

/// Gives a new store its id and the encoder's fingerprint; verifies the fingerprint of an existing one.
pub(super) fn init_or_verify_identity(
    connection: &Connection,
    fingerprint: &Fingerprint,
) -> Result<(), StoreError> {
    if read_store_id(connection)?.is_none() {
        connection.execute(
            "INSERT INTO meta (name, value) VALUES ('store_id', lower(hex(randomblob(16))))",
            [],
        )?;
    }
    if let Some(stored) = read_fingerprint(connection)? {
        return StoreError::require_same_encoder(&stored, fingerprint);
    }
    connection.execute(
        "INSERT INTO meta (name, value) VALUES ('encoder', ?1)",
        [to_json(fingerprint)],
    )?;
    Ok(())
}

/// Reads the store's id; `None` for a store of an older program.
pub(super) fn read_store_id(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT value FROM meta WHERE name = 'store_id'";
    connection.query_row(sql, [], |row| row.get(0)).optional()
}

/// Records that documents have changed now.
pub(super) fn touch_modified_at(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO meta (name, value)
             VALUES ('modified_at', strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))",
        )?
        .execute([])?;
    Ok(())
}

/// Reads the time at which documents were last written or removed.
pub(super) fn read_modified_at(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT value FROM meta WHERE name = 'modified_at'";
    connection.query_row(sql, [], |row| row.get(0)).optional()
}

/// Reads the fingerprint of the encoder that produced the embeddings.
pub(super) fn read_fingerprint(connection: &Connection) -> Result<Option<Fingerprint>, StoreError> {
    let value: Option<String> = connection
        .query_row("SELECT value FROM meta WHERE name = 'encoder'", [], |row| {
            row.get(0)
        })
        .optional()?;
    value
        .map(|text| {
            serde_json::from_str(&text).map_err(|e| StoreError::CorruptRecord {
                what: "the fingerprint",
                record: "the encoder".to_owned(),
                expected: "a JSON object".to_owned(),
                received: e.to_string(),
            })
        })
        .transpose()
}
