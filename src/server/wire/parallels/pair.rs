//! A parallel, and a pair that is only named.

use serde::Serialize;
use utoipa::ToSchema;

use super::{CharRange, DocumentDto, passage_url};
use crate::parallels::{CorpusContext, Pair, Parallel, SentencePair, Side};
use crate::passages::TextRange;
use crate::store::PassageRecord;

/// Two passages that say the same thing.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ParallelDto {
    /// How sure it is that what carries the pair says the same on both sides, in [0, 1).
    confidence: f32,
    /// What carries the pair: the whole `passages`, or the first pair of its `sentences`. Confidence, score,
    /// words, likeness, margin, percentile, wording, formula and common are the carrier's.
    matched_by: &'static str,
    /// Cosine of the embeddings of what carries the pair, in [-1, 1].
    score: f32,
    /// Cosine of the whole passages, whatever carries the pair.
    passage_score: f32,
    /// How many of the words that tell something are in both sides of what carries the pair, in [0, 1].
    lexical_overlap: f32,
    /// Mean of cosine and words in common.
    combined_similarity: f32,
    /// How far that stands out from the neighbourhoods of both sides: 1 is as alike as each is to its
    /// nearest others. Null where there is nothing around one of them.
    margin: Option<f32>,
    /// Of 100 random pairs of passages of the corpus, or of sentences where these carry the pair, how many
    /// have a lower cosine.
    percentile: Option<f64>,
    /// How near the words of what carries the pair are: `verbatim`, `close` or `paraphrase`.
    text_reuse: &'static str,
    /// Weight of the longest wording that both passages have, whatever carries the pair; a rare word weighs
    /// up to 1.
    alignment_score: f32,
    /// Whether what carries the pair is a formula.
    formula: bool,
    source: SideDto,
    target: SideDto,
    /// Sentences that answer each other: first those that carry the pair, if sentences do, then the most telling: by likeness and common wording.
    sentences: Vec<SentencePairDto>,
}

/// One passage of a parallel.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct SideDto {
    /// The passage's id, `{document}#p{ordinal}`.
    passage: String,
    /// Its text.
    text: String,
    /// Where it begins in the document's clean text, in characters.
    start: usize,
    /// Where it ends.
    end: usize,
    /// Where it holds words that the other has as well, in characters of the document's clean text.
    shared: Vec<CharRange>,
    /// In how much of the corpus is said nearly what carries the pair here.
    prevalence: PrevalenceDto,
    /// The document.
    document: DocumentDto,
    /// Path of the passage in its context.
    url: String,
}

/// In how much of the corpus nearly the same is said.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
struct PrevalenceDto {
    /// Other documents that say nearly the same.
    documents: usize,
    /// Speakers of these, as far as they are known.
    speakers: usize,
}

/// Two sentences that answer each other.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct SentencePairDto {
    source: TextSpan,
    target: TextSpan,
    /// Cosine of their embeddings.
    score: f32,
    /// How sure it is that they say the same thing, if nothing else is read.
    confidence: f32,
    /// `verbatim`, `close` or `paraphrase`.
    text_reuse: &'static str,
}

/// A piece of a document.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct TextSpan {
    text: String,
    /// Where it begins in the document's clean text, in characters.
    start: usize,
    /// Where it ends.
    end: usize,
}

/// A pair by the ids of its passages.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PairDto {
    source: Option<String>,
    target: Option<String>,
    /// How sure it is that they say the same thing, in [0, 1).
    confidence: f32,
    /// What carries the pair: `passages`, or a sentence of each, `sentences`.
    matched_by: &'static str,
    /// Cosine of what carries it.
    score: f32,
}

impl PairDto {
    pub(super) fn from_pair(survey: &CorpusContext, pair: Pair) -> Self {
        Self {
            source: survey.passage_id(pair.source),
            target: survey.passage_id(pair.target),
            confidence: pair.confidence,
            matched_by: pair.matched_by.name(),
            score: pair.score,
        }
    }
}

impl From<&Parallel> for PairDto {
    fn from(parallel: &Parallel) -> Self {
        Self {
            source: Some(parallel.source.passage.id()),
            target: Some(parallel.target.passage.id()),
            confidence: parallel.pair.confidence,
            matched_by: parallel.pair.matched_by.name(),
            score: parallel.pair.score,
        }
    }
}

impl From<Parallel> for ParallelDto {
    fn from(parallel: Parallel) -> Self {
        let (source, target) = (&parallel.source.passage, &parallel.target.passage);
        let sentences = parallel.sentences.iter();
        Self {
            sentences: sentences
                .map(|pair| SentencePairDto::from_pair(pair, source, target))
                .collect(),
            confidence: parallel.pair.confidence,
            matched_by: parallel.pair.matched_by.name(),
            score: parallel.pair.score,
            passage_score: parallel.passage_score,
            lexical_overlap: parallel.pair.lexical_overlap,
            combined_similarity: parallel.pair.combined_similarity,
            margin: parallel.margin,
            percentile: parallel.percentile,
            text_reuse: parallel.text_reuse.name(),
            alignment_score: parallel.alignment_score,
            formula: parallel.formula,
            source: parallel.source.into(),
            target: parallel.target.into(),
        }
    }
}

impl From<Side> for SideDto {
    fn from(side: Side) -> Self {
        Self {
            passage: side.passage.id(),
            url: passage_url(&side.passage),
            start: side.passage.range.start,
            end: side.passage.range.end,
            text: side.passage.text,
            shared: side.shared.into_iter().map(CharRange::from).collect(),
            prevalence: PrevalenceDto {
                documents: side.prevalence.documents,
                speakers: side.prevalence.speakers,
            },
            document: DocumentDto::from(&*side.document),
        }
    }
}

impl TextSpan {
    pub(super) fn from_range(range: TextRange, passage: &PassageRecord) -> Self {
        Self {
            text: passage.slice(range).to_owned(),
            start: range.start,
            end: range.end,
        }
    }
}

impl SentencePairDto {
    fn from_pair(pair: &SentencePair, source: &PassageRecord, target: &PassageRecord) -> Self {
        Self {
            source: TextSpan::from_range(pair.source, source),
            target: TextSpan::from_range(pair.target, target),
            score: pair.score,
            confidence: pair.confidence,
            text_reuse: pair.text_reuse.name(),
        }
    }
}
