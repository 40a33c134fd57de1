use super::*;

const SCAN: &str = include_str!("scan.txt");
const PAGE: &str = include_str!("page.txt");

#[test]
fn the_scan_is_rejoined() {
    let cut = cut(SCAN);
    assert!(cut.dropped.is_empty());
    assert_eq!(cut.passages.len(), 4, "{:#?}", cut.passages);
    assert!(
        cut.passages[0]
            .text
            .starts_with("Mr.C hairman,\nThe importance of cyber security")
    );
    assert!(
        cut.text
            .contains("abandon the Cold War or zero-sum mentality")
    );
    assert!(cut.text.contains("has tested our wisdom. We witnessed"));
    assert!(
        cut.passages[3]
            .text
            .ends_with("solid basis.\nThank you, Mr.Chairman.")
    );
}

#[test]
fn the_page_loses_its_menu_and_keeps_its_title() {
    let cut = cut(PAGE);
    let reasons: Vec<_> = cut.dropped.iter().map(|d| (d.reason, d.lines)).collect();
    assert_eq!(
        reasons,
        [(DropReason::Navigation, 6), (DropReason::Footer, 2)]
    );
    let texts: Vec<&str> = cut.passages.iter().map(|p| p.text.as_str()).collect();
    assert!(texts[0].starts_with("Keynote Speech by H.E Ambassador Liu"));
    assert!(texts[0].ends_with("Royal Society of Arts, 24 May 2016"));
    assert!(texts[1].starts_with("Ladies and Gentlemen:\nIt is a real pleasure"));
    assert!(texts[1].ends_with("three topics:\n· China and the Internet.\n· Cyberspace governance in China.\n· And China's cooperation with the world on cyber security."));
    assert!(texts[2].ends_with("are:\n· Innovation.\n· Balanced growth.\n· Green economy."));
    assert!(texts[3].starts_with("First, we must choose peace over war.\nThe world today"));
    assert!(texts[3].ends_with("apply in cyberspace.\nThank you."));
}
