//! What comes after an answer that was not whole.
//!
//! A cursor names the snapshot, what was asked and how far the answer has come. It is as good as its
//! snapshot: what follows in another one could repeat something or leave it out.

mod scope;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub(super) use scope::{FamiliesScope, SweepScope};

use scope::SearchScope;

use super::problem::Problem;
use crate::canonical::Identity;
use crate::engine::Snapshot;
use crate::search::QueryParams;
use crate::store::ContentHash;

/// Where an answer goes on; `P` says how far it has come.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor<P> {
    snapshot: String,
    /// Of everything that is asked for, but the page.
    request: String,
    place: P,
}

/// What was asked of which snapshot: a cursor goes on there only.
pub(super) struct CursorScope<'a> {
    snapshot: &'a Snapshot,
    request_hash: String,
}

impl<'a> CursorScope<'a> {
    /// Of everything that is asked for, but the page.
    pub(super) fn new(snapshot: &'a Snapshot, request: &impl Identity) -> Self {
        let hash = ContentHash::of_identity(request);
        Self {
            snapshot,
            request_hash: hash.to_string().chars().take(16).collect(),
        }
    }

    /// A search.
    pub(super) fn for_search(snapshot: &'a Snapshot, parts: &QueryParams) -> Self {
        Self::new(snapshot, &SearchScope(parts))
    }

    /// A cursor that goes on at a place.
    pub(super) fn encode_at<P: Serialize>(&self, place: P) -> String {
        let cursor = Cursor {
            snapshot: self.snapshot.info().id.clone(),
            request: self.request_hash.clone(),
            place,
        };
        // A few plain strings and numbers, which cannot fail.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).unwrap_or_default())
    }

    /// A cursor that goes on after so many items of a list.
    pub(super) fn encode_after(&self, offset: usize) -> String {
        self.encode_at(offset)
    }

    /// How far a cursor has come, if it is one and from here.
    pub(super) fn decode<P: DeserializeOwned>(&self, text: &str) -> Result<P, Problem> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let cursor: Option<Cursor<P>> = bytes.and_then(|b| serde_json::from_slice(&b).ok());
        let Some(cursor) = cursor else {
            let detail = "this is no cursor; expected one of an earlier answer as it was given";
            return Err(Problem::invalid_cursor(detail).at("cursor"));
        };
        if cursor.request != self.request_hash {
            let detail = "this cursor is from another request; expected the same parameters as before, but for limit";
            return Err(Problem::invalid_cursor(detail).at("cursor"));
        }
        let newest = &self.snapshot.info().id;
        if cursor.snapshot != *newest {
            return Err(Problem::cursor_expired(format!(
                "this cursor is from the snapshot {}, which is {newest} now, as the corpus has changed since or its graph was built anew; begin again without a cursor",
                cursor.snapshot
            ))
            .at("cursor"));
        }
        Ok(cursor.place)
    }

    /// Where a list goes on: at an offset, or where a cursor says.
    pub(super) fn resolve_offset(
        &self,
        offset: usize,
        cursor: Option<&str>,
    ) -> Result<usize, Problem> {
        let Some(cursor) = cursor else {
            return Ok(offset);
        };
        if offset != 0 {
            let detail = "there is an offset as well as a cursor; expected one or the other";
            return Err(Problem::invalid_cursor(detail).at("cursor"));
        }
        self.decode(cursor)
    }
}
