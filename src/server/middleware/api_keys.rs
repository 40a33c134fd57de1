//! API keys and their scopes.
//!
//! The file lists keys by their SHA-256. A slow password hash is not needed for keys of 256 random bits,
//! which no dictionary contains. A presented key is hashed and compared with every entry in constant time,
//! so response times reveal nothing about a guess.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::ServerSetupError;
use super::rate_limit::TokenBucket;

/// Maximum length of a key; longer ones are not hashed.
const MAX_KEY_BYTES: usize = 512;

/// Maximum rate limit of a key in requests per second.
const MAX_RATE: f64 = 1e6;

/// A permission of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum KeyScope {
    /// Search, read and embed.
    Search,
    /// Add, change and remove documents.
    Write,
    /// Metrics and reload, and all of the above.
    Admin,
}

impl KeyScope {
    /// Returns the scope as it is written in the file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// An entry of the keys file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyEntry {
    /// Name of the key, which is in the access log.
    pub name: String,
    /// SHA-256 of the key, in hexadecimal.
    pub hash: String,
    /// Its permissions.
    pub scopes: Vec<KeyScope>,
    /// Rate limit; none if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<f64>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApiKeysFile {
    pub(super) keys: Vec<KeyEntry>,
}

/// A key in use.
#[derive(Debug)]
pub(super) struct ApiKey {
    name: Arc<str>,
    digest: [u8; 32],
    scopes: Vec<KeyScope>,
    bucket: Option<Arc<TokenBucket>>,
}

impl ApiKey {
    pub(super) fn name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    pub(super) fn allows(&self, required: KeyScope) -> bool {
        self.scopes
            .iter()
            .any(|scope| *scope == required || *scope == KeyScope::Admin)
    }

    pub(super) fn bucket(&self) -> Option<&TokenBucket> {
        self.bucket.as_deref()
    }
}

/// The keys of a file, replaced as a whole by a reload.
pub(super) struct ApiKeys {
    path: PathBuf,
    keys: ArcSwap<Vec<Arc<ApiKey>>>,
}

impl ApiKeys {
    pub(super) fn open(path: PathBuf) -> Result<Self, ServerSetupError> {
        let keys = ArcSwap::from_pointee(read_keys(&path, &[])?);
        Ok(Self { path, keys })
    }

    /// Reads the file again; unchanged keys keep the state of their token buckets.
    pub(super) fn read(&self) -> Result<Vec<Arc<ApiKey>>, ServerSetupError> {
        read_keys(&self.path, &self.keys.load())
    }

    pub(super) fn replace(&self, keys: Vec<Arc<ApiKey>>) {
        self.keys.store(Arc::new(keys));
    }

    /// Returns the entry of a presented key.
    pub(super) fn find(&self, presented: &[u8]) -> Option<Arc<ApiKey>> {
        if presented.len() > MAX_KEY_BYTES {
            return None;
        }
        let digest = digest(presented);
        let mut found = None;
        // No early return: the time must not depend on the position of the match.
        for key in self.keys.load().iter() {
            if bool::from(key.digest.ct_eq(&digest)) {
                found = Some(Arc::clone(key));
            }
        }
        found
    }
}

pub(super) fn digest(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}

fn read_keys(path: &Path, previous: &[Arc<ApiKey>]) -> Result<Vec<Arc<ApiKey>>, ServerSetupError> {
    let file_error = |reason: String| ServerSetupError::File {
        path: path.to_owned(),
        reason,
    };
    let text = std::fs::read_to_string(path).map_err(|e| file_error(e.to_string()))?;
    let entries = parse_keys(&text).map_err(file_error)?;
    if entries.is_empty() {
        return Err(file_error("it contains no keys".to_owned()));
    }
    entries
        .into_iter()
        .map(|(entry, digest)| {
            let bucket = entry.requests_per_second.map(|rate| {
                previous
                    .iter()
                    .filter(|key| key.digest == digest)
                    .filter_map(|key| key.bucket.clone())
                    .find(|bucket| bucket.has_rate(rate))
                    .unwrap_or_else(|| Arc::new(TokenBucket::new(rate)))
            });
            Ok(Arc::new(ApiKey {
                name: entry.name.into(),
                digest,
                scopes: entry.scopes,
                bucket,
            }))
        })
        .collect()
}

