//! Plain text in any encoding, and its segmentation.

#![no_main]

libfuzzer_sys::fuzz_target!(|contents: &[u8]| {
    antiphon_fuzz::read_corpus(&[("speech.txt", contents)]);
});
