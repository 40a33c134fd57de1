//! Every format is read back by a parser that somebody else wrote, and compared with what went in.

mod families;

use std::collections::{BTreeMap, BTreeSet};

use super::escape::clean;
use super::samples::{NASTY, document, parallel, parallels, passage, report};
use super::{Csv, Export, Format, Html, Report, Subject, Tei};
use crate::parallels::{Parallel, SentencePair};
use crate::store::DocumentRecord;

fn written(format: Format, report: &Report, parallels: &[Parallel]) -> String {
    let mut bytes = Vec::new();
    {
        let mut export: Box<dyn Export> = match format {
            Format::Jsonl => unreachable!("it is written elsewhere"),
            Format::Csv => Box::new(Csv::new(&mut bytes)),
            Format::Tei => Box::new(Tei::new(&mut bytes).expect("a temporary file")),
            Format::Html => Box::new(Html::new(&mut bytes)),
        };
        export.begin(report).expect("memory");
        for parallel in parallels {
            export.parallel(parallel).expect("memory");
        }
        export.end().expect("memory");
    }
    String::from_utf8(bytes).expect("UTF-8")
}

const OURS: [Format; 3] = [Format::Csv, Format::Tei, Format::Html];

fn all(format: Format) -> String {
    let parallels = parallels();
    written(
        format,
        &report(parallels.len(), Subject::Corpus),
        &parallels,
    )
}

/// A page or a TEI document as XML.
fn xml(text: &str) -> roxmltree::Document<'_> {
    let options = roxmltree::ParsingOptions {
        allow_dtd: true,
        ..roxmltree::ParsingOptions::default()
    };
    roxmltree::Document::parse_with_options(text, options).expect("well-formed XML")
}

fn id<'a>(node: &roxmltree::Node<'a, '_>) -> Option<&'a str> {
    let space = "http://www.w3.org/XML/1998/namespace";
    node.attribute((space, "id"))
        .or_else(|| node.attribute("id"))
}

fn text(node: roxmltree::Node<'_, '_>) -> String {
    let texts = node.descendants().filter(roxmltree::Node::is_text);
    texts.filter_map(|node| node.text()).collect()
}

/// All ids, which must differ, and whatever points to one must find it.
fn check_links(document: &roxmltree::Document<'_>) {
    let mut ids = BTreeSet::new();
    for found in document.descendants().filter_map(|node| id(&node)) {
        assert!(ids.insert(found), "{found} twice");
    }
    let mut links = 0;
    for node in document.descendants() {
        for name in ["href", "target", "corresp", "ana"] {
            for link in node.attribute(name).unwrap_or("").split_whitespace() {
                links += 1;
                let target = link.strip_prefix('#').expect("links stay inside");
                let target = string_range(target).map_or(target, |(target, ..)| target);
                assert!(ids.contains(target), "{target} is missing");
            }
        }
    }
    assert!(links > 3, "{links} links");
}

/// The element, the first character and the length of a pointer into a text.
fn string_range(pointer: &str) -> Option<(&str, usize, usize)> {
    let inside = pointer.strip_prefix("string-range(")?.strip_suffix(')')?;
    let mut parts = inside.split(',');
    let (id, offset, length) = (parts.next()?, parts.next()?, parts.next()?);
    Some((id, offset.parse().ok()?, length.parse().ok()?))
}

#[test]
fn the_same_bytes_every_time() {
    for format in OURS {
        assert_eq!(all(format), all(format), "{format:?}");
    }
}

/// What the documentation says gives a text of a table back.
fn plain(cell: &str) -> String {
    let rest = cell.trim_start_matches('\'');
    let guarded = rest.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let cell = if guarded { &cell[1..] } else { cell };
    cell.to_owned()
}

/// The rows of a table, by the names of columns.
fn rows(table: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::ReaderBuilder::new()
        .comment(Some(b'#'))
        .from_reader(table.as_bytes());
    reader
        .deserialize()
        .map(|row| row.expect("a row"))
        .collect()
}

