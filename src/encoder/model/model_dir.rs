//! Reads the files of a model directory once, with size limits and hashes.
//!
//! Hash and content come from the same read, so a file cannot be replaced between verification and
//! use.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::error::ModelError;
use super::manifest::Manifest;

/// Far above the size of any BERT model.
const MAX_WEIGHTS_BYTES: u64 = 8 << 30;
/// The largest tokenizer files in use are below 40 MB.
const MAX_TOKENIZER_BYTES: u64 = 256 << 20;
/// Configuration files have a few hundred bytes.
const MAX_JSON_BYTES: u64 = 4 << 20;

const CHUNK_BYTES: usize = 1 << 20;

/// The contents of a file and their hash.
#[derive(Debug)]
pub(super) struct HashedFile {
    pub(super) contents: Vec<u8>,
    pub(super) sha256: String,
}

/// A model directory.
#[derive(Debug)]
pub(super) struct ModelDir {
    dir: PathBuf,
    /// The verified files, if only these may be read.
    verified: Option<BTreeMap<String, HashedFile>>,
}

impl ModelDir {
    /// Opens any directory; files are read on demand.
    pub(super) fn unverified(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            verified: None,
        }
    }

    /// Opens a directory that must contain the files of the manifest: reads and verifies them all, and
    /// ignores any other files.
    pub(super) fn verified(dir: &Path, manifest: &Manifest) -> Result<Self, ModelError> {
        let remedy = || {
            format!(
                "run `antiphon models fetch --force`, or delete {} and restart",
                dir.display()
            )
        };
        let mut verified = BTreeMap::new();
        for file in &manifest.files {
            let path = dir.join(&file.path);
            let wrong = |received: String| ModelError::WrongHash {
                path: path.clone(),
                expected: format!("{} ({} bytes)", file.sha256, file.bytes),
                received,
                remedy: remedy(),
            };
            let hashed = match read_and_hash(&path, file.bytes) {
                Ok(Some(hashed)) => hashed,
                Ok(None) => {
                    return Err(ModelError::Missing {
                        remedy: remedy(),
                        path,
                    });
                }
                Err(ModelError::Malformed { received, .. }) => return Err(wrong(received)),
                Err(error) => return Err(error),
            };
            if hashed.sha256 != file.sha256 {
                return Err(wrong(format!(
                    "{} ({} bytes)",
                    hashed.sha256,
                    hashed.contents.len()
                )));
            }
            verified.insert(file.path.clone(), hashed);
        }
        Ok(Self {
            dir: dir.to_owned(),
            verified: Some(verified),
        })
    }

    /// Returns the path of `name`, for messages.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Whether `name` can be read.
    pub(super) fn contains(&self, name: &str) -> bool {
        match &self.verified {
            Some(verified) => verified.contains_key(name),
            None => self.path(name).is_file(),
        }
    }

    /// Reads a file; `None` if it does not exist. A verified file can be read once.
    pub(super) fn read(&mut self, name: &str) -> Result<Option<HashedFile>, ModelError> {
        match &mut self.verified {
            Some(verified) => Ok(verified.remove(name)),
            None => read_and_hash(&self.path(name), max_bytes_for(name)),
        }
    }
}

fn max_bytes_for(name: &str) -> u64 {
    if name.ends_with(".safetensors") {
        MAX_WEIGHTS_BYTES
    } else if name.ends_with("tokenizer.json") {
        MAX_TOKENIZER_BYTES
    } else {
        MAX_JSON_BYTES
    }
}

/// Reads and hashes a file of at most `limit` bytes; `None` if it does not exist.
fn read_and_hash(path: &Path, limit: u64) -> Result<Option<HashedFile>, ModelError> {
    let read_error = |source| ModelError::io("read", path)(source);
    // Checked before opening, since opening a named pipe would wait for a writer.
    match path.metadata() {
        Ok(metadata) if !metadata.is_file() => {
            return Err(ModelError::Malformed {
                path: path.to_owned(),
                expected: "a regular file".to_owned(),
                received: "a directory or a special file".to_owned(),
            });
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(read_error(error)),
    }
    let file = File::open(path).map_err(read_error)?;
    let size = file.metadata().map_err(read_error)?.len();
    if size > limit {
        return Err(ModelError::Malformed {
            path: path.to_owned(),
            expected: format!("at most {limit} bytes"),
            received: format!("{size} bytes"),
        });
    }
    let mut contents = Vec::new();
    let capacity = usize::try_from(size).unwrap_or(usize::MAX);
    contents
        .try_reserve_exact(capacity)
        .map_err(|_| read_error(io::ErrorKind::OutOfMemory.into()))?;

    let mut hasher = Sha256::new();
    // The file may grow while it is read.
    let mut reader = file.take(limit);
    loop {
        let start = contents.len();
        // In chunks, which are hashed while they are in the processor's cache.
        let count = reader
            .by_ref()
            .take(CHUNK_BYTES as u64)
            .read_to_end(&mut contents)
            .map_err(read_error)?;
        if count == 0 {
            break;
        }
        hasher.update(contents.get(start..).unwrap_or_default());
    }
    Ok(Some(HashedFile {
        sha256: hex::encode(hasher.finalize()),
        contents,
    }))
}
