//! Boilerplate of web pages saved as text: menus, breadcrumbs, sharing links, copyright notices.

use super::DropReason;
use super::line_ends::{ends_sentence, ends_statement, is_title_case, last_significant_char};
use super::lines::SourceLine;

/// Menus are searched for in the first lines of a page.
const HEAD_LINES: usize = 80;
/// Copyright notices are searched for in the last lines.
const TAIL_LINES: usize = 12;
/// The menu of a page that was saved as one wrapped text takes a few lines.
const FLATTENED_HEAD_LINES: usize = 20;
/// The first link of many pages.
const SKIP_LINKS: [&str; 4] = [
    "skip to content",
    "skip to main content",
    "skip to navigation",
    "jump to content",
];
/// Menu entries are short.
const MAX_MENU_ENTRY_CHARS: usize = 60;
const MAX_NOTICE_CHARS: usize = 260;
/// Without a breadcrumb, at least this many short lines with enough menu words are a menu.
const MIN_MENU_LINES: usize = 6;

/// Marks the lines that belong to the web page rather than the speech.
pub(super) fn mark_navigation(lines: &[SourceLine], marks: &mut [Option<DropReason>]) {
    mark_head(lines, marks);
    mark_flattened_head(lines, marks);
    mark_tail(lines, marks);
}

/// Marks the menu of a page that was saved as one wrapped text: from a link to skip it on, to the
/// breadcrumb that ends it.
fn mark_flattened_head(lines: &[SourceLine], marks: &mut [Option<DropReason>]) {
    let starts = lines.first().is_some_and(|line| {
        let lower = line.text.to_lowercase();
        SKIP_LINKS.iter().any(|link| lower.starts_with(link))
    });
    let head = &lines[..lines.len().min(FLATTENED_HEAD_LINES)];
    let breadcrumb = head
        .iter()
        .rposition(|line| line.text.contains(['›', '»']))
        // Sentences are no menu.
        .filter(|&last| !head[..=last].iter().any(|line| ends_sentence(&line.text)));
    if let (true, Some(last)) = (starts, breadcrumb) {
        marks[..=last].fill(Some(DropReason::Navigation));
    }
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
    // What follows a notice in a line of links is the rest of a page's foot.
    let flattened = tail
        .iter()
        .position(|line| line.text.contains('©') && line.text.contains(" | "));
    if let Some(foot) = flattened.filter(|&foot| {
        tail[foot + 1..].len() <= 2 && !tail[foot..].iter().any(|line| ends_sentence(&line.text))
    }) {
        marks[from + foot..].fill(Some(DropReason::Footer));
    }
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

/// Texts of sharing links.
const SHARING_LINKS: [&str; 16] = [
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

/// What a sharing link names after these words, as in "Share this page" and "Share on Facebook".
const SHARED_THINGS: [&str; 16] = [
    "", "article", "email", "facebook", "item", "linkedin", "page", "post", "release", "site",
    "speech", "story", "twitter", "version", "whatsapp", "x",
];

/// Recognizes links such as "Share this page". "Share this burden." is a sentence.
fn is_sharing_link(text: &str) -> bool {
    let lower = text.to_lowercase();
    SHARING_LINKS.iter().any(|link| {
        lower.strip_prefix(link).is_some_and(|thing| {
            let thing = thing.trim_matches(|c: char| matches!(c, ' ' | ':' | '>' | '»' | '|'));
            SHARED_THINGS.contains(&thing)
        })
    })
}

/// Recognizes notices such as "© 2016 Ministry of Peace" and "Ministry of Peace All Rights Reserved".
///
/// A speech may speak of copyright and of rights, so that a notice needs the sign or a year, or the
/// capitals of a formula.
fn is_rights_notice(line: &SourceLine) -> bool {
    const RESERVED: &str = "all rights reserved";
    if line.chars > MAX_NOTICE_CHARS {
        return false;
    }
    let lower = line.text.to_lowercase();
    let has_sign = lower.contains('©') || lower.contains("(c) ");
    let starts =
        lower.starts_with('©') || lower.starts_with("copyright") || lower.starts_with("(c) ");
    if starts && (lower.starts_with('©') || has_sign || starts_with_year(&lower)) {
        return true;
    }
    let body = line.text.trim_end_matches('.');
    let Some(at) = body.len().checked_sub(RESERVED.len()) else {
        return false;
    };
    body.get(at..).is_some_and(|formula| {
        formula.eq_ignore_ascii_case(RESERVED)
            && (at == 0
                || has_sign
                || body.get(..at).is_some_and(|before| {
                    before.trim_end().ends_with(['.', '|', '-', '–', '—', ',']) && has_year(before)
                })
                || formula.starts_with('A') && is_title_case(&line.text))
    })
}

/// Returns whether a notice names a year soon after its first word: "copyright 2016", "(c) by the
/// ministry, 2016".
fn starts_with_year(lower: &str) -> bool {
    lower.split(' ').count() <= 12 && has_year(lower)
}

fn has_year(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_digit())
        .any(|digits| digits.len() == 4 && (digits.starts_with("19") || digits.starts_with("20")))
}