#[test]
fn a_table_is_read_back() {
    let table = all(Format::Csv);
    assert!(table.starts_with("\u{feff}# title,\"Parallels of a corpus\"\r\n"));
    assert!(table.contains("\r\n# target,\"'=two lines\"\r\n"));
    assert!(
        table.contains(",\"007\","),
        "a text that looks like a number"
    );
    let rows = rows(&table);
    let parallels = parallels();
    assert_eq!(rows.len(), parallels.len());
    for (row, parallel) in rows.iter().zip(&parallels) {
        for (name, side) in [("source", &parallel.source), ("target", &parallel.target)] {
            let cell = |column: &str| row[&format!("{name}_{column}")].clone();
            let (passage, metadata) = (&side.passage, &side.document.metadata);
            assert_eq!(plain(&cell("text")), clean(&passage.text));
            assert_eq!(plain(&cell("id")), passage.id());
            let title = metadata.title.as_deref().unwrap_or("");
            assert_eq!(plain(&cell("title")), clean(title));
            let speaker = metadata.speaker.as_deref().unwrap_or("");
            assert_eq!(plain(&cell("speaker")), clean(speaker));
            assert_eq!(cell("country"), "007");
            assert_eq!(cell("date"), metadata.date.expect("a date").to_string());
            assert_eq!(cell("start"), passage.range.start.to_string());
            assert_eq!(cell("end"), passage.range.end.to_string());
            assert_eq!(cell("documents"), side.common.documents.to_string());
        }
        let passage_score = format!("{:.4}", parallel.passage_score);
        for (name, value) in [
            ("confidence", "0.8125"),
            ("carrier", parallel.pair.carrier.name()),
            ("score", "-0.1250"),
            ("passage_score", &passage_score),
            ("margin", ""),
            ("percentile", "99.9999"),
            ("wording", "paraphrase"),
            ("formula", "true"),
        ] {
            assert_eq!(row[name], value);
        }
        let sentences: serde_json::Value = serde_json::from_str(&row["sentences"]).expect("JSON");
        let first = parallel.source.passage.slice(parallel.sentences[0].source);
        assert_eq!(sentences[0]["source"], *clean(first));
        assert_eq!(plain(&row["source_sentence"]), clean(first));
        assert_eq!(
            sentences.as_array().map(Vec::len),
            Some(parallel.sentences.len())
        );
    }
    let numbers = ["score", "passage_score"];
    for (name, cell) in rows.iter().flatten() {
        let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
        assert!(
            !formula || numbers.contains(&name.as_str()),
            "{name}: {cell}"
        );
    }
}