/// Parses and validates the entries of a keys file; returns each with its hash as bytes.
pub(super) fn parse_keys(text: &str) -> Result<Vec<(KeyEntry, [u8; 32])>, String> {
    let file: ApiKeysFile =
        toml::from_str(text).map_err(|e| e.to_string().trim_end().to_owned())?;
    let mut entries: Vec<(KeyEntry, [u8; 32])> = Vec::with_capacity(file.keys.len());
    for entry in file.keys {
        let name = &entry.name;
        check_name(name)?;
        let digest = digest_from_hex(&entry.hash).ok_or_else(|| {
            format!("the hash of key {name:?} must be a SHA-256 in 64 hexadecimal digits")
        })?;
        if entry.scopes.is_empty() {
            return Err(format!("key {name:?} has no scopes"));
        }
        if let Some(rate) = entry.requests_per_second {
            check_rate(rate)?;
        }
        if let Some((other, _)) = entries.iter().find(|(other, _)| other.name == *name) {
            return Err(format!("duplicate key name {:?}", other.name));
        }
        if let Some((other, _)) = entries.iter().find(|(_, other)| *other == digest) {
            return Err(format!(
                "keys {:?} and {name:?} have the same hash",
                other.name
            ));
        }
        entries.push((entry, digest));
    }
    Ok(entries)
}

pub(super) fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
        return Err(format!(
            "invalid key name {name:?}; expected 1 to 64 printable characters"
        ));
    }
    Ok(())
}

pub(super) fn check_rate(rate: f64) -> Result<(), String> {
    // False for NaN.
    if rate > 0.0 && rate <= MAX_RATE {
        return Ok(());
    }
    Err(format!(
        "requests_per_second is {rate}; expected more than 0 and at most {MAX_RATE}"
    ))
}

fn digest_from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(key: &str) -> String {
        hex::encode(digest(key.as_bytes()))
    }

    fn entry(name: &str, key: &str, fields: &str) -> String {
        format!(
            "[[keys]]\nname = {name:?}\nhash = \"{}\"\n{fields}\n",
            hash(key)
        )
    }

    #[test]
    fn a_key_is_found_by_its_hash() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = entry("a", "alpha", "scopes = [\"search\"]")
            + &entry("b", "beta", "scopes = [\"admin\"]");
        std::fs::write(file.path(), text).unwrap();
        let keys = ApiKeys::open(file.path().to_owned()).unwrap();
        let alpha = keys.find(b"alpha").unwrap();
        assert_eq!(&*alpha.name(), "a");
        assert!(alpha.allows(KeyScope::Search) && !alpha.allows(KeyScope::Write));
        let beta = keys.find(b"beta").unwrap();
        assert!(beta.allows(KeyScope::Search) && beta.allows(KeyScope::Write));
        for unknown in [&b"alph"[..], b"", b"alpha ", &[b'a'; 10_000]] {
            assert!(keys.find(unknown).is_none());
        }
    }

    #[test]
    fn a_rate_limit_survives_a_reload() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let limited = "scopes = [\"search\"]\nrequests_per_second = 1";
        std::fs::write(file.path(), entry("a", "alpha", limited)).unwrap();
        let keys = ApiKeys::open(file.path().to_owned()).unwrap();
        let now = std::time::Instant::now();
        let take = || keys.find(b"alpha").unwrap().bucket().unwrap().take(now);
        assert!(take().is_ok());
        keys.replace(keys.read().unwrap());
        assert!(take().is_err());
    }

    #[test]
    fn an_invalid_file_is_rejected_with_its_error() {
        let good = "scopes = [\"search\"]";
        let hash = hash("x");
        for (text, expected) in [
            (String::new(), "keys"),
            ("keys = []".to_owned(), "no keys"),
            (entry("", "x", good), "invalid key name"),
            (entry("a", "x", "scopes = []"), "no scopes"),
            (entry("a", "x", "scopes = [\"root\"]"), "root"),
            (entry("a", "x", "scope = [\"search\"]"), "scope"),
            (
                format!("[[keys]]\nname = \"a\"\nhash = \"{}\"\n{good}", &hash[1..]),
                "SHA-256",
            ),
            (
                format!("[[keys]]\nname = \"a\"\nhash = \"+{}\"\n{good}", &hash[1..]),
                "SHA-256",
            ),
            (
                entry("a", "x", good) + &entry("a", "y", good),
                "duplicate key name",
            ),
            (entry("a", "x", good) + &entry("b", "x", good), "same hash"),
            (
                entry("a", "x", &format!("{good}\nrequests_per_second = 0")),
                "more than 0",
            ),
            (
                entry("a", "x", &format!("{good}\nrequests_per_second = nan")),
                "more than 0",
            ),
            (
                entry("a", "x", &format!("{good}\nrequests_per_second = inf")),
                "more than 0",
            ),
        ] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &text).unwrap();
            let error = match ApiKeys::open(file.path().to_owned()) {
                Ok(_) => panic!("accepted {text}"),
                Err(error) => error.to_string(),
            };
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
