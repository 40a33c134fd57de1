//! What a web page saved as text leaves around a speech: menus, breadcrumbs, sharing links, notices.

use super::DropReason;
use super::line_ends::{ends_statement, last_significant_char};
use super::lines::SourceLine;

/// Menus stand in the first lines of a page.
const HEAD_LINES: usize = 80;
/// Notices stand in the last.
const TAIL_LINES: usize = 12;
/// Menu entries are short.
const MAX_MENU_ENTRY_CHARS: usize = 60;
const MAX_NOTICE_CHARS: usize = 260;
/// Without a breadcrumb, so many short lines in a row are a menu if enough of them say so.
const MIN_MENU_LINES: usize = 6;

/// Marks the lines that belong to a web page and not to its speech.
pub(super) fn mark_navigation(lines: &[SourceLine], marks: &mut [Option<DropReason>]) {
    mark_head(lines, marks);
    mark_tail(lines, marks);
}

fn mark_head(lines: &[SourceLine], marks: &mut [Option<DropReason>]) {
    // The menu is over where someone begins to speak.
    let head = lines
        .iter()
        .take(HEAD_LINES)
        .take_while(|line| {
            is_breadcrumb(&line.text) || is_menu_entry(line) || is_menu_word(&line.text)
        })
        .count();
    let breadcrumb = lines[..head]
        .iter()
        .rposition(|line| is_breadcrumb(&line.text));
    let words = lines[..head]
        .iter()
        .filter(|line| is_menu_word(&line.text))
        .count();
    let last_word = lines[..head]
        .iter()
        .rposition(|line| is_menu_word(&line.text));
    let end = match (breadcrumb, last_word) {
        (Some(breadcrumb), _) => breadcrumb + 1,
        (None, Some(last)) if words >= 3 && last + 1 >= MIN_MENU_LINES => last + 1,
        _ => 0,
    };
    marks[..end].fill(Some(DropReason::Navigation));
}

/// A notice of rights ends the page; links around it go with it.
fn mark_tail(lines: &[SourceLine], marks: &mut [Option<DropReason>]) {
    let from = lines.len().saturating_sub(TAIL_LINES);
    let tail = &lines[from..];
    // Below a notice only more of the page can stand, so the last notice must be near the end.
    let noticed = tail.iter().any(is_rights_notice);
    for (index, line) in tail.iter().enumerate().rev() {
        let link = is_sharing_link(&line.text) || (noticed && is_menu_word(&line.text));
        if is_rights_notice(line) || link {
            marks[from + index] = Some(DropReason::Footer);
        } else if line.chars > MAX_MENU_ENTRY_CHARS || ends_statement(&line.text) {
            break;
        }
    }
}

/// `Home > Speeches > 2016`: short steps with the same sign between them.
fn is_breadcrumb(text: &str) -> bool {
    [" > ", " » ", " › ", " >> ", " / "].iter().any(|sign| {
        let steps = text.split(sign).count();
        let short = text.split(sign).all(|step| step.chars().count() <= 40);
        let home = text
            .get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case("home"));
        short && (steps >= 3 && (home || !sign.contains('/')) || steps == 2 && home)
    })
}

fn is_menu_entry(line: &SourceLine) -> bool {
    line.chars <= MAX_MENU_ENTRY_CHARS
        && !ends_statement(&line.text)
        && !last_significant_char(&line.text).is_some_and(|c| matches!(c, ',' | ';'))
}

/// Entries that hardly a menu lacks and hardly a speech has on a line of their own.
const NAVIGATION_WORDS: [&str; 33] = [
    "about",
    "about us",
    "archive",
    "contact",
    "contact us",
    "contacts",
    "cookie policy",
    "disclaimer",
    "events",
    "faq",
    "faqs",
    "gallery",
    "home",
    "home page",
    "legal notice",
    "log in",
    "login",
    "main menu",
    "media",
    "menu",
    "news",
    "newsroom",
    "photos",
    "press releases",
    "privacy policy",
    "register",
    "search",
    "sign in",
    "site map",
    "sitemap",
    "skip to content",
    "skip to main content",
    "subscribe",
];

fn is_menu_word(text: &str) -> bool {
    NAVIGATION_WORDS.contains(&text.to_lowercase().as_str())
}

/// Beginnings of links for readers. Each must be most of its line.
const SHARING_LINK_PREFIXES: [&str; 16] = [
    "back to top",
    "bookmark this",
    "e-mail this",
    "email this",
    "print this",
    "print page",
    "printer friendly",
    "recommend this",
    "return to top",
    "send to a friend",
    "share on",
    "share this",
    "suggest to a friend",
    "tell a friend",
    "terms and conditions",
    "terms of use",
];

fn is_sharing_link(text: &str) -> bool {
    let lower = text.to_lowercase();
    SHARING_LINK_PREFIXES
        .iter()
        .any(|link| lower.starts_with(link) && lower.len() <= link.len() + 14)
}

fn is_rights_notice(line: &SourceLine) -> bool {
    let lower = line.text.to_lowercase();
    line.chars <= MAX_NOTICE_CHARS
        && (lower.ends_with("all rights reserved")
            || lower.ends_with("all rights reserved.")
            || lower.starts_with("copyright ")
            || lower.starts_with('©')
            || lower.starts_with("(c) ") && lower.contains("20"))
}
