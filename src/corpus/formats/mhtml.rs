//! The reader for saved web pages (MHTML): the first HTML part of a MIME message.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::html;
use crate::corpus::error::SkipReason;
use crate::corpus::parsed::{CountingReader, ParsedDocuments, ReadContext, whole_file};

pub(super) fn read(file: CountingReader, context: &ReadContext) -> ParsedDocuments {
    let context = context.clone();
    whole_file(move || {
        let bytes = file.read_to_limit(context.limits.max_file_bytes)?;
        let page = html_part(&bytes).ok_or_else(|| SkipReason::Malformed {
            format: "a saved web page",
            problem: "it has no part of the type text/html".to_owned(),
        })?;
        if page.len() > context.limits.max_text_bytes.saturating_mul(4) {
            return Err(SkipReason::TooLarge {
                limit: context.limits.max_text_bytes.saturating_mul(4),
                received: Some(page.len()),
            }
            .into());
        }
        let (page, note) = html::decode_html(page)?;
        let mut document = html::document(&page, context.options.keep_boilerplate)?;
        document.notes.extend(note);
        Ok(vec![document])
    })
}

/// A part of a message: its header, in lower case, and its body.
struct Part<'a> {
    header: String,
    body: &'a [u8],
}

/// Returns the decoded body of the first HTML part.
fn html_part(message: &[u8]) -> Option<Vec<u8>> {
    let whole = split_header(message)?;
    if whole.header.contains("content-type: text/html") {
        return Some(decode_body(&whole));
    }
    let header =
        String::from_utf8_lossy(message.get(..message.len() - whole.body.len())?).into_owned();
    let boundary = header.split_once("boundary=")?.1;
    let boundary = match boundary.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => boundary.split([';', '\r', '\n', ' ']).next()?,
    };
    let delimiter = format!("--{boundary}");
    let starts = find_all(whole.body, delimiter.as_bytes());
    for (index, start) in starts.iter().enumerate() {
        let start = start + delimiter.len();
        let end = starts.get(index + 1).copied().unwrap_or(whole.body.len());
        let part = whole.body.get(start..end)?;
        let part = part.trim_ascii_start();
        if let Some(part) = split_header(part)
            && part.header.contains("content-type: text/html")
        {
            return Some(decode_body(&part));
        }
    }
    None
}

/// Splits a header from its body at the first blank line; long header lines are unfolded.
fn split_header(message: &[u8]) -> Option<Part<'_>> {
    let crlf = find(message, b"\r\n\r\n").map(|at| (at, at + 4));
    let lf = find(message, b"\n\n").map(|at| (at, at + 2));
    let (end, body) = match (crlf, lf) {
        (Some(crlf), Some(lf)) => crlf.min(lf),
        (crlf, lf) => crlf.or(lf)?,
    };
    let header = String::from_utf8_lossy(message.get(..end)?).to_lowercase();
    Some(Part {
        header: header
            .replace("\r\n", "\n")
            .replace("\n ", " ")
            .replace("\n\t", " "),
        body: message.get(body..)?,
    })
}

fn decode_body(part: &Part<'_>) -> Vec<u8> {
    let encoding = part
        .header
        .split_once("content-transfer-encoding:")
        .map(|(_, rest)| rest.trim_start());
    match encoding {
        Some(encoding) if encoding.starts_with("quoted-printable") => quoted_printable(part.body),
        Some(encoding) if encoding.starts_with("base64") => {
            let digits: Vec<u8> = part
                .body
                .iter()
                .copied()
                .filter(|b| !b.is_ascii_whitespace())
                .collect();
            STANDARD.decode(digits).unwrap_or_default()
        }
        _ => part.body.to_vec(),
    }
}

fn quoted_printable(body: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if *byte != b'=' {
            decoded.push(*byte);
            continue;
        }
        match tail {
            [b'\r', b'\n', tail @ ..] | [b'\n', tail @ ..] => rest = tail,
            [high, low, tail @ ..] => {
                let hex = [*high, *low];
                match hex::decode(hex) {
                    Ok(byte) => {
                        decoded.extend(byte);
                        rest = tail;
                    }
                    Err(_) => decoded.push(b'='),
                }
            }
            _ => decoded.push(b'='),
        }
    }
    decoded
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(haystack, needle)
}

fn find_all(haystack: &[u8], needle: &[u8]) -> Vec<usize> {
    memchr::memmem::find_iter(haystack, needle).collect()
}

#[cfg(test)]
mod tests {
    use super::html_part;

    #[test]
    fn the_html_part_is_decoded() {
        let message = |encoding: &str, body: &str| {
            format!(
                "From: <Saved>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related;\r\n\ttype=\"text/html\";\r\n\t\
                 boundary=\"--X--\"\r\n\r\n----X--\r\nContent-Type: image/png\r\n\r\nPNG\r\n----X--\r\n\
                 Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}\r\n----X----\r\n"
            )
        };
        let read = |encoding, body| {
            String::from_utf8(html_part(message(encoding, body).as_bytes()).unwrap()).unwrap()
        };
        assert_eq!(
            read("quoted-printable", "<p>caf=C3=A9 a=\r\nnd=20tea 1=2</p>").trim(),
            "<p>café and tea 1=2</p>"
        );
        assert_eq!(read("base64", "PHA+\r\ndGVhPC9wPg=="), "<p>tea</p>");
        assert_eq!(read("8bit", "<p>é</p>").trim(), "<p>é</p>");
    }

    #[test]
    fn messages_without_html_have_no_page() {
        for message in [
            "",
            "\n\n",
            "Content-Type: multipart/related; boundary=\"",
            "a: b\n\nboundary=x --x --x",
        ] {
            assert!(html_part(message.as_bytes()).is_none(), "{message:?}");
        }
    }
}
