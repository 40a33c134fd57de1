//! Where parallels come from.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::Snapshot;
use crate::store::{DocumentRecord, DocumentSummary};

use crate::parallels::{Pair, Parallel, ParallelLoader, ParallelsError};

use super::ExportProvenance;

/// Bars of the distribution of confidence.
const CONFIDENCE_BINS: usize = 10;

/// Everything that an export says beside its parallels.
#[derive(Debug, Clone)]
pub struct ParallelsReport {
    /// What was compared.
    pub subject: ReportSubject,
    /// Where they come from.
    pub provenance: ExportProvenance,
    /// What was found and left out.
    pub counts: PairCounts,
    /// The documents of all pairs, and of the subject, in the order of their ids.
    pub bibliography: Vec<Arc<DocumentSummary>>,
    /// Pairs by confidence: those below 0.1, below 0.2, and so on.
    pub confidence_histogram: [usize; CONFIDENCE_BINS],
    /// The surest pair where there is none that is sure enough.
    pub closest: Option<Parallel>,
}

/// What was compared.
#[derive(Debug, Clone)]
pub enum ReportSubject {
    /// Two documents.
    Documents(Box<[DocumentRecord; 2]>),
    /// Many documents of a corpus.
    Corpus,
}

/// Numbers of pairs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairCounts {
    /// Pairs that are answered with.
    pub found: usize,
    /// What was compared.
    pub compared: ComparedCount,
    /// Pairs left out as not sure enough.
    pub low_confidence: usize,
    /// Pairs left out because their passages are near to so much else.
    pub low_margin: usize,
    /// Pairs left out as formulas, or as none where formulas are wanted only.
    pub formulas: usize,
    /// Pairs left out because their passages are in more telling ones.
    pub superseded: usize,
    /// Documents left out because it is not known when they were made.
    pub undated: usize,
    /// The most pairs that are answered with, if that was given.
    pub limit: Option<usize>,
}

/// How much was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComparedCount {
    /// So many pairs of passages, each with each.
    Pairs(usize),
    /// So many passages with all that is near to them.
    Passages(usize),
}

impl ParallelsReport {
    /// Gathers what a snapshot knows of itself and what the pairs stand for. `closest` is read where
    /// there are no pairs.
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
        let mut confidences = [0; CONFIDENCE_BINS];
        for pair in pairs {
            confidences[confidence_bin(pair.confidence)] += 1;
        }
        Ok(Self {
            provenance: ExportProvenance::from_snapshot(snapshot, parameters)?,
            counts,
            bibliography: bibliography(snapshot, &subject, pairs.iter().chain(&closest))?,
            confidence_histogram: confidences,
            closest: reader.load(&closest)?.pop(),
            subject,
        })
    }

    /// What all this is, in a line.
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

    /// What was found, in a sentence.
    #[must_use]
    pub fn summary(&self) -> String {
        let PairCounts {
            found, compared, ..
        } = &self.counts;
        let compared = match compared {
            ComparedCount::Pairs(pairs) => format!("{pairs} pairs of passages were compared"),
            ComparedCount::Passages(passages) => {
                format!("{passages} passages were compared with what is near to them")
            }
        };
        let found = match found {
            0 => "none is sure enough".to_owned(),
            1 => "one pair was found".to_owned(),
            found => format!("{found} pairs were found"),
        };
        format!("{compared}; {found}.")
    }

    /// How near the closest pair came where there is no other.
    #[must_use]
    pub fn closest_description(&self) -> Option<String> {
        let closest = self.closest.as_ref()?;
        Some(format!(
            "The closest are {} and {}: confidence {:.4}, cosine {:.4} of {}.",
            closest.source.passage.id(),
            closest.target.passage.id(),
            closest.pair.confidence,
            closest.pair.score,
            closest.pair.matched_by.description()
        ))
    }

    /// All of it by names, for a table.
    #[must_use]
    pub fn rows(&self) -> Vec<(String, String)> {
        let PairCounts {
            found,
            compared,
            low_confidence: unsure,
            low_margin: hubs,
            formulas,
            superseded: taken,
            undated,
            limit,
        } = &self.counts;
        let mut rows = vec![("title", self.title())];
        let origin = self.provenance.rows();
        rows.extend(
            origin
                .iter()
                .map(|(name, value)| (name.as_str(), value.clone())),
        );
        rows.push(match compared {
            ComparedCount::Pairs(pairs) => ("compared_pairs", pairs.to_string()),
            ComparedCount::Passages(passages) => ("compared_passages", passages.to_string()),
        });
        rows.extend([
            ("pairs", found.to_string()),
            ("left_out_unsure", unsure.to_string()),
            ("left_out_hubs", hubs.to_string()),
            ("left_out_formulas", formulas.to_string()),
            ("left_out_taken", taken.to_string()),
            ("left_out_undated_documents", undated.to_string()),
            (
                "limit",
                limit.map_or_else(|| "none".to_owned(), |most| most.to_string()),
            ),
        ]);
        rows.extend(self.closest_description().map(|said| ("closest", said)));
        let rows = rows.into_iter();
        rows.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// The bar in which a confidence is counted.
fn confidence_bin(confidence: f32) -> usize {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss
    )] // a confidence is in (0, 1)
    let bar = (confidence * CONFIDENCE_BINS as f32) as usize;
    bar.min(CONFIDENCE_BINS - 1)
}

fn bibliography<'a>(
    snapshot: &Snapshot,
    subject: &ReportSubject,
    pairs: impl Iterator<Item = &'a Pair>,
) -> Result<Vec<Arc<DocumentSummary>>, ParallelsError> {
    let mut documents = BTreeMap::new();
    let mut keep = |document: &Arc<DocumentSummary>| {
        documents.insert(document.id.clone(), Arc::clone(document));
    };
    if let ReportSubject::Documents(both) = subject {
        for document in both.iter() {
            keep(&Arc::new(document.summary.clone()));
        }
    }
    for pair in pairs {
        for row in [pair.source, pair.target] {
            let document = snapshot.document_table().document_of_row(row);
            keep(document.ok_or(ParallelsError::SnapshotMismatch)?);
        }
    }
    Ok(documents.into_values().collect())
}
