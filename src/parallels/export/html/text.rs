//! A passage with its sentences numbered and its shared words marked.

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::parallels::export::escape::Escaped;
use crate::parallels::{Parallel, SentencePair};
use crate::passages::TextRange;

/// Writes the text of one side, a sentence that carries the pair in a frame. Sentences and shared words
/// may overlap in any way: the text is cut wherever one of them begins or ends.
pub(super) fn write_marked(
    out: &mut impl Write,
    parallel: &Parallel,
    id: &str,
    is_source: bool,
) -> io::Result<()> {
    let (side, own, other) = if is_source {
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
    let holds = |range: &TextRange, at: usize| range.start <= at && at < range.end;
    let mut open = None;
    let cuts: Vec<usize> = cuts.into_iter().collect();
    for cut in cuts.windows(2) {
        let (start, end) = (cut[0], cut[1]);
        let sentence = sentences.iter().position(|range| holds(range, start));
        if sentence != open {
            if open.is_some() {
                write!(out, "</span>")?;
            }
            if let Some(place) = sentence {
                let n = place + 1;
                let carries = parallel.sentences.get(place) == parallel.matched_sentence_pair();
                let carries = if carries { " carries" } else { "" };
                write!(
                    out,
                    r##"<span class="s{n}{carries}" id="{id}-{own}{n}"><a class="n" href="#{id}-{other}{n}" aria-label="sentence {n}, to its answer">{n}</a>"##
                )?;
            }
            open = sentence;
        }
        let text = Escaped(passage.slice(TextRange { start, end }));
        if side.shared.iter().any(|range| holds(range, start)) {
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

/// An attribute for the language of a text, if what is known of it can be one.
pub(super) fn lang_attribute(language: Option<&str>) -> String {
    let is_tag = |text: &&str| {
        let parts = text.split('-');
        let mut lengths = parts.map(str::len);
        text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && lengths.next().is_some_and(|first| (2..=3).contains(&first))
            && lengths.all(|length| (1..=8).contains(&length))
    };
    language
        .filter(is_tag)
        .map_or_else(String::new, |tag| format!(r#" lang="{tag}""#))
}
