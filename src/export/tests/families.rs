//! Export of families in all formats.

use super::pages::check_page;
use super::tables::{parse_rows, unescape_cell};
use super::{check_links, id, text, xml};
use crate::export::escape::clean;
use crate::export::fixtures::{families, families_report};
use crate::export::{Csv, ExportFamilies, Html, Tei};
use crate::parallels::FamilyTexts;

fn export_families_to_string(
    families: &[FamilyTexts],
    new: impl Fn(&mut Vec<u8>) -> Box<dyn ExportFamilies + '_>,
) -> String {
    let mut bytes = Vec::new();
    {
        let mut export = new(&mut bytes);
        export
            .begin(&families_report(families.len()))
            .expect("memory");
        for texts in families {
            export.family(texts).expect("memory");
        }
        export.end().expect("memory");
    }
    String::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn a_table_of_members_is_read_back() {
    let families = families();
    let table = export_families_to_string(&families, |out| Box::new(Csv::new(out)));
    assert_eq!(
        table,
        export_families_to_string(&families, |out| Box::new(Csv::new(out)))
    );
    assert!(table.starts_with("\u{feff}# title,\"Families of a corpus\"\r\n"));
    assert!(table.contains("\r\n# filtered_small_families,\"6\"\r\n"));
    let rows = parse_rows(&table);
    let members = (1..).zip(&families).flat_map(|(number, texts)| {
        let members = texts.members.iter();
        members.map(move |member| (number, texts, member))
    });
    let members: Vec<_> = members.collect();
    assert_eq!(rows.len(), members.len());
    for (row, (number, texts, member)) in rows.iter().zip(members) {
        assert_eq!(row["family"], number.to_string());
        assert_eq!(row["members"], texts.members.len().to_string());
        assert_eq!(unescape_cell(&row["id"]), member.passage.id());
        assert_eq!(unescape_cell(&row["text"]), clean(&member.passage.text));
        assert_eq!(row["representative"], member.is_representative.to_string());
        assert_eq!(row["first"], member.is_first.to_string());
        assert_eq!(row["confidence"], "0.6250");
        let sentence = member.sentence.map(|range| member.passage.slice(range));
        assert_eq!(
            unescape_cell(&row["sentence"]),
            clean(sentence.unwrap_or_default())
        );
        let start = member.sentence.map(|range| range.start.to_string());
        assert_eq!(row["sentence_start"], start.unwrap_or_default());
        assert_eq!(row["matched_by"], texts.family.matched_by());
        assert_eq!(row["least_confidence"], "0.3750");
    }
    for cell in rows.iter().flat_map(|row| row.values()) {
        assert!(
            !cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']),
            "{cell}"
        );
    }
}

#[test]
fn a_page_of_families_is_read_back() {
    let families = families();
    let page = export_families_to_string(&families, |out| Box::new(Html::new(out)));
    assert_eq!(
        page,
        export_families_to_string(&families, |out| Box::new(Html::new(out)))
    );
    check_page(&page);
    let document = xml(&page);
    check_links(&document);
    let articles = document.descendants().filter(|n| n.has_tag_name("article"));
    let articles: Vec<_> = articles.collect();
    assert_eq!(articles.len(), families.len());
    for (article, texts) in articles.iter().zip(&families) {
        let quotes = article
            .descendants()
            .filter(|n| n.has_tag_name("blockquote"));
        let quotes: Vec<String> = quotes.map(text).collect();
        // The representative precedes the others.
        let (mut ordered, others): (Vec<_>, Vec<_>) = texts
            .members
            .iter()
            .partition(|member| member.is_representative);
        ordered.extend(others);
        let expected = ordered.iter().map(|member| clean(&member.passage.text));
        assert_eq!(quotes, expected.collect::<Vec<_>>());
        let framed = article
            .descendants()
            .filter(|n| n.attribute("class") == Some("matched"));
        let framed: Vec<String> = framed.map(text).collect();
        let sentences = texts
            .members
            .iter()
            .filter(|member| member.sentence.is_some());
        let mut sentences: Vec<String> = sentences
            .map(|member| clean(member.text()).into_owned())
            .collect();
        assert_eq!(framed.len(), sentences.len());
        sentences.retain(|sentence| !framed.contains(sentence));
        assert!(sentences.is_empty(), "{sentences:?}");
        let rows = article.descendants().filter(|n| n.has_tag_name("tr"));
        assert_eq!(rows.count(), texts.members.len() + 1);
    }
}

fn tei_export(out: &mut Vec<u8>) -> Box<dyn ExportFamilies + '_> {
    Box::new(Tei::new(out).expect("a temporary file"))
}

#[test]
fn tei_of_families_is_read_back() {
    let families = families();
    let tei = export_families_to_string(&families, tei_export);
    assert_eq!(tei, export_families_to_string(&families, tei_export));
    let document = xml(&tei);
    check_links(&document);
    let by_id = |link: &str| {
        let mut nodes = document.descendants();
        let found = nodes.find(|node| id(node) == link.strip_prefix('#'));
        text(found.expect("the target of a link"))
    };
    let links = document.descendants().filter(|n| n.has_tag_name("link"));
    let links: Vec<_> = links.collect();
    assert_eq!(links.len(), families.len());
    for (link, texts) in links.iter().zip(&families) {
        let targets = link.attribute("target").expect("targets");
        let linked: Vec<String> = targets.split(' ').map(by_id).collect();
        let members = texts.members.iter();
        let expected = members.map(|member| clean(member.text()).into_owned());
        assert_eq!(linked, expected.collect::<Vec<_>>());
        assert_eq!(link.attribute("type"), Some(texts.family.matched_by()));
        let representative = texts.representative().expect("one").text();
        let corresp = link.attribute("corresp").expect("a representative");
        assert_eq!(by_id(corresp), clean(representative));
    }
    let confidences = document.descendants().filter(|n| n.has_tag_name("vColl"));
    let counts = confidences.map(|list| list.children().count());
    let members = families.iter().map(|texts| texts.members.len());
    assert!(counts.eq(members));
}

#[test]
fn files_without_families_say_so() {
    let table = export_families_to_string(&[], |out| Box::new(Csv::new(out)));
    assert!(table.contains("# families,\"0\"") && parse_rows(&table).is_empty());
    let page = export_families_to_string(&[], |out| Box::new(Html::new(out)));
    let tei = export_families_to_string(&[], |out| {
        Box::new(Tei::new(out).expect("a temporary file"))
    });
    for file in [page, tei] {
        let texts = text(xml(&file).root());
        assert!(texts.contains("77 passages compared"), "{texts}");
        assert!(texts.contains("no families found"), "{texts}");
    }
}
