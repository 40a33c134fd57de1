use std::io::{Cursor, Write};
use std::sync::Arc;

use zip::write::{SimpleFileOptions, ZipWriter};

use super::{read_docx, read_odt, rtf};
use crate::corpus::parsed::{CountingReader, ParsedDocument, ParsedDocuments, ReadContext};
use crate::corpus::{CorpusLimits, SkipReason};

fn package(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn read(
    reader: fn(CountingReader, &ReadContext) -> ParsedDocuments,
    bytes: Vec<u8>,
) -> Result<ParsedDocument, SkipReason> {
    let context = ReadContext {
        limits: CorpusLimits::default(),
        options: Arc::default(),
        path: "t".into(),
    };
    let mut documents = reader(CountingReader::from_bytes(bytes), &context);
    documents.next().unwrap().map_err(|issue| issue.reason)
}

fn docx(body: &str) -> Vec<u8> {
    let document = format!("<w:document xmlns:w=\"w\"><w:body>{body}</w:body></w:document>");
    package(&[
        ("word/document.xml", &document),
        (
            "word/numbering.xml",
            "<w:numbering><w:num w:numId=\"1\"/></w:numbering>",
        ),
        (
            "word/footnotes.xml",
            "<w:footnotes><w:footnote w:type=\"separator\"><w:p><w:r><w:t>-</w:t></w:r></w:p></w:footnote>\
             <w:footnote w:id=\"2\"><w:p><w:r><w:t>A note.</w:t></w:r></w:p></w:footnote></w:footnotes>",
        ),
        (
            "docProps/core.xml",
            "<cp:p><dc:title>Peace</dc:title><dc:creator>Office</dc:creator></cp:p>",
        ),
    ])
}

#[test]
fn word_documents_keep_insertions_and_lose_deletions() {
    let body = r#"<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>On </w:t></w:r><w:r><w:t>peace</w:t></w:r></w:p>
        <w:p><w:r><w:t xml:space="preserve">We choose </w:t></w:r><w:del><w:r><w:delText>war</w:delText></w:r></w:del>
        <w:ins><w:r><w:t>peace &amp; </w:t></w:r></w:ins><w:r><w:instrText>PAGE</w:instrText><w:t>trade</w:t><w:br/><w:t>now.</w:t></w:r></w:p>
        <w:p><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr><w:r><w:t>one</w:t></w:r></w:p>
        <w:p><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr><w:r><w:t>two</w:t></w:r></w:p>
        <w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"#;
    let document = read(read_docx, docx(body)).unwrap();
    assert_eq!(
        document.text,
        "On peace\n\nWe choose peace & trade\nnow.\n\n• one\n• two\n\na | b\n\nA note."
    );
    assert_eq!(document.heading.as_deref(), Some("On peace"));
    assert_eq!(document.metadata.title.as_deref(), Some("Peace"));
    assert_eq!(document.metadata.attributes["author"], "Office");
}

#[test]
fn open_document_texts_keep_notes_apart() {
    let content = r"<office:document-content><office:body><office:text><text:tracked-changes><text:p>gone</text:p></text:tracked-changes>
        <text:h>Title</text:h><text:p>One<text:s/>two<text:note><text:note-citation>1</text:note-citation><text:note-body>
        <text:p>A note.</text:p></text:note-body></text:note> three.</text:p><text:list><text:list-item><text:p>item</text:p>
        </text:list-item></text:list></office:text></office:body></office:document-content>";
    let document = read(read_odt, package(&[("content.xml", content)])).unwrap();
    assert_eq!(
        document.text,
        "Title\n\nOne two three.\n\n• item\n\nA note."
    );
    assert_eq!(document.heading.as_deref(), Some("Title"));
}

#[test]
fn rich_text_is_decoded_by_code_page_and_unicode() {
    let rtf = br"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Cyr;}}{\info{\title Peace}{\author Office}}
{\*\generator Riched20;}\pard\f0 caf\'e9 \u8364?uro{\deleted war}{\v hidden}\par
{\f1 \'cc\'e8\'f0}\line{\b bold}\emdash x{\footnote A note.}\par{\pict 89504e47}\trowd\intbl a\cell b\cell\row End\par}";
    let document = rtf::document(rtf).unwrap();
    assert_eq!(
        document.text,
        "café €uro\n\nМир\nbold—x\n\na | b\n\nEnd\n\nA note."
    );
    assert_eq!(document.metadata.title.as_deref(), Some("Peace"));
}

#[test]
fn hostile_files_are_refused_or_read() {
    let nested = "<w:sdt>".repeat(100_000);
    assert!(matches!(
        read(read_docx, docx(&nested)),
        Err(SkipReason::LimitExceeded { .. })
    ));
    let bomb = docx(&format!(
        "<w:p><w:r><w:t>{}</w:t></w:r></w:p>",
        " ".repeat(32 << 20)
    ));
    assert!(matches!(
        read(read_docx, bomb),
        Err(SkipReason::LimitExceeded { .. })
    ));
    let whole = docx("<w:p/>");
    assert!(read(read_docx, whole[..whole.len() / 2].to_vec()).is_err());
    assert!(read(read_docx, b"not a package".to_vec()).is_err());
    assert!(read(read_odt, docx("")).is_err());
    for text in [
        "{\\rtf1",
        "{\\rtf1}}}}",
        "{\\rtf1\\bin999999999 x",
        "{\\rtf1\\u-99999999999999 \\'",
        "{\\rtf1\\'zz\\u55357?}",
    ] {
        assert!(rtf::document(text.as_bytes()).is_ok(), "{text}");
    }
    assert!(rtf::document(b"plain").is_err());
    assert!(rtf::document(&[b"{\\rtf1".as_slice(), &vec![b'{'; 100_000]].concat()).is_err());
}
