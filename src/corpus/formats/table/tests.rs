use std::io::Write;
use std::sync::Arc;

use super::read;
use crate::corpus::options::ReadOptions;
use crate::corpus::parsed::{CountingReader, ParsedDocument, ReadContext};
use crate::corpus::{CorpusLimits, SkipReason};

fn context(options: ReadOptions, limits: CorpusLimits) -> ReadContext {
    ReadContext {
        limits,
        options: Arc::new(options),
        path: "t.csv".into(),
    }
}

fn parse_with(
    bytes: &[u8],
    limits: CorpusLimits,
) -> (Vec<ParsedDocument>, Vec<(Option<usize>, SkipReason)>) {
    let file = CountingReader::from_bytes(bytes.to_vec());
    let (mut documents, mut issues) = (Vec::new(), Vec::new());
    for result in read(file, &context(ReadOptions::default(), limits)) {
        match result {
            Ok(document) => documents.push(document),
            Err(issue) => issues.push((issue.line, issue.reason)),
        }
    }
    (documents, issues)
}

fn parse(bytes: &[u8]) -> (Vec<ParsedDocument>, Vec<(Option<usize>, SkipReason)>) {
    parse_with(bytes, CorpusLimits::default())
}

fn texts(documents: &[ParsedDocument]) -> Vec<&str> {
    documents.iter().map(|d| d.text.as_str()).collect()
}

#[test]
fn a_row_is_a_document_whatever_the_delimiter_and_the_line_ends() {
    for table in [
        "\u{feff}speaker,text\nAda,\"One, two\nthree \"\"four\"\"\"\n\nBo,Five",
        "speaker;text\r\nAda;\"One, two\nthree \"\"four\"\"\"\r\n\r\nBo;Five\r\n",
        "speaker\ttext\rAda\t\"One, two\nthree \"\"four\"\"\"\r\rBo\tFive\r",
        "sep=|\nspeaker|text\nAda|\"One, two\nthree \"\"four\"\"\"\nBo|Five",
    ] {
        let (documents, issues) = parse(table.as_bytes());
        assert_eq!(issues, []);
        assert_eq!(
            texts(&documents),
            ["One, two\nthree \"four\"", "Five"],
            "{table:?}"
        );
        assert_eq!(documents[1].metadata.speaker.as_deref(), Some("Bo"));
        let lines: Vec<_> = documents.iter().map(|d| d.line).collect();
        let first = 2 + usize::from(table.starts_with("sep"));
        assert_eq!(lines, [Some(first), Some(5)], "{table:?}");
    }
}

#[test]
fn other_encodings_and_gzip_are_read() {
    let table = "speaker,text\nJosé,El señor presidente habló ayer de la situación económica.\n";
    let utf16: Vec<u8> = table.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let latin: Vec<u8> = table
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(table.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    for bytes in [table.as_bytes(), &utf16, &latin, &gzip] {
        let (documents, issues) = parse(bytes);
        assert_eq!(issues, []);
        assert_eq!(documents[0].metadata.speaker.as_deref(), Some("José"));
        assert!(documents[0].text.ends_with("económica."));
    }
    let (documents, issues) = parse(&gzip[..gzip.len() - 12]);
    assert_eq!((documents.len(), issues.len()), (0, 1));
}

#[test]
fn a_faulty_row_is_reported_with_its_line() {
    let (documents, issues) = parse(b"speaker,text\nAda,One\na,b,c\nlone\n\nCy,Two,\n");
    assert_eq!(texts(&documents), ["One", "Two"]);
    let lines: Vec<_> = issues.iter().map(|(line, _)| line.unwrap()).collect();
    assert_eq!(lines, [3, 4]);
    assert_eq!(
        issues[0].1,
        SkipReason::CellCount {
            expected: 2,
            received: 3
        }
    );
}

#[test]
fn a_header_without_texts_is_an_error_that_shows_the_columns() {
    let (documents, issues) = parse(b"name,bio\nAda,Words\n");
    assert!(documents.is_empty());
    let message = issues[0].1.to_string();
    assert!(
        message.contains("--text-column") && message.contains("name, bio"),
        "{message}"
    );
    assert!(matches!(parse(b"").1[0].1, SkipReason::Empty));
}

#[test]
fn a_huge_cell_costs_its_row_and_no_memory() {
    let mut table = b"speaker,text\nAda,\"".to_vec();
    table.resize(300_000, b'x');
    table.extend(b"\"\nBo,Two\n");
    let limits = CorpusLimits {
        max_line_bytes: 10_000,
        ..CorpusLimits::default()
    };
    let (documents, issues) = parse_with(&table, limits);
    assert_eq!(texts(&documents), ["Two"]);
    assert_eq!(issues[0].0, Some(2));
    assert!(matches!(
        issues[0].1,
        SkipReason::TooLarge { limit: 10_000, .. }
    ));
    let many = [b"text".to_vec(), vec![b','; 1 << 20]].concat();
    assert_eq!(parse(&many).1.len(), 1);
}
