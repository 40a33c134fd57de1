//! The report at the head of an export of parallels.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::corpus::DocumentId;
use crate::engine::Snapshot;
use crate::parallels::{FoundPairs, Parallel, ParallelsError, Subject};
use crate::store::{DocumentRecord, DocumentSummary};

use super::ExportProvenance;

/// Number of bins of the distribution of confidence.
const CONFIDENCE_BINS: usize = 10;

/// Everything in an export except its parallels.
#[derive(Debug, Clone)]
pub struct ParallelsReport {
    /// What was compared.
    pub subject: ReportSubject,
    /// The provenance.
    pub provenance: ExportProvenance,
    /// Numbers of returned and filtered pairs.
    pub counts: PairCounts,
    /// The documents of all pairs and of the subject, in the order of their ids.
    pub bibliography: Vec<Arc<DocumentSummary>>,
    /// Number of pairs by confidence, in bins of 0.1.
    pub confidence_histogram: [usize; CONFIDENCE_BINS],
    /// The pair with the highest confidence if no pair was found.
    pub closest: Option<Parallel>,
}

/// What was compared.
#[derive(Debug, Clone)]
pub enum ReportSubject {
    /// Two documents.
    Documents(Box<[DocumentRecord; 2]>),
    /// The documents of a corpus.
    Corpus,
}

impl ReportSubject {
    fn load(snapshot: &Snapshot, subject: &Subject) -> Result<Self, ParallelsError> {
        let Subject::Documents(ids) = subject else {
            return Ok(Self::Corpus);
        };
        let document = |id: &DocumentId| {
            let missing = || ParallelsError::NoSuchDocument { id: id.to_string() };
            snapshot.view().document(id)?.ok_or_else(missing)
        };
        let both = Box::new([document(&ids[0])?, document(&ids[1])?]);
        Ok(Self::Documents(both))
    }
}

/// Counts of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairCounts {
    /// Number of pairs found.
    pub found: usize,
    /// What was compared.
    pub compared: ComparedCount,
    /// Number of pairs below the minimum confidence.
    pub low_confidence: usize,
    /// Number of pairs below the minimum margin.
    pub low_margin: usize,
    /// Number of filtered formulas, or of filtered non-formulas if only formulas are requested.
    pub formulas: usize,
    /// Number of pairs superseded by higher-ranked pairs of the same passages.
    pub superseded: usize,
    /// Number of documents excluded because they have no date.
    pub undated: usize,
    /// Maximum number of pairs, if requested.
    pub limit: Option<usize>,
}

/// The extent of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComparedCount {
    /// Number of pairs of passages, each with each.
    Pairs(usize),
    /// Number of passages, each with its nearest neighbours.
    Passages(usize),
}

impl From<&FoundPairs> for PairCounts {
    fn from(found: &FoundPairs) -> Self {
        let extent = found.extent();
        let compared = match extent.compared_pairs {
            Some(pairs) => ComparedCount::Pairs(pairs),
            None => ComparedCount::Passages(extent.passages),
        };
        Self {
            found: found.pairs().len(),
            compared,
            low_confidence: extent.filtered_counts.low_confidence,
            low_margin: extent.filtered_counts.low_margin,
            formulas: extent.filtered_counts.formulas,
            superseded: extent.superseded,
            undated: extent.documents.undated,
            limit: None,
        }
    }
}

impl ParallelsReport {
    /// Creates a report.
    ///
    /// # Errors
    ///
    /// If the store cannot be read, or a compared document is not in the snapshot.
    pub fn new(
        found: &FoundPairs,
        parameters: Vec<(String, String)>,
    ) -> Result<Self, ParallelsError> {
        let snapshot = found.snapshot();
        let mut confidence_histogram = [0; CONFIDENCE_BINS];
        for pair in found.pairs() {
            confidence_histogram[confidence_bin(pair.confidence)] += 1;
        }
        let subject = ReportSubject::load(snapshot, &found.extent().subject)?;
        let closest = match found.pairs() {
            [] => found.load_closest()?,
            _ => None,
        };
        Ok(Self {
            provenance: ExportProvenance::from_snapshot(snapshot, parameters)?,
            counts: PairCounts::from(found),
            bibliography: bibliography(found, &subject, closest.as_ref()),
            confidence_histogram,
            closest,
            subject,
        })
    }

