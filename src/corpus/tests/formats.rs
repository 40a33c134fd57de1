//! Files of each format, and their errors.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use serde_json::json;

use super::{Folder, read};
use crate::corpus::{CorpusLimits, DocumentNote};

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn utf16(text: &str, mark: bool) -> Vec<u8> {
    let mark = if mark { "\u{feff}" } else { "" };
    let units = mark.encode_utf16().chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

#[test]
fn text_is_decoded_and_the_encoding_reported() {
    let western = "The people\u{2019}s voice \u{2014} caf\u{e9}, na\u{ef}ve, r\u{e9}sum\u{e9}.";
    let (windows, _, _) = encoding_rs::WINDOWS_1252.encode(western);
    let folder = Folder::with(&[
        ("a.txt", b"plain\r\n\x0cpage"),
        ("b.txt", b"\xef\xbb\xbfmarked"),
        ("c.txt", &utf16("wide caf\u{e9}", true)),
        ("d.txt", &utf16("wide without a mark", false)),
        ("e.txt", &windows),
    ]);
    let run = folder.read();
    assert_eq!(run.skips(), Vec::<String>::new());
    let texts: Vec<&str> = run.documents.iter().map(|d| d.text.as_str()).collect();
    let expected = [
        "plain\r\n\u{c}page",
        "marked",
        "wide café",
        "wide without a mark",
        western,
    ];
    assert_eq!(texts, expected);
    let decoded = |encoding| vec![DocumentNote::Decoded { encoding }];
    assert_eq!(run.notes[..2], [vec![], vec![]]);
    assert_eq!(run.notes[2], decoded("UTF-16LE"));
    assert_eq!(run.notes[3], decoded("UTF-16LE"));
    assert_eq!(run.notes[4], decoded("windows-1252"));
}

#[test]
fn files_without_text_are_skipped_with_a_reason() {
    let binary: Vec<u8> = (0..=255).cycle().take(5000).collect();
    let folder = Folder::with(&[
        ("a.txt", b""),
        ("b.txt", b" \n\t\r\n"),
        ("c.txt", &binary),
        (
            "d.txt",
            "été, café,\nnaïve \u{2014} "
                .as_bytes()
                .iter()
                .chain(b"\xff")
                .copied()
                .collect::<Vec<_>>()
                .as_slice(),
        ),
        ("e.txt", &[b'x'; 200]),
        ("f.txt", b"abc\0def"),
    ]);
    let limits = CorpusLimits {
        max_text_bytes: 99,
        ..CorpusLimits::default()
    };
    let skips = read(&[&folder.path("")], &limits).skips();
    assert!(skips[0].contains("no text") && skips[1].contains("no text"));
    assert!(
        skips[3].contains("looks like UTF-8") && skips[3].contains("line 2"),
        "{skips:?}"
    );
    assert!(skips[4].contains("at most 99 bytes, received 200"));
    let run = folder.read();
    assert!(
        run.skips()[2].contains("binary content"),
        "{:?}",
        run.skips()
    );
    assert_eq!(run.notes[1], [DocumentNote::ControlCharacters { count: 1 }]);
}

#[test]
fn json_lines_have_fields_and_attributes() {
    let file = concat!(
        "\u{feff}{\"id\":\"a\",\"text\":\"one\",\"title\":\" A\\n title \",\"date\":2015,\"session\":70}\r\n",
        "\r\n",
        "{\"text\":\"two\",\"id\":7,\"speaker\":null,\"attributes\":{\"x\":[1],\"country\":\"FR\"}}\n",
        "{\"text\":\"three\",\"title\":5,\"date\":\"23.10.2015\",\"x\":1,\"x\":2,\"metadata\":\"m\"}\n",
        "{\"text\":\"four\",\"id\":\"has space\"}",
    );
    let run = Folder::with(&[("Some talks.jsonl", file.as_bytes())]).read();
    assert_eq!(run.ids(), ["a", "7", "Some-talks-4", "has-space"]);
    let [a, b, c, _] = &run.documents[..] else {
        panic!("four documents: {run:?}")
    };
    assert_eq!(
        serde_json::to_value(&a.metadata).unwrap(),
        json!({"title": "A title", "date": "2015", "attributes": {"session": 70}})
    );
    assert_eq!(
        serde_json::to_value(&b.metadata).unwrap(),
        json!({"country": "FR", "attributes": {"x": [1]}})
    );
    assert_eq!(c.metadata.attributes["x"], 1);
    assert_eq!(c.metadata.attributes["metadata"], "m");
    let notes: Vec<String> = run.notes[2].iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        [
            "title ignored: expected a string, received the number 5",
            "date ignored: expected an existing date such as 2015, 2015-10 or 2015-10-23, received \"23.10.2015\"",
            "x has two values: kept 1, ignored 2",
        ]
    );
    assert!(matches!(&run.notes[3][..], [DocumentNote::IdChanged { id, .. }] if id == "has-space"));
    assert!(run.locations[1].ends_with("Some talks.jsonl:3"));
}

