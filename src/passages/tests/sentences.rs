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

#[test]
fn numbers_and_addresses_are_not_split() {
    assert_single("See section 2.B.4 of the act and paragraph 3.C.");
    assert_single("It stands at example.org/view?Id=7 for all.");
    assert_eq!(split("THEY STAND….AT LAST THEY DO.").len(), 2);
    assert_single("He said so last week (see A/70.PV.9).");
    assert_eq!(
        split("It is due in 2030.That is late."),
        ["It is due in 2030.", "That is late."]
    );
}

#[test]
fn ordinals_do_not_end_a_sentence() {
    assert_single("Der Vertrag vom 8. Dezember gilt.");
    assert_single("Die 79. Generalversammlung tagt, und das 20. Jahrhundert ist vorbei.");
    assert_single("Den 5. juni er vår dag.");
    assert_eq!(
        split("The house had 24. April was cold."),
        ["The house had 24. April was cold."],
        "not even where it could"
    );
    assert_eq!(
        split("We were 24. They were 25."),
        ["We were 24.", "They were 25."]
    );
}

#[test]
fn abbreviations_that_are_words_end_a_sentence() {
    assert_eq!(
        split("We love art. It is free."),
        ["We love art.", "It is free."]
    );
    assert_eq!(
        split("We met at 10 a.m. Guests came."),
        ["We met at 10 a.m.", "Guests came."]
    );
    assert_single("We met at 10 a.m. Monday and at 3 p.m. EST.");
    assert_eq!(
        split("We say no. 12 Members left."),
        ["We say no.", "12 Members left."]
    );
    assert_single("Resolution no. 12 of that year.");
    assert_single("In the year A. D. 1648 and under Sen. Lee.");
}

#[test]
fn a_sentence_goes_on_in_lower_case() {
    assert_single("Alas! how long the night was.");
    assert_single("The plan ? has to be changed.");
    assert_eq!(
        split("Must we go? or must we stay?"),
        ["Must we go?", "or must we stay?"]
    );
}
