//! Creation of API keys.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::atomic_file::{self, NewFileMode};

use super::ServerSetupError;
use super::api_keys::{
    ApiKeysFile, KeyEntry, KeyScope, check_name, check_rate, digest, parse_keys,
};

/// Prefix of every key, by which a leaked key can be recognized.
const KEY_PREFIX: &str = "antiphon_";

/// A new key.
#[derive(Debug, Clone)]
pub struct GeneratedKey {
    /// The key itself, which is not stored.
    pub key: String,
    /// Its entry for the keys file.
    pub entry: KeyEntry,
}

impl GeneratedKey {
    /// Generates a key of 256 random bits.
    ///
    /// # Errors
    ///
    /// If the operating system has no random bytes, or the name or the rate is invalid.
    pub fn generate(
        name: &str,
        scopes: &[KeyScope],
        requests_per_second: Option<f64>,
    ) -> Result<Self, ServerSetupError> {
        let invalid = |reason| ServerSetupError::KeyEntry { reason };
        check_name(name).map_err(invalid)?;
        requests_per_second
            .map_or(Ok(()), check_rate)
            .map_err(invalid)?;
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|e| ServerSetupError::RandomBytes(e.to_string()))?;
        let key = format!("{KEY_PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
        let hash = hex::encode(digest(key.as_bytes()));
        let mut unique: Vec<KeyScope> = Vec::new();
        for scope in scopes {
            if !unique.contains(scope) {
                unique.push(*scope);
            }
        }
        Ok(Self {
            key,
            entry: KeyEntry {
                name: name.to_owned(),
                hash,
                scopes: unique,
                requests_per_second,
            },
        })
    }

    /// Returns the entry as TOML for the keys file.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let file = ApiKeysFile {
            keys: vec![self.entry.clone()],
        };
        // A table of strings and numbers, whose serialization cannot fail.
        toml::to_string(&file).unwrap_or_default()
    }

    /// Appends the entry to the keys file, which is created if it does not exist. The file is replaced
    /// atomically: a service that reloads it at the same time sees the old or the new one, and of several
    /// processes that append at the same time each waits for the one before it.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or written, or has a key of that name already.
    pub fn append_to(&self, path: &Path) -> Result<(), ServerSetupError> {
        let file_error = |reason: String| ServerSetupError::File {
            path: path.to_owned(),
            reason,
        };
        let _lock = lock_beside(path).map_err(|e| file_error(format!("its lock file: {e}")))?;
        let mut text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(file_error(error.to_string())),
        };
        if !text.trim().is_empty() {
            text.truncate(text.trim_end().len());
            text.push_str("\n\n");
        }
        text.push_str(&self.to_toml());
        parse_keys(&text).map_err(file_error)?;
        atomic_file::replace(path, NewFileMode::Private, |file| {
            file.write_all(text.as_bytes())
        })
        .map_err(|e: io::Error| file_error(e.to_string()))
    }
}

/// Locks the keys file by a file next to it, as the keys file itself is replaced. The lock file stays: if one
/// process removed it, another could hold a lock on the removed file.
fn lock_beside(path: &Path) -> io::Result<File> {
    // Two links to one file have one lock.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut name = OsString::from(target);
    name.push(".lock");
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let lock = options.open(name)?;
    lock.lock()?;
    Ok(lock)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::middleware::api_keys::ApiKeys;

    #[test]
    fn a_new_key_is_found_once_it_is_appended() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("keys.toml");
        let scopes = [KeyScope::Search, KeyScope::Write, KeyScope::Search];
        let first = GeneratedKey::generate("first", &scopes, Some(2.5)).unwrap();
        first.append_to(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("# ours\n{text}\n\n")).unwrap();
        let second = GeneratedKey::generate("second", &[KeyScope::Admin], None).unwrap();
        second.append_to(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# ours\n") && !text.contains(&first.key));
        let keys = ApiKeys::open(path.clone()).unwrap();
        for generated in [&first, &second] {
            let key = keys.find(generated.key.as_bytes()).unwrap();
            assert_eq!(*key.name(), *generated.entry.name);
        }
        let found = keys.find(first.key.as_bytes()).unwrap();
        assert!(found.allows(KeyScope::Write) && !found.allows(KeyScope::Admin));
        let again = GeneratedKey::generate("first", &[KeyScope::Admin], None).unwrap();
        let again = again.append_to(&path);
        assert!(again.unwrap_err().to_string().contains("duplicate key"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn keys_that_are_appended_at_once_are_all_kept() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("keys.toml");
        let names: Vec<String> = (0..12).map(|n| format!("key {n}")).collect();
        std::thread::scope(|scope| {
            for name in &names {
                let path = &path;
                scope.spawn(move || {
                    let key = GeneratedKey::generate(name, &[KeyScope::Search], None).unwrap();
                    key.append_to(path).unwrap();
                });
            }
        });
        let keys = parse_keys(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let mut kept: Vec<String> = keys.into_iter().map(|(entry, _)| entry.name).collect();
        kept.sort();
        let mut expected = names;
        expected.sort();
        assert_eq!(kept, expected);
    }

    #[test]
    fn keys_differ_and_invalid_names_are_rejected() {
        let generate = || {
            GeneratedKey::generate("a", &[KeyScope::Search], None)
                .unwrap()
                .key
        };
        assert_ne!(generate(), generate());
        assert!(generate().len() >= 50);
        assert!(GeneratedKey::generate("", &[KeyScope::Search], None).is_err());
        assert!(GeneratedKey::generate("a\nb", &[KeyScope::Search], None).is_err());
        assert!(GeneratedKey::generate("a", &[KeyScope::Search], Some(f64::NAN)).is_err());
    }
}
