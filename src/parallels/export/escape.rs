//! Texts that mean nothing to the format they are written in.

use std::borrow::Cow;
use std::fmt;

/// A text without the characters that XML forbids, and that no other format is better for: they become
/// U+FFFD, so that a reader sees that something was there.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains(is_forbidden) {
        Cow::Owned(text.replace(is_forbidden, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// What XML 1.0 has no way to write, and DEL and its like, which it discourages.
fn is_forbidden(c: char) -> bool {
    (c.is_control() && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// A text between tags or inside an attribute's quotes, in XML and in HTML.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = clean(self.0);
        let mut rest = text.as_ref();
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'', '\r']) {
            f.write_str(&rest[..at])?;
            f.write_str(match rest.as_bytes()[at] {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' => "&quot;",
                b'\'' => "&#39;",
                // Else a parser makes a newline of it, and ranges still hold, but the text is another.
                _ => "&#13;",
            })?;
            rest = &rest[at + 1..];
        }
        f.write_str(rest)
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
