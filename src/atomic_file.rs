//! Replaces files so that every reader, and every start after a power failure, finds the old content or
//! the new one, each complete.
//!
//! One rule of durability for all of them: the new content is written to a temporary file in the same
//! folder and synced, the file renamed, the folder synced. When a function has returned, the new content
//! is on disk. File systems that cannot sync a folder are used without that last step.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

/// Who may access a file that did not exist before; an existing one keeps its mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NewFileMode {
    /// As the umask says.
    Umask,
    /// Its owner only.
    Private,
}

/// Replaces a file with what `write` writes; if `write` fails, nothing has changed.
///
/// A symbolic link is kept: the file that it points to is replaced. What is not a regular file, such as
/// a device or a pipe, cannot be replaced and is written directly.
pub(crate) fn replace<E: From<io::Error>>(
    path: &Path,
    mode: NewFileMode,
    write: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), E> {
    let existing = fs::metadata(path).ok();
    if existing.as_ref().is_some_and(|found| !found.is_file()) {
        return write(&mut File::options().write(true).open(path)?);
    }
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut file = create_in(folder_of(&path), mode)?;
    write(file.as_file_mut())?;
    if let Some(existing) = existing {
        file.as_file().set_permissions(existing.permissions())?;
    }
    persist(file, &path)?;
    Ok(())
}

/// Replaces a file like [`replace`], for a file with one writer only: the temporary file always has the
/// same name, so that what an interrupted run has left is overwritten by the next one.
pub(crate) fn replace_by_only_writer(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let temporary = temporary_of_only_writer(path);
    let file = File::create(&temporary)?;
    let mut file = NamedTempFile::from_parts(file, TempPath::try_from_path(temporary)?);
    write(file.as_file_mut())?;
    persist(file, path)
}

/// Removes what an interrupted [`replace_by_only_writer`] has left; called by the only writer.
pub(crate) fn remove_interrupted(path: &Path) -> io::Result<()> {
    match fs::remove_file(temporary_of_only_writer(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn temporary_of_only_writer(path: &Path) -> PathBuf {
    let mut temporary = OsString::from(path);
    temporary.push("-being-written");
    PathBuf::from(temporary)
}

/// Makes renames inside a folder durable. It is no error if the system or the file system cannot do that.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    // Only Unix can open a folder.
    if !cfg!(unix) {
        return Ok(());
    }
    match File::open(folder).and_then(|opened| opened.sync_all()) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput
                    | io::ErrorKind::Unsupported
                    | io::ErrorKind::PermissionDenied
            ) =>
        {
            tracing::debug!(folder = %folder.display(), %error, "cannot sync the folder");
            Ok(())
        }
        other => other,
    }
}

/// Syncs and renames a complete file.
fn persist(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync_folder(folder_of(path))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn create_in(folder: &Path, mode: NewFileMode) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let bits = match mode {
            // The umask is applied to it.
            NewFileMode::Umask => 0o666,
            NewFileMode::Private => 0o600,
        };
        builder.permissions(fs::Permissions::from_mode(bits));
    }
    #[cfg(not(unix))]
    let _ = mode;
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tempfile::TempDir;

    use super::*;

    fn write_all(text: &'static str) -> impl FnOnce(&mut File) -> io::Result<()> {
        move |file| file.write_all(text.as_bytes())
    }

    fn names_in(folder: &TempDir) -> Vec<OsString> {
        let entries = fs::read_dir(folder.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn a_failed_write_changes_nothing_and_leaves_nothing() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("file");
        let fail = |file: &mut File| {
            file.write_all(b"half")?;
            Err(io::Error::other("failed"))
        };
        assert!(replace(&path, NewFileMode::Umask, fail).is_err());
        assert!(replace_by_only_writer(&path, fail).is_err());
        assert!(names_in(&folder).is_empty());
        replace(&path, NewFileMode::Umask, write_all("old")).unwrap();
        assert!(replace(&path, NewFileMode::Umask, fail).is_err());
        assert!(replace_by_only_writer(&path, fail).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names_in(&folder), ["file"]);
    }

    #[test]
    fn leftovers_of_the_only_writer_are_overwritten() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("file");
        fs::write(folder.path().join("file-being-written"), "much longer").unwrap();
        replace_by_only_writer(&path, write_all("new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names_in(&folder), ["file"]);
    }

    #[test]
    fn a_folder_is_not_replaced() {
        let folder = TempDir::new().unwrap();
        assert!(replace(folder.path(), NewFileMode::Umask, write_all("x")).is_err());
        assert!(folder.path().is_dir());
    }

    #[cfg(unix)]
    mod unix {
        use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};

        use super::*;

        fn mode_of(path: &Path) -> u32 {
            fs::metadata(path).unwrap().permissions().mode() & 0o7777
        }

        #[test]
        fn a_new_file_has_the_requested_mode_and_an_existing_one_keeps_its_mode() {
            let folder = TempDir::new().unwrap();
            let [usual, new, private] =
                ["usual", "new", "private"].map(|name| folder.path().join(name));
            fs::write(&usual, "").unwrap();
            replace(&new, NewFileMode::Umask, write_all("")).unwrap();
            assert_eq!(mode_of(&new), mode_of(&usual));
            replace(&private, NewFileMode::Private, write_all("")).unwrap();
            assert_eq!(mode_of(&private), 0o600);
            for kept in [0o600, 0o664] {
                fs::set_permissions(&usual, fs::Permissions::from_mode(kept)).unwrap();
                replace(&usual, NewFileMode::Private, write_all("all")).unwrap();
                assert_eq!(mode_of(&usual), kept);
            }
            assert_eq!(fs::read(&usual).unwrap(), b"all");
        }

        #[test]
        fn links_and_devices_are_kept() {
            let folder = TempDir::new().unwrap();
            let [file, link] = ["file", "link"].map(|name| folder.path().join(name));
            fs::write(&file, "old").unwrap();
            symlink("file", &link).unwrap();
            replace(&link, NewFileMode::Umask, write_all("new")).unwrap();
            assert!(link.is_symlink());
            assert_eq!(fs::read(&file).unwrap(), b"new");
            // By way of a link, so that a failure replaces that and not the device.
            let null = folder.path().join("null");
            symlink("/dev/null", &null).unwrap();
            replace(&null, NewFileMode::Umask, write_all("lost")).unwrap();
            let device = fs::metadata(&null).unwrap().file_type();
            assert!(device.is_char_device() && null.is_symlink());
        }
    }
}
