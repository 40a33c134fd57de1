use super::*;

/// Joins two lines in an English text that breaks no words.
fn joined(first: &str, second: &str) -> String {
    cut(&format!(
        "The members of this assembly have come here to say that they want {first}\n{second} in all the lands of the world."
    ))
    .text
}

#[test]
fn the_hyphen_of_a_compound_is_kept() {
    for (first, second, whole) in [
        ("a climate-", "related fund", "a climate-related fund"),
        ("those war-", "torn lands", "those war-torn lands"),
        ("the run-", "up to a vote", "the run-up to a vote"),
        ("a socio-", "economic plan", "a socio-economic plan"),
        ("an over-", "all plan", "an over-all plan"),
        ("a Paris-", "based office", "a Paris-based office"),
    ] {
        assert!(joined(first, second).contains(whole), "{whole}");
    }
}

#[test]
fn a_fragment_of_a_word_is_mended() {
    for (first, second, whole) in [
        ("coopera-", "tion", "cooperation"),
        ("the Nether-", "lands", "the Netherlands"),
        ("an over-", "all gov-\nernment", "an overall government"),
    ] {
        assert!(joined(first, second).contains(whole), "{whole}");
    }
}

#[test]
fn a_suspended_hyphen_keeps_its_blank() {
    for (first, second, whole) in [
        (
            "small-",
            "and large-scale farms",
            "small- and large-scale farms",
        ),
        ("a two-", "to three-year plan", "a two- to three-year plan"),
        ("more pota-", "to fields", "more potato fields"),
        ("ten thous-", "and houses", "ten thousand houses"),
    ] {
        assert!(joined(first, second).contains(whole), "{whole}");
    }
    let german = "Wir sprechen heute von den Vor-\nund Nachteilen der Reform, die das Haus im Jahr zu beraten hat.";
    assert!(cut(german).text.contains("Vor- und Nachteilen"));
}

#[test]
fn other_languages_break_words_except_before_particles() {
    let russian = "Мы не говорим здесь о каком-\nлибо одном народе, а о политико-\nправовом устройстве всего мира и о сотруд-\nничестве между всеми народами.";
    let text = cut(russian).text;
    assert!(
        text.contains("каком-либо") && text.contains("сотрудничестве"),
        "{text}"
    );
    let french = "Nous demandons à tous les membres de cette assemblée de pour-\nsuivre leurs travaux avec nous.";
    assert!(cut(french).text.contains("poursuivre"));
}
