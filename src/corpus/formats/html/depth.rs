//! Refuses pages nested so deeply that building their tree takes quadratic time.

use crate::corpus::error::SkipReason;

/// Pages of old programs nest a few hundred elements.
const MAX_DEPTH: usize = 2_000;

/// Elements that end by themselves, or that browsers end when the next one starts.
const SELF_CLOSING: [&str; 28] = [
    "area", "base", "br", "col", "dd", "dt", "embed", "hr", "img", "input", "li", "link", "meta",
    "option", "optgroup", "p", "param", "rp", "rt", "source", "tbody", "td", "tfoot", "th",
    "thead", "tr", "track", "wbr",
];

/// Counts open tags. Text in scripts may look like tags, but hardly two thousand more opening than closing.
pub(super) fn check(html: &str) -> Result<(), SkipReason> {
    let mut depth = 0_usize;
    for (at, _) in html.match_indices('<') {
        let rest = html.get(at + 1..).unwrap_or_default();
        let (closes, rest) = match rest.strip_prefix('/') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let end = rest.bytes().position(|byte| !byte.is_ascii_alphanumeric());
        let name = rest
            .get(..end.unwrap_or(rest.len()).min(12))
            .unwrap_or_default();
        if name.is_empty()
            || SELF_CLOSING
                .iter()
                .any(|element| element.eq_ignore_ascii_case(name))
        {
            continue;
        }
        depth = if closes {
            depth.saturating_sub(1)
        } else {
            depth + 1
        };
        if depth > MAX_DEPTH {
            return Err(SkipReason::LimitExceeded {
                problem: format!("over {MAX_DEPTH} elements are nested"),
                limit: MAX_DEPTH.to_string(),
            });
        }
    }
    Ok(())
}
