//! JSON in arrays, objects and nested lists, and transcripts.

#![no_main]

libfuzzer_sys::fuzz_target!(|contents: &[u8]| {
    antiphon_fuzz::read_corpus(&[("a.json", contents)]);
});
