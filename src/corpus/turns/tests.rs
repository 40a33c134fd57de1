use super::labels::{label, remark};
use super::split;
use crate::corpus::options::TurnMode;
use crate::corpus::{Anchors, Document, DocumentNote, Metadata};

fn document(text: &str) -> Document {
    Document {
        id: "debate".parse().unwrap(),
        text: text.to_owned(),
        metadata: Metadata::default(),
        anchors: Anchors::Lines(1),
    }
}

fn turns(text: &str, mode: TurnMode) -> (Vec<(String, String)>, Vec<DocumentNote>) {
    let mut notes = Vec::new();
    let documents = split(document(text), Vec::new(), mode, &mut notes);
    let turns = documents
        .into_iter()
        .map(|d| (d.metadata.speaker.unwrap_or_default(), d.text));
    (turns.collect(), notes)
}

const DEBATE: &str = "Debate of 3 December\n\nThe President: The meeting is called to order.\nI give the floor to Mr. Smith.\n\n\
Mr. SMITH (United Kingdom): Thank you. We have one aim: peace.\n\n[Applause]\n\nThe aim is not new.\n\n\
The President (spoke in French): I thank the representative.\n\nMs. LOW: We disagree.\n(Laughter)\nStrongly.\n\n\
The President: Does anyone object?\n\nMr. SMITH: I do.\n";

#[test]
fn a_debate_is_split_into_its_turns() {
    let mut notes = Vec::new();
    let documents = split(document(DEBATE), Vec::new(), TurnMode::Auto, &mut notes);
    let speakers: Vec<_> = documents
        .iter()
        .map(|d| d.metadata.speaker.as_deref().unwrap_or("-"))
        .collect();
    assert_eq!(
        speakers,
        [
            "-",
            "The President",
            "Mr. SMITH",
            "The President",
            "Ms. LOW",
            "The President",
            "Mr. SMITH"
        ]
    );
    let smith = &documents[2];
    assert_eq!(smith.id.as_str(), "debate.3");
    assert!(
        smith.text.starts_with("Thank you. We have one aim: peace.")
            && smith.text.ends_with("The aim is not new.")
    );
    assert_eq!(
        smith.metadata.attributes["remarks"],
        serde_json::json!(["[Applause]"])
    );
    assert_eq!(smith.metadata.attributes["parent"], "debate");
    let at = smith.text.find("The aim").unwrap();
    let place = smith.anchors.place(&smith.text, at, at + 1);
    assert_eq!(place.line, Some(10));
    assert_eq!(notes, [DocumentNote::SplitIntoTurns { turns: 7 }]);
    // Every word is kept, in a turn or in a remark.
    assert!(documents[4].text.contains("disagree") && documents[4].text.contains("Strongly"));
}

#[test]
fn speakers_with_times_and_bold_names_are_recognized() {
    let interview = "Speaker 1  0:01\nWho are you?\n\nSpeaker 2  0:05\nNobody.\n\nSpeaker 1  0:09\nWhy not?\n\nSpeaker 2  1:12:30\nNo reason.\n";
    assert_eq!(turns(interview, TurnMode::Auto).0.len(), 4);
    let bold = "**ADA:** One thing.\n\n**BO:** Another thing.\n\n**ADA:** A third.\n\n**BO:** And a fourth one.\n";
    assert_eq!(
        turns(bold, TurnMode::Auto).0[1],
        ("BO".to_owned(), "Another thing.".to_owned())
    );
}

#[test]
fn texts_of_one_speaker_and_forms_are_left_whole() {
    for text in [
        "We have three aims.\n\nFirst: peace.\n\nSecond: trade.\n\nThird: rest.\n\nIn short: all of it.\n",
        "Date: 2015-10-01\nPlace: New York\nSubject: Peace\n\nThe text of the speech follows here.\n",
        "Mr. President: I thank you for the floor.\n\nIt is an honor to speak. We want peace.\n",
        "Monday: closed.\nTuesday: closed.\nMonday: closed.\nTuesday: closed.\nMonday: closed.\n",
        "At 10:30 we met. The ratio was 3:1.\n",
    ] {
        assert_eq!(turns(text, TurnMode::Auto).0.len(), 1, "{text}");
    }
    let two = "MR. SMITH: We agree.\n\nMS. LOW: We do not.\n\nThat is all that the file has of the debate.\n";
    let (whole, notes) = turns(two, TurnMode::Auto);
    assert_eq!(
        (whole.len(), notes),
        (1, vec![DocumentNote::TurnsUnsure { names: 2 }])
    );
    assert_eq!(turns(two, TurnMode::On).0.len(), 2);
    assert_eq!(turns(DEBATE, TurnMode::Off).0.len(), 1);
}

#[test]
fn labels_and_remarks_are_told_from_text() {
    let name = |line| label(line).map(|(label, _)| label.name);
    assert_eq!(
        name("HON. N. PUNA:  Mr Speaker, I move:"),
        Some("HON. N. PUNA")
    );
    assert_eq!(
        name("Mr. de la Cruz (Spain) (spoke in Spanish): x"),
        Some("Mr. de la Cruz")
    );
    assert_eq!(name("We have said it before, and say it again: no."), None);
    assert_eq!(name("https://example.org"), None);
    assert_eq!(name("12:30 lunch"), None);
    assert_eq!(remark(" [Applause.] \n"), Some("[Applause.]"));
    assert_eq!(remark("(We spoke of this before.)"), None);
    assert_eq!(remark("[1]"), None);
}
