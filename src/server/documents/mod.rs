//! Uploads of documents.
//!
//! One document, a list, or a stream of lines: [`corpus`](crate::corpus) validates each document,
//! [`Archive::put`](crate::archive::Archive::put) writes it, and its result is sent once it is on disk and
//! searchable.
//!
//! | file | contents |
//! | --- | --- |
//! | `batch` | submitted documents -> results |
//! | `stream` + `line_splitter` | bodies of any length, with results while they are read |
//! | `preconditions` | `If-Match`, `If-None-Match`, `ETag` |

pub(super) mod batch;
mod line_splitter;
pub(super) mod preconditions;
pub(super) mod stream;
