//! Keyword queries, from the parser to FTS5, and the highlights of their terms.

#![no_main]

use antiphon::keyword::{highlights, parse_terms};
use antiphon_fuzz::SNAPSHOT;

libfuzzer_sys::fuzz_target!(|query: &str| {
    let terms = parse_terms(query);
    let searched = SNAPSHOT.keyword_search(&terms, |row, score| {
        assert!(SNAPSHOT.key_of(row).is_some() && score.is_finite());
    });
    let searched = searched.unwrap_or_else(|error| panic!("{query:?}: {error}"));
    let text = "Peace is not the absence of war; L'État, straße, Москва. ".to_owned() + query;
    let characters = text.chars().count();
    for range in highlights(&searched, &text) {
        assert!(range.start < range.end && range.end <= characters);
    }
});
