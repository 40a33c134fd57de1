//! The files of one model folder, read once, bounded, and hashed as they pass.
//!
//! Hash and contents come from the same read, so nobody can swap a file between
//! the check and the use.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::error::ModelError;
use super::manifest::Manifest;

/// No BERT comes near this; a stray disk image does.
const MAX_WEIGHTS_BYTES: u64 = 8 << 30;
/// The largest tokenizer files in use are below 40 MB.
const MAX_TOKENIZER_BYTES: u64 = 256 << 20;
/// Settings files are a few hundred bytes.
const MAX_JSON_BYTES: u64 = 4 << 20;

const CHUNK_BYTES: usize = 1 << 20;

/// A file's contents with the hash of exactly these bytes.
#[derive(Debug)]
pub(super) struct HashedFile {
    pub(super) contents: Vec<u8>,
    pub(super) sha256: String,
}

/// The files of one model folder.
#[derive(Debug)]
pub(super) struct ModelDir {
    dir: PathBuf,
    /// `Some` if only files that were verified beforehand may be seen.
    verified: Option<BTreeMap<String, HashedFile>>,
}

impl ModelDir {
    /// Any folder: files are read when they are asked for.
    pub(super) fn unverified(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            verified: None,
        }
    }

    /// A folder that must hold the manifest's files: all are read and verified
    /// now, and a file that the manifest does not name is not seen at all.
    pub(super) fn verified(dir: &Path, manifest: &Manifest) -> Result<Self, ModelError> {
        let remedy = || {
            format!(
                "run `antiphon models fetch --force`, or delete {} and start again",
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
            let item = match read_and_hash(&path, file.bytes) {
                Ok(Some(item)) => item,
                Ok(None) => {
                    return Err(ModelError::Missing {
                        remedy: remedy(),
                        path,
                    });
                }
                Err(ModelError::Malformed { received, .. }) => return Err(wrong(received)),
                Err(error) => return Err(error),
            };
            if item.sha256 != file.sha256 {
                return Err(wrong(format!(
                    "{} ({} bytes)",
                    item.sha256,
                    item.contents.len()
                )));
            }
            verified.insert(file.path.clone(), item);
        }
        Ok(Self {
            dir: dir.to_owned(),
            verified: Some(verified),
        })
    }

    /// The path of `name`, for messages.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Whether `name` is there to be taken.
    pub(super) fn contains(&self, name: &str) -> bool {
        match &self.verified {
            Some(verified) => verified.contains_key(name),
            None => self.path(name).is_file(),
        }
    }

    /// Takes a file, or `None` if there is no such file.
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

/// Reads and hashes a file of at most `limit` bytes; `None` if it is absent.
fn read_and_hash(path: &Path, limit: u64) -> Result<Option<HashedFile>, ModelError> {
    let cannot = |source| ModelError::io("read", path)(source);
    // Asked before opening: opening a named pipe would wait for a writer.
    match path.metadata() {
        Ok(metadata) if !metadata.is_file() => {
            return Err(ModelError::Malformed {
                path: path.to_owned(),
                expected: "a regular file".to_owned(),
                received: "a folder or a special file".to_owned(),
            });
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot(error)),
    }
    let file = File::open(path).map_err(cannot)?;
    let length = file.metadata().map_err(cannot)?.len();
    if length > limit {
        return Err(ModelError::Malformed {
            path: path.to_owned(),
            expected: format!("at most {limit} bytes"),
            received: format!("{length} bytes"),
        });
    }
    let mut contents = Vec::new();
    let capacity = usize::try_from(length).unwrap_or(usize::MAX);
    contents
        .try_reserve_exact(capacity)
        .map_err(|_| cannot(io::ErrorKind::OutOfMemory.into()))?;

    let mut hasher = Sha256::new();
    // A file that grows while it is read must not grow past the limit.
    let mut reader = file.take(limit);
    loop {
        let start = contents.len();
        // One chunk at a time, so that what is hashed is still in the cache.
        let count = reader
            .by_ref()
            .take(CHUNK_BYTES as u64)
            .read_to_end(&mut contents)
            .map_err(cannot)?;
        if count == 0 {
            break;
        }
        hasher.update(contents.get(start..).unwrap_or_default());
    }
    Ok(Some(HashedFile {
        sha256: hex(&hasher.finalize()),
        contents,
    }))
}

/// Lower-case hexadecimal, as the manifest writes it.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
