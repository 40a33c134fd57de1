use std::cell::Cell;

use super::*;

/// A text is counted in its pieces and in its parts: up to 2.7 times for these texts.
const MAX_COUNTED_PER_BYTE: usize = 4;

/// Counts the bytes that it is given.
struct CountingCounter {
    counter: FourCharCounter,
    bytes: Cell<usize>,
}

impl TokenCounter for CountingCounter {
    fn count_tokens(&self, text: &str) -> usize {
        self.bytes.set(self.bytes.get() + text.len());
        self.counter.count_tokens(text)
    }

    fn max_tokens(&self) -> usize {
        self.counter.max_tokens()
    }
}

/// Returns how many bytes of tokens are counted for each byte of a text.
fn counted_per_byte(text: &str) -> usize {
    let counter = CountingCounter {
        counter: COUNTER,
        bytes: Cell::new(0),
    };
    let _ = segment(text, &counter, &SegmentOptions::default());
    counter.bytes.get() / text.len()
}

/// Counting tokens is what costs. What is quadratic for another reason takes minutes here.
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
        ("questions", "a?b?".repeat(scale)),
        ("clocks", "Anna Keller 0:14\n".repeat(scale / 4)),
        (
            "notes",
            "It goes on and on and on and on and\n1 Note\n".repeat(scale / 8),
        ),
        ("leaders", "Title . . . . 1\n".repeat(scale / 4)),
        (
            "marks on one letter",
            format!("a{}", "\u{301}".repeat(scale)),
        ),
        ("headings", "Title\n\n\n".repeat(scale)),
        ("blank lines", "\n".repeat(scale * 4)),
    ];
    for (name, text) in texts {
        let counted = counted_per_byte(&text);
        assert!(counted <= MAX_COUNTED_PER_BYTE, "{name}: {counted}");
    }
}
