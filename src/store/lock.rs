//! The lock of a data directory: one writer at a time.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::StoreError;

/// How long to wait for the lock. A process that is exiting may still hold it; so may, for an instant, a
/// child of the holder between `fork` and `exec`.
const LOCK_TIMEOUT: Duration = Duration::from_millis(500);

/// Interval between two attempts.
const LOCK_POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Creates the directory if it is missing, and locks it. The lock is held while the file is open; the
/// system releases it even after `kill -9`.
pub(super) fn acquire(directory: &Path) -> Result<File, StoreError> {
    let directory_error = |source| StoreError::Directory {
        path: directory.to_owned(),
        source,
    };
    std::fs::create_dir_all(directory).map_err(directory_error)?;
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(directory.join(".lock"))
        .map_err(directory_error)?;
    let start = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) if start.elapsed() < LOCK_TIMEOUT => {
                thread::sleep(LOCK_POLL_INTERVAL);
            }
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::InUse {
                    path: directory.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(directory_error(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn acquire_waits_only_for_a_holder_about_to_exit() {
        let folder = TempDir::new().unwrap();
        let first = acquire(folder.path()).unwrap();
        assert!(matches!(
            acquire(folder.path()),
            Err(StoreError::InUse { .. })
        ));
        let exiting = thread::spawn(move || {
            thread::sleep(LOCK_TIMEOUT / 5);
            drop(first);
        });
        assert!(acquire(folder.path()).is_ok());
        exiting.join().unwrap();
    }
}
