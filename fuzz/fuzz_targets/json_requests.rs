//! The bodies of all requests.

#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    antiphon::server::fuzzing::parse_body(body, &antiphon_fuzz::SNAPSHOT);
});