#[test]
fn invalid_lines_are_skipped_and_the_others_read() {
    let mut file = b"{\"text\":\"one\"}\n[1]\n{\"text\":3}\n{\"Text\":\"x\"}\n{\"text\":\"x\",\"id\":1.5}\n{\"text\":\"\"}\n{\"text\":\"x\"\n\xff\xfe{}\n".to_vec();
    file.extend(format!("{{\"text\":\"{}\"}}\n", "x".repeat(1000)).bytes());
    file.extend(b"{\"text\":\"last\"}");
    let limits = CorpusLimits {
        max_line_bytes: 500,
        ..CorpusLimits::default()
    };
    let folder = Folder::with(&[("t.ndjson", &file)]);
    let run = read(&[&folder.path("")], &limits);
    assert_eq!(run.ids(), ["t-1", "t-10"]);
    let expected = [
        "Some(2) expected a JSON object, received an array",
        "Some(3) text: expected a string, received the number 3",
        "Some(4) a `text` field is required; received fields: Text",
        "Some(5) id: expected a string or an integer, received the number 1.5",
        "Some(6) it contains no text",
        "Some(7) it is not JSON: unexpected end",
        "Some(8) expected UTF-8, received an invalid byte at position 1",
        "Some(9) expected at most 500 bytes, received more",
    ];
    let skips = run.skips();
    assert_eq!(skips.len(), expected.len(), "{skips:#?}");
    for (skip, expected) in skips.iter().zip(expected) {
        assert!(skip.starts_with(expected), "{skip} / {expected}");
    }
}

#[test]
fn a_truncated_gzip_file_is_read_up_to_the_error() {
    let line = |n: usize| {
        format!(
            "{{\"id\":\"d{n}\",\"text\":\"{}\"}}\n",
            "word ".repeat(n + 1)
        )
    };
    let lines: Vec<String> = (0..3000)
        .map(|n| line(n * 37 % 101).replace("\"d", &format!("\"e{n}-")))
        .collect();
    let whole = gzip(lines.concat().as_bytes());
    let mut two = whole.clone();
    two.extend(gzip(b"{\"id\":\"second\",\"text\":\"member\"}"));
    let run = Folder::with(&[("w.jsonl.gz", &two)]).read();
    assert_eq!((run.documents.len(), run.skipped.len()), (3001, 0));

    let cut = Folder::with(&[("w.JSONL.GZ", &whole[..whole.len() / 2])]).read();
    assert!(cut.documents.len() > 100 && cut.documents.len() < 3000);
    assert_eq!(cut.documents[..], run.documents[..cut.documents.len()]);
    let skips = cut.skips();
    assert_eq!(skips.len(), 1, "{skips:?}");
    assert!(skips[0].contains("damaged or cut short after"), "{skips:?}");

    let garbage = Folder::with(&[("w.jsonl.gz", b"not gzip")]).read();
    assert!(garbage.skips()[0].contains("damaged or cut short after 0 bytes"));
}

#[test]
fn front_matter_becomes_metadata() {
    let file = "---\r\nTitle: 1984\nspeaker: 'O''Brien: a life'\ndate: 2015-10\nsession: 70\n\
        country: NO\ntags: [a, {b: c}]\nlanguage:\nid: my-id\n---\n\n# Heading\n\nBody *text*.\n";
    let run = Folder::with(&[
        ("x.md", file.as_bytes()),
        ("y.md", b"# Only *heading*\n\nText"),
    ])
    .read();
    assert_eq!(run.ids(), ["my-id", "y"]);
    assert_eq!(run.documents[0].text, "Heading\n\nBody text.");
    assert_eq!(
        serde_json::to_value(&run.documents[0].metadata).unwrap(),
        json!({"title": "1984", "speaker": "O'Brien: a life", "date": "2015-10", "country": "NO",
               "attributes": {"session": 70, "tags": ["a", {"b": "c"}]}})
    );
    assert_eq!(
        run.documents[1].metadata.title.as_deref(),
        Some("Only heading")
    );
    assert_eq!(run.notes, [vec![], vec![]]);
}

