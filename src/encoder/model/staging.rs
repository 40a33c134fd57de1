//! A half-built model folder, and the one step that puts it in place.
//!
//! Files arrive in a folder of their own beside their goal; each is hashed as it
//! is copied and flushed to disk. Only a folder that is whole is renamed to its
//! goal, so a killed run leaves a stray `.fetch-…` folder and never half a model.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::error::ModelError;
use super::manifest::{Manifest, ManifestFile};
use super::model_dir::hex;

const STAGING_PREFIX: &str = ".fetch-";
const RETIRED_PREFIX: &str = ".old-";
const CHUNK_BYTES: usize = 256 << 10;

/// The working folder of one attempt; deleted when dropped.
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

    /// A new folder for a source's own downloads.
    pub(super) fn create_subdir(&self, name: &str) -> Result<PathBuf, ModelError> {
        let dir = self.work.path().join(name);
        fs::create_dir_all(&dir).map_err(ModelError::io("create", &dir))?;
        Ok(dir)
    }

    fn model_dir(&self) -> PathBuf {
        self.work.path().join("model")
    }

    /// Copies one file in, refusing it unless it is the manifest's to the byte.
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
        // One byte more than it should have is enough to know that it is wrong.
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
        let sha256 = hex(&hasher.finalize());
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
                    "the source holds another file under this name, or the download was damaged"
                        .to_owned(),
            });
        }
        target
            .sync_all()
            .map_err(ModelError::io("flush to disk", &path))
    }

    /// Renames the finished folder to `target`, replacing what stands there.
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
            sync_directory(folder.parent().unwrap_or(&model));
        }
        let parent = target.parent().unwrap_or(cache_dir);
        fs::create_dir_all(parent).map_err(ModelError::io("create", parent))?;

        // A folder that is not empty cannot be renamed over, so what stands
        // there steps aside first. A reader in between finds no model and says
        // so; it never finds half of one.
        let retired = if target.symlink_metadata().is_ok() {
            let retired = create_hidden_dir(cache_dir, RETIRED_PREFIX)?;
            match fs::rename(target, retired.path().join("model")) {
                // Gone already: nothing to step over.
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
        sync_directory(parent);
        drop(retired);
        match renamed {
            // Where the file system has no locks, another process may have won.
            Err(_) if first_incomplete(manifest, target).is_none() => Ok(()),
            other => other.map_err(ModelError::io("put in place", target)),
        }
    }
}

/// The first of the manifest's files that is missing or has the wrong size.
pub(super) fn first_incomplete<'m>(manifest: &'m Manifest, dir: &Path) -> Option<&'m str> {
    let whole = |file: &&ManifestFile| {
        dir.join(&file.path)
            .metadata()
            .is_ok_and(|found| found.is_file() && found.len() == file.bytes)
    };
    let file = manifest.files.iter().find(|file| !whole(file))?;
    Some(&file.path)
}

/// Removes what killed runs have left. Call it only under the cache's lock:
/// without it, a folder may belong to a fetch that is alive.
pub(super) fn remove_leftovers(cache_dir: &Path) {
    let Ok(entries) = fs::read_dir(cache_dir) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let ours = name.starts_with(STAGING_PREFIX) || name.starts_with(RETIRED_PREFIX);
        // A link's target is not ours to delete.
        if !ours || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        // Leftovers cost disk, not correctness: a failure is not the run's.
        match fs::remove_dir_all(entry.path()) {
            Ok(()) => {
                tracing::info!(folder = %entry.path().display(), "removed what a killed fetch left");
            }
            Err(error) => {
                tracing::warn!(folder = %entry.path().display(), %error, "cannot remove what a killed fetch left");
            }
        }
    }
}

fn create_hidden_dir(cache_dir: &Path, prefix: &str) -> Result<TempDir, ModelError> {
    tempfile::Builder::new()
        .prefix(prefix)
        .tempdir_in(cache_dir)
        .map_err(ModelError::io("create a folder in", cache_dir))
}

/// Makes names durable. Not every file system can; the files themselves are
/// flushed, and a name that is lost is a model to be fetched again.
fn sync_directory(folder: &Path) {
    if let Err(error) = File::open(folder).and_then(|opened| opened.sync_all()) {
        tracing::debug!(folder = %folder.display(), %error, "cannot flush the folder");
    }
}
