//! Making a key.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::GuardError;
use super::keys::{KeyEntry, KeysFile, Scope, check_name, check_rate, digest_of, parse};

/// Start of every key: whoever finds one lying about knows what it opens.
const PREFIX: &str = "antiphon_";

/// A new key.
#[derive(Debug, Clone)]
pub struct Minted {
    /// The key itself, which is kept nowhere.
    pub key: String,
    /// What the keys file says about it.
    pub entry: KeyEntry,
}

impl Minted {
    /// Makes a key of 256 random bits.
    ///
    /// # Errors
    ///
    /// If the operating system gives no random numbers, or name or rate are out of range.
    pub fn new(
        name: &str,
        scopes: &[Scope],
        requests_per_second: Option<f64>,
    ) -> Result<Self, GuardError> {
        let refuse = |reason| GuardError::Entry { reason };
        check_name(name).map_err(refuse)?;
        requests_per_second
            .map_or(Ok(()), check_rate)
            .map_err(refuse)?;
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|e| GuardError::Random(e.to_string()))?;
        let key = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
        let mut hash = String::with_capacity(64);
        for byte in digest_of(key.as_bytes()) {
            // Writing to a string does not fail.
            let _ = write!(hash, "{byte:02x}");
        }
        let mut unique: Vec<Scope> = Vec::new();
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

    /// The entry in the words of the keys file.
    #[must_use]
    pub fn toml(&self) -> String {
        let file = KeysFile {
            keys: vec![self.entry.clone()],
        };
        // Strings and numbers in a table can always be written.
        toml::to_string(&file).unwrap_or_default()
    }

    /// Adds the key to the keys file, which is made if it is not there. The file is replaced in one
    /// step: a service that reads it meanwhile sees the old or the new one.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or written, or has a key of that name already.
    pub fn append_to(&self, path: &Path) -> Result<(), GuardError> {
        let fault = |reason: String| GuardError::File {
            path: path.to_owned(),
            reason,
        };
        let mut text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(fault(error.to_string())),
        };
        if !text.trim().is_empty() {
            text.truncate(text.trim_end().len());
            text.push_str("\n\n");
        }
        text.push_str(&self.toml());
        parse(&text).map_err(fault)?;
        let write = || -> std::io::Result<()> {
            // A link stays a link: what it leads to is replaced.
            let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
            let folder = match path.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder,
                _ => Path::new("."),
            };
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(text.as_bytes())?;
            if let Ok(before) = std::fs::metadata(&path) {
                file.as_file().set_permissions(before.permissions())?;
            }
            file.as_file().sync_all()?;
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(|e| fault(e.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::guard::keys::KeyRing;

    #[test]
    fn a_new_key_is_known_once_it_is_appended() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("keys.toml");
        let scopes = [Scope::Search, Scope::Write, Scope::Search];
        let first = Minted::new("first", &scopes, Some(2.5)).unwrap();
        first.append_to(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("# ours\n{text}\n\n")).unwrap();
        let second = Minted::new("second", &[Scope::Admin], None).unwrap();
        second.append_to(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# ours\n") && !text.contains(&first.key));
        let ring = KeyRing::open(path.clone()).unwrap();
        for minted in [&first, &second] {
            let key = ring.find(minted.key.as_bytes()).unwrap();
            assert_eq!(*key.name(), *minted.entry.name);
        }
        let known = ring.find(first.key.as_bytes()).unwrap();
        assert!(known.allows(Scope::Write) && !known.allows(Scope::Admin));
        let again = Minted::new("first", &[Scope::Admin], None).unwrap();
        let again = again.append_to(&path);
        assert!(again.unwrap_err().to_string().contains("two keys"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn keys_differ_and_bad_names_are_refused() {
        let make = || Minted::new("a", &[Scope::Search], None).unwrap().key;
        assert_ne!(make(), make());
        assert!(make().len() >= 50);
        assert!(Minted::new("", &[Scope::Search], None).is_err());
        assert!(Minted::new("a\nb", &[Scope::Search], None).is_err());
        assert!(Minted::new("a", &[Scope::Search], Some(f64::NAN)).is_err());
    }
}
