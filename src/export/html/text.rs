//! A passage with numbered sentences and marked shared words.

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::export::escape::Escaped;
use crate::parallels::{Parallel, SentencePair};
use crate::passages::TextRange;

/// Writes the text of one side, with the matched sentence in a frame. Sentences and shared words may
/// overlap in any way, so the text is cut wherever one of them starts or ends.
pub(super) fn write_marked(
    out: &mut impl Write,
    parallel: &Parallel,
    id: &str,
    is_source: bool,
) -> io::Result<()> {
    let (side, letter, other_letter) = if is_source {
        (&parallel.source, "a", "b")
    } else {
        (&parallel.target, "b", "a")
    };
    let passage = &side.passage;
    let range = |pair: &SentencePair| if is_source { pair.source } else { pair.target };
    let sentences: Vec<TextRange> = parallel.sentences.iter().map(range).collect();
    let whole = passage.range;
    let cuts: BTreeSet<usize> = sentences
        .iter()
        .chain(&side.shared)
        .flat_map(|range| [range.start, range.end])
        .chain([whole.start, whole.end])
        .filter(|at| (whole.start..=whole.end).contains(at))
        .collect();
    let contains = |range: &TextRange, at: usize| range.start <= at && at < range.end;
    let mut open = None;
    let cuts: Vec<usize> = cuts.into_iter().collect();
    for cut in cuts.windows(2) {
        let (start, end) = (cut[0], cut[1]);
        let sentence = sentences.iter().position(|range| contains(range, start));
        if sentence != open {
            if open.is_some() {
                write!(out, "</span>")?;
            }
            if let Some(index) = sentence {
                let n = index + 1;
                let is_matched = parallel.sentences.get(index) == parallel.matched_sentence_pair();
                let matched = if is_matched { " matched" } else { "" };
                write!(
                    out,
                    r##"<span class="s{n}{matched}" id="{id}-{letter}{n}"><a class="n" href="#{id}-{other_letter}{n}" aria-label="sentence {n}, go to its counterpart">{n}</a>"##
                )?;
            }
            open = sentence;
        }
        let text = Escaped(passage.slice(TextRange { start, end }));
        if side.shared.iter().any(|range| contains(range, start)) {
            write!(out, "<mark>{text}</mark>")?;
        } else {
            write!(out, "{text}")?;
        }
    }
    if open.is_some() {
        write!(out, "</span>")?;
    }
    Ok(())
}

/// Returns a `lang` attribute if the language looks like a language tag.
pub(super) fn lang_attribute(language: Option<&str>) -> String {
    language_tag(language).map_or_else(String::new, |tag| format!(r#" lang="{tag}""#))
}

/// Returns the language if it looks like a language tag.
pub(crate) fn language_tag(language: Option<&str>) -> Option<&str> {
    language.filter(|text| {
        let parts = text.split('-');
        let mut lengths = parts.map(str::len);
        text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && lengths.next().is_some_and(|first| (2..=3).contains(&first))
            && lengths.all(|length| (1..=8).contains(&length))
    })
}
