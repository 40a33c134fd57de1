//! The parameters of a search in a URL.

#![no_main]

libfuzzer_sys::fuzz_target!(|parameters: &str| {
    antiphon::server::fuzzing::parse_url_parameters(parameters, &antiphon_fuzz::SNAPSHOT);
});
