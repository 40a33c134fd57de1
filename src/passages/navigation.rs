//! Boilerplate of web pages saved as text: menus, breadcrumbs, sharing links, copyright notices.

use super::DropReason;
use super::line_ends::{ends_statement, last_significant_char};
use super::lines::SourceLine;

/// Menus are searched for in the first lines of a page.
const HEAD_LINES: usize = 80;
/// Copyright notices are searched for in the last lines.
const TAIL_LINES: usize = 12;
/// Menu entries are short.
const MAX_MENU_ENTRY_CHARS: usize = 60;
const MAX_NOTICE_CHARS: usize = 260;
/// Without a breadcrumb, at least this many short lines with enough menu words are a menu.
const MIN_MENU_LINES: usize = 6;

/// Marks the lines that belong to the web page rather than the speech.
pub(super) fn mark_navigation(lines: &[SourceLine], marks: &mut [Option<DropReason>]) {
    mark_head(lines, marks);
    mark_tail(lines, marks);
}

fn mark_head(lines: &[SourceLine], marks: &mut [Option<DropReason>]) {
    // A menu ends at the first line that does not look like a menu entry.
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

/// Marks copyright notices at the end of the page, and links around them.
fn mark_tail(lines: &[SourceLine], marks: &mut [Option<DropReason>]) {
    let from = lines.len().saturating_sub(TAIL_LINES);
    let tail = &lines[from..];
    // A notice is followed only by other boilerplate, so it must be near the end.
    let has_notice = tail.iter().any(is_rights_notice);
    for (index, line) in tail.iter().enumerate().rev() {
        let link = is_sharing_link(&line.text) || (has_notice && is_menu_word(&line.text));
        if is_rights_notice(line) || link {
            marks[from + index] = Some(DropReason::Footer);
        } else if line.chars > MAX_MENU_ENTRY_CHARS || ends_statement(&line.text) {
            break;
        }
    }
}

/// Recognizes breadcrumbs, such as `Home > Speeches > 2016`: short steps with the same separator.
fn is_breadcrumb(text: &str) -> bool {
    [" > ", " » ", " › ", " >> ", " / "]
        .iter()
        .any(|separator| {
            let steps = text.split(separator).count();
            let short = text.split(separator).all(|step| step.chars().count() <= 40);
            let home = text
                .get(..4)
                .is_some_and(|start| start.eq_ignore_ascii_case("home"));
            short && (steps >= 3 && (home || !separator.contains('/')) || steps == 2 && home)
        })
}

fn is_menu_entry(line: &SourceLine) -> bool {
    line.chars <= MAX_MENU_ENTRY_CHARS
        && !ends_statement(&line.text)
        && !last_significant_char(&line.text).is_some_and(|c| matches!(c, ',' | ';'))
}

/// Entries that are frequent in menus and rarely lines of a speech.
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

/// Prefixes of sharing links, which must make up most of the line.
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
