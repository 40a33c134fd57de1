//! A page after another one.
//!
//! A cursor names the snapshot, the search and how far it has come. It is as good as its snapshot: a
//! page of another one could repeat hits or leave some out.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use crate::engine::Snapshot;
use crate::search::Parts;
use crate::store::ContentHash;

/// Where the next page begins.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cursor {
    snapshot: String,
    offset: usize,
    /// Of everything that is asked for, but the page.
    search: String,
}

impl Cursor {
    /// The page after that of a search, written out.
    pub(super) fn after(snapshot: &Snapshot, parts: &Parts) -> String {
        let cursor = Self {
            snapshot: snapshot.facts().id.clone(),
            offset: parts.offset + parts.limit,
            search: hash(parts),
        };
        // A few plain strings and numbers, which cannot fail.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).unwrap_or_default())
    }

    /// Reads a cursor.
    pub(super) fn read(text: &str) -> Result<Self, Problem> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let cursor = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        cursor.ok_or_else(|| {
            let detail =
                "this is no cursor; expected next_cursor of an earlier answer as it was given";
            Problem::bad_cursor(detail).at("cursor")
        })
    }

    /// Where the page begins, if this is the search and the snapshot that the cursor is from.
    pub(super) fn offset(&self, snapshot: &Snapshot, parts: &Parts) -> Result<usize, Problem> {
        if self.search != hash(parts) {
            let detail = "this cursor is from another search; expected the same parameters as before, but for limit";
            return Err(Problem::bad_cursor(detail).at("cursor"));
        }
        let newest = &snapshot.facts().id;
        if self.snapshot != *newest {
            return Err(Problem::cursor_expired(format!(
                "this cursor is from the snapshot {}, the corpus has changed since and is {newest} now; begin again without a cursor",
                self.snapshot
            ))
            .at("cursor"));
        }
        Ok(self.offset)
    }
}

fn hash(parts: &Parts) -> String {
    let search = Parts {
        offset: 0,
        limit: 1,
        ..parts.clone()
    };
    let hash = ContentHash::of_parts([format!("{search:?}").as_bytes()]);
    hash.to_string().chars().take(16).collect()
}
