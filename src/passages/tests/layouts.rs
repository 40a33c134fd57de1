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

#[test]
fn a_blank_line_ends_a_paragraph_without_a_full_stop() {
    let long = "When we came here in the year of the flood there was no bridge over the river, and all who wanted to sell their corn in the market had to wait for the ferry, which came once in a day";
    let text = format!(
        "{long} and no more. [Laughter]\n\nNow there is a bridge, and many more things than a bridge have come to us."
    );
    assert!(cut(&text).text.contains("[Laughter]\nNow there"));
    let clause = format!("Recalling that {long},");
    let text = format!(
        "{clause}\n\n{clause}\n\nThe Council decides that the bridge shall stay as it is for as long as it can."
    );
    assert_eq!(
        cut(&text)
            .text
            .lines()
            .filter(|line| line.starts_with("Recalling"))
            .count(),
        2
    );
    let broken = format!(
        "{long} from the\n\nSouth Bank of the river to the town, and not even that on the days of a feast."
    );
    assert!(cut(&broken).text.contains("from the South Bank"));
}

/// Returns the lines of the clean text, without the blank ones between passages.
fn lines(text: &str) -> Vec<String> {
    let text = cut(text).text;
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

#[test]
fn headings_and_salutations_in_wrapped_text_stand_alone() {
    let text = "\
It was a long year for the towns on the coast, and none of them will forget it, as long
as there are people who tell of it. We have built the wall again, and it is higher now.
The Coast Guard
Our ships have been at sea for more than a hundred days in this year, which is more than
ever before, and they have brought home all who went out with them in the spring time.
";
    assert!(
        cut(text).text.contains("\nThe Coast Guard\nOur ships"),
        "{}",
        cut(text).text
    );
    let head = "\
Speech of the minister of the sea at the meeting of the towns on the coast
which took place in May
Dear mayors of the towns,
Dear friends,
We have come here to speak of the sea, and of the wall that keeps it from
our houses in winter, when the storms come over the water from the west.
";
    let lines = lines(head);
    assert_eq!(
        lines[1..3],
        ["Dear mayors of the towns,", "Dear friends,"],
        "{lines:?}"
    );
}

#[test]
fn a_paragraph_ends_where_the_next_word_would_have_fit() {
    let text = "\
The people of the hills have come down to the plain for
the first time in many years, since the road was closed
by stones and by snow, and they want to trade with us as
they did in the time of our fathers, when corn was dear.
It is good that they came. We have bread and wine and
wool for them, and they have wood and stone for us, and
all of us need what the others have in such a year.
In the second place I want to speak of the road, which
must be mended before the snow comes, and of those who
will mend it.
";
    let paragraphs = texts(text);
    assert!(
        paragraphs
            .iter()
            .any(|text| text.starts_with("In the second place")),
        "{paragraphs:?}"
    );
    assert!(
        paragraphs[0].contains("corn was dear. It is good"),
        "{paragraphs:?}"
    );
}

#[test]
fn indented_verse_keeps_its_lines() {
    let text = "\
At the end of the meeting they all rose from their seats and sang the song of
the river, which goes back to the days when there was neither bridge nor ferry:

    The river is long and the river is deep
    And the houses are low where the ferrymen sleep,
    But the moon on the water is bright as a bell
    And none of the ferrymen ever will tell.

Then they went home, one after the other, and nobody said a word on the way to
the houses on the other bank.
";
    let lines = lines(text);
    assert_eq!(
        lines[3..5],
        [
            "But the moon on the water is bright as a bell",
            "And none of the ferrymen ever will tell."
        ]
    );
}

#[test]
fn a_soft_hyphen_on_its_own_line_continues_the_word() {
    assert_eq!(
        cut("We met in the market\n\u{ad}\nplace.").text,
        "We met in the marketplace."
    );
}
