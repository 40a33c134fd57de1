//! The reader for Markdown: front matter becomes metadata, the rest is rendered to plain text.
//!
//! Blocks are separated by blank lines. A heading is a block; list items are lines that start with
//! `• `, or with their number, since numbered paragraphs are cited by it; a table row is a line with
//! cells separated by ` | `. Of links, images, code and HTML, the text is kept. Footnote references
//! are removed, their notes stay as paragraphs. The first heading of level 1, or the first of all, is the
//! title if there is no other, and stays in the text.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::CorpusLimits;
use super::front_matter;
use super::markdown_head;
use super::parsed::{CountingReader, ParseIssue, ParsedDocument};
use super::text::read_decoded;

pub(super) fn read(
    file: CountingReader,
    limits: CorpusLimits,
) -> Result<ParsedDocument, ParseIssue> {
    let (file, notes) = read_decoded(file, limits)?;
    let (mut front_matter, body) = front_matter::split(&file);
    let body = markdown_head::take(body, &mut front_matter.metadata, &mut front_matter.notes);
    let page = render(&body);
    Ok(ParsedDocument {
        id: front_matter.id,
        text: page.text,
        metadata: front_matter.metadata,
        heading: page.heading,
        notes: notes.into_iter().chain(front_matter.notes).collect(),
        ..ParsedDocument::default()
    })
}

/// The plain text of a Markdown document.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct RenderedMarkdown {
    pub(super) text: String,
    /// The first heading of level 1, or the first if there is none.
    pub(super) heading: Option<String>,
}

pub(super) fn render(markdown: &str) -> RenderedMarkdown {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_STRIKETHROUGH;
    let mut page = MarkdownRenderer::default();
    for event in Parser::new_ext(markdown, options) {
        page.handle_event(event);
    }
    page.end_block();
    RenderedMarkdown {
        text: page.text,
        heading: page.heading.or(page.minor_heading),
    }
}

#[derive(Default)]
struct MarkdownRenderer {
    text: String,
    heading: Option<String>,
    /// The first heading of another level.
    minor_heading: Option<String>,
    /// The block being written.
    block: String,
    /// The marker of the next list item.
    item_marker: String,
    /// The open lists, with the next number of each numbered one.
    lists: Vec<Option<u64>>,
    /// Whether the last block written belongs to the open list or table.
    continues_group: bool,
    in_table: bool,
    html: String,
}

impl MarkdownRenderer {
    fn handle_event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start_tag(&tag),
            Event::End(tag) => self.end_tag(tag),
            Event::Text(text) | Event::Code(text) => self.block.push_str(&text),
            Event::SoftBreak => self.block.push(' '),
            Event::HardBreak => self.block.push('\n'),
            Event::Rule => self.end_block(),
            Event::Html(html) => self.html.push_str(&html),
            // Inline tags are dropped, within words or between them; only a break separates lines.
            Event::InlineHtml(tag) if tag.to_ascii_lowercase().starts_with("<br") => {
                self.block.push('\n');
            }
            _ => {}
        }
    }

    fn start_tag(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::List(first) => {
                self.end_block();
                self.continues_group &= !self.lists.is_empty();
                self.lists.push(*first);
            }
            Tag::Item => {
                self.end_block();
                self.item_marker = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        let marker = format!("{number}. ");
                        *number = number.saturating_add(1);
                        marker
                    }
                    _ => "• ".to_owned(),
                };
            }
            Tag::Table(_) => {
                self.end_block();
                self.continues_group = false;
                self.in_table = true;
            }
            Tag::Paragraph
            | Tag::Heading { .. }
            | Tag::BlockQuote(_)
            | Tag::CodeBlock(_)
            | Tag::HtmlBlock
            | Tag::FootnoteDefinition(_) => self.end_block(),
            _ => {}
        }
    }

    fn end_tag(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(level) => {
                let heading = self.block.split_whitespace().collect::<Vec<_>>().join(" ");
                let first = if level == HeadingLevel::H1 {
                    &mut self.heading
                } else {
                    &mut self.minor_heading
                };
                if first.is_none() && !heading.is_empty() {
                    *first = Some(heading);
                }
                self.end_block();
            }
            TagEnd::List(_) => {
                self.end_block();
                self.lists.pop();
                self.continues_group &= !self.lists.is_empty();
            }
            TagEnd::Item => {
                self.end_block();
                self.item_marker.clear();
            }
            TagEnd::TableCell => self.block.push_str(" | "),
            TagEnd::TableHead | TagEnd::TableRow => {
                let row = self.block.trim_end_matches([' ', '|']).len();
                self.block.truncate(row);
                self.end_block();
            }
            TagEnd::Table => {
                self.in_table = false;
                self.continues_group = false;
            }
            TagEnd::HtmlBlock => {
                let html = std::mem::take(&mut self.html);
                self.block = strip_html_tags(&html);
                self.end_block();
            }
            TagEnd::Paragraph
            | TagEnd::BlockQuote(_)
            | TagEnd::CodeBlock
            | TagEnd::FootnoteDefinition => self.end_block(),
            _ => {}
        }
    }

    /// Writes the block, after a blank line or, within a list or table, after a line end.
    fn end_block(&mut self) {
        let block = std::mem::take(&mut self.block);
        let block = block.trim();
        if block.is_empty() {
            return;
        }
        let inside = self.in_table || !self.lists.is_empty();
        if !self.text.is_empty() {
            self.text.push_str(if inside && self.continues_group {
                "\n"
            } else {
                "\n\n"
            });
        }
        self.text.push_str(&self.item_marker);
        self.item_marker.clear();
        self.text.push_str(block);
        self.continues_group = inside;
    }
}

