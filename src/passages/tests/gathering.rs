use super::*;

#[test]
fn items_stay_with_their_introduction() {
    let list = "He named four principles. They are:\n\n· Respect.\n\n· Peace.\n\n· Openness.\n\n· Good order.";
    let text = format!(
        "{}\n\n{list}\n\n{}",
        paragraph("peace", 6),
        paragraph("law", 6)
    );
    let texts = texts(&text);
    assert_eq!(texts.len(), 3);
    assert_eq!(texts[1], list.replace("\n\n", "\n"));
}

#[test]
fn an_item_is_a_sentence_without_its_marker() {
    let cut = cut(
        "These are the problems:\n- There is a gap\n- There are no rules\n12) There is no order",
    );
    let sentences = &cut.passages[0].sentences;
    let sentences: Vec<String> = sentences.iter().map(|&s| slice(&cut.text, s)).collect();
    assert_eq!(
        sentences,
        [
            "These are the problems:",
            "There is a gap",
            "There are no rules",
            "There is no order"
        ]
    );
    assert!(cut.text.contains("\n- There are"));
}

#[test]
fn a_bullet_on_its_own_line_belongs_to_the_next() {
    assert_eq!(
        texts("We want:\n•\nPeace.\n•\nBread."),
        ["We want:\n• Peace.\n• Bread."]
    );
}

#[test]
fn a_salutation_or_heading_is_merged_with_what_follows() {
    let (peace, law) = (paragraph("peace", 6), paragraph("law", 6));
    let texts = texts(&format!(
        "{peace}\nMr. President,\nExcellencies,\n{law}\nClimate change\n{peace}"
    ));
    assert_eq!(texts[1], format!("Mr. President,\nExcellencies,\n{law}"));
    assert_eq!(texts[2], format!("Climate change\n{peace}"));
}

#[test]
fn a_salutation_stays_with_a_paragraph_that_is_split() {
    let texts = texts(&format!("Fellow citizens:\n\n{}", paragraph("peace", 40)));
    assert!(texts[0].starts_with("Fellow citizens:\nThe peace of nations"));
}

#[test]
fn closing_thanks_are_merged_with_what_precedes() {
    let texts = texts(&format!(
        "{}\n{}\nI thank you.",
        paragraph("peace", 6),
        paragraph("law", 6)
    ));
    assert_eq!(texts.len(), 2);
    assert!(texts[1].ends_with("\nI thank you."));
}

#[test]
fn a_title_page_is_a_unit_of_its_own() {
    let title = "Statement by H.E. Mr. John Example, Minister for Foreign Affairs of Utopia\nat the General Debate of the United Nations General Assembly";
    let text = format!(
        "{title}\nCheck against delivery\nNew York, 25 September 2015\n\nMr. President,\n{}",
        paragraph("peace", 6)
    );
    let cut = cut(&text);
    assert!(cut.dropped.is_empty());
    assert!(cut.passages[0].text.contains("Check against delivery"));
    assert!(cut.passages[1].text.starts_with("Mr. President,"));
}

#[test]
fn short_lines_are_merged_to_a_paragraphs_size() {
    let lines: Vec<String> = (0..30)
        .map(|n| format!("This is short line number {n}."))
        .collect();
    let cut = cut(&lines.join("\n\n"));
    assert!(
        cut.passages.iter().all(|p| (40..=110).contains(&p.tokens)),
        "{cut:?}"
    );
}

#[test]
fn a_short_line_between_paragraphs_is_merged_with_the_next() {
    let (peace, law) = (paragraph("peace", 6), paragraph("law", 6));
    let texts = texts(&format!(
        "{peace}\n\nFirst, we must choose peace over war.\n\n{law}"
    ));
    assert_eq!(
        texts,
        [
            peace,
            format!("First, we must choose peace over war.\n{law}")
        ]
    );
}

#[test]
fn a_long_paragraph_is_split_evenly_between_sentences() {
    let long = paragraph("peace", 60);
    let cut = cut(&long);
    assert!(cut.passages.len() >= 3);
    assert!(
        cut.passages
            .iter()
            .all(|p| p.text.ends_with('.') && p.text.starts_with("The "))
    );
    let sizes: Vec<usize> = cut.passages.iter().map(|p| p.tokens).collect();
    assert!(
        sizes.iter().max().unwrap() - sizes.iter().min().unwrap() < 40,
        "{sizes:?}"
    );
    assert_eq!(
        cut.text, long,
        "the parts of a paragraph stay one paragraph"
    );
}

#[test]
fn a_long_sentence_is_split_at_clauses_then_words_then_letters() {
    let clause = "and to every nation that has come here in good faith, ";
    let clauses = format!("We speak to you {}friends.", clause.repeat(30));
    assert!(
        texts(&clauses)
            .iter()
            .rev()
            .skip(1)
            .all(|text| text.ends_with(','))
    );
    let words = "word ".repeat(700);
    assert!(
        texts(&words)
            .iter()
            .all(|text| text.split(' ').all(|word| word == "word"))
    );
    let letters = texts(&"x".repeat(5_000));
    assert_eq!(letters.concat().len(), 5_000);
}

#[test]
fn a_long_list_is_split_between_items() {
    let item = "• We will stand up for the rights of every child in every country.\n";
    let texts = texts(&format!("We promise this:\n{}", item.repeat(40)));
    assert!(texts.len() >= 3);
    assert!(texts[0].starts_with("We promise this:\n• We"));
    assert!(
        texts[1..]
            .iter()
            .all(|text| text.starts_with("• We") && text.ends_with("country."))
    );
}

#[test]
fn a_numbered_heading_leads_its_section() {
    let (peace, law) = (paragraph("peace", 6), paragraph("law", 6));
    let texts = texts(&format!(
        "{peace}\n\n2. THE LAW OF THE SEA\n\n{law}\n\n3. Our Common Peace\n\n{peace}"
    ));
    assert_eq!(
        texts,
        [
            peace.clone(),
            format!("2. THE LAW OF THE SEA\n{law}"),
            format!("3. Our Common Peace\n{peace}"),
        ]
    );
    let list = "1. Peace\n2. Bread\n3. Law and Order\n";
    assert!(
        super::texts(&format!("We want:\n{list}{law}"))[0]
            .starts_with("We want:\n1. Peace\n2. Bread")
    );
}

#[test]
fn short_lines_before_a_heading_join_what_precedes() {
    let (peace, law) = (paragraph("peace", 6), paragraph("law", 6));
    let texts = texts(&format!(
        "{peace}\n\nI thank you.\n\nGood evening.\n\nSPEECH 7\n\n{law}"
    ));
    assert_eq!(
        texts,
        [
            format!("{peace}\nI thank you.\nGood evening."),
            format!("SPEECH 7\n{law}"),
        ]
    );
}
