use super::*;

/// Lines wrapped at the width of a narrow page.
const NARROW: &str = "\
We meet in this hall at a time of great peril for all of the
peoples whom we serve, and it falls to us to find the words
and the will. The Charter that our founders wrote in San
Francisco still shows the way.
Let us not forget what they had seen. They had lived through
two wars in a single lifetime, and they swore that no third
would follow. We are the heirs of that oath, and we have to
keep it.
";

#[test]
fn wrapped_lines_are_rejoined_into_paragraphs() {
    let texts = texts(NARROW);
    assert_eq!(texts.len(), 2);
    assert!(
        texts[0]
            .starts_with("We meet in this hall at a time of great peril for all of the peoples")
    );
    assert!(texts[0].ends_with("founders wrote in San Francisco still shows the way."));
    assert!(texts[1].starts_with("Let us not forget"));
    assert!(!texts.iter().any(|text| text.contains('\n')));
}

#[test]
fn a_page_break_does_not_end_a_sentence() {
    let text = format!(
        "{NARROW}\nWe must build on what was agreed here and all abandon the Cold\n\n\n\nWar mentality that has no place among us now that we know better.\n"
    );
    let last = texts(&text).pop().unwrap();
    assert!(last.contains("the Cold War mentality"), "{last}");
}

#[test]
fn page_furniture_does_not_end_a_sentence() {
    let before = "Member States have worked for many years to find a common answer. However, it";
    let text = format!(
        "{before}\n15-29425 31/34\n\u{c}\nA/70/PV.15 28/09/2015\nalso poses a challenge to us all. And we shall meet it together, as we always have."
    );
    let cut = cut(&text);
    assert_eq!(cut.passages.len(), 1);
    assert!(cut.text.contains("However, it also poses a challenge"));
    let dropped: Vec<_> = cut
        .dropped
        .iter()
        .map(|d| (d.reason, d.line, d.lines))
        .collect();
    assert_eq!(dropped, [(DropReason::PageFurniture, 2, 2)]);
}

#[test]
fn symbols_in_mid_sentence_are_page_furniture_without_a_form_feed() {
    let text = format!(
        "{} And we turn to the technocrats at the International Monetary\n6/62\n21-00395\n13/01/2021\nA/75/592/Add.9\nFund, which has told us. {}",
        paragraph("peace", 5),
        paragraph("law", 5)
    );
    assert!(
        cut(&text)
            .text
            .contains("the International Monetary Fund, which")
    );
    assert_eq!(reasons(&text)[0].2, 4);
}

#[test]
fn one_paragraph_per_line_is_not_rejoined() {
    let lines = [
        paragraph("peace", 6),
        paragraph("trade", 7),
        paragraph("climate", 5),
    ];
    assert_eq!(texts(&lines.join("\n")), lines);
    assert_eq!(texts(&lines.join("\r\n\r\n")), lines);
}

#[test]
fn a_line_that_stops_in_mid_sentence_is_continued() {
    let text = format!(
        "{} And we will not\nforget those who serve. {}",
        paragraph("peace", 5),
        paragraph("law", 5)
    );
    assert!(
        cut(&text)
            .text
            .contains("we will not forget those who serve")
    );
    let text = format!(
        "{} We thank the\nSecretary-General for his work. {}",
        paragraph("peace", 5),
        paragraph("law", 5)
    );
    assert!(
        cut(&text)
            .text
            .contains("We thank the Secretary-General for")
    );
}

#[test]
fn blank_lines_inside_sentences_are_ignored() {
    let lines: Vec<&str> = NARROW.lines().collect();
    let spaced = lines.join("\n\n");
    assert_eq!(texts(&spaced), texts(NARROW));
}

#[test]
fn text_in_capitals_is_rejoined() {
    let texts = texts(&NARROW.to_uppercase());
    assert_eq!(texts.len(), 2);
    assert!(texts[1].starts_with("LET US NOT FORGET"));
}

fn hyphenated(stem: &str, rest: &str, elsewhere: &str) -> String {
    cut(&format!(
        "{elsewhere} and that is why all of us here believe in {stem}\n{rest} above all else."
    ))
    .text
}

#[test]
fn broken_words_are_joined_and_compounds_kept() {
    assert!(hyphenated("coopera-", "tion", "We meet").contains("in cooperation above"));
    assert!(
        hyphenated(
            "under-",
            "standing",
            "Our understanding is under trial, a standing one,"
        )
        .contains("in understanding above")
    );
    assert!(
        hyphenated("cyber-", "security", "We know cyber-security")
            .contains("in cyber-security above")
    );
    assert!(
        hyphenated("cyber-", "security", "We know cyber threats to security")
            .contains("in cyber-security above")
    );
    assert!(hyphenated("non-", "proliferation", "We meet").contains("in non-proliferation above"));
    assert!(
        hyphenated("multi\u{ad}", "lateralism", "We meet").contains("in multilateralism above")
    );
    assert!(hyphenated("Indo-", "Pacific", "We meet").contains("Indo-"));
}

#[test]
fn characters_are_cleaned() {
    let cut = cut("\u{feff}We\u{a0}\u{a0}the   people\u{200b}\u{7}\tof the\u{2028}world.");
    assert_eq!(cut.text, "We the people of the world.");
}

#[test]
fn scripts_without_blanks_are_rejoined_without_blanks() {
    let line = "我们应该共同努力建设一个和平安全开放合作的网络空间";
    let text = cut(&format!("{line}\n{line}\n{line}\n{line}。")).text;
    assert!(!text.contains(' '), "{text}");
}
