use std::io::{Cursor, Write};
use std::sync::Arc;

use zip::write::{SimpleFileOptions, ZipWriter};

use super::{read_tar, read_zip};
use crate::corpus::CorpusLimits;
use crate::corpus::parsed::{CountingReader, ParsedDocuments, ReadContext};

type Reader = fn(CountingReader, &ReadContext) -> ParsedDocuments;

fn read(
    reader: Reader,
    bytes: Vec<u8>,
    limits: CorpusLimits,
) -> (Vec<(String, String)>, Vec<String>) {
    let context = ReadContext {
        limits,
        options: Arc::default(),
        path: "a.zip".into(),
    };
    let (mut documents, mut issues) = (Vec::new(), Vec::new());
    for result in reader(CountingReader::from_bytes(bytes), &context) {
        match result {
            Ok(document) => {
                documents.push((document.entry.unwrap().display().to_string(), document.text));
            }
            Err(issue) => {
                let entry = issue.entry.unwrap_or_default();
                issues.push(format!("{}: {}", entry.display(), issue.reason));
            }
        }
    }
    (documents, issues)
}

const FILES: [(&str, &[u8]); 6] = [
    ("d/one.txt", b"One."),
    ("d/rows.csv", b"speaker,text\nAda,Two.\nBo,Three."),
    ("../evil.txt", b"outside"),
    ("image.png", b"PNG"),
    ("inner.zip", b"PK"),
    ("__MACOSX/x.txt", b"hidden"),
];

fn zip() -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in FILES {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn tar() -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let long = format!("{}/long.txt", "x".repeat(150));
    let mut append = |name: &str, content: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        // The builder refuses paths that lead outside.
        if name.starts_with("..") {
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            archive.append(&header, content).unwrap();
        } else {
            archive.append_data(&mut header, name, content).unwrap();
        }
    };
    for (name, content) in FILES {
        append(name, content);
    }
    append(&long, b"Long.");
    archive.into_inner().unwrap()
}

#[test]
fn the_files_of_an_archive_are_read_like_a_folder() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&tar()).unwrap();
    for (reader, bytes) in [
        (read_zip as Reader, zip()),
        (read_tar as Reader, tar()),
        (read_tar as Reader, gzip.finish().unwrap()),
    ] {
        let (documents, issues) = read(reader, bytes, CorpusLimits::default());
        let texts: Vec<_> = documents.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts[..3], ["One.", "Two.", "Three."]);
        assert_eq!(documents[0].0, "d/one.txt");
        if documents.len() > 3 {
            assert!(documents[3].0.ends_with("/long.txt") && documents[3].0.len() > 150);
        }
        assert_eq!(issues.len(), 3, "{issues:?}");
        assert!(
            issues[0].contains("outside")
                && issues[1].contains(".png")
                && issues[2].contains("within archives")
        );
    }
}

#[test]
fn bombs_and_damaged_archives_are_reported() {
    let mut bomb = ZipWriter::new(Cursor::new(Vec::new()));
    bomb.start_file("a.txt", SimpleFileOptions::default())
        .unwrap();
    bomb.write_all(&vec![b' '; 16 << 20]).unwrap();
    bomb.start_file("b.txt", SimpleFileOptions::default())
        .unwrap();
    bomb.write_all(b"Fine.").unwrap();
    let (documents, issues) = read(
        read_zip,
        bomb.finish().unwrap().into_inner(),
        CorpusLimits::default(),
    );
    assert_eq!((documents.len(), issues.len()), (1, 1));
    assert!(issues[0].contains("packed bytes"), "{issues:?}");

    let small = CorpusLimits {
        max_file_bytes: 4,
        ..CorpusLimits::default()
    };
    let (documents, issues) = read(read_tar, tar(), small);
    assert_eq!(documents.len(), 1, "{documents:?}");
    assert!(issues[0].contains("at most 4 bytes"), "{issues:?}");

    for cut in [0, 1, 600, 1400] {
        let _ = read(read_tar, tar()[..cut].to_vec(), CorpusLimits::default());
        let (documents, issues) = read(
            read_zip,
            zip()[..cut.min(zip().len() / 2)].to_vec(),
            CorpusLimits::default(),
        );
        assert_eq!((documents.len(), issues.len()), (0, 1));
    }
    let mut damaged = tar();
    damaged[10] ^= 0xff;
    assert!(read(read_tar, damaged, CorpusLimits::default()).1[0].contains("header"));
}
