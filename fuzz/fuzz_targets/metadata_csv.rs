//! The table of metadata next to a corpus.

#![no_main]

libfuzzer_sys::fuzz_target!(|contents: &[u8]| {
    antiphon_fuzz::read_corpus(&[
        ("metadata.csv", contents),
        ("a.txt", b"Peace."),
        ("b.jsonl", br#"{"text": "Peace."}"#),
    ]);
});
