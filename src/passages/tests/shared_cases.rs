//! The kinds of fault in `../shared/cases`, read and segmented from their files.

use std::path::Path;

use super::*;
use crate::corpus::{Corpus, CorpusEvent, CorpusLimits};

/// A file, what its clean text contains, and what it does not.
type Case = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const CASES: [Case; 33] = [
    (
        "02-recurring-lines-dropped/interview.txt",
        &["\nBruno Maas 0:14\nquestion"],
        &["with the question"],
    ),
    (
        "02-recurring-lines-dropped/litany.txt",
        &["said We want bread and work for"],
        &[],
    ),
    (
        "02-recurring-lines-dropped/captions.txt",
        &["to I think we should go"],
        &[],
    ),
    (
        "02-recurring-lines-dropped/refrain-pages.txt",
        &["year 2001", "year 2006", "Bread for all"],
        &[],
    ),
    (
        "03-compound-hyphen/wrapped.txt",
        &[
            "market-friendly",
            "nuclear-weapon",
            "money-laundering",
            "socio-economic",
            "rule-based",
            "know-how",
            "twenty-first",
            "this Organization",
        ],
        &[],
    ),
    (
        "03-compound-hyphen/russkij.txt",
        &["социально-ориентированное", "кого-либо"],
        &[],
    ),
    (
        "04-suspended-hyphen/suspended.txt",
        &["medium- and", "pre- or post-harvest"],
        &[],
    ),
    (
        "04-suspended-hyphen/deutsch.txt",
        &["Berufs- und", "Reform- oder"],
        &[],
    ),
    (
        "05-few-bytes-wrong-encoding/half.txt",
        &["½ cent", "½¢"],
        &[],
    ),
    ("05-few-bytes-wrong-encoding/pound.txt", &["£5 and ½"], &[]),
    ("05-few-bytes-wrong-encoding/naive.txt", &["naïve"], &[]),
    (
        "06-seven-bit-encodings-as-ascii/de-utf7.txt",
        &["wünschen allen Völkern"],
        &["+"],
    ),
    ("06-seven-bit-encodings-as-ascii/hz.txt", &["和平"], &["~"]),
    (
        "11-speech-as-notice/copyright.txt",
        &["Copyright must", "Share this burden."],
        &[],
    ),
    (
        "11-speech-as-notice/news.txt",
        &["News.", "Copyright laws"],
        &[],
    ),
    (
        "12-ligatures/ligatures.txt",
        &["flagrant", "conflict", "officer"],
        &[],
    ),
    (
        "13-not-normalised/nfd.txt",
        &["Российский", "학점인정"],
        &[],
    ),
    (
        "14-welded-over-blank-line/applause.txt",
        &["[Applause]\nThe second"],
        &[],
    ),
    (
        "15-heading-swallowed/platform.txt",
        &["\nKEEPING THE PEACE\nToday"],
        &[],
    ),
    ("15-heading-swallowed/parte.txt", &["\nPARTE 2\nHoy"], &[]),
    (
        "15-heading-swallowed/privet.txt",
        &["сентября\nУважаемый господин Председатель,\nДамы и господа,\nНесколько"],
        &[],
    ),
    ("16-soft-hyphen-line/shy.txt", &["Wirtschaftskunde"], &[]),
    (
        "17-long-running-foot/manifest.txt",
        &["council of the harbour towns"],
        &["PARTY"],
    ),
    (
        "18-footnote-in-sentence/footnotes.txt",
        &["go on with talks", "live in the border"],
        &["Address"],
    ),
    (
        "21-dot-leaders/contents.txt",
        &["PREAMBLE\nAs we"],
        &[". . ."],
    ),
    (
        "22-cue-lines/cues.txt",
        &["\n[Second Speaker]\nand from"],
        &["-->"],
    ),
    (
        "22-cue-lines/captions-srt.txt",
        &["no end, we go on"],
        &["-->"],
    ),
    (
        "22-cue-lines/clock.txt",
        &["Anna Keller\nLADIES"],
        &["00:27:51"],
    ),
    (
        "23-tags-in-text/tags.txt",
        &["President: Thank you"],
        &["<", ">"],
    ),
    ("29-verse/verse.txt", &["whirls\nOf the happy"], &[]),
    (
        "31-gutenberg/12345-8.txt",
        &["a master play"],
        &["Gutenberg"],
    ),
    (
        "33-wide-encodings-wrong-reason/zh-utf16be.txt",
        &["和平"],
        &[],
    ),
    (
        "50-flattened-page/page.txt",
        &["Speaker 1: ( 27:54 ) A town"],
        &["Skip to content", "©"],
    ),
];

#[test]
#[ignore = "needs ../shared/cases"]
fn every_kind_of_fault_is_mended() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases");
    let mut wrong = Vec::new();
    for (file, present, absent) in CASES {
        let corpus = Corpus::open(&[folder.join(file)], &CorpusLimits::default()).unwrap();
        let text = corpus.events().find_map(|event| match event {
            CorpusEvent::Document { document, .. } => Some(cut(&document.text).text),
            _ => None,
        });
        // Passages are separated by a blank line.
        let text = text.unwrap_or_default().replace("\n\n", "\n");
        let missing = present.iter().filter(|part| !text.contains(**part));
        let surplus = absent.iter().filter(|part| text.contains(**part));
        wrong.extend(
            missing
                .chain(surplus)
                .map(|part| format!("{file}: {part:?}")),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
