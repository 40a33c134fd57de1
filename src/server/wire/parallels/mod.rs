//! The shapes of parallels and families.

mod families;
mod file;
mod request;

use std::time::Instant;

use serde::Serialize;
use utoipa::ToSchema;

use super::{DocumentBody, Provenance, RangeBody, passage_url};
use crate::parallels::{
    Comparison, LeftOut, Pair, Parallel, ParallelsError, Reader, SentencePair, Side, Survey, Sweep,
    Swept, Thresholds,
};
use crate::passages::TextRange;
use crate::server::timing::milliseconds;
use crate::store::PassageRecord;

use families::FamilyBody;
pub use families::{FamiliesResponse, families_response};
pub use file::Jsonl;
pub use request::FormulasName;
pub(in crate::server) use request::{
    ComparisonParameters, FamiliesRequest, ParallelsRequest, PassageParameters, check_limit,
};

/// Two passages that say the same thing.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ParallelBody {
    /// How sure it is that they do, in [0, 1).
    confidence: f32,
    /// What carries the pair: `passages`, or the first pair of its `sentences`. Score, words, likeness,
    /// margin, percentile, wording and commonness are the carrier's.
    carrier: &'static str,
    /// Cosine of the embeddings, in [-1, 1].
    score: f32,
    /// Cosine of the whole passages, whatever carries the pair.
    passage_score: f32,
    /// How many of the words that tell both have, in [0, 1].
    words: f32,
    /// Mean of cosine and words in common.
    likeness: f32,
    /// How far that stands out from the neighbourhoods of both: 1 is as alike as each is to its nearest
    /// others.
    margin: Option<f32>,
    /// Of 100 random pairs of passages, or of sentences, of the corpus, how many have a lower cosine.
    percentile: Option<f64>,
    /// `verbatim`, `close` or `paraphrase`.
    wording: &'static str,
    /// Weight of the longest wording that both passages have; a rare word weighs up to 1.
    phrase: f32,
    /// Whether what carries the pair is a formula.
    formula: bool,
    source: SideBody,
    target: SideBody,
    /// Sentences that say the same: first those that carry the pair, then the surest.
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
struct SpanBody {
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

/// Pairs that were left out, by the first reason.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct LeftOutBody {
    /// Nearly the same, but not sure enough.
    unsure: usize,
    /// Near to so much else that it says little.
    hubs: usize,
    /// Formulas; or what is none, where formulas are wanted only.
    formulas: usize,
}

/// What two documents, or a passage and all others, have in common.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ParallelsResponse {
    /// The parallels, the most telling first.
    parallels: Vec<ParallelBody>,
    /// How many there are; `parallels` holds the first of them up to the limit.
    found: usize,
    /// Of two documents, pairs that were compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    compared: Option<usize>,
    /// Of two documents, pairs that are left out because their passages are in better ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    taken: Option<usize>,
    /// Of a passage, what was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<LeftOutBody>,
    /// The surest pair, given or not.
    closest: Option<PairBody>,
    /// Milliseconds that it took.
    timing_ms: ComparedMs,
    /// What produced this answer.
    provenance: Provenance,
}

/// Where the time went, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
struct ComparedMs {
    total: f64,
}

/// What two documents have in common, in its wire shape; the command line prints the same with `--json`.
///
/// # Errors
///
/// If the store cannot be read.
pub fn comparison_response(
    survey: &Survey,
    found: &Comparison,
    thresholds: &Thresholds,
    limit: usize,
    start: Instant,
) -> Result<ParallelsResponse, ParallelsError> {
    let (pairs, closest) = (&found.pairs, found.closest);
    let response = ParallelsResponse::of(survey, (pairs, closest), thresholds, limit, start)?;
    Ok(ParallelsResponse {
        compared: Some(found.compared),
        taken: Some(found.taken),
        ..response
    })
}

/// What a passage has in common with all others.
pub(in crate::server) fn passage_response(
    survey: &Survey,
    found: &Swept,
    thresholds: &Thresholds,
    limit: usize,
    start: Instant,
) -> Result<ParallelsResponse, ParallelsError> {
    let (pairs, closest) = (&found.pairs, found.closest);
    let response = ParallelsResponse::of(survey, (pairs, closest), thresholds, limit, start)?;
    Ok(ParallelsResponse {
        left_out: Some(found.left_out.into()),
        ..response
    })
}

impl ParallelsResponse {
    /// What both kinds of answers have: the first pairs up to the limit, and the closest.
    fn of(
        survey: &Survey,
        (pairs, closest): (&[Pair], Option<Pair>),
        thresholds: &Thresholds,
        limit: usize,
        start: Instant,
    ) -> Result<Self, ParallelsError> {
        Ok(Self {
            parallels: read(survey, thresholds, pairs.get(..limit).unwrap_or(pairs))?,
            found: pairs.len(),
            compared: None,
            taken: None,
            left_out: None,
            closest: closest.map(|pair| PairBody::of(survey, pair)),
            timing_ms: ComparedMs::since(start),
            provenance: Provenance::of(survey.snapshot()),
        })
    }
}

fn read(
    survey: &Survey,
    thresholds: &Thresholds,
    pairs: &[Pair],
) -> Result<Vec<ParallelBody>, ParallelsError> {
    let parallels = Reader::new(survey, thresholds).read(pairs)?;
    Ok(parallels.into_iter().map(ParallelBody::from).collect())
}

