//! The process that reads a PDF file, seen from inside.

use std::io::{self, Read, Write};
use std::panic::{self, AssertUnwindSafe};

use pdf_extract::{Document, MediaBox, OutputDev, OutputError, Transform, output_doc_page};

use super::layout::{self, Glyph};
use super::{Message, Page};

/// Pages of a file that are read; the others are reported.
const MAX_PAGES: usize = 20_000;

/// Characters of a page; a newspaper page has tens of thousands.
const MAX_GLYPHS: usize = 500_000;

/// Memory that the process may use.
#[cfg(target_os = "linux")]
const MAX_MEMORY_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// Processor time that the process may use, should the one that started it be gone.
#[cfg(target_os = "linux")]
const MAX_CPU_SECONDS: u64 = 150;

/// Reads a PDF file from `input` and writes its pages to `output` as lines of JSON. Limits the memory and
/// the time of this process first.
///
/// # Errors
///
/// If `input` cannot be read or `output` cannot be written. What is wrong with the file is written.
pub fn extract_pdf(input: &mut impl Read, output: &mut impl Write) -> io::Result<()> {
    limit_process();
    // A page that makes the library panic is reported; the message is for its developers.
    panic::set_hook(Box::new(|_| {}));
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes)?;
    write_pages(&bytes, output)
}

#[cfg(target_os = "linux")]
fn limit_process() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let limit = |amount| Rlimit {
        current: Some(amount),
        maximum: Some(amount),
    };
    // Where a limit cannot be set, the other process still limits the time.
    let _ = setrlimit(Resource::As, limit(MAX_MEMORY_BYTES));
    let _ = setrlimit(Resource::Cpu, limit(MAX_CPU_SECONDS));
}

#[cfg(not(target_os = "linux"))]
fn limit_process() {}

/// Writes the messages about a file.
pub(super) fn write_pages(bytes: &[u8], output: &mut impl Write) -> io::Result<()> {
    let mut send = |message: &Message| -> io::Result<()> {
        serde_json::to_writer(&mut *output, message)?;
        output.write_all(b"\n")?;
        output.flush()
    };
    let opened = panic::catch_unwind(AssertUnwindSafe(|| open(bytes)));
    let document = match opened {
        Ok(Ok(document)) => document,
        Ok(Err(problem)) => return send(&Message::Failed(problem)),
        Err(_) => return send(&Message::Failed("its structure is damaged".to_owned())),
    };
    let pages = document.get_pages();
    send(&Message::Info {
        title: property(&document, b"Title"),
        author: property(&document, b"Author"),
        pages: pages.len(),
    })?;
    for number in pages.into_keys().take(MAX_PAGES) {
        let mut glyphs = Glyphs::default();
        let read = panic::catch_unwind(AssertUnwindSafe(|| {
            output_doc_page(&document, &mut glyphs, number)
        }));
        let problem = match read {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("the page is damaged".to_owned()),
        };
        send(&Message::Page(Page {
            number,
            lines: layout::lines(&glyphs.upright),
            sideways: glyphs.sideways,
            problem,
        }))?;
    }
    Ok(())
}

fn open(bytes: &[u8]) -> Result<Document, String> {
    let mut document = Document::load_mem(bytes).map_err(|error| error.to_string())?;
    if document.is_encrypted() {
        // Many files are encrypted without a password, to forbid printing.
        document
            .decrypt("")
            .map_err(|_| "it is protected by a password".to_owned())?;
    }
    Ok(document)
}

/// Returns a property of a file as text.
fn property(document: &Document, name: &[u8]) -> Option<String> {
    let info = document.trailer.get(b"Info").ok()?;
    let info = document.dereference(info).ok()?.1.as_dict().ok()?;
    let bytes = info.get(name).ok()?.as_str().ok()?;
    let text = match bytes {
        [0xfe, 0xff, rest @ ..] => encoding_rs::UTF_16BE.decode_without_bom_handling(rest).0,
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest),
        bytes => {
            encoding_rs::WINDOWS_1252
                .decode_without_bom_handling(bytes)
                .0
        }
    };
    let text = text.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// Collects the characters of a page with their places.
#[derive(Default)]
struct Glyphs {
    upright: Vec<Glyph>,
    /// Characters that run in another direction.
    sideways: usize,
    top: f64,
}

impl OutputDev for Glyphs {
    fn begin_page(
        &mut self,
        _: u32,
        media: &MediaBox,
        _: Option<(f64, f64, f64, f64)>,
    ) -> Result<(), OutputError> {
        self.top = media.ury;
        Ok(())
    }

    fn end_page(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn output_character(
        &mut self,
        transform: &Transform,
        width: f64,
        _: f64,
        font_size: f64,
        text: &str,
    ) -> Result<(), OutputError> {
        // Text that runs in another direction is a stamp or a label of a figure.
        let upright = transform.m11 > 0.0 && transform.m12.abs() < transform.m11.abs() * 0.2;
        let size = font_size * transform.m11.abs().max(f64::MIN_POSITIVE);
        let finite = [size, transform.m31, transform.m32, width]
            .iter()
            .all(|number| number.is_finite());
        if !upright {
            self.sideways += text.chars().filter(|c| !c.is_whitespace()).count();
        } else if finite && size > 0.5 {
            if self.upright.len() == MAX_GLYPHS {
                let problem = format!("the page has more than {MAX_GLYPHS} characters");
                return Err(OutputError::IoError(io::Error::other(problem)));
            }
            self.upright.push(Glyph {
                x: transform.m31,
                y: self.top - transform.m32,
                width: width * size,
                size,
                text: text.to_owned(),
            });
        }
        Ok(())
    }

    fn begin_word(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_word(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), OutputError> {
        Ok(())
    }
}
