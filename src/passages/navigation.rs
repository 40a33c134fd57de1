//! What a web page saved as text leaves around a speech: menus, breadcrumbs, sharing links, notices.

use super::DropReason;
use super::lines::Line;
use super::terms::{ends_statement, last_mark};

/// Menus stand in the first lines of a page.
const HEAD: usize = 80;
/// Notices stand in the last.
const TAIL: usize = 12;
/// Menu entries are short.
const LONGEST_ENTRY: usize = 60;
const LONGEST_NOTICE: usize = 260;
/// Without a breadcrumb, so many short lines in a row are a menu if enough of them say so.
const SHORTEST_MENU: usize = 6;

/// Marks the lines that belong to a web page and not to its speech.
pub(super) fn mark(lines: &[Line], marks: &mut [Option<DropReason>]) {
    mark_head(lines, marks);
    mark_tail(lines, marks);
}

fn mark_head(lines: &[Line], marks: &mut [Option<DropReason>]) {
    // The menu is over where someone begins to speak.
    let head = lines
        .iter()
        .take(HEAD)
        .take_while(|line| is_breadcrumb(&line.text) || is_entry(line) || is_menu_word(&line.text))
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
        (None, Some(last)) if words >= 3 && last + 1 >= SHORTEST_MENU => last + 1,
        _ => 0,
    };
    marks[..end].fill(Some(DropReason::Navigation));
}

/// A notice of rights ends the page; links around it go with it.
fn mark_tail(lines: &[Line], marks: &mut [Option<DropReason>]) {
    let from = lines.len().saturating_sub(TAIL);
    let tail = &lines[from..];
    // Below a notice only more of the page can stand, so the last notice must be near the end.
    let noticed = tail.iter().any(is_notice);
    for (place, line) in tail.iter().enumerate().rev() {
        let link = is_link(&line.text) || (noticed && is_menu_word(&line.text));
        if is_notice(line) || link {
            marks[from + place] = Some(DropReason::Footer);
        } else if line.chars > LONGEST_ENTRY || ends_statement(&line.text) {
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

fn is_entry(line: &Line) -> bool {
    line.chars <= LONGEST_ENTRY
        && !ends_statement(&line.text)
        && !last_mark(&line.text).is_some_and(|c| matches!(c, ',' | ';'))
}

/// Entries that hardly a menu lacks and hardly a speech has on a line of their own.
const MENU_WORDS: [&str; 33] = [
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
    MENU_WORDS.contains(&text.to_lowercase().as_str())
}

/// Beginnings of links for readers. Each must be most of its line.
const LINKS: [&str; 16] = [
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

fn is_link(text: &str) -> bool {
    let lower = text.to_lowercase();
    LINKS
        .iter()
        .any(|link| lower.starts_with(link) && lower.len() <= link.len() + 14)
}

fn is_notice(line: &Line) -> bool {
    let lower = line.text.to_lowercase();
    line.chars <= LONGEST_NOTICE
        && (lower.ends_with("all rights reserved")
            || lower.ends_with("all rights reserved.")
            || lower.starts_with("copyright ")
            || lower.starts_with('©')
            || lower.starts_with("(c) ") && lower.contains("20"))
}
