//! Books of Project Gutenberg: a header with title and author, the book, and a licence.

use serde_json::Value;

use super::events::DocumentNote;
use super::metadata::Metadata;

/// The header and the notices above it are not longer.
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// Returns the book without header and licence, and takes title and author over. Another text is
/// returned unchanged.
pub(super) fn take(text: String, metadata: &mut Metadata, notes: &mut Vec<DocumentNote>) -> String {
    let mut start = None;
    let mut end = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if start.is_none() && is_marker(line, "START") {
            start = Some((at, at + line.len()));
        } else if start.is_some() && is_marker(line, "END") {
            end = Some(at);
            break;
        }
        at += line.len();
        if start.is_none() && at > MAX_HEADER_BYTES {
            break;
        }
    }
    let Some((header_end, from)) = start else {
        return text;
    };
    let to = end.unwrap_or(text.len());
    let (Some(header), Some(book)) = (text.get(..header_end), text.get(from..to)) else {
        return text;
    };
    for line in header.lines() {
        let field = [("Title:", "title"), ("Author:", "speaker")]
            .into_iter()
            .find_map(|(label, name)| Some((name, line.trim().strip_prefix(label)?)));
        if let Some((name, value)) = field {
            notes.extend(
                metadata
                    .set_if_absent(name, Value::String(value.trim().to_owned()))
                    .err(),
            );
        }
    }
    let lines = text.lines().count() - book.lines().count();
    notes.push(DocumentNote::FrameLeftOut { lines });
    book.to_owned()
}

/// Recognizes `*** START OF THIS PROJECT GUTENBERG EBOOK … ***`.
fn is_marker(line: &str, word: &str) -> bool {
    let line = line.trim().trim_start_matches('*').trim_start();
    let upper = line
        .get(..line.len().min(60))
        .unwrap_or_default()
        .to_uppercase();
    let mut words = upper.split_whitespace();
    words.next() == Some(word)
        && words.next() == Some("OF")
        && matches!(words.next(), Some("THE" | "THIS"))
        && words.next() == Some("PROJECT")
        && words.next() == Some("GUTENBERG")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_book_is_taken_out_of_its_frame() {
        let text = "The Project Gutenberg eBook of Songs\n\nTitle: Songs\n\nAuthor: M. Miller\n\n*** START OF THE PROJECT GUTENBERG EBOOK SONGS ***\nThe river.\n*** END OF THE PROJECT GUTENBERG EBOOK SONGS ***\nLicence\n";
        let (mut metadata, mut notes) = (Metadata::default(), Vec::new());
        assert_eq!(
            take(text.to_owned(), &mut metadata, &mut notes),
            "The river.\n"
        );
        assert_eq!(metadata.title.as_deref(), Some("Songs"));
        assert_eq!(metadata.speaker.as_deref(), Some("M. Miller"));
        assert_eq!(notes, [DocumentNote::FrameLeftOut { lines: 9 }]);
        let speech = "We thank Project Gutenberg.\nTitle: no title\n".to_owned();
        assert_eq!(take(speech.clone(), &mut metadata, &mut notes), speech);
        assert_eq!(notes.len(), 1);
    }
}
