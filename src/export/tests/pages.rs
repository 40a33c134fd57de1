//! Export as HTML.

use super::{check_links, export_all, export_to_string, id, matched_sentences, text, xml};
use crate::export::escape::clean;
use crate::export::fixtures::{HOSTILE_TEXTS, document, parallel, parallels, passage, report};
use crate::export::{ExportFormat, ReportSubject};
use crate::store::DocumentRecord;

#[test]
fn a_page_is_read_back() {
    let page = export_all(ExportFormat::Html);
    let document = xml(&page);
    check_links(&document);
    let quotes = document
        .descendants()
        .filter(|n| n.has_tag_name("blockquote"));
    let quotes: Vec<String> = quotes
        .map(|quote| {
            let in_number = |node: &roxmltree::Node<'_, '_>| {
                node.ancestors().any(|a| a.attribute("class") == Some("n"))
            };
            let texts = quote
                .descendants()
                .filter(|node| node.is_text() && !in_number(node));
            texts.filter_map(|node| node.text()).collect()
        })
        .collect();
    let parallels = parallels();
    let sides = parallels.iter().flat_map(|p| [&p.source, &p.target]);
    let expected: Vec<_> = sides
        .clone()
        .map(|side| clean(&side.passage.text))
        .collect();
    assert_eq!(quotes, expected);
    let quotes = document
        .descendants()
        .filter(|n| n.has_tag_name("blockquote"));
    for (quote, side) in quotes.zip(sides) {
        let marks = quote.descendants().filter(|n| n.has_tag_name("mark"));
        let marked: String = marks.map(text).collect();
        let shared = side.shared.iter().map(|range| side.passage.slice(*range));
        assert_eq!(marked, clean(&shared.collect::<String>()));
    }
    check_page(&page);
}

/// Checks that a page runs and loads nothing, and has no elements from texts.
pub(super) fn check_page(page: &str) {
    let document = xml(page);
    let allowed = [
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "nav",
        "section",
        "article",
        "h1",
        "h2",
        "h3",
        "h4",
        "p",
        "a",
        "span",
        "div",
        "ul",
        "li",
        "dl",
        "dt",
        "dd",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "blockquote",
        "mark",
    ];
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        assert!(allowed.contains(&node.tag_name().name()), "{node:?}");
        assert!(node.attributes().all(|a| !a.name().starts_with("on")));
        assert!(node.attribute("lang").is_none_or(|tag| tag != "not a tag"));
    }
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("url("));
}

#[test]
fn a_page_frames_matched_sentences() {
    let page = export_all(ExportFormat::Html);
    let document = xml(&page);
    let articles = document.descendants().filter(|n| n.has_tag_name("article"));
    let articles: Vec<_> = articles.collect();
    assert_eq!(articles.len(), parallels().len());
    for (article, parallel) in articles.into_iter().zip(parallels()) {
        let classes = |node: &roxmltree::Node<'_, '_>| {
            let classes = node.attribute("class").unwrap_or("").split(' ');
            classes.map(str::to_owned).collect::<Vec<_>>()
        };
        let framed = article
            .descendants()
            .filter(|node| classes(node).iter().any(|class| class == "matched"));
        // The number of the sentence, then the sentence.
        let framed: Vec<String> = framed.map(|node| text(node)[1..].to_owned()).collect();
        assert_eq!(framed, matched_sentences(&parallel));
        let shown = text(article);
        assert!(
            shown.contains(parallel.pair.matched_by.description()),
            "{shown}"
        );
        let passages = format!("of both passages: cosine {:.3}", parallel.passage_score);
        assert_eq!(shown.contains(&passages), !framed.is_empty(), "{shown}");
    }
}

#[test]
fn both_documents_are_shown_in_full_with_links_to_pairs() {
    let record = |index| DocumentRecord {
        summary: document(index),
        origin: String::new(),
        text: HOSTILE_TEXTS[index].to_owned(),
        dropped: Vec::new(),
        passages: vec![passage(index)],
    };
    let subject = ReportSubject::Documents(Box::new([record(0), record(1)]));
    let page = export_to_string(ExportFormat::Html, &report(1, subject), &[parallel(0, 1)]);
    let document = xml(&page);
    check_links(&document);
    for (expected_id, index) in [("a-1", 0), ("b-1", 1)] {
        let node = document
            .descendants()
            .find(|node| id(node) == Some(expected_id));
        let node = node.expect("a passage");
        assert_eq!(text(node), format!("{} 1", clean(HOSTILE_TEXTS[index])));
        let link = node
            .children()
            .find(|n| n.has_tag_name("a"))
            .expect("a link");
        assert_eq!(link.attribute("href"), Some("#pair-1"));
    }
}
