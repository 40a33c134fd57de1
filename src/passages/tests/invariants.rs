use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::passages::lines::is_ignorable;

/// Checks all properties that hold for any text and consistent counter.
fn check(source: &str, max: usize) {
    let counter = FourCharCounter { max };
    for keep_boilerplate in [false, true] {
        let options = SegmentOptions { keep_boilerplate };
        let cut = segment(source, &counter, &options);
        assert_eq!(cut, segment(source, &counter, &options), "deterministic");
        check_passages(&cut, &counter);
        check_losses(source, &cut, keep_boilerplate);
    }
}

fn check_passages(cut: &SegmentedText, counter: &FourCharCounter) {
    let mut walked = 0;
    for (place, passage) in cut.passages.iter().enumerate() {
        assert_eq!(passage.ordinal as usize, place + 1);
        assert_eq!(slice(&cut.text, passage.range), passage.text);
        assert!(!passage.text.trim().is_empty());
        assert_eq!(passage.text.trim(), passage.text);
        assert_eq!(passage.tokens, counter.count_tokens(&passage.text));
        let single = passage.text.chars().count() == 1;
        assert!(passage.tokens <= counter.max || single, "{passage:?}");
        assert!(walked <= passage.range.start && passage.range.start < passage.range.end);
        check_sentences(&cut.text, passage);
        walked = passage.range.end;
    }
}

fn check_sentences(text: &str, passage: &Passage) {
    let mut at = passage.range.start;
    let mut uncovered = String::new();
    for &sentence in &passage.sentences {
        assert!(at <= sentence.start && sentence.start < sentence.end);
        assert!(sentence.end <= passage.range.end);
        let own = slice(text, sentence);
        assert_eq!(own.trim(), own);
        assert!(!own.contains('\n'));
        let start = at;
        let end = sentence.start;
        uncovered.push_str(&slice(text, TextRange { start, end }));
        at = sentence.end;
    }
    let end = passage.range.end;
    uncovered.push_str(&slice(text, TextRange { start: at, end }));
    for gap in uncovered.split('\n') {
        let gap = gap.trim();
        let marker = gap.is_empty() || bullets::list_marker(&format!("{gap} item")).is_some();
        assert!(
            marker,
            "{gap:?} is neither blank nor a marker in {passage:?}"
        );
    }
}

/// Counts visible characters, except hyphens, which rejoining may remove.
fn visible(text: &str) -> BTreeMap<char, usize> {
    let mut counts = BTreeMap::new();
    for c in text.chars() {
        let joiner = matches!(c, '\u{200c}' | '\u{200d}');
        let hyphen = matches!(c, '-' | '\u{2010}');
        if !(c.is_whitespace() || is_ignorable(c) || joiner || hyphen) {
            *counts.entry(c).or_default() += 1;
        }
    }
    counts
}

fn check_losses(source: &str, cut: &SegmentedText, keep_boilerplate: bool) {
    let passages: String = cut.passages.iter().map(|p| p.text.as_str()).collect();
    let kept = visible(&passages);
    assert_eq!(
        kept,
        visible(&cut.text),
        "all of the clean text is in passages"
    );
    if keep_boilerplate {
        assert!(cut.dropped.is_empty());
        assert_eq!(kept, visible(source));
        return;
    }
    let mut lost = visible(source);
    for (c, count) in kept {
        let left = lost.get_mut(&c).map(|n| *n -= count);
        assert!(left.is_some(), "{c:?} came from nowhere");
    }
    let lost: usize = lost.values().sum();
    let reported: usize = cut.dropped.iter().map(|d| d.chars).sum();
    assert!(
        lost <= reported,
        "{lost} characters lost, {reported} reported"
    );
}

/// Lines of irregular documents.
fn ragged_line() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        "Mr. President,",
        "Ladies and Gentlemen:",
        "Thank you.",
        "---",
        "* * *",
        "•",
        "o one more",
        "15-29425 31/34",
        "\u{c}",
        "A/70/PV.15 28/09/2015",
        "7",
        "Page 3 of 9",
        "Home > News > 2016",
        "About us",
        "Contact us",
        "All rights reserved",
        "Suggest to a Friend",
        "",
        "",
        "  ",
        "· first item",
        "- second item",
        "12. Twelfth item",
        "(a) a letter",
        "these are:",
        "”",
        ")",
        "coopera-",
        "tion",
        "ﬁnal\u{ad}",
        "我们应该共同努力。今天",
        "नमस्ते",
        "e\u{301}\u{301}",
        "👩\u{200d}🚀",
        "\u{200b}\u{feff}",
        "\u{200d}x",
        "he said (H.E. Mr. J. F. Kennedy of the U.N.). “Yes!” he said",
    ]);
    prop_oneof![
        3 => fixed.prop_map(str::to_owned),
        3 => "([A-Z]?[a-z]{1,9}[,;]? ){1,14}[a-z]{1,8}[.,:;!?-]{0,2}",
        1 => "([a-z]{1,9} ){20,90}",
        1 => "[A-Za-z]{1,400}",
        1 => "\\PC{0,40}",
        1 => any::<String>(),
    ]
}

fn ragged() -> impl Strategy<Value = String> {
    let end = prop::sample::select(vec![
        "\n", "\n", "\n\n", "\r\n", "\r", "\n\n\n\n", "\u{2029}",
    ]);
    prop::collection::vec((ragged_line(), end), 0..40)
        .prop_map(|lines| lines.into_iter().map(|(line, end)| line + end).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hold_for_ragged_texts(text in ragged(), max in 8_usize..300) {
        check(&text, max);
    }

    #[test]
    fn hold_for_any_text(text in any::<String>(), max in 3_usize..40) {
        check(&text, max);
    }
}

#[test]
fn hold_at_the_edges() {
    let joiners = "a\u{200d}".repeat(900);
    let marks = format!("e{}", "\u{301}".repeat(3_000));
    let word = "x".repeat(20_000);
    let wide = "共同".repeat(2_000);
    for text in [
        "", " ", "\n", "\u{c}", "\u{feff}", "\0", ".", "•", "-", "\u{301}", "\u{200d}", "a", "1.",
        &joiners, &marks, &word, &wide,
    ] {
        check(text, 256);
        check(text, 3);
    }
}

#[test]
fn a_counter_that_always_reports_too_many_tokens_is_handled() {
    struct Never;
    impl TokenCounter for Never {
        fn count_tokens(&self, text: &str) -> usize {
            100 + text.len()
        }
        fn max_tokens(&self) -> usize {
            2
        }
    }
    let cut = segment(
        "We the people. And more.",
        &Never,
        &SegmentOptions::default(),
    );
    assert!(cut.passages.iter().all(|p| p.text.chars().count() == 1));
    let joined: String = cut.passages.iter().map(|p| p.text.as_str()).collect();
    assert_eq!(joined, "Wethepeople.Andmore.");
}
