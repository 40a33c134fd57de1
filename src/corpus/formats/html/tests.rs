use super::{decode_html, document};
use crate::corpus::events::DocumentNote;
use crate::corpus::parsed::ParsedDocument;

const PAGE: &str = r##"<!DOCTYPE html><html lang="en"><head><title>Statement | Ministry</title>
<meta property="og:title" content="Statement on peace"><meta name="author" content="Press Office">
<script type="application/ld+json">{"@graph":[{"@type":"Article","datePublished":"2019-10-23T10:00:00Z"}]}</script>
<style>p { color: red }</style></head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/a">About us</a></li></ul></nav>
<div class="breadcrumbs"><a href="/">Home</a> &gt; <a href="/s">Statements</a></div>
<main><h1>On peace</h1><p>Peace is the work of justice, and justice is the work
of many hands in many places<br>over many years.</p>
<p hidden>Not shown</p>
<ul><li>First, we <a href="#">disarm</a>.</li><li>Then, we trade.</li></ul>
<table><tr><th>Year</th><th>Votes</th></tr><tr><td>2015</td><td>120</td></tr></table>
<aside>Read also: another statement</aside></main>
<footer>&copy; Ministry</footer><script>if (a < b) { alert("x") }</script></body></html>"##;

fn read(html: &str) -> ParsedDocument {
    document(html, false).unwrap()
}

#[test]
fn the_article_is_read_without_menus_and_says_what_it_left_out() {
    let document = read(PAGE);
    assert_eq!(
        document.text,
        "On peace\n\nPeace is the work of justice, and justice is the work of many hands in many places\nover many years.\n\n\
         • First, we disarm.\n• Then, we trade.\n\nYear | Votes\n2015 | 120"
    );
    assert_eq!(
        document.metadata.title.as_deref(),
        Some("Statement on peace")
    );
    assert_eq!(document.metadata.date.unwrap().to_string(), "2019-10-23");
    assert_eq!(document.metadata.language.as_deref(), Some("en"));
    assert_eq!(document.metadata.attributes["author"], "Press Office");
    let [DocumentNote::PartsLeftOut { parts }] = document.notes.as_slice() else {
        panic!("{:?}", document.notes);
    };
    let kinds: Vec<_> = parts.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, ["footers", "menus", "side bars"]);
    let kept = super::document(PAGE, true).unwrap();
    assert!(kept.text.contains("About us") && kept.notes.is_empty());
}

#[test]
fn a_page_whose_text_has_the_name_of_a_menu_keeps_it() {
    let page = "<body><div class=\"menu\"><p>All of the speech is in here, since the site says so.</p></div></body>";
    assert_eq!(
        read(page).text,
        "All of the speech is in here, since the site says so."
    );
}

#[test]
fn pages_in_other_encodings_and_fragments_are_read() {
    let latin = b"<html><head><meta charset=\"iso-8859-2\"></head><p>P\xf8\xed\x9ali\xb9 \xbelu\xbbou\xe8k\xfd</p>".to_vec();
    let (html, note) = decode_html(latin).unwrap();
    assert!(html.contains("ř") || html.contains("ø"), "{html}");
    assert!(!note.is_empty());
    assert_eq!(read("just <b>wo</b>rds").text, "just words");
    assert_eq!(read("").text, "");
    assert_eq!(read("<p>un<i>clo<p>sed").text, "unclo\n\nsed");
}

#[test]
fn hostile_pages_are_refused_or_read() {
    assert!(document(&"<div>".repeat(100_000), false).is_err());
    assert!(document(&"<b><table>".repeat(5_000), false).is_err());
    // Paragraphs and cells that are not closed are no nesting.
    assert!(read(&"<p>word".repeat(20_000)).text.len() > 100_000);
    let _ = document(&"<table><tr><td>".repeat(1_900), false);
    let _ = document("<<<!--<script><![CDATA[", false);
}
