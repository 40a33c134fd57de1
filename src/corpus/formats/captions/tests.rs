use super::cue_file::{parse, timestamp};
use super::{Cue, document};
use crate::corpus::anchors::{Anchors, TimeSpan};

fn read(text: &str) -> crate::corpus::parsed::ParsedDocument {
    document(parse(text).cues)
}

#[test]
fn cues_are_joined_to_sentences_and_know_their_times() {
    for end in ["\n", "\r\n", "\r"] {
        let file = "1\n00:00:01,000 --> 00:00:02,500\n<i>We choose</i>\nto go\n\n2\n00:00:02,500 --> 00:00:04,000\nto the Moon.\n\n\
                    3\n00:00:09,000 --> 00:00:10,000\n{\\an8}Not because it is easy.\n"
            .replace('\n', end);
        let document = read(&file);
        assert_eq!(
            document.text, "We choose to go to the Moon.\n\nNot because it is easy.",
            "{end:?}"
        );
        let place = |part: &str| {
            let start = document.text.find(part).unwrap();
            document
                .anchors
                .place(&document.text, start, start + part.len())
                .time
                .unwrap()
        };
        assert_eq!(
            place("We choose to go to the Moon."),
            TimeSpan {
                start_ms: 1000,
                end_ms: 4000
            }
        );
        assert_eq!(place("Not because").start_ms, 9000);
    }
}

#[test]
fn rolling_captions_are_not_repeated_and_said_twice_is_kept() {
    let rolling = "WEBVTT\nKind: captions\nLanguage: en\n\n00:00:00.000 --> 00:00:02.000 align:start\nfour score and\n\n\
                   00:00:02.000 --> 00:00:02.010\nfour score and\n \n\n00:00:02.010 --> 00:00:04.000\nfour score and\n\
                   seven<00:00:02.5><c> years</c>\n\n00:00:04.000 --> 00:00:06.000\nseven years\nago\n";
    assert_eq!(read(rolling).text, "four score and seven years ago");
    assert_eq!(parse(rolling).language.as_deref(), Some("en"));
    let twice = "00:01.000 --> 00:02.000\nNo.\n\n00:02.000 --> 00:03.000\nNo.\n\n00:03.000 --> 00:04.000\nI said no.\n\n\
                 00:04.000 --> 00:05.000\nTwice.\n\n00:05.000 --> 00:06.000\nThat is all.\n";
    assert_eq!(read(twice).text, "No. No. I said no. Twice. That is all.");
}

#[test]
fn voices_are_turns_and_sounds_are_remarks() {
    let file = "WEBVTT\n\nNOTE a comment\n\n00:00:01.000 --> 00:00:02.000\n<v Ada Low>Order.</v>\n\n\
                00:00:02.000 --> 00:00:03.000\n[Applause]\n\n00:00:03.000 --> 00:00:04.000\n<v Ada Low>Order!\n\n\
                00:00:04.000 --> 00:00:05.000\n<v.loud Bo>5 < 6 &amp; so on.\n";
    let document = read(file);
    let turns: Vec<_> = document
        .turns
        .iter()
        .map(|turn| {
            (
                turn.speaker.as_deref(),
                document.text[turn.range.clone()].trim(),
            )
        })
        .collect();
    assert_eq!(
        turns,
        [
            (Some("Ada Low"), "Order. Order!"),
            (Some("Bo"), "5 < 6 & so on.")
        ]
    );
    assert_eq!(document.turns[0].remarks, ["[Applause]"]);
}

#[test]
fn hostile_files_yield_cues_or_none() {
    for file in [
        "",
        "-->",
        "1\n2\n3",
        "00:00 --> 99999999999999999999:00\nx",
        "00:01 --> 00:02\n<v>\n<<<<>>>>{{{",
        "18446744073709551615:00:00,000 --> 00:00:01\nx",
    ] {
        let _ = document(parse(file).cues);
    }
    assert_eq!(timestamp("1:02:03.45"), Some(3_723_450));
    assert_eq!(timestamp("18446744073709551615:00:00"), None);
    let cue = Cue {
        time: TimeSpan {
            start_ms: 0,
            end_ms: 1,
        },
        speaker: None,
        lines: vec!["♪".to_owned()],
    };
    let only_music = document(vec![cue]);
    assert_eq!(only_music.text, "");
    assert_eq!(only_music.anchors, Anchors::Times(Vec::new()));
}
