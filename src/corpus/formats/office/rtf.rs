//! Rich text.

use encoding_rs::{Encoding, WINDOWS_1252};

use super::rtf_lexer::{Lexer, Token};
use super::{BlockText, append_notes, set_property};
use crate::corpus::error::SkipReason;
use crate::corpus::parsed::ParsedDocument;

/// Groups that may be nested; programs nest a few dozen.
const MAX_DEPTH: usize = 1_000;

/// Destinations whose content is not text. Those marked by `\*` are left out whatever their name.
const LEFT_OUT: [&str; 26] = [
    "fonttbl",
    "colortbl",
    "stylesheet",
    "listtable",
    "listoverridetable",
    "rsidtbl",
    "revtbl",
    "filetbl",
    "pict",
    "object",
    "header",
    "headerl",
    "headerr",
    "headerf",
    "footer",
    "footerl",
    "footerr",
    "footerf",
    "fldinst",
    "themedata",
    "datastore",
    "latentstyles",
    "xmlnstbl",
    "annotation",
    "pntext",
    "nonshppict",
];

/// What holds within a group.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools)] // independent properties
struct Group {
    left_out: bool,
    /// Text of tracked deletions, and hidden text.
    deleted: bool,
    hidden: bool,
    in_note: bool,
    /// The property of the file that the group holds.
    property: Option<&'static str>,
    /// Characters that replace a `\u` for old programs.
    fallback: usize,
    encoding: &'static Encoding,
}

pub(super) fn document(bytes: &[u8]) -> Result<ParsedDocument, SkipReason> {
    if !bytes.trim_ascii_start().starts_with(b"{\\rtf") {
        return Err(SkipReason::Malformed {
            format: "rich text",
            problem: "it does not start with {\\rtf".to_owned(),
        });
    }
    let mut reader = RtfReader::new(bytes);
    while let Some(token) = reader.lexer.next() {
        reader.handle(&token)?;
    }
    reader.flush();
    let mut document = reader.document;
    document.text = append_notes(reader.text, reader.notes);
    Ok(document)
}

#[allow(clippy::struct_excessive_bools)] // independent states of a format that has many
struct RtfReader<'a> {
    lexer: Lexer<'a>,
    document: ParsedDocument,
    text: BlockText,
    notes: Vec<String>,
    note: Option<BlockText>,
    property_text: String,
    group: Group,
    stack: Vec<Group>,
    /// Bytes of the text that are not decoded yet: characters may have several.
    pending: Vec<u8>,
    /// Characters to leave out, as they replace a `\u`.
    skip: usize,
    high_surrogate: Option<u16>,
    /// Code pages of the fonts, and the font that the table describes.
    fonts: std::collections::HashMap<i32, &'static Encoding>,
    font: Option<i32>,
    in_font_table: bool,
    in_row: bool,
    starts_group: bool,
}

