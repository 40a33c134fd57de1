//! Web pages.

#![no_main]

libfuzzer_sys::fuzz_target!(|contents: &[u8]| {
    antiphon_fuzz::read_corpus(&[("a.html", contents)]);
});
