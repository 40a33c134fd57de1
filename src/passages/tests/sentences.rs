fn split(text: &str) -> Vec<&str> {
    let found = crate::passages::sentences::split_sentences(text);
    found.into_iter().map(|range| &text[range]).collect()
}

fn assert_single(text: &str) {
    assert_eq!(split(text), [text]);
}

#[test]
fn plain_sentences_are_split() {
    assert_eq!(
        split("We came. We saw! Did we? Yes…"),
        ["We came.", "We saw!", "Did we?", "Yes…"]
    );
    assert_eq!(
        split("我们来了。我们看到了！"),
        ["我们来了。", "我们看到了！"]
    );
}

#[test]
fn abbreviations_do_not_end_a_sentence() {
    assert_single("Keynote Speech by H.E Ambassador Liu Xiaoming");
    assert_single("I thank H.E. Mr. Philemon Yang, Dr. Niblett and Gen. St. Clair.");
    assert_single("Mr.C hairman, The importance of cyber security can't be overemphasized.");
    assert_single("The U.N. Charter binds the U.S. Government and J. F. Kennedy said so.");
    assert_single("See resolution No. 5 of Sept. 2015, e.g. its annex.");
    assert_single("1. The current session matters.");
    assert_eq!(
        split("We said no. Then we left."),
        ["We said no.", "Then we left."]
    );
    assert_eq!(
        split("We serve the U.N. We must."),
        ["We serve the U.N.", "We must."]
    );
    assert_eq!(
        split("So he and I. Then all."),
        ["So he and I.", "Then all."]
    );
    assert_eq!(
        split("He met Mr. Smith. She left."),
        ["He met Mr. Smith.", "She left."]
    );
}

#[test]
fn quotes_and_brackets_belong_to_their_sentence() {
    assert_eq!(
        split("He said: “Never again.” We agree."),
        ["He said: “Never again.”", "We agree."]
    );
    assert_eq!(
        split("We agree. (Applause.) And on."),
        ["We agree.", "(Applause.)", "And on."]
    );
    assert_single("“Is it just?” she asked them.");
    assert_single("It is done. \"");
}

#[test]
fn a_missing_blank_keeps_sentences_together() {
    assert_single("in a spirit of peace.we should keep observing the norms.");
}

#[test]
fn sentences_of_a_text_are_counted_in_characters() {
    let text = "Élan! Was it? \n\n- 我们 came,\nwe saw. Ça va.\n";
    let found = crate::passages::sentences(text);
    let texts: Vec<&str> = found.iter().map(|range| range.slice(text, 0)).collect();
    assert_eq!(
        texts,
        ["Élan!", "Was it?", "- 我们 came,", "we saw.", "Ça va."]
    );
    assert!(crate::passages::sentences(" \n").is_empty());
}
