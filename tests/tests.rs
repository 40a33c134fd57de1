//! All integration tests, one binary: one link, one model in memory.
//!
//! | module | proves |
//! | --- | --- |
//! | `golden` | the encoder returns the vectors of the reference |
//! | `samples` | the two sample speeches are segmented into clean, whole passages |
//! | `ingest` | what is stored, skipped, updated, resumed and pruned |
//! | `live` | the index follows the store through changes, restarts and damage, under searches |
//! | `upgrade` | stores of earlier versions open, or are refused and left as they are |
//! | `http` | every route's answers and errors, and start-up |
//! | `search` | searches over HTTP: filters, words, examples, groups, pages, batches, facets |
//! | `page` | every view of the page over a hostile corpus, as snapshots |
//! | `parallels` | parallels: two documents, a corpus as a stream, families |
//! | `hostile` | malformed and hostile requests get the response that their table states, on every route |
//! | `operations` | keys, limits, logs, metrics, TLS, bounds and shutdown |
//! | `documents` | what clients write is on disk, found, guarded and answered line by line |
//! | `cli` | the commands and their exit codes; snapshots of exports and of `--help` |
//! | `architecture` | imports run one way; files stay short |
//! | `docs` | links of pages lead somewhere, their commands can be given, their settings exist |
//! | `shared_data` | nothing is truncated over large real corpora, and our numbers beat the floor (run by name where they are) |
//!
//! The model is fetched on first use, as the program does it.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // tests fail by panicking

mod architecture;
mod cli;
mod docs;
mod documents;
mod golden;
mod hostile;
mod http;
mod ingest;
mod live;
mod operations;
mod page;
mod parallels;
mod samples;
mod search;
mod shared_data;
mod support;
mod upgrade;