#[test]
fn tei_is_read_back() {
    let tei = all(Format::Tei);
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
    assert_eq!(texts.len(), NASTY.len());
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
fn the_words_that_tei_marks_are_those_that_both_passages_share() {
    let tei = all(Format::Tei);
    let document = xml(&tei);
    let elements = || document.descendants().filter(roxmltree::Node::is_element);
    let by_id = |wanted: &str| elements().find(|node| id(node) == Some(wanted));
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

/// The texts of the sentences that carry a pair; none where whole passages do.
fn carrying(parallel: &Parallel) -> Vec<String> {
    let sides = |pair: &SentencePair| {
        [
            parallel.source.passage.slice(pair.source),
            parallel.target.passage.slice(pair.target),
        ]
    };
    let texts = parallel.carrying().map(sides).into_iter().flatten();
    texts.map(|text| clean(text).into_owned()).collect()
}

#[test]
fn tei_leads_from_a_pair_to_the_sentences_that_carry_it() {
    let tei = all(Format::Tei);
    let document = xml(&tei);
    let by_id = |pointer: &str| {
        let mut nodes = document.descendants();
        let found = nodes.find(|node| id(node) == pointer.strip_prefix('#'));
        found.expect("what is pointed to")
    };
    let mut by_sentences = 0;
    for (number, parallel) in (1..).zip(parallels()) {
        let numbers = by_id(&format!("#l{number}.numbers"));
        let value = |name: &str| {
            let mut features = numbers.children().filter(roxmltree::Node::is_element);
            let feature = features.find(|node| node.attribute("name") == Some(name));
            let value = feature.and_then(|node| node.first_element_child());
            value.and_then(|node| node.attribute("value"))
        };
        assert_eq!(value("carrier"), Some(parallel.pair.carrier.name()));
        let passage_score = format!("{:.4}", parallel.passage_score);
        assert_eq!(value("passage_score"), Some(passage_score.as_str()));
        let link = by_id(&format!("#l{number}")).attribute("corresp");
        let sentences = link.map(|link| {
            let link = by_id(link);
            assert_eq!(link.attribute("subtype"), Some("carrier"));
            by_sentences += 1;
            link.attribute("target").expect("two").split(' ')
        });
        let sentences = sentences.into_iter().flatten();
        let sentences: Vec<String> = sentences.map(|end| text(by_id(end))).collect();
        assert_eq!(sentences, carrying(&parallel));
    }
    assert_eq!(tei.matches(r#"subtype="carrier""#).count(), by_sentences);
    assert_eq!(by_sentences, 1);
}

#[test]
fn a_page_frames_the_sentences_that_carry_a_pair() {
    let page = all(Format::Html);
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
            .filter(|node| classes(node).iter().any(|class| class == "carries"));
        // The number of the sentence, then the sentence.
        let framed: Vec<String> = framed.map(|node| text(node)[1..].to_owned()).collect();
        assert_eq!(framed, carrying(&parallel));
        let said = text(article);
        assert!(said.contains(parallel.pair.carrier.said()), "{said}");
        let passages = format!("of both passages: cosine {:.3}", parallel.passage_score);
        assert_eq!(said.contains(&passages), !framed.is_empty(), "{said}");
    }
}

#[test]
fn a_page_is_read_back() {
    let page = all(Format::Html);
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

/// Nothing on a page runs or is fetched, and it holds no element that a text brought in.
fn check_page(page: &str) {
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
fn two_speeches_stand_beside_each_other_with_their_pairs() {
    let record = |place| DocumentRecord {
        summary: document(place),
        origin: String::new(),
        text: NASTY[place].to_owned(),
        dropped: Vec::new(),
        passages: vec![passage(place)],
    };
    let subject = Subject::Documents(Box::new([record(0), record(1)]));
    let page = written(Format::Html, &report(1, subject), &[parallel(0, 1)]);
    let document = xml(&page);
    check_links(&document);
    for (id_wanted, place) in [("a-1", 0), ("b-1", 1)] {
        let node = document
            .descendants()
            .find(|node| id(node) == Some(id_wanted));
        let node = node.expect("a passage");
        assert_eq!(text(node), format!("{} 1", clean(NASTY[place])));
        let link = node
            .children()
            .find(|n| n.has_tag_name("a"))
            .expect("a link");
        assert_eq!(link.attribute("href"), Some("#pair-1"));
    }
}

#[test]
fn where_nothing_is_found_the_closest_is_told() {
    for format in OURS {
        let file = written(format, &report(0, Subject::Corpus), &[]);
        if format == Format::Csv {
            let mut reader = csv::ReaderBuilder::new()
                .comment(Some(b'#'))
                .from_reader(file.as_bytes());
            assert_eq!(reader.records().count(), 0);
            assert!(reader.headers().expect("a head").len() > 30);
            assert!(file.contains("# compared_passages,\"77\""));
            assert!(file.contains("x:y&z#p1 and <b>#p1: confidence 0.8125"));
            assert!(file.contains("cosine -0.1250 of the whole passages"));
        } else {
            let texts = text(xml(&file).root());
            assert!(texts.contains("77 passages were compared"), "{texts}");
            assert!(
                texts.contains("x:y&z#p1 and <b>#p1: confidence 0.8125"),
                "{texts}"
            );
            assert!(texts.contains(&*clean(NASTY[3])) || format == Format::Html);
        }
        // Not even a closest: there was nothing to compare.
        let nothing = Report {
            closest: None,
            bibliography: Vec::new(),
            ..report(0, Subject::Corpus)
        };
        let file = written(format, &nothing, &[]);
        assert!(file.contains("77"), "{format:?}");
        if format != Format::Csv {
            xml(&file);
        }
    }
}

#[test]
fn a_name_says_its_format() {
    let format = |name: &str| Format::of_file(std::path::Path::new(name));
    for own in Format::ALL {
        assert_eq!(format(&format!("a.{}", own.name())), Some(own));
    }
    assert_eq!(format("pairs.XML"), Some(Format::Tei));
    assert_eq!(format("pairs.htm"), Some(Format::Html));
    assert_eq!(format("pairs.docx"), None);
    assert_eq!(format("csv"), None);
}
