//! `metadata.csv`: rows are matched to files, and problems are reported.

use super::{Folder, read};
use crate::corpus::{CorpusLimits, DocumentNote};

#[test]
fn rows_set_fields_attributes_and_ids() {
    let folder = Folder::with(&[
        ("a.txt", b"A"),
        ("b.md", b"---\nspeaker: From the file\n---\n# Heading\n\nB"),
        ("c.txt", b"C"),
        (
            "metadata.csv",
            b"File,Title,speaker,date,id,Archive No\n\
            a.txt,\"One, two\nthree\",S,2015,given,7\n\n./b.md,,Other,,,\n",
        ),
    ]);
    let run = folder.read();
    assert_eq!(run.ids(), ["given", "b", "c"]);
    let a = &run.documents[0].metadata;
    assert_eq!(a.title.as_deref(), Some("One, two three"));
    assert_eq!(a.attributes["Archive No"], "7");
    let b = &run.documents[1].metadata;
    assert_eq!(
        (b.title.as_deref(), b.speaker.as_deref()),
        (Some("Heading"), Some("From the file"))
    );
    assert_eq!(
        run.notes[1][0].to_string(),
        "speaker has two values: kept \"From the file\", ignored \"Other\""
    );
    assert!(matches!(
        run.notes[2][..],
        [DocumentNote::NoMetadataRow { .. }]
    ));
    assert_eq!(run.warnings(), Vec::<String>::new());
    // The table is also used if only a file is named.
    let one = read(&[&folder.path("a.txt")], &CorpusLimits::default());
    assert_eq!(one.documents[..], run.documents[..1]);
}

#[test]
fn an_invalid_row_is_reported_and_the_others_are_used() {
    let folder = Folder::with(&[
        ("a.txt", b"A"),
        ("b.txt", b"B"),
        ("c.txt", b"C"),
        ("sub/d.txt", b"D"),
        (
            "metadata.csv",
            b"file,title,date,title,\n\
            a.txt,T,2015-02-30,,\n\
            gone.txt,T,,,\n\
            a.txt,again,,,\n\
            b.txt,One, two,,,\n\
            c.txt,\"never closed,2015,,\n\
            ,T,,,\n\
            sub/d.txt,T,,,\n\
            \r\n\
            b.txt,Right,2016,,\n",
        ),
    ]);
    let run = folder.read();
    let expected = [
        "Some(1) duplicate column title",
        "Some(1) column 5 has no name",
        "Some(2) date ignored",
        "Some(3) row ignored: no file gone.txt",
        "Some(4) row ignored: a.txt already has the row on line 2",
        "Some(5) row ignored: expected 5 cells, received 6",
        "Some(6) row ignored: unclosed quotation mark",
        "Some(7) row ignored: the file cell is blank",
        "Some(8) row ignored: sub/d.txt is in another folder",
    ];
    let warnings = run.warnings();
    assert_eq!(warnings.len(), expected.len(), "{warnings:#?}");
    for (warning, expected) in warnings.iter().zip(expected) {
        assert!(warning.starts_with(expected), "{warning} / {expected}");
    }
    assert_eq!(run.documents[1].metadata.title.as_deref(), Some("Right"));
    assert_eq!(run.documents[0].metadata.title.as_deref(), Some("T"));
    assert!(matches!(
        run.notes[2][..],
        [DocumentNote::NoMetadataRow { .. }]
    ));
    assert_eq!(run.notes[3], [], "another folder has no table");
}

#[test]
fn names_match_across_normalization_and_case_if_unambiguous() {
    let folder = Folder::with(&[
        ("\u{e9}t\u{e9}.txt", b"1"),
        ("Speech.txt", b"2"),
        ("x.txt", b"3"),
        ("X.txt", b"4"),
        (
            "metadata.csv",
            "file;title\ne\u{301}te\u{301}.txt;one\nSPEECH.TXT;two\nX.TXT;?\n".as_bytes(),
        ),
    ]);
    let run = folder.read();
    let title = |id: &str| {
        let found = run.documents.iter().find(|d| d.id.as_str() == id).unwrap();
        found.metadata.title.clone().unwrap_or_default()
    };
    assert_eq!(
        (title("été"), title("Speech")),
        ("one".into(), "two".into())
    );
    assert_eq!(
        run.warnings(),
        [
            "Some(3) SPEECH.TXT matched to Speech.txt ignoring case",
            "Some(4) row ignored: X.TXT is ambiguous: X.txt, x.txt",
        ]
    );
}

#[test]
fn tables_in_utf16_with_tabs_or_without_a_file_column() {
    let wide: Vec<u8> = "\u{feff}file\ttitle\na.txt\tÜber, alles\n"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    let run = Folder::with(&[("a.txt", b"A"), ("metadata.csv", &wide)]).read();
    assert_eq!(
        run.documents[0].metadata.title.as_deref(),
        Some("Über, alles")
    );
    assert_eq!(run.warnings(), ["Some(1) decoded from UTF-16BE"]);

    for (table, expected) in [
        (
            &b"name,title\na.txt,T\n"[..],
            "Some(1) table ignored: expected a column `file`, received name, title",
        ),
        (
            b"",
            "Some(1) table ignored: expected a column `file`, received none",
        ),
        (b"file\0\0\0\xff\0\xff\0", "table ignored"),
    ] {
        let run = Folder::with(&[("a.txt", b"A"), ("metadata.csv", table)]).read();
        assert!(run.warnings()[0].contains(expected), "{:?}", run.warnings());
        assert_eq!(run.notes, [vec![]]);
    }
}

#[test]
fn a_row_for_several_documents_sets_defaults() {
    let folder = Folder::with(&[
        (
            "all.jsonl",
            b"{\"id\":\"a\",\"text\":\"A\",\"country\":\"FR\"}\n{\"id\":\"b\",\"text\":\"B\"}\n",
        ),
        (
            "metadata.csv",
            b"file,id,country,source\nall.jsonl,x,CN,UN\n",
        ),
    ]);
    let run = folder.read();
    assert_eq!(run.ids(), ["a", "b"]);
    let countries: Vec<_> = run
        .documents
        .iter()
        .map(|d| d.metadata.country.as_deref())
        .collect();
    assert_eq!(countries, [Some("FR"), Some("CN")]);
    assert_eq!(
        run.warnings(),
        ["Some(2) id x ignored: all.jsonl contains several documents"]
    );
    assert_eq!(run.notes, [vec![], vec![]]);
}

#[test]
fn too_many_unclosed_quotes_end_the_table() {
    let rows = "a.txt,\"x\n".repeat(300);
    let table = format!("file,title\n{rows}");
    let run = Folder::with(&[("a.txt", b"A"), ("metadata.csv", table.as_bytes())]).read();
    assert_eq!(run.warnings.len(), 101);
    assert!(run.warnings()[100].contains("rest of the table ignored"));
}

#[test]
fn two_unclosed_quotes_do_not_form_one_cell() {
    let table = b"file,title\na.txt,\"x\nb.txt,\"y\nc.txt,\"z \"\"quoted\"\"\nline\"\n";
    let run = Folder::with(&[("c.txt", b"C"), ("metadata.csv", table)]).read();
    let title = run.documents[0].metadata.title.as_deref();
    assert_eq!(title, Some("z \"quoted\" line"));
    let warnings = run.warnings();
    assert!(warnings[0].starts_with("Some(2)") && warnings[1].starts_with("Some(3)"));
    assert_eq!(warnings.len(), 2);
}
