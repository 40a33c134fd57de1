use std::time::{Duration, Instant};

use super::*;

/// Enough for a debug build on a busy machine; quadratic time would take minutes.
const TIME_LIMIT: Duration = Duration::from_secs(20);

#[test]
fn no_text_takes_quadratic_time() {
    let scale = 100_000;
    let texts = [
        ("a giant word", "a".repeat(scale * 4)),
        ("a giant line", "We the people. ".repeat(scale / 4)),
        ("no full stop", "word ".repeat(scale)),
        ("one letter a line", "A\n".repeat(scale)),
        ("items", "• A\n".repeat(scale)),
        ("numbers", "7\n".repeat(scale)),
        ("torn words", "ab-\n".repeat(scale)),
        ("abbreviations", "Mr. ".repeat(scale)),
        ("quotes", "?) ".repeat(scale)),
        ("full stops", "1.".repeat(scale)),
        (
            "marks on one letter",
            format!("a{}", "\u{301}".repeat(scale)),
        ),
        ("headings", "Title\n\n\n".repeat(scale)),
        ("blank lines", "\n".repeat(scale * 4)),
    ];
    for (name, text) in texts {
        let start = Instant::now();
        cut(&text);
        assert!(
            start.elapsed() < TIME_LIMIT,
            "{name} took {:?}",
            start.elapsed()
        );
    }
}