/// A line of a stream of parallels: exactly one of these.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StreamLine {
    /// First: what is compared.
    Begin(Box<BeginBody>),
    /// A pair.
    Parallel(Box<ParallelBody>),
    /// How far it is; a cursor continues after all pairs before this line.
    Progress(ProgressBody),
    /// Last: what was found and left out.
    End(Box<EndBody>),
    /// Last, where it broke off.
    #[schema(value_type = Object)]
    Error(serde_json::Value),
}

/// What is compared.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BeginBody {
    /// Source documents.
    sources: usize,
    /// Target documents.
    targets: usize,
    /// Documents that are not compared because it is not known when they were made.
    undated: usize,
    /// The parameters that are used.
    parameters: ThresholdsBody,
    /// What produces this answer.
    provenance: Provenance,
}

/// What a pair must have.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct ThresholdsBody {
    min_score: f32,
    min_confidence: f32,
    min_margin: f32,
    formulas: FormulasName,
    formula_share: f32,
    /// A formula is said in so many documents.
    formula_documents: usize,
    exact: bool,
}

/// How far a stream is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProgressBody {
    /// Source documents that are done.
    pub(in crate::server) done: usize,
    /// All of them.
    pub(in crate::server) sources: usize,
    /// Continues here.
    pub(in crate::server) cursor: String,
}

/// What a stream found, from its cursor on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EndBody {
    /// Pairs in this stream.
    found: usize,
    /// Pairs that were left out.
    left_out: LeftOutBody,
    /// Passages that were compared.
    passages: usize,
    /// The surest pair that was seen, given or left out.
    closest: Option<PairBody>,
    /// Whether all is done; if not, the limit was reached, and a cursor continues.
    complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// The parallels of a corpus in one piece, as the command line prints them.
#[derive(Debug, Clone, Serialize)]
pub struct CorpusResponse {
    #[serde(flatten)]
    begin: BeginBody,
    /// The surest first.
    parallels: Vec<ParallelBody>,
    #[serde(flatten)]
    end: EndBody,
    timing_ms: ComparedMs,
}

/// The parallels of a corpus; of the pairs, which come in the order in which they are wanted, the first
/// up to a limit.
///
/// # Errors
///
/// If the store cannot be read.
pub fn corpus_response(
    survey: &Survey,
    sweep: &Sweep<'_>,
    swept: &Swept,
    thresholds: &Thresholds,
    limit: usize,
    start: Instant,
) -> Result<CorpusResponse, ParallelsError> {
    let shown = swept.pairs.get(..limit).unwrap_or(&swept.pairs);
    Ok(CorpusResponse {
        begin: BeginBody::of(survey, sweep, thresholds),
        parallels: read(survey, thresholds, shown)?,
        end: EndBody::of(survey, swept, swept.pairs.len(), None),
        timing_ms: ComparedMs::since(start),
    })
}

impl BeginBody {
    pub(in crate::server) fn of(
        survey: &Survey,
        sweep: &Sweep<'_>,
        thresholds: &Thresholds,
    ) -> Self {
        Self {
            sources: sweep.sources().len(),
            targets: sweep.targets(),
            undated: sweep.undated(),
            parameters: ThresholdsBody::of(survey, thresholds),
            provenance: Provenance::of(survey.snapshot()),
        }
    }
}

impl EndBody {
    pub(in crate::server) fn of(
        survey: &Survey,
        swept: &Swept,
        found: usize,
        next_cursor: Option<String>,
    ) -> Self {
        Self {
            found,
            left_out: swept.left_out.into(),
            passages: swept.passages,
            closest: swept.closest.map(|pair| PairBody::of(survey, pair)),
            complete: next_cursor.is_none(),
            next_cursor,
        }
    }
}

impl PairBody {
    pub(in crate::server) fn of(survey: &Survey, pair: Pair) -> Self {
        Self {
            source: survey.id_of(pair.source),
            target: survey.id_of(pair.target),
            confidence: pair.confidence,
            carrier: pair.carrier.name(),
            score: pair.score,
        }
    }
}

impl ComparedMs {
    fn since(start: Instant) -> Self {
        Self {
            total: milliseconds(start.elapsed()),
        }
    }
}

impl ThresholdsBody {
    fn of(survey: &Survey, thresholds: &Thresholds) -> Self {
        Self {
            min_score: thresholds.min_score,
            min_confidence: thresholds.min_confidence,
            min_margin: thresholds.min_margin,
            formulas: thresholds.formulas.into(),
            formula_share: thresholds.formula_share,
            formula_documents: thresholds.formula_from(survey.snapshot().facts().documents),
            exact: survey.is_exact(),
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

impl SentencesBody {
    fn of(pair: &SentencePair, source: &PassageRecord, target: &PassageRecord) -> Self {
        let span = |range: TextRange, passage: &PassageRecord| SpanBody {
            text: passage.slice(range).to_owned(),
            start: range.start,
            end: range.end,
        };
        Self {
            source: span(pair.source, source),
            target: span(pair.target, target),
            score: pair.score,
            confidence: pair.confidence,
            wording: pair.wording.name(),
        }
    }
}

impl From<LeftOut> for LeftOutBody {
    fn from(left_out: LeftOut) -> Self {
        Self {
            unsure: left_out.unsure,
            hubs: left_out.hubs,
            formulas: left_out.formulas,
        }
    }
}
