//! The wire types of a parallel, and of a pair that is only referred to.

use serde::Serialize;
use utoipa::ToSchema;

use super::{CharRange, DocumentDto, PlaceDto, passage_url};
use crate::parallels::{PairIds, Parallel, SentencePair, Side};
use crate::passages::TextRange;
use crate::store::PassageRecord;

/// Two passages that say the same thing.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ParallelDto {
    /// Estimated probability that both sides of the matched text say the same thing, in [0, 1).
    confidence: f32,
    /// What matches: the whole `passages`, or the first pair of `sentences`. Confidence, score, lexical
    /// overlap, combined similarity, margin, percentile, text reuse, formula and prevalence describe the
    /// matched text.
    matched_by: &'static str,
    /// Cosine of the embeddings of the matched text, in [-1, 1].
    score: f32,
    /// Cosine of the whole passages in either case.
    passage_score: f32,
    /// TF-IDF cosine of both sides of the matched text, in [0, 1].
    lexical_overlap: f32,
    /// Weighted mean of cosine and lexical overlap.
    combined_similarity: f32,
    /// Margin criterion: the combined similarity divided by the mean of both neighbourhoods; null where
    /// one has no neighbours.
    margin: Option<f32>,
    /// Percentage of random pairs of the corpus (passages or sentences, as matched) with a lower cosine.
    percentile: Option<f64>,
    /// Text reuse in the matched text: `verbatim`, `close` or `paraphrase`.
    text_reuse: &'static str,
    /// Local alignment score of the whole passages (Smith-Waterman); a rare shared word adds up to 1.
    alignment_score: f32,
    /// Whether the matched text is a formula.
    formula: bool,
    source: SideDto,
    target: SideDto,
    /// Corresponding sentences: first the matched pair, if sentences match, then by combined similarity
    /// and alignment score.
    sentences: Vec<SentencePairDto>,
}

/// One passage of a parallel.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct SideDto {
    /// The passage's id, `{document}#p{ordinal}`.
    passage: String,
    /// Its text.
    text: String,
    /// Start in the document's clean text, in characters.
    start: usize,
    /// End, exclusive.
    end: usize,
    #[serde(flatten)]
    place: PlaceDto,
    /// Character ranges shared with the other passage.
    shared: Vec<CharRange>,
    /// How widely the matched text of this side is restated in the corpus.
    prevalence: PrevalenceDto,
    /// The document.
    document: DocumentDto,
    /// Path of the passage in its context.
    url: String,
}

/// How widely a statement is restated in the corpus.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
struct PrevalenceDto {
    /// Number of other documents that restate it.
    documents: usize,
    /// Number of their known speakers.
    speakers: usize,
}

/// A pair of corresponding sentences.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct SentencePairDto {
    source: TextSpan,
    target: TextSpan,
    /// Cosine of their embeddings.
    score: f32,
    /// Estimated probability that the sentences alone say the same thing.
    confidence: f32,
    /// `verbatim`, `close` or `paraphrase`.
    text_reuse: &'static str,
}

/// A part of a document.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct TextSpan {
    text: String,
    /// Start in the document's clean text, in characters.
    start: usize,
    /// End, exclusive.
    end: usize,
}

/// A pair by the ids of its passages.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct PairDto {
    source: String,
    target: String,
    /// Estimated probability that they say the same thing, in [0, 1).
    confidence: f32,
    /// What matches: `passages` or `sentences`.
    matched_by: &'static str,
    /// Cosine of the matched text.
    score: f32,
}

impl From<&PairIds> for PairDto {
    fn from(
        PairIds {
            source,
            target,
            pair,
        }: &PairIds,
    ) -> Self {
        Self {
            source: source.clone(),
            target: target.clone(),
            confidence: pair.confidence,
            matched_by: pair.matched_by.name(),
            score: pair.score,
        }
    }
}

impl From<&Parallel> for PairDto {
    fn from(parallel: &Parallel) -> Self {
        Self::from(&PairIds::from(parallel))
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
            place: side.passage.place.into(),
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
    pub(crate) fn from_range(range: TextRange, passage: &PassageRecord) -> Self {
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
