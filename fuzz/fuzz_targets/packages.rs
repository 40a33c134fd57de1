//! ZIP archives, and the formats that are packages: Word, `OpenDocument`, EPUB, spreadsheets.

#![no_main]

libfuzzer_sys::fuzz_target!(|contents: &[u8]| {
    for name in ["a.zip", "a.docx", "a.odt", "a.epub", "a.ods", "a.xlsx"] {
        antiphon_fuzz::read_corpus(&[(name, contents)]);
    }
});
