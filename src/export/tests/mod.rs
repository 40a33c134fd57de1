//! Every format is read back by an independent parser and compared with the input.

mod families;
mod pages;
mod tables;
mod tei;

use std::collections::BTreeSet;

use super::escape::clean;
use super::fixtures::{HOSTILE_TEXTS, parallels, report};
use super::{Csv, Export, ExportFormat, Html, ParallelsReport, ReportSubject, Tei};
use crate::parallels::{Parallel, SentencePair};

fn export_to_string(
    format: ExportFormat,
    report: &ParallelsReport,
    parallels: &[Parallel],
) -> String {
    let mut bytes = Vec::new();
    {
        let mut export: Box<dyn Export> = match format {
            ExportFormat::Jsonl => unreachable!("tested in its own module"),
            ExportFormat::Csv => Box::new(Csv::new(&mut bytes)),
            ExportFormat::Tei => Box::new(Tei::new(&mut bytes).expect("a temporary file")),
            ExportFormat::Html => Box::new(Html::new(&mut bytes)),
        };
        export.begin(report).expect("memory");
        for parallel in parallels {
            export.parallel(parallel).expect("memory");
        }
        export.end().expect("memory");
    }
    String::from_utf8(bytes).expect("UTF-8")
}

const FORMATS: [ExportFormat; 3] = [ExportFormat::Csv, ExportFormat::Tei, ExportFormat::Html];

fn export_all(format: ExportFormat) -> String {
    let parallels = parallels();
    export_to_string(
        format,
        &report(parallels.len(), ReportSubject::Corpus),
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

/// Checks that ids are unique and that every link has a target.
fn check_links(document: &roxmltree::Document<'_>) {
    let mut ids = BTreeSet::new();
    for found in document.descendants().filter_map(|node| id(&node)) {
        assert!(ids.insert(found), "duplicate id {found}");
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

/// Parses a pointer into a text: the element, the first character, the length.
fn string_range(pointer: &str) -> Option<(&str, usize, usize)> {
    let inside = pointer.strip_prefix("string-range(")?.strip_suffix(')')?;
    let mut parts = inside.split(',');
    let (id, offset, length) = (parts.next()?, parts.next()?, parts.next()?);
    Some((id, offset.parse().ok()?, length.parse().ok()?))
}

/// Returns the texts of the matched sentences; empty if whole passages match.
fn matched_sentences(parallel: &Parallel) -> Vec<String> {
    let sides = |pair: &SentencePair| {
        [
            parallel.source.passage.slice(pair.source),
            parallel.target.passage.slice(pair.target),
        ]
    };
    let texts = parallel
        .matched_sentence_pair()
        .map(sides)
        .into_iter()
        .flatten();
    texts.map(|text| clean(text).into_owned()).collect()
}

#[test]
fn exports_are_deterministic() {
    for format in FORMATS {
        assert_eq!(export_all(format), export_all(format), "{format:?}");
    }
}

#[test]
fn without_parallels_the_closest_pair_is_reported() {
    for format in FORMATS {
        let file = export_to_string(format, &report(0, ReportSubject::Corpus), &[]);
        if format == ExportFormat::Csv {
            let mut reader = csv::ReaderBuilder::new()
                .comment(Some(b'#'))
                .from_reader(file.as_bytes());
            assert_eq!(reader.records().count(), 0);
            assert!(reader.headers().expect("a head").len() > 30);
            assert!(file.contains("# compared_passages,\"77\""));
            assert!(file.contains("x:y&z#p1 and <b>#p1, confidence 0.8125"));
            assert!(file.contains("cosine -0.1250 of the whole passages"));
        } else {
            let texts = text(xml(&file).root());
            assert!(texts.contains("77 passages compared"), "{texts}");
            assert!(
                texts.contains("x:y&z#p1 and <b>#p1, confidence 0.8125"),
                "{texts}"
            );
            assert!(texts.contains(&*clean(HOSTILE_TEXTS[3])) || format == ExportFormat::Html);
        }
        // Without even a closest pair, as nothing was compared.
        let empty = ParallelsReport {
            closest: None,
            bibliography: Vec::new(),
            ..report(0, ReportSubject::Corpus)
        };
        let file = export_to_string(format, &empty, &[]);
        assert!(file.contains("77"), "{format:?}");
        if format != ExportFormat::Csv {
            xml(&file);
        }
    }
}

#[test]
fn file_extension_selects_the_format() {
    let format = |name: &str| ExportFormat::from_path(std::path::Path::new(name));
    for expected in ExportFormat::ALL {
        let name = format!("a.{}", expected.name());
        assert_eq!(format(&name), Some(expected));
    }
    assert_eq!(format("pairs.XML"), Some(ExportFormat::Tei));
    assert_eq!(format("pairs.htm"), Some(ExportFormat::Html));
    assert_eq!(format("pairs.docx"), None);
    assert_eq!(format("csv"), None);
}
