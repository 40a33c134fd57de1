//! The report at the head of an export of parallels.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::Snapshot;
use crate::store::{DocumentRecord, DocumentSummary};

use crate::parallels::{Pair, Parallel, ParallelLoader, ParallelsError};

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

impl ParallelsReport {
    /// Creates a report. `closest` is used if there are no pairs.
    ///
    /// # Errors
    ///
    /// If the store cannot be read, or a pair belongs to another snapshot.
    pub fn new(
        snapshot: &Snapshot,
        reader: &ParallelLoader<'_>,
        subject: ReportSubject,
        parameters: Vec<(String, String)>,
        counts: PairCounts,
        (pairs, closest): (&[Pair], Option<Pair>),
    ) -> Result<Self, ParallelsError> {
        let closest = closest.filter(|_| pairs.is_empty());
        let closest: Vec<Pair> = closest.into_iter().collect();
        let mut confidence_histogram = [0; CONFIDENCE_BINS];
        for pair in pairs {
            confidence_histogram[confidence_bin(pair.confidence)] += 1;
        }
        Ok(Self {
            provenance: ExportProvenance::from_snapshot(snapshot, parameters)?,
            counts,
            bibliography: bibliography(snapshot, &subject, pairs.iter().chain(&closest))?,
            confidence_histogram,
            closest: reader.load(&closest)?.pop(),
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

fn bibliography<'a>(
    snapshot: &Snapshot,
    subject: &ReportSubject,
    pairs: impl Iterator<Item = &'a Pair>,
) -> Result<Vec<Arc<DocumentSummary>>, ParallelsError> {
    let mut documents = BTreeMap::new();
    let mut add = |document: &Arc<DocumentSummary>| {
        documents.insert(document.id.clone(), Arc::clone(document));
    };
    if let ReportSubject::Documents(both) = subject {
        for document in both.iter() {
            add(&Arc::new(document.summary.clone()));
        }
    }
    for pair in pairs {
        for row in [pair.source, pair.target] {
            let document = snapshot.document_table().document_of_row(row);
            add(document.ok_or(ParallelsError::SnapshotMismatch)?);
        }
    }
    Ok(documents.into_values().collect())
}