/// Removes tags, comments, scripts and styles.
fn strip_html_tags(html: &str) -> String {
    // ASCII lowercasing keeps byte offsets.
    let lower = html.to_ascii_lowercase();
    let mut text = String::new();
    let mut at = 0;
    while let Some(tag) = lower.get(at..).and_then(|rest| rest.find('<')) {
        text.push_str(html.get(at..at + tag).unwrap_or_default());
        let rest = lower.get(at + tag..).unwrap_or_default();
        let close = [
            ("<!--", "-->"),
            ("<script", "</script>"),
            ("<style", "</style>"),
        ]
        .into_iter()
        .find(|(open, _)| rest.starts_with(open))
        .map_or(">", |(_, close)| close);
        at = match rest.find(close) {
            Some(end) => at + tag + end + close.len(),
            None => html.len(),
        };
    }
    text.push_str(html.get(at..).unwrap_or_default());
    text
}

#[cfg(test)]
mod tests {
    use super::{RenderedMarkdown, render, strip_html_tags};

    #[test]
    fn blocks_are_separated_by_blank_lines_and_wrapped_lines_joined() {
        let page =
            render("# A *grand* title\n\nOne line\nand its\\\nnext.\n\n> Quoted\n> words.\n");
        assert_eq!(page.heading.as_deref(), Some("A grand title"));
        assert_eq!(
            page.text,
            "A grand title\n\nOne line and its\nnext.\n\nQuoted words."
        );
    }

    #[test]
    fn list_items_are_lines_with_a_bullet_or_their_number() {
        let page =
            render("Intro:\n\n* one\n* two\n  - inner\n* three\n\n7. seven\n8. eight\n\nEnd");
        assert_eq!(
            page.text,
            "Intro:\n\n• one\n• two\n• inner\n• three\n\n7. seven\n8. eight\n\nEnd"
        );
    }

    #[test]
    fn a_loose_item_keeps_its_paragraphs_together() {
        let page = render("- one\n\n  more of one\n\n- two\n");
        assert_eq!(page.text, "• one\nmore of one\n• two");
    }

    #[test]
    fn links_code_tables_and_html_leave_their_text() {
        let page = render(
            "See [the Charter](http://x) and `code`<b>!</b>[^1]\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n\
             <div class=\"x\">\nKept <i>words</i>\n<!-- gone -->\n</div>\n\n```\nfn x\n```\n\n[^1]: A note.\n",
        );
        assert_eq!(
            page.text,
            "See the Charter and code!\n\na | b\n1 | 2\n\nKept words\n\nfn x\n\nA note."
        );
    }

    #[test]
    fn empty_input_and_unclosed_tags_are_handled() {
        assert_eq!(render("\n\n"), RenderedMarkdown::default());
        assert_eq!(strip_html_tags("a <b unclosed"), "a ");
        assert_eq!(strip_html_tags("<SCRIPT>x < y</SCRIPT>z"), "z");
    }
}