impl<'a> RtfReader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let group = Group {
            left_out: false,
            deleted: false,
            hidden: false,
            in_note: false,
            property: None,
            fallback: 1,
            encoding: WINDOWS_1252,
        };
        Self {
            lexer: Lexer::new(bytes),
            document: ParsedDocument::default(),
            text: BlockText::default(),
            notes: Vec::new(),
            note: None,
            property_text: String::new(),
            group,
            stack: Vec::new(),
            pending: Vec::new(),
            skip: 0,
            high_surrogate: None,
            fonts: std::collections::HashMap::new(),
            font: None,
            in_font_table: false,
            in_row: false,
            starts_group: false,
        }
    }

    fn handle(&mut self, token: &Token<'_>) -> Result<(), SkipReason> {
        let starts_group = std::mem::replace(&mut self.starts_group, *token == Token::Open);
        match token {
            Token::Open => {
                self.flush();
                if self.stack.len() >= MAX_DEPTH {
                    return Err(SkipReason::LimitExceeded {
                        problem: format!("over {MAX_DEPTH} groups are nested"),
                        limit: MAX_DEPTH.to_string(),
                    });
                }
                self.stack.push(self.group.clone());
            }
            Token::Close => self.close_group(),
            Token::Byte(byte) => self.push_bytes(&[*byte]),
            Token::Text(text) => self.push_bytes(text),
            Token::Symbol(symbol) => match *symbol {
                b'*' if starts_group => self.group.left_out = true,
                b'~' => self.push_str("\u{a0}"),
                b'_' => self.push_str("\u{2011}"),
                b'\\' | b'{' | b'}' => self.push_bytes(&[*symbol]),
                b'\r' | b'\n' => self.paragraph(),
                _ => {}
            },
            Token::Word(word, number) => self.word(word, *number, starts_group),
        }
        Ok(())
    }

    fn close_group(&mut self) {
        self.flush();
        let before = self.stack.pop();
        let Some(before) = before else {
            return;
        };
        if before.property != self.group.property
            && let Some(field) = self.group.property.filter(|field| !field.is_empty())
        {
            let value = std::mem::take(&mut self.property_text);
            set_property(&mut self.document, field, &value);
        }
        if !before.in_note && self.group.in_note {
            let note = self.note.take().map(BlockText::finish);
            self.notes.extend(note.filter(|note| !note.is_empty()));
        }
        if self.in_font_table && !before.left_out {
            self.in_font_table = false;
        }
        self.group = before;
        self.skip = 0;
    }

    fn word(&mut self, word: &str, number: Option<i32>, starts_group: bool) {
        let on = number != Some(0);
        match word {
            "bin" => {
                let count = usize::try_from(number.unwrap_or(0)).unwrap_or(0);
                self.lexer.skip_bytes(count);
            }
            "fonttbl" => {
                self.in_font_table = true;
                self.group.left_out = true;
            }
            "f" if self.in_font_table => self.font = number,
            "fcharset" if self.in_font_table => {
                let encoding = number.and_then(charset);
                if let (Some(font), Some(encoding)) = (self.font, encoding) {
                    self.fonts.insert(font, encoding);
                }
            }
            "f" => {
                self.flush();
                if let Some(encoding) = number.and_then(|font| self.fonts.get(&font)) {
                    self.group.encoding = encoding;
                }
            }
            "ansicpg" => {
                if let Some(encoding) = number.and_then(code_page) {
                    self.group.encoding = encoding;
                }
            }
            "mac" => self.group.encoding = encoding_rs::MACINTOSH,
            "u" => self.unicode(number.unwrap_or(0)),
            "uc" => {
                self.group.fallback = usize::try_from(number.unwrap_or(1)).unwrap_or(1).min(100);
            }
            "deleted" => {
                self.flush();
                self.group.deleted = on;
            }
            "v" => {
                self.flush();
                self.group.hidden = on;
            }
            "plain" => {
                self.flush();
                (self.group.hidden, self.group.deleted) = (false, false);
            }
            "footnote" => {
                self.flush();
                if self.note.is_none() && !self.group.left_out {
                    self.group.in_note = true;
                    self.note = Some(BlockText::default());
                }
            }
            "info" => self.group.property = Some(""),
            "title" | "author" if self.group.property.is_some() => {
                self.property_text.clear();
                self.group.property = Some(if word == "title" { "title" } else { "author" });
            }
            _ if self.group.property.is_some() && starts_group => self.group.left_out = true,
            _ if LEFT_OUT.contains(&word) => {
                self.flush();
                self.group.left_out = true;
            }
            _ => self.layout(word, number),
        }
    }

    /// Words that end lines, paragraphs and cells, or stand for characters.
    fn layout(&mut self, word: &str, number: Option<i32>) {
        match word {
            "par" | "sect" | "page" | "column" => self.paragraph(),
            "line" => {
                self.flush();
                self.out().line_break();
            }
            "tab" => self.push_str(" "),
            "intbl" => {
                if !self.in_row && !self.group.left_out {
                    self.flush();
                    self.text.start_table();
                    self.text.start_row();
                    self.in_row = true;
                }
            }
            "cell" if self.in_row => {
                self.flush();
                self.text.end_cell();
            }
            "row" if self.in_row => {
                self.flush();
                self.text.end_row();
                self.text.end_table();
                self.in_row = false;
            }
            _ => {
                let character = match word {
                    "emdash" => "—",
                    "endash" => "–",
                    "lquote" => "‘",
                    "rquote" => "’",
                    "ldblquote" => "“",
                    "rdblquote" => "”",
                    "bullet" => "•",
                    "emspace" | "enspace" => " ",
                    _ => return,
                };
                let _ = number;
                self.push_str(character);
            }
        }
    }

    fn paragraph(&mut self) {
        self.flush();
        if !self.group.left_out {
            self.out().end_block();
        }
    }

    fn out(&mut self) -> &mut BlockText {
        match (&mut self.note, self.group.in_note) {
            (Some(note), true) => note,
            _ => &mut self.text,
        }
    }

    fn push_bytes(&mut self, bytes: &[u8]) {
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        self.pending
            .extend_from_slice(bytes.get(skipped..).unwrap_or_default());
    }

    fn push_str(&mut self, text: &str) {
        self.flush();
        if self.group.left_out || self.group.deleted || self.group.hidden {
            return;
        }
        if self.group.property.is_some() {
            self.property_text.push_str(text);
        } else {
            self.out().push(text);
        }
    }

    /// Decodes the pending bytes.
    fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut self.pending);
        let text = self
            .group
            .encoding
            .decode_without_bom_handling(&bytes)
            .0
            .into_owned();
        self.push_str(&text);
    }

    /// Handles `\uN`, a unit of UTF-16 as a signed number.
    fn unicode(&mut self, number: i32) {
        self.flush();
        self.skip = self.group.fallback;
        let unit = u16::try_from(number.rem_euclid(0x1_0000)).unwrap_or_default();
        let mut units = Vec::from_iter(self.high_surrogate.take());
        units.push(unit);
        if (0xd800..0xdc00).contains(&unit) {
            self.high_surrogate = Some(unit);
            return;
        }
        let text = String::from_utf16_lossy(&units);
        self.push_str(&text);
    }
}

fn code_page(number: i32) -> Option<&'static Encoding> {
    let label = match number {
        932 => "shift_jis".to_owned(),
        936 => "gbk".to_owned(),
        949 => "euc-kr".to_owned(),
        950 => "big5".to_owned(),
        10000 => "macintosh".to_owned(),
        65001 => "utf-8".to_owned(),
        number => format!("windows-{number}"),
    };
    Encoding::for_label(label.as_bytes())
}

/// Returns the code page of a character set of Windows.
fn charset(number: i32) -> Option<&'static Encoding> {
    code_page(match number {
        0 => 1252,
        77 => 10000,
        128 => 932,
        129 => 949,
        134 => 936,
        136 => 950,
        161 => 1253,
        162 => 1254,
        163 => 1258,
        177 => 1255,
        178 => 1256,
        186 => 1257,
        204 => 1251,
        222 => 874,
        238 => 1250,
        _ => return None,
    })
}
