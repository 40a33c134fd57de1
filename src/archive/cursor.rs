//! Cursors, which continue a paginated list or an interrupted stream.
//!
//! A cursor contains the snapshot, a hash of the request and the position. It is valid for its snapshot
//! only: the next page of another snapshot could repeat or miss results.

mod scope;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub(super) use scope::{CorpusScope, FamiliesScope};

use scope::SearchScope;

use super::error::CursorError;
use crate::canonical::Identity;
use crate::engine::Snapshot;
use crate::search::QueryParams;
use crate::store::ContentHash;

/// The contents of a cursor; `P` is the position in the list or stream.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor<P> {
    snapshot: String,
    /// Hash of the request without its pagination parameters.
    request: String,
    place: P,
}

/// A request on a snapshot; a cursor is valid in its own scope only.
pub(super) struct CursorScope<'a> {
    snapshot: &'a Snapshot,
    request_hash: String,
}

impl<'a> CursorScope<'a> {
    /// Creates the scope of a request, whose identity has no pagination parameters.
    pub(super) fn new(snapshot: &'a Snapshot, request: &impl Identity) -> Self {
        let hash = ContentHash::of_identity(request);
        Self {
            snapshot,
            request_hash: hash.to_string().chars().take(16).collect(),
        }
    }

    /// Creates the scope of a search.
    pub(super) fn for_search(snapshot: &'a Snapshot, parts: &QueryParams) -> Self {
        Self::new(snapshot, &SearchScope(parts))
    }

    /// Creates the scope of a request from the hash of its identity.
    pub(super) fn from_request_hash(snapshot: &'a Snapshot, request_hash: String) -> Self {
        Self {
            snapshot,
            request_hash,
        }
    }

    /// Returns the hash of the request's identity.
    pub(super) fn into_request_hash(self) -> String {
        self.request_hash
    }

    /// Encodes a cursor that continues at a position.
    pub(super) fn encode_at<P: Serialize>(&self, position: P) -> String {
        let cursor = Cursor {
            snapshot: self.snapshot.info().id.clone(),
            request: self.request_hash.clone(),
            place: position,
        };
        // Plain strings and numbers, whose serialization cannot fail.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).unwrap_or_default())
    }

    /// Encodes a cursor that continues after the first `offset` items of a list.
    pub(super) fn encode_after(&self, offset: usize) -> String {
        self.encode_at(offset)
    }

    /// Returns the position of a cursor.
    ///
    /// # Errors
    ///
    /// If it is not a cursor, or belongs to another request or snapshot.
    pub(super) fn decode<P: DeserializeOwned>(&self, text: &str) -> Result<P, CursorError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let cursor: Option<Cursor<P>> = bytes.and_then(|b| serde_json::from_slice(&b).ok());
        let Some(cursor) = cursor else {
            return Err(CursorError::Malformed);
        };
        if cursor.request != self.request_hash {
            return Err(CursorError::OtherRequest);
        }
        let current = &self.snapshot.info().id;
        if cursor.snapshot != *current {
            return Err(CursorError::Expired {
                expected: current.clone(),
                received: cursor.snapshot,
            });
        }
        Ok(cursor.place)
    }

    /// Returns the offset of a page, which is either given or in a cursor.
    pub(super) fn resolve_offset(
        &self,
        offset: usize,
        cursor: Option<&str>,
    ) -> Result<usize, CursorError> {
        let Some(cursor) = cursor else {
            return Ok(offset);
        };
        if offset != 0 {
            return Err(CursorError::WithOffset);
        }
        self.decode(cursor)
    }
}
