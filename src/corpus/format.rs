//! Source formats, by file extension.

use std::path::{Path, PathBuf};

/// The supported formats, recognized by extension regardless of case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SourceFormat {
    /// The file is the text.
    Text,
    /// Front matter, then `CommonMark`.
    Markdown,
    /// One document per line.
    JsonLines,
    /// The same, compressed.
    JsonLinesGzip,
    /// Rows of cells separated by commas, semicolons or tabs: a document per row.
    Table,
    /// An array of documents, or objects that contain one.
    Json,
    /// Captions of a recording: `SubRip` or `WebVTT`.
    Captions,
    /// A web page.
    Html,
    /// A web page saved with its images.
    Mhtml,
    /// Word.
    Docx,
    /// A text of `OpenDocument`.
    Odt,
    /// Rich text.
    Rtf,
    /// An electronic book.
    Epub,
    /// TEI, Akoma Ntoso or the XML of a parliament.
    Xml,
    /// A PDF with a text layer.
    Pdf,
    /// A spreadsheet of Excel or `OpenDocument`: a document per row.
    Spreadsheet,
    /// An archive of files of these formats.
    Zip,
    /// The same, made by tar, compressed or not.
    Tar,
}

/// Extensions and their formats. A longer extension stands before one that it ends in.
const EXTENSIONS: [(&str, SourceFormat); 41] = {
    use SourceFormat::{
        Captions, Docx, Epub, Html, Json, JsonLines, JsonLinesGzip, Markdown, Mhtml, Odt, Pdf, Rtf,
        Spreadsheet, Table, Tar, Text, Xml, Zip,
    };
    [
        (".txt", Text),
        (".text", Text),
        (".md", Markdown),
        (".markdown", Markdown),
        (".jsonl", JsonLines),
        (".ndjson", JsonLines),
        (".jsonl.gz", JsonLinesGzip),
        (".ndjson.gz", JsonLinesGzip),
        (".csv", Table),
        (".csv.gz", Table),
        (".tsv", Table),
        (".tsv.gz", Table),
        (".tab", Table),
        (".json", Json),
        (".json.gz", Json),
        (".srt", Captions),
        (".vtt", Captions),
        (".html", Html),
        (".htm", Html),
        (".xhtml", Html),
        (".mhtml", Mhtml),
        (".mht", Mhtml),
        (".docx", Docx),
        (".docm", Docx),
        (".odt", Odt),
        (".rtf", Rtf),
        (".epub", Epub),
        (".xml", Xml),
        (".tei", Xml),
        (".akn", Xml),
        (".xml.gz", Xml),
        (".pdf", Pdf),
        (".xlsx", Spreadsheet),
        (".xlsm", Spreadsheet),
        (".xlsb", Spreadsheet),
        (".xls", Spreadsheet),
        (".ods", Spreadsheet),
        (".zip", Zip),
        (".tar.gz", Tar),
        (".tgz", Tar),
        (".tar", Tar),
    ]
};

impl SourceFormat {
    /// The best known of the supported extensions.
    pub const NAMED_EXTENSIONS: &'static str = ".txt, .md, .jsonl, .csv, .tsv, .json, .srt, .vtt, .html, .mhtml, .docx, .odt, .rtf, \
         .epub, .xml, .pdf, .xlsx, .xls, .ods, .zip, .tar.gz";

    /// Returns all supported extensions.
    pub fn extensions() -> impl Iterator<Item = &'static str> {
        EXTENSIONS.into_iter().map(|(extension, _)| extension)
    }

    /// Returns the format of a file, or its extension (its name if it has none) if that is not supported.
    pub(super) fn from_path(path: &Path) -> Result<Self, String> {
        extension_of(&file_name(path))
            .map(|(_, format)| format)
            .ok_or_else(|| match path.extension() {
                Some(extension) => format!(".{}", extension.to_string_lossy()),
                None => file_name(path),
            })
    }

    /// Returns whether a file of this format may contain several documents.
    #[must_use]
    pub fn is_multi_document(self) -> bool {
        matches!(
            self,
            Self::JsonLines
                | Self::JsonLinesGzip
                | Self::Table
                | Self::Json
                | Self::Xml
                | Self::Spreadsheet
                | Self::Zip
                | Self::Tar
        )
    }
}

/// Returns the longest known extension of a name, if something stands before it.
fn extension_of(name: &str) -> Option<(&'static str, SourceFormat)> {
    let lower = name.to_lowercase();
    EXTENSIONS
        .into_iter()
        .filter(|(extension, _)| lower.ends_with(extension) && lower.len() > extension.len())
        .max_by_key(|(extension, _)| extension.len())
}

/// Returns the file's name without the extension of its format.
pub(super) fn file_stem(path: &Path) -> String {
    let name = file_name(path);
    let lower = name.to_ascii_lowercase();
    let extension = SourceFormat::extensions()
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