#[test]
fn malformed_front_matter_is_noted_and_text_between_rules_kept() {
    let folder = Folder::with(&[
        ("a.md", b"---\n\nA speech between rules.\n\n---\n\nMore.\n"),
        ("b.md", b"---\ntitle: [open\nspeaker: x\n---\nBody\n"),
        ("c.md", b"---\nnever closed\n"),
        ("d.md", b"---\na: &x [1]\nb: *x\n---\nBody\n"),
        ("e.md", b"---\ntitle: [a]\ndate: yesterday\n---\nBody\n"),
    ]);
    let run = folder.read();
    let texts: Vec<&str> = run.documents.iter().map(|d| d.text.as_str()).collect();
    assert_eq!(texts[1..2], ["Body"]);
    assert!(texts[0].contains("A speech between rules.") && texts[2].contains("never closed"));
    assert_eq!(run.notes[0], []);
    assert!(run.notes[1][0].to_string().contains("front matter, line"));
    assert!(
        run.notes[3][0]
            .to_string()
            .contains("line 3: expected YAML"),
        "{:?}",
        run.notes[3]
    );
    assert_eq!(run.notes[4].len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Every file yields a document or a reason, whatever its bytes, and nothing panics.
    #[test]
    fn no_input_is_lost_or_causes_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let names = ["a.txt", "b.md", "c.jsonl", "d.jsonl.gz", "metadata.csv"];
        let files: Vec<(&str, &[u8])> = names.iter().map(|name| (*name, bytes.as_slice())).collect();
        let run = Folder::with(&files).read();
        for name in &names[..2] {
            let document = run.locations.iter().filter(|location| location.ends_with(name)).count();
            let skipped = run.skipped.iter().filter(|skip| skip.location.file.ends_with(name)).count();
            prop_assert_eq!(document + skipped, 1);
        }
    }

    /// Random YAML and Markdown of characters that are special to parsers.
    #[test]
    fn no_markup_causes_a_panic(yaml in "[a-c:\\-\\[\\]{}&*!|>'\"#%@ ,?\n\t\\\\é]{0,80}", body in "[a-c#>*_\\-\\[\\]()|<>!`~\n 1.^:\\\\é]{0,120}") {
        let file = format!("---\n{yaml}\n---\n{body}");
        let run = Folder::with(&[("a.md", file.as_bytes()), ("metadata.csv", format!("file,x\n{yaml}").as_bytes())]).read();
        prop_assert_eq!(run.documents.len() + run.skipped.len(), 1);
    }
}

#[test]
fn few_bytes_above_ascii_are_a_guess_that_is_said_to_be_one() {
    let english = |word: &[u8]| {
        [
            b"The price of the bread is " as &[u8],
            word,
            b" in that town.",
        ]
        .concat()
    };
    let folder = Folder::with(&[
        ("a.txt", &english(b"\xa37 and \xbd")),
        ("b.txt", &english(b"na\xefve")),
    ]);
    let run = folder.read();
    assert_eq!(
        run.documents[0].text,
        "The price of the bread is £7 and ½ in that town."
    );
    assert_eq!(
        run.documents[1].text,
        "The price of the bread is naïve in that town."
    );
    let encoding = "windows-1252";
    assert_eq!(run.notes[0], [DocumentNote::Guessed { encoding, bytes: 2 }]);
    assert_eq!(run.notes[1], [DocumentNote::Guessed { encoding, bytes: 1 }]);
}

#[test]
fn english_from_a_chinese_program_is_not_western() {
    let english = "The people\u{2019}s voice is heard \u{2014} and it is the voice of the land. \u{201c}We are one,\u{201d} it says, and that is not the end of the people\u{2019}s story in this land of ours.";
    let (big5, _, _) = encoding_rs::BIG5.encode(english);
    let run = Folder::with(&[("a.txt", &big5)]).read();
    assert_eq!(run.documents[0].text, english);
    assert_eq!(run.notes[0], [DocumentNote::Decoded { encoding: "Big5" }]);
}

#[test]
fn other_encodings_than_utf8_are_decoded_by_name() {
    let mut cut = utf16("We ask for peace in the valley", true);
    cut.push(b'.');
    let folder = Folder::with(&[
        ("a.txt", &cut),
        ("b.txt", &utf16("Мы просим мира для всех людей.", false)),
        ("c.txt", b"M+AOQ-nner und V+APY-gel"),
    ]);
    let run = folder.read();
    let texts: Vec<&str> = run.documents.iter().map(|d| d.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "We ask for peace in the valley",
            "Мы просим мира для всех людей.",
            "Männer und Vögel"
        ]
    );
    assert_eq!(
        run.notes[0][1],
        DocumentNote::CutCharacter {
            encoding: "UTF-16LE"
        }
    );
    assert_eq!(run.notes[2], [DocumentNote::Decoded { encoding: "UTF-7" }]);
}

#[test]
fn text_that_another_program_misread_is_noted() {
    let folder = Folder::with(&[(
        "a.txt",
        "The rÃ©gime said â€œnoâ€\u{9d}. Â£5, déjà.".as_bytes(),
    )]);
    assert_eq!(folder.read().notes[0], [DocumentNote::Misread { count: 4 }]);
}
