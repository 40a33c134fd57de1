//! The schema and its migrations.

use rusqlite::Connection;

use super::StoreError;

/// One entry per schema version, applied in order and never changed once released.
/// `PRAGMA user_version` is the number of migrations applied to a file.
const MIGRATIONS: &[&str] = &[
    // 1: documents, passages, sentences, embeddings.
    //
    // Keys are never used twice (AUTOINCREMENT): a reader that still holds the key of a passage
    // just replaced finds nothing rather than another passage.
    "CREATE TABLE meta (
        name  TEXT PRIMARY KEY,
        value TEXT NOT NULL
     ) STRICT, WITHOUT ROWID;

     CREATE TABLE documents (
        key          INTEGER PRIMARY KEY AUTOINCREMENT,
        id           TEXT NOT NULL UNIQUE,
        title        TEXT,
        speaker      TEXT,
        date         TEXT,               -- ISO 8601, reduced precision allowed
        venue        TEXT,
        country      TEXT,
        language     TEXT,
        source       TEXT,
        attributes   TEXT NOT NULL,      -- JSON object
        origin       TEXT NOT NULL,      -- the file it was read from
        text         TEXT NOT NULL,      -- the clean text
        characters   INTEGER NOT NULL,   -- its length
        dropped      TEXT NOT NULL,      -- JSON array: what the clean text leaves out
        source_hash  BLOB NOT NULL,      -- of the text as read and how it was segmented
        content_hash BLOB NOT NULL       -- of id, metadata and clean text
     ) STRICT;

     CREATE TABLE passages (
        key         INTEGER PRIMARY KEY AUTOINCREMENT,
        document    INTEGER NOT NULL REFERENCES documents (key) ON DELETE CASCADE,
        ordinal     INTEGER NOT NULL,    -- from 1
        range_start INTEGER NOT NULL,    -- characters of the clean text
        range_end   INTEGER NOT NULL,
        tokens      INTEGER NOT NULL,
        text        TEXT NOT NULL,
        hash        BLOB NOT NULL,
        UNIQUE (document, ordinal)
     ) STRICT;

     CREATE TABLE embeddings (
        passage INTEGER PRIMARY KEY REFERENCES passages (key) ON DELETE CASCADE,
        vector  BLOB NOT NULL            -- [dimension] f32, little-endian
     ) STRICT;

     CREATE TABLE sentences (
        passage INTEGER PRIMARY KEY REFERENCES passages (key) ON DELETE CASCADE,
        ranges  TEXT NOT NULL,           -- JSON [[start, end], …], characters of the clean text
        vectors BLOB NOT NULL            -- [sentences, dimension] f32, little-endian
     ) STRICT;",
    // 2: what an index is compared with, in indexes of its own: the tables hold texts and vectors
    // between one row and the next.
    "CREATE INDEX passages_by_key ON passages (key, document, ordinal, hash);
     CREATE INDEX documents_by_id ON documents (id, key, content_hash);",
    // 3: the words of passages, for search by keyword. The texts stay in `passages`; triggers keep
    // the index in step, also when a document takes its passages with it.
    "CREATE VIRTUAL TABLE words USING fts5 (
        text, content = 'passages', content_rowid = 'key',
        tokenize = 'unicode61 remove_diacritics 2'
     );
     CREATE VIRTUAL TABLE vocabulary USING fts5vocab (words, row);
     CREATE TRIGGER passage_comes AFTER INSERT ON passages BEGIN
        INSERT INTO words (rowid, text) VALUES (new.key, new.text);
     END;
     CREATE TRIGGER passage_goes AFTER DELETE ON passages BEGIN
        INSERT INTO words (words, rowid, text) VALUES ('delete', old.key, old.text);
     END;
     INSERT INTO words (words) VALUES ('rebuild');",
    // 4: standard names for the keyword index, its vocabulary, the triggers and the keys of `meta`.
    // Renaming an FTS5 table takes its shadow tables along; nothing is indexed again.
    "DROP TRIGGER passage_comes;
     DROP TRIGGER passage_goes;
     DROP TABLE vocabulary;
     ALTER TABLE words RENAME TO passages_fts;
     CREATE VIRTUAL TABLE fts_vocab USING fts5vocab (passages_fts, row);
     CREATE TRIGGER passages_ai AFTER INSERT ON passages BEGIN
        INSERT INTO passages_fts (rowid, text) VALUES (new.key, new.text);
     END;
     CREATE TRIGGER passages_ad AFTER DELETE ON passages BEGIN
        INSERT INTO passages_fts (passages_fts, rowid, text) VALUES ('delete', old.key, old.text);
     END;
     UPDATE meta SET name = 'store_id' WHERE name = 'store';
     UPDATE meta SET name = 'modified_at' WHERE name = 'changed';",
    // 5: where passages stand in their source, as far as it has pages, lines or times.
    "ALTER TABLE passages ADD COLUMN page INTEGER;
     ALTER TABLE passages ADD COLUMN line INTEGER;
     ALTER TABLE passages ADD COLUMN start_ms INTEGER;
     ALTER TABLE passages ADD COLUMN end_ms INTEGER;",
];

/// Upgrades a database to the current version; rejects one of a later version.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let version = check_version(connection)?;
    for (number, migration) in MIGRATIONS.iter().enumerate().skip(version) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", number + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Returns the file's version if this program supports it.
pub(super) fn check_version(connection: &Connection) -> Result<usize, StoreError> {
    let received: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    usize::try_from(received)
        .ok()
        .filter(|version| *version <= MIGRATIONS.len())
        .ok_or(StoreError::NewerSchema {
            expected: MIGRATIONS.len(),
            received,
        })
}

/// Returns whether the file is at the current version.
pub(super) fn is_current(connection: &Connection) -> Result<bool, StoreError> {
    Ok(check_version(connection)? == MIGRATIONS.len())
}
