use std::sync::Arc;

use super::read;
use crate::corpus::CorpusLimits;
use crate::corpus::options::ReadOptions;
use crate::corpus::parsed::{CountingReader, ParsedDocument, ReadContext};

fn parse_with(json: &str, options: ReadOptions) -> Result<Vec<ParsedDocument>, String> {
    let context = ReadContext {
        limits: CorpusLimits::default(),
        options: Arc::new(options),
        path: "t.json".into(),
    };
    read(
        CountingReader::from_bytes(json.as_bytes().to_vec()),
        &context,
    )
    .map(|result| result.map_err(|issue| format!("{:?} {}", issue.line, issue.reason)))
    .collect()
}

fn texts(json: &str) -> Vec<(Option<String>, String)> {
    let documents = parse_with(json, ReadOptions::default()).unwrap();
    documents
        .into_iter()
        .map(|d| (d.id.or(d.part), d.text))
        .collect()
}

fn expected(documents: &[(&str, &str)]) -> Vec<(Option<String>, String)> {
    documents
        .iter()
        .map(|(id, text)| (Some((*id).to_owned()), (*text).to_owned()))
        .collect()
}

#[test]
fn arrays_objects_and_nested_lists_of_documents_are_read() {
    let two = expected(&[("a", "One."), ("2", "Two.")]);
    assert_eq!(
        texts("[{\"id\":\"a\",\"text\":\"One.\"},\n {\"text\":\"Two.\"}]"),
        two
    );
    // Lines of JSON under the name of JSON, pretty-printed or not.
    assert_eq!(
        texts("{\"id\":\"a\",\n\"text\":\"One.\"}\n{\"text\":\"Two.\"}"),
        two
    );
    assert_eq!(
        texts(r#"{"x": {"speech": "One."}, "y": {"speech": ["Two.", "Three."]}}"#),
        expected(&[("x", "One."), ("y", "Two.\n\nThree.")])
    );
    assert_eq!(
        texts(r#"{"title": "T", "text": "One."}"#),
        [(None, "One.".to_owned())]
    );
}

#[test]
fn the_fields_around_a_text_are_its_metadata_and_the_nearest_takes_precedence() {
    let json = r#"{"date": "2015-10", "venue": "Hall", "note": {"a": 1},
        "speeches": [{"speaker": "Ada", "transcript": "One."}, {"speaker": "Bo", "venue": "Yard", "transcript": "Two."}]}"#;
    let documents = parse_with(json, ReadOptions::default()).unwrap();
    let metadata: Vec<_> = documents
        .iter()
        .map(|d| {
            (
                d.metadata.speaker.as_deref().unwrap(),
                d.metadata.venue.as_deref().unwrap(),
            )
        })
        .collect();
    assert_eq!(metadata, [("Ada", "Hall"), ("Bo", "Yard")]);
    assert_eq!(documents[0].metadata.date.unwrap().to_string(), "2015-10");
}

#[test]
fn where_the_text_is_unclear_the_paths_are_shown_and_one_can_be_named() {
    let json = r#"[{"id": "a", "content": {"us": "Ask not what.", "kr": "국가"}}]"#;
    let error = parse_with(json, ReadOptions::default()).unwrap_err();
    assert!(
        error.contains("--text-path") && error.contains("[].content.us"),
        "{error}"
    );
    let options = ReadOptions {
        text_path: Some("[].content.us".to_owned()),
        ..ReadOptions::default()
    };
    let documents = parse_with(json, options).unwrap();
    assert_eq!(documents[0].text, "Ask not what.");
    assert_eq!(documents[0].id.as_deref(), Some("a"));
    assert_eq!(documents[0].metadata.attributes["kr"], "국가");
}

#[test]
fn segments_of_transcripts_are_one_document_with_times() {
    let whisper = r#"{"text": "One. Two.", "language": "en", "segments": [
        {"id": 0, "start": 0.0, "end": 1.5, "text": " One."}, {"id": 1, "start": 1.5, "end": 2.25, "text": " Two."}]}"#;
    let cpp = r#"{"result": {"language": "en"}, "transcription": [
        {"offsets": {"from": 0, "to": 1500}, "text": " One."}, {"offsets": {"from": 1500, "to": 2250}, "text": " Two."}]}"#;
    let youtube = r#"{"events": [{"tStartMs": 0, "dDurationMs": 1500, "segs": [{"utf8": "One"}, {"utf8": "."}]},
        {"tStartMs": 1400, "segs": [{"utf8": "\n"}]}, {"tStartMs": 1500, "dDurationMs": 750, "segs": [{"utf8": "Two."}]}]}"#;
    for json in [whisper, cpp, youtube] {
        let documents = parse_with(json, ReadOptions::default()).unwrap();
        assert_eq!(documents.len(), 1);
        assert_eq!(documents[0].text, "One. Two.");
        let place = documents[0].anchors.place("", 5, 9).time.unwrap();
        assert_eq!((place.start_ms, place.end_ms), (1500, 2250));
    }
}

#[test]
fn broken_deep_and_empty_files_are_reported() {
    let deep = "[".repeat(100_000);
    let deep_closed = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
    for json in [
        "",
        "  ",
        "[{\"text\": \"cut",
        "{\"text\": 5}",
        &deep,
        &deep_closed,
        "[1, 2]",
        "nonsense",
    ] {
        assert!(
            parse_with(json, ReadOptions::default()).is_err(),
            "{json:.20}"
        );
    }
    assert!(
        parse_with("[]", ReadOptions::default())
            .unwrap_err()
            .contains("--text-path")
    );
    // An item of another form costs itself only.
    let mixed = "[{\"text\":\"One.\"},\n5,\n{\"text\":\"Two.\"}]";
    let context = ReadContext {
        limits: CorpusLimits::default(),
        options: Arc::default(),
        path: "t.json".into(),
    };
    let results: Vec<_> = read(CountingReader::from_bytes(mixed.into()), &context).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 2);
}