    /// Returns the title.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.subject {
            ReportSubject::Documents(both) => {
                let name = |document: &DocumentRecord| document.summary.id.to_string();
                format!("Parallels of {} and {}", name(&both[0]), name(&both[1]))
            }
            ReportSubject::Corpus => "Parallels of a corpus".to_owned(),
        }
    }

    /// Returns a sentence on what was found.
    #[must_use]
    pub fn summary(&self) -> String {
        let PairCounts {
            found, compared, ..
        } = &self.counts;
        let compared = match compared {
            ComparedCount::Pairs(pairs) => format!("{pairs} pairs of passages compared"),
            ComparedCount::Passages(passages) => {
                format!("{passages} passages compared with their nearest neighbours")
            }
        };
        let found = match found {
            0 => "no pair reaches the minimum confidence".to_owned(),
            1 => "one pair found".to_owned(),
            found => format!("{found} pairs found"),
        };
        format!("{compared}; {found}.")
    }

    /// Returns a sentence on the closest pair if no pair was found.
    #[must_use]
    pub fn closest_description(&self) -> Option<String> {
        let closest = self.closest.as_ref()?;
        Some(format!(
            "Closest pair: {} and {}, confidence {:.4}, cosine {:.4} of {}.",
            closest.source.passage.id(),
            closest.target.passage.id(),
            closest.pair.confidence,
            closest.pair.score,
            closest.pair.matched_by.description()
        ))
    }

    /// Returns all of it as names and values.
    #[must_use]
    pub fn rows(&self) -> Vec<(String, String)> {
        let PairCounts {
            found,
            compared,
            low_confidence,
            low_margin,
            formulas,
            superseded,
            undated,
            limit,
        } = &self.counts;
        let mut rows = vec![("title", self.title())];
        let provenance = self.provenance.rows();
        rows.extend(
            provenance
                .iter()
                .map(|(name, value)| (name.as_str(), value.clone())),
        );
        rows.push(match compared {
            ComparedCount::Pairs(pairs) => ("compared_pairs", pairs.to_string()),
            ComparedCount::Passages(passages) => ("compared_passages", passages.to_string()),
        });
        rows.extend([
            ("pairs", found.to_string()),
            ("filtered_low_confidence", low_confidence.to_string()),
            ("filtered_low_margin", low_margin.to_string()),
            ("filtered_formulas", formulas.to_string()),
            ("superseded", superseded.to_string()),
            ("undated_documents", undated.to_string()),
            (
                "limit",
                limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string()),
            ),
        ]);
        rows.extend(self.closest_description().map(|text| ("closest", text)));
        let rows = rows.into_iter();
        rows.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// Returns the bin of a confidence.
fn confidence_bin(confidence: f32) -> usize {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss
    )] // a confidence is in (0, 1)
    let bin = (confidence * CONFIDENCE_BINS as f32) as usize;
    bin.min(CONFIDENCE_BINS - 1)
}

/// Returns the documents of the subject and of all pairs, in the order of their ids.
fn bibliography(
    found: &FoundPairs,
    subject: &ReportSubject,
    closest: Option<&Parallel>,
) -> Vec<Arc<DocumentSummary>> {
    let mut documents = BTreeMap::new();
    let mut add = |document: Arc<DocumentSummary>| documents.insert(document.id.clone(), document);
    if let ReportSubject::Documents(both) = subject {
        for document in both.iter() {
            add(Arc::new(document.summary.clone()));
        }
    }
    for side in closest.iter().flat_map(|pair| [&pair.source, &pair.target]) {
        add(Arc::clone(&side.document));
    }
    for document in found.documents() {
        add(document);
    }
    documents.into_values().collect()
}
