//! A parallel, and a pair that is only named.

use serde::Serialize;
use utoipa::ToSchema;

use super::{DocumentBody, RangeBody, passage_url};
use crate::parallels::{Pair, Parallel, SentencePair, Side, Survey};
use crate::passages::TextRange;
use crate::store::PassageRecord;

/// Two passages that say the same thing.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ParallelBody {
    /// How sure it is that what carries the pair says the same on both sides, in [0, 1).
    confidence: f32,
    /// What carries the pair: the whole `passages`, or the first pair of its `sentences`. Confidence, score,
    /// words, likeness, margin, percentile, wording, formula and common are the carrier's.
    carrier: &'static str,
    /// Cosine of the embeddings of what carries the pair, in [-1, 1].
    score: f32,
    /// Cosine of the whole passages, whatever carries the pair.
    passage_score: f32,
    /// How many of the words that tell something are in both sides of what carries the pair, in [0, 1].
    words: f32,
    /// Mean of cosine and words in common.
    likeness: f32,
    /// How far that stands out from the neighbourhoods of both sides: 1 is as alike as each is to its
    /// nearest others. Null where there is nothing around one of them.
    margin: Option<f32>,
    /// Of 100 random pairs of passages of the corpus, or of sentences where these carry the pair, how many
    /// have a lower cosine.
    percentile: Option<f64>,
    /// How near the words of what carries the pair are: `verbatim`, `close` or `paraphrase`.
    wording: &'static str,
    /// Weight of the longest wording that both passages have, whatever carries the pair; a rare word weighs
    /// up to 1.
    phrase: f32,
    /// Whether what carries the pair is a formula.
    formula: bool,
    source: SideBody,
    target: SideBody,
    /// Sentences that answer each other: first those that carry the pair, if sentences do, then the most telling: by likeness and common wording.
    sentences: Vec<SentencesBody>,
}

/// One passage of a parallel.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct SideBody {
    /// The passage's id, `{document}#p{ordinal}`.
    passage: String,
    /// Its text.
    text: String,
    /// Where it begins in the document's clean text, in characters.
    start: usize,
    /// Where it ends.
    end: usize,
    /// Where it holds words that the other has as well, in characters of the document's clean text.
    shared: Vec<RangeBody>,
    /// In how much of the corpus is said nearly what carries the pair here.
    common: CommonBody,
    /// The document.
    document: DocumentBody,
    /// Path of the passage in its context.
    url: String,
}

/// In how much of the corpus nearly the same is said.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
struct CommonBody {
    /// Other documents that say nearly the same.
    documents: usize,
    /// Speakers of these, as far as they are known.
    speakers: usize,
}

/// Two sentences that answer each other.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct SentencesBody {
    source: SpanBody,
    target: SpanBody,
    /// Cosine of their embeddings.
    score: f32,
    /// How sure it is that they say the same thing, if nothing else is read.
    confidence: f32,
    /// `verbatim`, `close` or `paraphrase`.
    wording: &'static str,
}

/// A piece of a document.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct SpanBody {
    text: String,
    /// Where it begins in the document's clean text, in characters.
    start: usize,
    /// Where it ends.
    end: usize,
}

/// A pair by the ids of its passages.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PairBody {
    source: Option<String>,
    target: Option<String>,
    /// How sure it is that they say the same thing, in [0, 1).
    confidence: f32,
    /// What carries the pair: `passages`, or a sentence of each, `sentences`.
    carrier: &'static str,
    /// Cosine of what carries it.
    score: f32,
}

impl PairBody {
    pub(super) fn of(survey: &Survey, pair: Pair) -> Self {
        Self {
            source: survey.id_of(pair.source),
            target: survey.id_of(pair.target),
            confidence: pair.confidence,
            carrier: pair.carrier.name(),
            score: pair.score,
        }
    }
}

impl From<&Parallel> for PairBody {
    fn from(parallel: &Parallel) -> Self {
        Self {
            source: Some(parallel.source.passage.id()),
            target: Some(parallel.target.passage.id()),
            confidence: parallel.pair.confidence,
            carrier: parallel.pair.carrier.name(),
            score: parallel.pair.score,
        }
    }
}

impl From<Parallel> for ParallelBody {
    fn from(parallel: Parallel) -> Self {
        let (source, target) = (&parallel.source.passage, &parallel.target.passage);
        let sentences = parallel.sentences.iter();
        Self {
            sentences: sentences
                .map(|pair| SentencesBody::of(pair, source, target))
                .collect(),
            confidence: parallel.pair.confidence,
            carrier: parallel.pair.carrier.name(),
            score: parallel.pair.score,
            passage_score: parallel.passage_score,
            words: parallel.pair.words,
            likeness: parallel.pair.likeness,
            margin: parallel.margin,
            percentile: parallel.percentile,
            wording: parallel.wording.name(),
            phrase: parallel.phrase,
            formula: parallel.formula,
            source: parallel.source.into(),
            target: parallel.target.into(),
        }
    }
}

impl From<Side> for SideBody {
    fn from(side: Side) -> Self {
        Self {
            passage: side.passage.id(),
            url: passage_url(&side.passage),
            start: side.passage.range.start,
            end: side.passage.range.end,
            text: side.passage.text,
            shared: side.shared.into_iter().map(RangeBody::from).collect(),
            common: CommonBody {
                documents: side.common.documents,
                speakers: side.common.speakers,
            },
            document: DocumentBody::from(&*side.document),
        }
    }
}

impl SpanBody {
    pub(super) fn of(range: TextRange, passage: &PassageRecord) -> Self {
        Self {
            text: passage.slice(range).to_owned(),
            start: range.start,
            end: range.end,
        }
    }
}

impl SentencesBody {
    fn of(pair: &SentencePair, source: &PassageRecord, target: &PassageRecord) -> Self {
        Self {
            source: SpanBody::of(pair.source, source),
            target: SpanBody::of(pair.target, target),
            score: pair.score,
            confidence: pair.confidence,
            wording: pair.wording.name(),
        }
    }
}
