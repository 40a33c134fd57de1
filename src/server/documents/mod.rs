//! Uploads of documents.
//!
//! One document, a list, or a stream of lines: [`corpus`](crate::corpus) validates each document,
//! [`Engine::put_documents`](crate::engine::Engine::put_documents) writes it, and its result is sent once
//! it is on disk and searchable.
//!
//! | file | contents |
//! | --- | --- |
//! | `batch` | submitted documents -> results |
//! | `stream` + `line_splitter` | bodies of any length, with results while they are read |
//! | `preconditions` | `If-Match`, `If-None-Match`, `ETag` |
//! | `write_queue` | order and number of waiting writes |

pub(super) mod batch;
mod line_splitter;
pub(super) mod preconditions;
pub(super) mod stream;
mod write_queue;

pub(super) use write_queue::WriteQueue;
