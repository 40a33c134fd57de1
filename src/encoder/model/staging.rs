//! Staging directories: incomplete downloads, and their atomic installation.
//!
//! Files are downloaded into a directory in the cache, hashed while they are copied, and synced. Only
//! a complete directory is renamed to its target, so an interrupted run leaves a `.fetch-…` directory
//! but never an incomplete model.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::atomic_file;

use super::error::ModelError;
use super::manifest::{Manifest, ManifestFile};

const STAGING_PREFIX: &str = ".fetch-";
const RETIRED_PREFIX: &str = ".old-";
const CHUNK_BYTES: usize = 256 << 10;

/// The working directory of one attempt; deleted when dropped.
#[derive(Debug)]
pub(super) struct StagingDir {
    work: TempDir,
}

impl StagingDir {
    pub(super) fn new(cache_dir: &Path) -> Result<Self, ModelError> {
        let work = create_hidden_dir(cache_dir, STAGING_PREFIX)?;
        let staging = Self { work };
        let model = staging.model_dir();
        fs::create_dir(&model).map_err(ModelError::io("create", &model))?;
        Ok(staging)
    }

    /// Creates a directory for temporary files of a source.
    pub(super) fn create_subdir(&self, name: &str) -> Result<PathBuf, ModelError> {
        let dir = self.work.path().join(name);
        fs::create_dir_all(&dir).map_err(ModelError::io("create", &dir))?;
        Ok(dir)
    }

    fn model_dir(&self) -> PathBuf {
        self.work.path().join("model")
    }

    /// Copies a file into the model and verifies it against the manifest.
    pub(super) fn add_verified(
        &self,
        file: &ManifestFile,
        source: impl Read,
    ) -> Result<(), ModelError> {
        let path = self.model_dir().join(&file.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(ModelError::io("create", parent))?;
        }
        let mut target = File::create(&path).map_err(ModelError::io("create", &path))?;
        // One byte more than expected is enough to detect a wrong size.
        let mut source = source.take(file.bytes.saturating_add(1));
        let mut hasher = Sha256::new();
        let mut length = 0_u64;
        let mut chunk = vec![0_u8; CHUNK_BYTES];
        loop {
            let count = match source.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(ModelError::io("unpack", &path)(error)),
            };
            let part = chunk.get(..count).unwrap_or_default();
            hasher.update(part);
            target
                .write_all(part)
                .map_err(ModelError::io("write", &path))?;
            length = length.saturating_add(count as u64);
        }
        let sha256 = hex::encode(hasher.finalize());
        if length != file.bytes || sha256 != file.sha256 {
            let more = if length > file.bytes {
                "more than "
            } else {
                ""
            };
            return Err(ModelError::WrongHash {
                path: PathBuf::from(&file.path),
                expected: format!("{} ({} bytes)", file.sha256, file.bytes),
                received: format!("{sha256} ({more}{} bytes)", length.min(file.bytes)),
                remedy:
                    "the source has a different file under this name, or the download was corrupted"
                        .to_owned(),
            });
        }
        target
            .sync_all()
            .map_err(ModelError::io("flush to disk", &path))
    }

    /// Renames the complete directory to `target`, replacing an existing one.
    pub(super) fn install(
        self,
        cache_dir: &Path,
        manifest: &Manifest,
        target: &Path,
    ) -> Result<(), ModelError> {
        let model = self.model_dir();
        if let Some(missing) = first_incomplete(manifest, &model) {
            return Err(ModelError::Missing {
                path: model.join(missing),
                remedy: "the source did not provide it".to_owned(),
            });
        }
        for file in &manifest.files {
            let folder = model.join(&file.path);
            let folder = folder.parent().unwrap_or(&model);
            atomic_file::sync_folder(folder).map_err(ModelError::io("flush to disk", folder))?;
        }
        let parent = target.parent().unwrap_or(cache_dir);
        fs::create_dir_all(parent).map_err(ModelError::io("create", parent))?;

        // A directory that is not empty cannot be replaced by a rename, so an existing one is moved
        // away first. A concurrent reader may find no model, but never an incomplete one.
        let retired = if target.symlink_metadata().is_ok() {
            let retired = create_hidden_dir(cache_dir, RETIRED_PREFIX)?;
            match fs::rename(target, retired.path().join("model")) {
                // Already removed by another process.
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                other => {
                    other.map_err(ModelError::io("replace", target))?;
                    Some(retired)
                }
            }
        } else {
            None
        };
        let renamed = fs::rename(&model, target);
        let synced = atomic_file::sync_folder(parent);
        drop(retired);
        match renamed {
            // Without file locks, another process may have been faster.
            Err(_) if first_incomplete(manifest, target).is_none() => Ok(()),
            other => other.and(synced).map_err(ModelError::io("install", target)),
        }
    }
}

/// Returns the first of the manifest's files that is missing or has the wrong size.
pub(super) fn first_incomplete<'m>(manifest: &'m Manifest, dir: &Path) -> Option<&'m str> {
    let is_complete = |file: &&ManifestFile| {
        dir.join(&file.path)
            .metadata()
            .is_ok_and(|found| found.is_file() && found.len() == file.bytes)
    };
    let file = manifest.files.iter().find(|file| !is_complete(file))?;
    Some(&file.path)
}

/// Removes leftovers of interrupted downloads. The caller must hold the lock of the cache: otherwise
/// a directory may belong to a running download.
pub(super) fn remove_leftovers(cache_dir: &Path) {
    let Ok(entries) = fs::read_dir(cache_dir) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_ours = name.starts_with(STAGING_PREFIX) || name.starts_with(RETIRED_PREFIX);
        // The targets of links are never deleted.
        if !is_ours || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        // Leftovers only cost disk space, so a failure is not an error.
        match fs::remove_dir_all(entry.path()) {
            Ok(()) => {
                tracing::info!(folder = %entry.path().display(), "removed leftovers of an interrupted download");
            }
            Err(error) => {
                tracing::warn!(folder = %entry.path().display(), %error, "cannot remove leftovers of an interrupted download");
            }
        }
    }
}

fn create_hidden_dir(cache_dir: &Path, prefix: &str) -> Result<TempDir, ModelError> {
    tempfile::Builder::new()
        .prefix(prefix)
        .tempdir_in(cache_dir)
        .map_err(ModelError::io("create a directory in", cache_dir))
}
