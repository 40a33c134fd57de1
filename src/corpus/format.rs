//! Source formats, by file extension.

use std::path::{Path, PathBuf};

/// The supported formats, recognized by extension regardless of case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SourceFormat {
    /// `.txt`, `.text`: the file is the text.
    Text,
    /// `.md`, `.markdown`: front matter, then `CommonMark`.
    Markdown,
    /// `.jsonl`, `.ndjson`: one document per line.
    JsonLines,
    /// `.jsonl.gz`, `.ndjson.gz`: the same, compressed.
    JsonLinesGzip,
}

impl SourceFormat {
    /// All supported extensions.
    pub const EXTENSIONS: [&'static str; 8] = [
        ".txt",
        ".text",
        ".md",
        ".markdown",
        ".jsonl",
        ".ndjson",
        ".jsonl.gz",
        ".ndjson.gz",
    ];

    /// Returns the format of a file, or its extension (its name if it has none) if that is not supported.
    pub(super) fn from_path(path: &Path) -> Result<Self, String> {
        let name = file_name(path).to_lowercase();
        Self::EXTENSIONS
            .into_iter()
            .find(|extension| name.ends_with(extension) && name.len() > extension.len())
            .map(|extension| match extension {
                ".txt" | ".text" => Self::Text,
                ".md" | ".markdown" => Self::Markdown,
                ".jsonl" | ".ndjson" => Self::JsonLines,
                _ => Self::JsonLinesGzip,
            })
            .ok_or_else(|| match path.extension() {
                Some(extension) => format!(".{}", extension.to_string_lossy()),
                None => file_name(path),
            })
    }

    /// Returns whether a file of this format may contain several documents.
    #[must_use]
    pub fn is_multi_document(self) -> bool {
        matches!(self, Self::JsonLines | Self::JsonLinesGzip)
    }
}

/// Returns the file's name without the extension of its format.
pub(super) fn file_stem(path: &Path) -> String {
    let name = file_name(path);
    let lower = name.to_ascii_lowercase();
    let extension = SourceFormat::EXTENSIONS
        .into_iter()
        .filter(|extension| lower.ends_with(extension))
        .map(str::len)
        .max()
        .unwrap_or(0);
    let end = name.len().saturating_sub(extension);
    name.get(..end).unwrap_or(&name).to_owned()
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// A file that will be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The file, spelled as the user named it.
    pub path: PathBuf,
    /// Its format.
    pub format: SourceFormat,
    /// Its size on disk.
    pub bytes: u64,
}
