//! Export as TEI.

use std::collections::BTreeMap;

use super::{check_links, export_all, id, matched_sentences, string_range, text, xml};
use crate::export::ExportFormat;
use crate::export::escape::clean;
use crate::export::fixtures::{HOSTILE_TEXTS, parallels};

#[test]
fn tei_is_read_back() {
    let tei = export_all(ExportFormat::Tei);
    let document = xml(&tei);
    check_links(&document);
    let named = |name: &'static str| {
        let nodes = document.descendants();
        nodes.filter(move |node| node.tag_name().name() == name)
    };
    let parallels = parallels();
    let mut texts = BTreeMap::new();
    for node in named("ab") {
        let passage = node.attribute("n").expect("an id").to_owned();
        assert!(texts.insert(passage, text(node)).is_none(), "each once");
    }
    assert_eq!(texts.len(), HOSTILE_TEXTS.len());
    for side in parallels.iter().flat_map(|p| [&p.source, &p.target]) {
        assert_eq!(texts[&side.passage.id()], clean(&side.passage.text));
    }
    let links = named("linkGrp").find(|node| node.attribute("type") == Some("parallels"));
    let links = links
        .expect("links")
        .children()
        .filter(roxmltree::Node::is_element);
    let by_id = |link: &str| {
        let found = document
            .descendants()
            .find(|node| id(node) == link.strip_prefix('#'));
        found.expect("a passage")
    };
    let linked: Vec<[&str; 2]> = links
        .map(|link| {
            let (a, b) = link
                .attribute("target")
                .and_then(|t| t.split_once(' '))
                .expect("two");
            [a, b].map(|end| by_id(end).attribute("n").expect("an id"))
        })
        .collect();
    let expected: Vec<[String; 2]> = parallels
        .iter()
        .map(|p| [p.source.passage.id(), p.target.passage.id()])
        .collect();
    assert_eq!(linked, expected);
    let all: usize = parallels.iter().map(|p| p.sentences.len()).sum();
    assert_eq!(named("certainty").count(), parallels.len() + all);
    assert_eq!(named("bibl").count(), 8);
    assert!(tei.contains(r#"source="document:%C3%BC-%E6%97%A5%E6%9C%AC#char=10,44""#));
    assert!(tei.contains(r#"<date when="2026-01-02T03:04:05Z">"#));
}

#[test]
fn tei_marks_shared_words() {
    let tei = export_all(ExportFormat::Tei);
    let document = xml(&tei);
    let elements = || document.descendants().filter(roxmltree::Node::is_element);
    let by_id = |expected: &str| elements().find(|node| id(node) == Some(expected));
    let marked = |link: &str| -> Vec<(String, String)> {
        let group = elements().find(|node| {
            node.has_tag_name(("http://www.tei-c.org/ns/1.0", "spanGrp"))
                && node.attribute("corresp") == Some(&format!("#{link}"))
        });
        let spans = group.into_iter().flat_map(|group| group.children());
        let pointers = spans.filter_map(|span| span.attribute("target"));
        pointers
            .map(|pointer| {
                let range = string_range(pointer.strip_prefix('#').expect("inside"));
                let (passage, offset, length) = range.expect("a range");
                let passage = by_id(passage).expect("a passage");
                let words = text(passage).chars().skip(offset).take(length).collect();
                (passage.attribute("n").expect("an id").to_owned(), words)
            })
            .collect()
    };
    let mut found = 0;
    for (number, parallel) in (1..).zip(parallels()) {
        let sides = [&parallel.source, &parallel.target];
        let expected: Vec<(String, String)> = sides
            .into_iter()
            .flat_map(|side| side.shared.iter().map(move |range| (side, range)))
            .map(|(side, range)| {
                let words = clean(side.passage.slice(*range)).into_owned();
                (side.passage.id(), words)
            })
            .collect();
        found += expected.len();
        assert_eq!(marked(&format!("l{number}")), expected, "{number}");
    }
    assert!(found > 5, "{found} ranges");
}

#[test]
fn tei_links_a_pair_to_its_matched_sentences() {
    let tei = export_all(ExportFormat::Tei);
    let document = xml(&tei);
    let by_id = |pointer: &str| {
        let mut nodes = document.descendants();
        let found = nodes.find(|node| id(node) == pointer.strip_prefix('#'));
        found.expect("the target of a pointer")
    };
    let mut by_sentences = 0;
    for (number, parallel) in (1..).zip(parallels()) {
        let measures = by_id(&format!("#l{number}.measures"));
        let value = |name: &str| {
            let mut features = measures.children().filter(roxmltree::Node::is_element);
            let feature = features.find(|node| node.attribute("name") == Some(name));
            let value = feature.and_then(|node| node.first_element_child());
            value.and_then(|node| node.attribute("value"))
        };
        assert_eq!(value("matched_by"), Some(parallel.pair.matched_by.name()));
        let passage_score = format!("{:.4}", parallel.passage_score);
        assert_eq!(value("passage_score"), Some(passage_score.as_str()));
        let link = by_id(&format!("#l{number}")).attribute("corresp");
        let sentences = link.map(|link| {
            let link = by_id(link);
            assert_eq!(link.attribute("subtype"), Some("matched"));
            by_sentences += 1;
            link.attribute("target").expect("two").split(' ')
        });
        let sentences = sentences.into_iter().flatten();
        let sentences: Vec<String> = sentences.map(|end| text(by_id(end))).collect();
        assert_eq!(sentences, matched_sentences(&parallel));
    }
    assert_eq!(tei.matches(r#"subtype="matched""#).count(), by_sentences);
    assert_eq!(by_sentences, 1);
}
