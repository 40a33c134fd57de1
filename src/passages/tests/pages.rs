use super::*;

use DropReason::{Contents, Footer, Footnote, Navigation, PageFurniture, TimeCode};

/// The first three fields of what was dropped.
fn runs(text: &str) -> Vec<(DropReason, usize, usize)> {
    let dropped = cut(text).dropped.into_iter();
    dropped.map(|d| (d.reason, d.line, d.lines)).collect()
}

#[test]
fn a_refrain_is_no_running_head() {
    let refrain =
        "They marched through the streets of the old town and they all sang\nNo more war\n";
    let text = format!("{refrain}{refrain}{refrain}until the night came down on them.");
    assert_eq!(runs(&text), []);
    let page = "Peace for all\n\nWe met in the spring of 1999 to speak of the sea that parts\nus from each other.\n";
    assert_eq!(runs(&page.repeat(5)), []);
}

#[test]
fn a_long_foot_is_furniture_next_to_page_numbers() {
    let foot = "LEAGUE OF THE RIVER TOWNS · Mill Street 7 · Tel 000 000 · Fax 000 001 · league@example.org · example.org";
    let pages = [
        "The first thing that we want is a bridge over the river that carries the carts of the",
        "farmers to the market. The second thing is a school for the children who live on the",
        "islands in the river. The third thing is a council that meets in the open air of the",
    ];
    let pages: Vec<String> = pages
        .iter()
        .zip(1..)
        .map(|(page, number)| format!("{page}\n{foot}\n\n{number}\n\n\n"))
        .collect();
    let text = pages.concat();
    let text = format!("{text}market place. That is all.\n");
    assert_eq!(runs(&text).len(), 3);
    assert!(
        cut(&text)
            .text
            .ends_with("in the open air of the market place. That is all.")
    );
}

#[test]
fn footnotes_are_taken_out_of_the_sentence_that_they_interrupt() {
    let text = "We have asked the great powers for many years now to sit down at one table and\n1 Letter of the chair, 3 May.\n2 See the report of the committee,\nsecond part.\n14\n\nto speak with each other. They have not done so, and the small ones among us have to\n3 The same.\n15\n\npay the price of their silence.";
    let cut = cut(text);
    assert!(
        cut.text.contains("at one table and to speak"),
        "{}",
        cut.text
    );
    assert!(cut.text.contains("have to pay the price"));
    let reasons: Vec<DropReason> = cut.dropped.iter().map(|d| d.reason).collect();
    assert_eq!(reasons, [Footnote, PageFurniture, Footnote, PageFurniture]);
    let list = "We have asked the great powers for many years now for three things, which are\n1 the end of the war\n2 bread\n\nto speak plainly. That is all.";
    assert_eq!(runs(list), [], "no page ends here");
}

#[test]
fn contents_with_leaders_are_dropped_with_their_heading() {
    let text = "TABLE OF CONTENTS\nForeword ........ 1\nThe bridge over the river and the\nroad to the sea . . . . . . 2\nFOREWORD\nWe have written this book for all who want to know what we want for the town.";
    assert_eq!(runs(text), [(Contents, 1, 4)]);
    assert!(cut(text).text.starts_with("FOREWORD\nWe have"));
    assert_eq!(runs("Name ........ 1\nWe were here."), []);
}

#[test]
fn captions_flow_on_from_cue_to_cue() {
    let text = "1\n00:00:01,000 --> 00:00:03,500\nWe have come a long way from the hills,\n\n2\n00:00:03,500 --> 00:00:06,000\nand we have a long way before us\n\n3\n00:00:06,000 --> 00:00:08,000\nto the sea. Let us go on.\n";
    let cut = cut(text);
    assert_eq!(
        cut.text,
        "We have come a long way from the hills, and we have a long way before us to the sea. Let us go on."
    );
    assert!(cut.dropped.iter().all(|d| d.reason == TimeCode));
}

#[test]
fn no_sentence_is_joined_over_a_speaker_with_a_time() {
    let text = "Mary Miller  0:05\nWelcome to all of you. Our guest tonight has come to tell us that\nJohn Baker  0:20\nthe mill must close, I fear. And I ask the council to\nMary Miller  0:41\nthink again, as we all do.\n";
    let cut = cut(text);
    assert_eq!(cut.dropped, []);
    assert!(
        cut.text.contains("tell us that\nJohn Baker 0:20\nthe mill"),
        "{}",
        cut.text
    );
    let cues = "00:00:00,000 --> 00:00:08,000 [The Chair]\nThe floor is yours, and I ask you to speak\n\n00:00:08,000 --> 00:00:15,000 [The Guest]\nas briefly as I can, yes.\n";
    let cut = super::cut(cues);
    assert!(
        cut.text.contains("to speak\n[The Guest]\nas briefly"),
        "{}",
        cut.text
    );
    assert!(!cut.text.contains("-->"));
}

#[test]
fn a_single_time_is_speech() {
    assert_eq!(runs("We met at noon.\n12:30\nThen we left."), []);
}

#[test]
fn the_menu_and_foot_of_a_flattened_page_are_dropped() {
    let text = "Skip to content Home Press Careers Contact Login All Speeches\nInterviews Home › Speeches › Harbour Speech Share\nI have come to this town to speak of the harbour, which is dear to all of us.\nWe shall keep it.\nContact Us © Example.org Reviews | Terms |\nPrivacy";
    assert_eq!(runs(text), [(Navigation, 1, 2), (Footer, 5, 2)]);
}

#[test]
fn speech_about_rights_and_sharing_is_kept() {
    for last in [
        "Copyright is a right of the author in every land.",
        "Share this bread.",
        "We shall not rest until every child has all rights reserved.",
        "Copyright laws of the kind we need",
    ] {
        assert_eq!(
            runs(&format!("{}\n\n{last}", paragraph("peace", 6))),
            [],
            "{last}"
        );
    }
    for notice in [
        "© 2016 Ministry of Peace",
        "Copyright 2016 by the Ministry",
        "Share this page",
        "All rights reserved.",
    ] {
        assert_eq!(
            runs(&format!("{}\n\n{notice}", paragraph("peace", 6))).len(),
            1,
            "{notice}"
        );
    }
}
