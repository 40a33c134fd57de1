use super::extract::write_pages;
use super::{Message, Page, PageLine, pages};
use crate::corpus::SkipReason;
use crate::corpus::parsed::ParsedDocument;

/// Writes a PDF file whose pages have these content streams.
fn pdf(contents: &[String]) -> Vec<u8> {
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        String::new(),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>"
            .to_owned(),
        "<< /Title (On peace) >>".to_owned(),
    ];
    let mut kids: Vec<String> = Vec::new();
    for content in contents {
        let page = objects.len() + 1;
        kids.push(format!("{page} 0 R "));
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> /Contents {} 0 R >>",
            page + 1
        ));
        objects.push(format!(
            "<< /Length {} >>\nstream\n{content}\nendstream",
            content.len()
        ));
    }
    objects[1] = format!(
        "<< /Type /Pages /Kids [{}] /Count {} >>",
        kids.concat(),
        contents.len()
    );
    let mut file = b"%PDF-1.4\n".to_vec();
    let mut offsets = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        offsets.push(file.len());
        file.extend(format!("{} 0 obj\n{object}\nendobj\n", index + 1).bytes());
    }
    let start = file.len();
    file.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    for offset in offsets {
        file.extend(format!("{offset:010} 00000 n \n").bytes());
    }
    file.extend(
        format!(
            "trailer\n<< /Size {} /Root 1 0 R /Info 4 0 R >>\nstartxref\n{start}\n%%EOF\n",
            objects.len() + 1
        )
        .bytes(),
    );
    file
}

/// Draws a line of text: points from the left and the bottom.
fn line(x: u32, y: u32, size: u32, text: &str) -> String {
    format!("BT /F1 {size} Tf 1 0 0 1 {x} {y} Tm ({text}) Tj ET\n")
}

fn messages(file: &[u8]) -> Vec<Message> {
    let mut output = Vec::new();
    write_pages(file, &mut output).unwrap();
    let lines = output
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

fn read(file: &[u8]) -> Result<ParsedDocument, SkipReason> {
    pages::document(messages(file), false)
}

#[test]
fn columns_are_read_one_after_the_other() {
    let mut content = line(
        60,
        780,
        12,
        "A heading over both of the columns of the page",
    );
    for row in 0..6 {
        content += &line(
            60,
            700 - row * 14,
            10,
            &format!("left column text row {row}"),
        );
        content += &line(
            320,
            700 - row * 14,
            10,
            &format!("right column text row {row}"),
        );
    }
    let text = read(&pdf(&[content])).unwrap().text;
    let order = [
        "A heading over",
        "left column text row 0",
        "left column text row 5",
        "right column text row 0",
    ];
    let places: Vec<_> = order.iter().map(|part| text.find(part).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
}

#[test]
fn running_heads_and_page_numbers_are_dropped_and_pages_known() {
    let pages: Vec<String> = (1..=4)
        .map(|page| {
            line(60, 800, 9, "General Assembly - official records")
                + &line(
                    60,
                    700,
                    11,
                    &format!("This is the first line of page {page}, which goes on"),
                )
                + &line(60, 686, 11, "and ends here. Order, order.")
                + &line(60, 640, 11, "Order, order.")
                + &line(290, 40, 9, &page.to_string())
        })
        .collect();
    let document = read(&pdf(&pages)).unwrap();
    assert!(
        !document.text.contains("official records"),
        "{}",
        document.text
    );
    assert_eq!(document.text.matches("Order, order.").count(), 8);
    assert_eq!(document.heading.as_deref(), Some("On peace"));
    let third = document.text.find("page 3").unwrap();
    assert_eq!(
        document
            .anchors
            .place(&document.text, third, third + 1)
            .page,
        Some(3)
    );
    assert!(
        document
            .text
            .split('\u{c}')
            .all(|page| page.trim().ends_with("Order, order.")),
        "{:?}",
        document.text
    );
}

#[test]
fn notes_stand_after_the_text() {
    let content = line(60, 700, 12, "The text refers to a note in this sentence")
        + &line(60, 686, 12, "and goes on to the next page without")
        + &line(60, 60, 8, "1 A note at the foot of the page.");
    let second = line(60, 700, 12, "being interrupted by it at all.");
    let text = read(&pdf(&[content, second])).unwrap().text;
    assert!(
        text.ends_with("1 A note at the foot of the page.\n")
            && text.contains("without\n\u{c}being"),
        "{text:?}"
    );
}

#[test]
fn scans_and_damaged_files_are_named() {
    let empty = pdf(&[String::new(), String::new()]);
    assert_eq!(
        read(&empty).unwrap_err(),
        SkipReason::ScannedPages { pages: 2 }
    );
    let whole = pdf(&[line(60, 700, 12, "Some words on a page of a file")]);
    for file in [
        &whole[..whole.len() / 3],
        b"",
        b"%PDF-1.4\n%%EOF",
        &[0xff; 1000],
    ] {
        assert!(read(file).is_err());
    }
    // A page tree that contains itself.
    let looped = String::from_utf8(whole)
        .unwrap()
        .replace("/Kids [5 0 R ]", "/Kids [2 0 R ]");
    let _ = read(looped.as_bytes());
}

#[test]
fn a_page_that_cannot_be_read_costs_itself() {
    let page = |number, problem: Option<&str>| {
        let text = if problem.is_some() {
            ""
        } else {
            "Words that are long enough for a page and for another one."
        };
        Message::Page(Page {
            number,
            sideways: 0,
            lines: vec![PageLine {
                text: text.to_owned(),
                y: 10.0,
                size: 10.0,
                apart: false,
            }],
            problem: problem.map(str::to_owned),
        })
    };
    let info = Message::Info {
        title: None,
        author: None,
        pages: 2,
    };
    let document =
        pages::document(vec![info, page(1, None), page(2, Some("damaged"))], false).unwrap();
    assert_eq!(document.notes.len(), 1);
}
