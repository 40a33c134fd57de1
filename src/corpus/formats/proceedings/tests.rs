use std::path::Path;

use super::documents;
use crate::corpus::SkipReason;
use crate::corpus::parsed::ParsedDocument;

fn read(xml: &str) -> Vec<ParsedDocument> {
    documents(xml, Path::new("sitting.xml")).unwrap()
}

fn turns(documents: &[ParsedDocument]) -> Vec<(&str, &str)> {
    documents
        .iter()
        .map(|d| {
            (
                d.metadata.speaker.as_deref().unwrap_or("-"),
                d.text.as_str(),
            )
        })
        .collect()
}

const SITTING: &str = r##"<?xml version="1.0"?><TEI xml:id="S1" xml:lang="en"><teiHeader><fileDesc><titleStmt><title type="main">Sitting 1</title>
<title type="sub">x</title></titleStmt><sourceDesc><bibl><date when="2019-10-24"/></bibl></sourceDesc></fileDesc><profileDesc><settingDesc>
<setting><name type="country">Utopia</name><date when="2019-10-23"/></setting></settingDesc><particDesc><listPerson><person xml:id="low">
<persName><surname>Low</surname><forename>Ada</forename></persName></person></listPerson></particDesc></profileDesc></teiHeader><text><body><div>
<head>Questions</head><note type="time">At ten.</note><note type="speaker">Ms. LOW:</note><u who="#low" ana="#chair" xml:id="S1.u1">
<seg>Order.</seg><kinesic type="applause"><desc>Applause.</desc></kinesic><seg>Thank <note>sic</note> you &amp; yours.</seg></u>
<note type="speaker">Mr. PRESIDENT:</note><u who="#Bo" xml:id="S1.u2"><seg>Yes.</seg></u><incident><desc>He leaves.</desc></incident>
<u who="#low"><seg><vocal><desc>inaudible</desc></vocal></seg></u></div></body></text></TEI>"##;

#[test]
fn utterances_are_documents_of_their_sitting() {
    let documents = read(SITTING);
    assert_eq!(
        turns(&documents),
        [("Ada Low", "Order.\n\nThank you & yours."), ("Bo", "Yes.")]
    );
    let first = &documents[0];
    assert_eq!(first.id.as_deref(), Some("S1.u1"));
    assert_eq!(first.metadata.title.as_deref(), Some("Sitting 1"));
    assert_eq!(first.metadata.country.as_deref(), Some("Utopia"));
    assert_eq!(first.metadata.date.unwrap().to_string(), "2019-10-23");
    let attributes = &first.metadata.attributes;
    assert_eq!(
        (&attributes["parent"], &attributes["section"]),
        (&"S1".into(), &"Questions".into())
    );
    assert_eq!(
        attributes["remarks"],
        serde_json::json!(["At ten.", "Applause.", "sic"])
    );
    assert_eq!(
        documents[1].metadata.attributes["remarks"],
        serde_json::json!(["He leaves."])
    );
}

#[test]
fn tokens_of_annotated_files_are_joined() {
    let xml = r##"<TEI><text><body><u who="#a"><seg><s><w>We</w> <w join="right">agree</w>
        <pc>.</pc></s> <s><w>Do</w> <w join="right">you</w> <pc>?</pc></s></seg></u></body></text></TEI>"##;
    assert_eq!(turns(&read(xml)), [("a", "We agree. Do you?")]);
}

#[test]
fn a_text_without_turns_is_one_document_and_a_corpus_has_several() {
    let one = "<TEI><teiHeader/><text><body><head>Title</head><p>One.<lb/>Two.</p><list><item>a</item><item>b</item></list></body></text></TEI>";
    assert_eq!(
        turns(&read(one)),
        [("-", "Title\n\nOne.\nTwo.\n\n• a\n• b")]
    );
    let corpus = format!("<teiCorpus><teiHeader/>{one}{one}</teiCorpus>");
    let documents = read(&corpus);
    let ids: Vec<_> = documents.iter().map(|d| d.id.as_deref().unwrap()).collect();
    assert_eq!(ids, ["sitting-1", "sitting-2"]);
}

#[test]
fn akoma_ntoso_and_hansard_are_read_alike() {
    let akn = r##"<akomaNtoso><debate><meta><identification><FRBRWork><FRBRdate date="2011-03-15"/></FRBRWork></identification>
        <references><TLCPerson eId="low" showAs="Ada Low"/></references></meta><debateBody><debateSection><heading>Bills</heading>
        <speech by="#low"><from>Ms Low</from><p>We agree.</p></speech><scene>(Applause)</scene></debateSection></debateBody></debate></akomaNtoso>"##;
    let documents = read(akn);
    assert_eq!(turns(&documents), [("Ada Low", "We agree.")]);
    assert_eq!(
        documents[0].metadata.date.unwrap().to_string(),
        "2011-03-15"
    );
    let whip = r#"<publicwhip><major-heading>Bills</major-heading><speech id="u/1" speakername="Ada Low" person_id="uk/7"><p>We
        agree.</p><p>All of us.</p></speech></publicwhip>"#;
    assert_eq!(turns(&read(whip)), [("Ada Low", "We agree.\n\nAll of us.")]);
    let historic = "<hansard><debates><p><member>Mr. LOW</member><membercontribution>: We agree.</membercontribution></p></debates></hansard>";
    assert_eq!(
        read(historic)[0].metadata.speaker.as_deref(),
        Some("Mr. LOW")
    );
}

#[test]
fn hostile_and_unknown_files_are_refused() {
    let reason = |xml: &str| documents(xml, Path::new("x.xml")).unwrap_err().reason;
    assert!(
        matches!(reason("<rss><item/></rss>"), SkipReason::UnknownXml { root } if root == "rss")
    );
    assert!(matches!(reason("<TEI><text/></TEI>"), SkipReason::Empty));
    assert!(matches!(
        reason(&SITTING[..900]),
        SkipReason::Empty | SkipReason::Malformed { .. }
    ));
    assert!(matches!(
        reason(&format!("<TEI>{}", "<div>".repeat(50_000))),
        SkipReason::LimitExceeded { .. }
    ));
    assert!(matches!(reason(""), SkipReason::Empty));
    let lol = "<!DOCTYPE TEI [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]><TEI><text><body><p>&b;</p></body></text></TEI>";
    assert_eq!(read(lol)[0].text, "&b;");
}
