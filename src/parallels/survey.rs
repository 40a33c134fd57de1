//! What is known of each passage's place in its corpus: its words, who is near to it, how common it is.
//!
//! A survey belongs to one snapshot. It is filled as it is asked: two documents need a few hundred
//! passages of it, a whole corpus all.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use roaring::RoaringBitmap;

use crate::engine::Snapshot;
use crate::index::{Near, Neighbour, similarity};
use crate::passages;
use crate::store::{DocumentSummary, HitRecord, PassageRecord};

use super::statement::Statement;
use super::words::Lexicon;
use super::{Background, Calibration, Pair, ParallelsError};

/// Neighbours whose mean likeness is a passage's neighbourhood (Artetxe & Schwenk 2019 have 4 too).
pub const NEIGHBOURS: usize = 4;

/// Neighbours by cosine among which those are chosen.
const CHOSEN_AMONG: usize = 16;

/// A passage is said to be near to another from this cosine on, if it is also [`EQUIVALENT`].
pub const NEAR: f32 = 0.7;

/// The confidence from which on a passage counts as one that says nearly the same.
pub const EQUIVALENT: f32 = 0.3;

/// Bytes of passages that are kept as they are compared; those of other passages are read again.
const KEPT: u64 = 1 << 30;

/// Who is around a passage.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbourhood {
    /// Mean likeness of its [`NEIGHBOURS`] nearest in other documents; `None` where it has none.
    pub likeness: Option<f32>,
    /// How common it is.
    pub common: Commonness,
    /// All passages of other documents that say nearly the same, nearest first by cosine: pairs of at
    /// least [`NEAR`] and [`EQUIVALENT`], with this passage as their source.
    pub equivalents: Box<[Pair]>,
}

/// In how much of the corpus nearly the same is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Commonness {
    /// Other documents that hold a passage which says nearly the same.
    pub documents: usize,
    /// Speakers of these, as far as they are known.
    pub speakers: usize,
}

/// What is known of the passages of one snapshot.
pub struct Survey {
    snapshot: Arc<Snapshot>,
    calibration: Calibration,
    /// Whether neighbours are looked for by comparing everything.
    exact: bool,
    lexicon: Lexicon,
    statements: moka::sync::Cache<u32, Arc<Statement>>,
    neighbourhoods: Vec<OnceLock<Neighbourhood>>,
    background: OnceLock<Background>,
}

