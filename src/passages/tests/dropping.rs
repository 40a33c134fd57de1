use super::*;

use DropReason::{Footer, Navigation, PageFurniture, Separator};

#[test]
fn a_menu_above_a_breadcrumb_is_navigation() {
    let speech = paragraph("peace", 6);
    let text = format!(
        "The Minister\n\u{a0} Photos\nAbout us\n\nHome > Minister > Speeches\nAddress on the Future of Peace\nLondon, 24 May 2016\n\n{speech}"
    );
    assert_eq!(
        reasons(&text),
        [(
            Navigation,
            1,
            4,
            "The Minister Photos About us Home > Minister > Speeches".to_owned()
        )]
    );
    assert!(
        cut(&text)
            .text
            .starts_with("Address on the Future of Peace\nLondon, 24 May 2016")
    );
}

#[test]
fn a_menu_without_a_breadcrumb_needs_its_words() {
    let speech = paragraph("peace", 6);
    let menu = "Skip to content\nHome\nThe Minister\nNews\nEvents\nContact us\n";
    assert_eq!(reasons(&format!("{menu}{speech}"))[0].2, 6);
    let title = "Republic of Utopia\nPermanent Mission\nStatement by\nH.E. Mr. John Example\nNew York\nCheck against delivery\n";
    assert_eq!(reasons(&format!("{title}{speech}")), []);
}

#[test]
fn a_notice_and_its_links_are_a_footer() {
    let speech = format!(
        "{}\nThank you.\nJohn Example\nMinister",
        paragraph("peace", 6)
    );
    let text = format!("{speech}\n\nSuggest to a Friend\nMinistry of Peace All Rights Reserved");
    assert_eq!(
        reasons(&text),
        [(
            Footer,
            6,
            2,
            "Suggest to a Friend Ministry of Peace All Rights Reserved".to_owned()
        )]
    );
    assert!(
        cut(&text)
            .text
            .ends_with("Thank you.\nJohn Example\nMinister")
    );
}

#[test]
fn speech_about_rights_is_not_a_footer() {
    let text = format!(
        "{}\nWe want all rights for all. Copyright must serve them, and so must we.",
        paragraph("peace", 4)
    );
    assert_eq!(reasons(&text), []);
}

#[test]
fn page_numbers_need_evidence() {
    let (peace, law) = (paragraph("peace", 6), paragraph("law", 6));
    assert_eq!(
        reasons(&format!("{peace}\n7\n\u{c}{law}")),
        [(PageFurniture, 2, 1, "7".to_owned())]
    );
    assert_eq!(
        reasons(&format!("{peace} We will\n7\nprevail. {law}"))[0].0,
        PageFurniture
    );
    assert_eq!(
        reasons(&format!("{peace}\nPage 3 of 9\n{law}"))[0].0,
        PageFurniture
    );
    assert_eq!(reasons(&format!("{peace}\n7\n{law}")), []);
    assert_eq!(reasons(&format!("{peace}\n2015\n{law}")), []);
    assert_eq!(reasons(&format!("New York\n25/09/2015\n{peace}")), []);
}

#[test]
fn numbers_that_count_up_are_page_numbers() {
    let pages: Vec<String> = (1..=5)
        .map(|n| format!("{}\n{}\n{n}", paragraph("peace", 5), paragraph("law", 5)))
        .collect();
    assert_eq!(reasons(&pages.join("\n")).len(), 5);
}

#[test]
fn running_heads_are_furniture_and_salutations_are_not() {
    let half = "Member States have worked for many years to find a common answer to this";
    let page = |n: usize| {
        format!(
            "{half}\n\n\nGeneral Debate of Utopia {n}\n\n\nquestion. {}\n\nMr. President,",
            paragraph("peace", 4)
        )
    };
    let text: Vec<String> = (1..=4).map(page).collect();
    let dropped = reasons(&text.join("\n\n"));
    assert_eq!(dropped.len(), 4);
    assert!(
        dropped
            .iter()
            .all(|d| d.0 == PageFurniture && d.3.starts_with("General Debate"))
    );
    assert_eq!(
        cut(&text.join("\n\n"))
            .text
            .matches("Mr. President,")
            .count(),
        4
    );
}

#[test]
fn separators_separate_their_neighbors() {
    let (peace, law) = (paragraph("peace", 6), paragraph("law", 6));
    for rule in ["* * *", "---", "______", "……", "═══"] {
        let text = format!("{peace}\n{rule}\n{law}");
        assert_eq!(reasons(&text), [(Separator, 2, 1, rule.to_owned())]);
        assert_eq!(texts(&text), [peace.clone(), law.clone()]);
    }
}

#[test]
fn keep_boilerplate_keeps_everything() {
    let text = format!(
        "Home > News\n{}\n---\n7\n\u{c}\nAll rights reserved",
        paragraph("peace", 6)
    );
    let cut = segment(
        &text,
        &COUNTER,
        &SegmentOptions {
            keep_boilerplate: true,
        },
    );
    assert!(cut.dropped.is_empty());
    for kept in ["Home > News", "---", "7", "All rights reserved"] {
        assert!(cut.text.lines().any(|line| line.contains(kept)), "{kept}");
    }
}

#[test]
fn reasons_are_displayed_as_text() {
    assert_eq!(Navigation.to_string(), "navigation");
    assert_eq!(PageFurniture.to_string(), "page number or running head");
}
