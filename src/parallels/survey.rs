//! What is known of each passage's place in its corpus: its words, who is near to it, how common it is.
//!
//! A survey belongs to one snapshot. It is filled as it is asked: two documents need a few hundred
//! passages of it, a whole corpus all.

mod comparing;
mod surveying;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::engine::Snapshot;
use crate::passages;
use crate::store::{DocumentSummary, HitRecord, PassageRecord};

use super::statement::Statement;
use super::words::Lexicon;
use super::{Background, Calibration, Carrier, Neighbourhood, ParallelsError, Sentences, Unit};

/// Neighbours whose mean likeness is a statement's neighbourhood (Artetxe & Schwenk 2019 have 4 too).
pub const NEIGHBOURS: usize = 4;

/// A statement is said to be near to another from this cosine on, if it is also [`EQUIVALENT`].
pub const NEAR: f32 = 0.7;

/// The confidence from which on a statement counts as one that says nearly the same.
pub const EQUIVALENT: f32 = 0.3;

/// Bytes of passages that are kept as they are compared; those of other passages are read again.
const KEPT: u64 = 1 << 30;

/// What is known of the passages of one snapshot.
pub struct Survey {
    snapshot: Arc<Snapshot>,
    calibration: Calibration,
    /// Whether neighbours are looked for by comparing everything.
    exact: bool,
    lexicon: Lexicon,
    statements: moka::sync::Cache<u32, Arc<Statement>>,
    sentences: OnceLock<Arc<Sentences>>,
    /// Sentences of an earlier snapshot; locked while those of this one are read.
    before: Mutex<Option<Arc<Sentences>>>,
    neighbourhoods: Vec<OnceLock<Neighbourhood>>,
    backgrounds: [OnceLock<Background>; 2],
}

impl Survey {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>, exact: bool) -> Self {
        Self::after(snapshot, exact, None)
    }

    /// Knows nothing yet but the sentences of an earlier snapshot.
    #[must_use]
    pub fn after(snapshot: Arc<Snapshot>, exact: bool, before: Option<Arc<Sentences>>) -> Self {
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
            sentences: OnceLock::new(),
            before: Mutex::new(before),
            neighbourhoods: (0..rows).map(|_| OnceLock::new()).collect(),
            backgrounds: [OnceLock::new(), OnceLock::new()],
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

    /// Cosines of random pairs, of passages or of sentences as the carrier is.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn background(&self, carrier: Carrier) -> Result<&Background, ParallelsError> {
        let [passages, of_sentences] = &self.backgrounds;
        if carrier == Carrier::Passages {
            return Ok(passages.get_or_init(|| Background::of_passages(&self.snapshot)));
        }
        let sentences = self.sentences()?;
        let drawn = || Background::of_sentences(&self.snapshot, sentences);
        Ok(of_sentences.get_or_init(drawn))
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
        let passage = hit.ok_or(ParallelsError::OtherSnapshot)?.passage;
        let words = passages::words_from(&passage.text, passage.range.start);
        self.lexicon.read(self.snapshot.view(), &words)?;
        let statement = Statement::new(&words, &passage.sentences, &self.lexicon);
        let statement = Arc::new(statement);
        self.statements.insert(row, Arc::clone(&statement));
        Ok(statement)
    }

    /// How many words a passage or sentence has.
    pub(super) fn words_of(&self, unit: Unit) -> Result<usize, ParallelsError> {
        Ok(self.statement(unit.row)?.words(unit.sentence))
    }

    /// All sentences of the corpus, which are read when they are first asked for.
    pub(super) fn sentences(&self) -> Result<&Sentences, ParallelsError> {
        if let Some(known) = self.sentences.get() {
            return Ok(known);
        }
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = self.sentences.get() {
            return Ok(known);
        }
        let read = Sentences::of(&self.snapshot, before.as_deref())?;
        *before = None;
        drop(before);
        Ok(self.sentences.get_or_init(|| Arc::new(read)))
    }

    /// The sentences, for a survey of a later snapshot, if they were asked for here.
    #[must_use]
    pub fn known_sentences(&self) -> Option<Arc<Sentences>> {
        self.sentences.get().map(Arc::clone)
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
}
