//! Documents as JSON lines, plain and compressed, and as the body of a request.

#![no_main]

use antiphon::corpus::SubmittedDocument;

libfuzzer_sys::fuzz_target!(|contents: &[u8]| {
    let format = if contents.starts_with(&[0x1f, 0x8b]) {
        "speeches.jsonl.gz"
    } else {
        "speeches.jsonl"
    };
    // Only one of the two is in the folder with content.
    let other = if format.ends_with("gz") {
        "speeches.jsonl"
    } else {
        "speeches.jsonl.gz"
    };
    antiphon_fuzz::read_corpus(&[(format, contents), (other, b"")]);
    if let Ok(document) = SubmittedDocument::parse(contents, 1024) {
        let _ = document.into_document(None);
    }
    let _ = SubmittedDocument::parse_list(contents, 1024);
});
