//! Documents that clients send.
//!
//! One document, a list, or a stream of lines: each is read by the corpus's own reader, written by
//! [`Engine::put_documents`](crate::engine::Engine::put_documents), and answered when it is on disk
//! and found by searches.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `batch` | what was sent -> what became of it |
//! | `stream` + `lines` | a body of any length, answered while it is read |
//! | `conditions` | `If-Match`, `If-None-Match`, `ETag` |
//! | `writers` | who may write, and who must wait |
//! | `shapes` | the answers on the wire |

pub(super) mod batch;
pub(super) mod dto;
mod line_splitter;
pub(super) mod preconditions;
pub(super) mod stream;
mod write_queue;

pub(super) use write_queue::WriteQueue;