impl Survey {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>, exact: bool) -> Self {
        let rows = snapshot.rows();
        let weigh = |_: &u32, statement: &Arc<Statement>| {
            u32::try_from(statement.bytes()).unwrap_or(u32::MAX)
        };
        Self {
            calibration: Calibration::SHIPPED,
            exact,
            lexicon: Lexicon::new(snapshot.facts().passages),
            statements: moka::sync::Cache::builder()
                .max_capacity(KEPT)
                .weigher(weigh)
                .build(),
            neighbourhoods: (0..rows).map(|_| OnceLock::new()).collect(),
            background: OnceLock::new(),
            snapshot,
        }
    }

    /// The snapshot.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// How confidence is computed.
    #[must_use]
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// Whether neighbours are looked for by comparing everything.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.exact
    }

    /// Cosines of random pairs.
    pub fn background(&self) -> &Background {
        self.background
            .get_or_init(|| Background::of(&self.snapshot))
    }

    pub(super) fn lexicon(&self) -> &Lexicon {
        &self.lexicon
    }

    /// Reads how common every word is, for whoever will need most of them.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn read_words(&self) -> Result<(), ParallelsError> {
        Ok(self.lexicon.read_all(self.snapshot.view())?)
    }

    /// A passage as it is compared.
    pub(super) fn statement(&self, row: u32) -> Result<Arc<Statement>, ParallelsError> {
        if let Some(known) = self.statements.get(&row) {
            return Ok(known);
        }
        let hit = self.hits(&[row])?.pop();
        let HitRecord {
            passage,
            sentence_vectors,
        } = hit.ok_or(ParallelsError::OtherSnapshot)?;
        let words = passages::words_from(&passage.text, passage.range.start);
        self.lexicon.read(self.snapshot.view(), &words)?;
        let sentences = &passage.sentences;
        let statement = Statement::new(&words, sentences, sentence_vectors, &self.lexicon);
        let statement = Arc::new(statement);
        self.statements.insert(row, Arc::clone(&statement));
        Ok(statement)
    }

    /// The id of a passage.
    #[must_use]
    pub fn id_of(&self, row: u32) -> Option<String> {
        let catalogue = self.snapshot.catalogue();
        let (document, (_, ordinal)) = catalogue
            .document_of(row)
            .zip(catalogue.place_of_row(row))?;
        Some(format!("{}#p{ordinal}", document.id))
    }

    /// The passages of these rows with their documents, in their order.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn passages(
        &self,
        rows: &[u32],
    ) -> Result<Vec<(PassageRecord, &DocumentSummary)>, ParallelsError> {
        let read = self.hits(rows)?.into_iter().zip(rows);
        let with = |(hit, row): (HitRecord, &u32)| {
            let document = self.snapshot.catalogue().document_of(*row);
            let document = document.ok_or(ParallelsError::OtherSnapshot)?;
            Ok((hit.passage, &**document))
        };
        read.map(with).collect()
    }

    /// What the store has of these rows.
    pub(super) fn hits(&self, rows: &[u32]) -> Result<Vec<HitRecord>, ParallelsError> {
        let wanted = rows.iter().map(|row| {
            let document = self.snapshot.catalogue().document_of(*row)?;
            Some((self.snapshot.key_of(*row)?, &document.id))
        });
        let wanted: Option<Vec<_>> = wanted.collect();
        let wanted = wanted.ok_or(ParallelsError::OtherSnapshot)?;
        Ok(self.snapshot.view().hits_in(&wanted)?)
    }

    /// Who is around a passage.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn neighbourhood(&self, row: u32) -> Result<&Neighbourhood, ParallelsError> {
        let slot = self.neighbourhoods.get(row as usize);
        let slot = slot.ok_or(ParallelsError::OtherSnapshot)?;
        if let Some(known) = slot.get() {
            return Ok(known);
        }
        let place = self.snapshot.catalogue().place_of_row(row);
        let (document, _) = place.ok_or(ParallelsError::OtherSnapshot)?;
        self.survey_document(document as usize)?;
        slot.get().ok_or(ParallelsError::OtherSnapshot)
    }

    /// Surveys the passages of the document at a place, if that has not been done.
    fn survey_document(&self, place: usize) -> Result<(), ParallelsError> {
        let rows = self.snapshot.catalogue().rows_in(place);
        let own: RoaringBitmap = rows.iter().copied().collect();
        let near = Near {
            floor: NEAR,
            least: CHOSEN_AMONG,
            exact: self.exact,
            allowed: None,
            excluded: &own,
        };
        for (row, neighbours) in rows.iter().zip(self.snapshot.near(rows, &near)) {
            let neighbourhood = self.neighbourhood_among(*row, &neighbours)?;
            // Whoever was faster has found the same.
            let slot = self.neighbourhoods.get(*row as usize);
            let _ = slot.map(|slot| slot.set(neighbourhood));
        }
        Ok(())
    }

    fn neighbourhood_among(
        &self,
        row: u32,
        neighbours: &[Neighbour],
    ) -> Result<Neighbourhood, ParallelsError> {
        let catalogue = self.snapshot.catalogue();
        let (mut documents, mut speakers) = (HashSet::new(), HashSet::new());
        let mut nearest = Vec::with_capacity(CHOSEN_AMONG);
        let mut equivalents = Vec::new();
        for neighbour in neighbours {
            let pair = self.pair(row, neighbour.row, neighbour.score)?;
            if nearest.len() < CHOSEN_AMONG {
                nearest.push(pair.likeness);
            }
            if neighbour.score >= NEAR && pair.confidence >= EQUIVALENT {
                documents.extend(catalogue.place_of_row(neighbour.row).map(|(d, _)| d));
                let document = catalogue.document_of(neighbour.row);
                speakers.extend(document.and_then(|d| d.metadata.speaker.as_deref()));
                equivalents.push(pair);
            }
        }
        nearest.sort_unstable_by(|a, b| b.total_cmp(a));
        nearest.truncate(NEIGHBOURS);
        #[allow(clippy::cast_precision_loss)] // at most 4
        let mean = nearest.iter().sum::<f32>() / nearest.len() as f32;
        Ok(Neighbourhood {
            likeness: (!nearest.is_empty()).then_some(mean),
            common: Commonness {
                documents: documents.len(),
                speakers: speakers.len(),
            },
            equivalents: equivalents.into(),
        })
    }

    /// Two passages of a known cosine, compared.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn pair(&self, source: u32, target: u32, score: f32) -> Result<Pair, ParallelsError> {
        let (own, theirs) = (self.statement(source)?, self.statement(target)?);
        let (words, likeness) = own.compare(&theirs, score, &self.calibration);
        Ok(Pair {
            source,
            target,
            score,
            words,
            likeness,
            confidence: self.calibration.confidence(likeness),
        })
    }

    /// Two passages, compared.
    ///
    /// # Errors
    ///
    /// If there is no such passage, or the store cannot be read.
    pub fn compare(&self, source: u32, target: u32) -> Result<Pair, ParallelsError> {
        let vector = |row| {
            let vector = self.snapshot.vector_of(row);
            vector.ok_or(ParallelsError::OtherSnapshot)
        };
        let score = similarity(vector(source)?, vector(target)?);
        self.pair(source, target, score)
    }

    /// Weight of the longest wording that two passages have in common: a word that is in few passages
    /// counts up to 1, one that is in all 0, one that is in one of the two only takes away.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn wording(&self, source: u32, target: u32) -> Result<f32, ParallelsError> {
        Ok(self.statement(source)?.wording(&*self.statement(target)?))
    }

    /// Whether the wording that two passages have in common could weigh so much: aligning them takes
    /// longer than all other comparisons together.
    pub(super) fn may_echo(
        &self,
        source: u32,
        target: u32,
        weight: f32,
    ) -> Result<bool, ParallelsError> {
        let most = self
            .statement(source)?
            .most_wording(&*self.statement(target)?);
        Ok(most >= weight)
    }

    /// How far a pair stands out from the neighbourhoods of its passages: the ratio of its likeness to
    /// the mean of theirs. 1 is as alike as each is to its nearest others.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn margin(&self, pair: &Pair) -> Result<Option<f32>, ParallelsError> {
        let source = self.neighbourhood(pair.source)?.likeness;
        let target = self.neighbourhood(pair.target)?.likeness;
        let mean = source.zip(target).map(|(a, b)| f32::midpoint(a, b));
        let mean = mean.filter(|mean| *mean > 0.0);
        Ok(mean.map(|mean| pair.likeness / mean))
    }
}
