//! Escaping of texts in XML and HTML.

use std::borrow::Cow;
use std::fmt;

/// Replaces characters that XML forbids by U+FFFD, so that readers see that something was there. All
/// formats do so except JSON lines.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains(is_forbidden) {
        Cow::Owned(text.replace(is_forbidden, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Characters that XML 1.0 cannot represent, and controls such as DEL, which it discourages.
fn is_forbidden(c: char) -> bool {
    (c.is_control() && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// A text as displayed between tags or in a quoted attribute, in XML and in HTML.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = clean(self.0);
        let mut remaining = text.as_ref();
        while let Some(at) = remaining.find(['&', '<', '>', '"', '\'', '\r']) {
            f.write_str(&remaining[..at])?;
            f.write_str(match remaining.as_bytes()[at] {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' => "&quot;",
                b'\'' => "&#39;",
                // A parser would turn it into a newline: ranges would still hold, but the text would
                // differ.
                _ => "&#13;",
            })?;
            remaining = &remaining[at + 1..];
        }
        f.write_str(remaining)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_texts_is_escaped() {
        let escaped = Escaped("a <b> & \"c\" 'd' ]]>\r\n\u{0}\u{b}\u{7f}\u{fffe}é").to_string();
        assert_eq!(
            escaped,
            "a &lt;b&gt; &amp; &quot;c&quot; &#39;d&#39; ]]&gt;&#13;\n\u{fffd}\u{fffd}\u{fffd}\u{fffd}é"
        );
        assert!(matches!(clean("plain\ttext\n"), Cow::Borrowed(_)));
    }
}
