//! The reader for web pages: the article, without the menus and footers around it.
//!
//! What is left out is decided by the meaning of elements (`nav`, `footer`, roles), by names of classes
//! that sites use for menus, and by measures (lists that consist of links); it is reported by kind. A
//! page that would lose most of its text keeps it. Title, date, language and speaker are read from meta
//! tags and JSON-LD.

mod depth;
mod head;
mod rules;

use ego_tree::iter::Edge;
use encoding_rs::Encoding;
use scraper::{ElementRef, Html, Node};

use super::block_text::BlockText;
use crate::corpus::decode::decode;
use crate::corpus::error::SkipReason;
use crate::corpus::events::DocumentNote;
use crate::corpus::parsed::{
    CountingReader, ParseIssue, ParsedDocument, ParsedDocuments, ReadContext, whole_file,
};

pub(super) fn read(file: CountingReader, context: &ReadContext) -> ParsedDocuments {
    let context = context.clone();
    whole_file(move || {
        let bytes = file.read_to_limit(context.limits.max_text_bytes.saturating_mul(4))?;
        let (html, note) = decode_html(bytes)?;
        let mut document = document(&html, context.options.keep_boilerplate)?;
        document.notes.extend(note);
        Ok(vec![document])
    })
}

/// Decodes a page: by its byte order mark or as UTF-8, then as it declares, then by its bytes.
pub(super) fn decode_html(bytes: Vec<u8>) -> Result<(String, Vec<DocumentNote>), SkipReason> {
    const HEAD_BYTES: usize = 4096;
    let has_mark = Encoding::for_bom(&bytes).is_some();
    if !has_mark && std::str::from_utf8(&bytes).is_err() {
        let head = bytes.get(..HEAD_BYTES).unwrap_or(&bytes);
        let head = String::from_utf8_lossy(head).to_ascii_lowercase();
        let label = head.split_once("charset=").map(|(_, rest)| {
            let label = rest.trim_start_matches(['"', '\'', ' ']);
            label
                .split(['"', '\'', ' ', ';', '>', '/'])
                .next()
                .unwrap_or_default()
        });
        let declared = label.and_then(|label| Encoding::for_label(label.as_bytes()));
        if let Some(encoding) = declared
            && let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(&bytes)
        {
            let note = DocumentNote::Decoded {
                encoding: encoding.name(),
            };
            return Ok((text.into_owned(), vec![note]));
        }
    }
    decode(bytes)
}

/// Reads a page.
pub(super) fn document(html: &str, keep_boilerplate: bool) -> Result<ParsedDocument, ParseIssue> {
    depth::check(html)?;
    let page = Html::parse_document(html);
    let mut document = ParsedDocument::default();
    head::read(&page, &mut document);
    let skipped = if keep_boilerplate {
        rules::Skipped::default()
    } else {
        rules::boilerplate(&page)
    };
    let (text, heading) = render(&page, &skipped);
    document.text = text;
    document.heading = document.heading.take().or(heading);
    if !skipped.parts.is_empty() {
        document.notes.push(DocumentNote::PartsLeftOut {
            parts: skipped.parts.into_iter().collect(),
        });
    }
    Ok(document)
}

/// Returns the text of a page, and its first heading of level 1.
fn render(page: &Html, skipped: &rules::Skipped) -> (String, Option<String>) {
    let mut text = BlockText::default();
    let mut heading = None;
    let mut hidden = 0_usize;
    let root = skipped
        .root
        .and_then(|root| page.tree.get(root))
        .unwrap_or_else(|| page.tree.root());
    for edge in root.traverse() {
        match edge {
            Edge::Open(node) => match node.value() {
                Node::Element(element) => {
                    if hidden > 0
                        || skipped.nodes.contains(&node.id())
                        || rules::is_invisible(element)
                    {
                        hidden += 1;
                    } else {
                        open(&mut text, element);
                    }
                }
                Node::Text(words) if hidden == 0 => text.push(words),
                _ => {}
            },
            Edge::Close(node) => {
                let Node::Element(element) = node.value() else {
                    continue;
                };
                if hidden > 0 {
                    hidden -= 1;
                    continue;
                }
                if element.name() == "h1" && heading.is_none() && !text.block().is_empty() {
                    heading = Some(text.block().replace('\n', " "));
                }
                close(&mut text, element);
            }
        }
    }
    (text.finish(), heading)
}

fn open(text: &mut BlockText, element: &scraper::node::Element) {
    match element.name() {
        "br" => text.line_break(),
        "ul" | "menu" => text.start_list(None),
        "ol" => {
            let first = element.attr("start").and_then(|start| start.parse().ok());
            text.start_list(Some(first.unwrap_or(1)));
        }
        "li" => text.start_item(),
        "table" => text.start_table(),
        "tr" => text.start_row(),
        name if is_block(name) => text.end_block(),
        _ => {}
    }
}

fn close(text: &mut BlockText, element: &scraper::node::Element) {
    match element.name() {
        "ul" | "menu" | "ol" => text.end_list(),
        "li" => text.end_item(),
        "table" => text.end_table(),
        "tr" => text.end_row(),
        "td" | "th" => text.end_cell(),
        name if is_block(name) => text.end_block(),
        _ => {}
    }
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "body"
            | "caption"
            | "center"
            | "dd"
            | "details"
            | "dialog"
            | "dir"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "frameset"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "header"
            | "hgroup"
            | "hr"
            | "html"
            | "legend"
            | "main"
            | "nav"
            | "noframes"
            | "p"
            | "pre"
            | "search"
            | "section"
            | "summary"
            | "tbody"
            | "tfoot"
            | "thead"
            | "title"
    )
}

/// Returns the text of an element, white space collapsed.
fn text_of(element: ElementRef<'_>) -> String {
    let words = element.text().flat_map(str::split_whitespace);
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
