//! The lock of a data directory: one writer at a time.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::StoreError;

/// How long a lock is waited for. Whoever is ending may still hold it, and so does for a moment every
/// process that its holder has begun, until it runs a program of its own.
const LOCK_TIMEOUT: Duration = Duration::from_millis(500);

/// How long until the next try.
const LOCK_POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Makes the directory where it is missing, and takes its lock: it is held as long as the file is open,
/// and let go by the system also after `kill -9`.
pub(super) fn acquire(directory: &Path) -> Result<File, StoreError> {
    let cannot = |source| StoreError::Directory {
        path: directory.to_owned(),
        source,
    };
    std::fs::create_dir_all(directory).map_err(cannot)?;
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(directory.join(".lock"))
        .map_err(cannot)?;
    let start = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) if start.elapsed() < LOCK_TIMEOUT => {
                thread::sleep(LOCK_POLL_INTERVAL)
            }
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::InUse {
                    path: directory.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(cannot(source)),
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
        let leaving = thread::spawn(move || {
            thread::sleep(LOCK_TIMEOUT / 5);
            drop(first);
        });
        assert!(acquire(folder.path()).is_ok());
        leaving.join().unwrap();
    }
}
