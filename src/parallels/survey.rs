//! What is known of each passage's place in its corpus: its words, who is near to it, how common it is.
//!
//! A survey belongs to one snapshot. It is filled as it is asked: two documents need a few hundred
//! passages of it, a whole corpus all.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use roaring::RoaringBitmap;

use crate::engine::Snapshot;
use crate::index::{Near, Neighbour, similarity};
use crate::passages;
use crate::store::{DocumentSummary, HitRecord, PassageRecord};

use super::neighbourhood::{CHOSEN_AMONG, Gathered};
use super::statement::{Embedded, Statement};
use super::words::Lexicon;
use super::{
    Around, Background, Calibration, Carrier, Neighbourhood, Pair, ParallelsError, Sentences, Unit,
};

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
        let near = |excluded| Near {
            floor: NEAR,
            least: CHOSEN_AMONG,
            exact: self.exact,
            allowed: None,
            excluded,
        };
        let passages = self.snapshot.near(rows, &near(&own));
        let sentences = self.sentences()?;
        let own = sentences.of_rows(rows);
        let counted = self.counted(rows)?;
        let found = sentences.near(&counted, &near(&own));
        let mut of_sentences = counted.into_iter().zip(found).peekable();
        for (row, passages) in rows.iter().zip(passages) {
            let numbers = sentences.of_row(*row);
            let own =
                std::iter::from_fn(|| of_sentences.next_if(|(number, _)| numbers.contains(number)));
            let neighbourhood = self.neighbourhood_among(*row, &passages, own)?;
            // Whoever was faster has found the same.
            let slot = self.neighbourhoods.get(*row as usize);
            let _ = slot.map(|slot| slot.set(neighbourhood));
        }
        Ok(())
    }

    /// The numbers of the sentences of these passages that have enough words, in their order.
    fn counted(&self, rows: &[u32]) -> Result<Vec<u32>, ParallelsError> {
        let sentences = self.sentences()?;
        let mut counted = Vec::new();
        for row in rows {
            let statement = self.statement(*row)?;
            let numbers = (0..).zip(sentences.of_row(*row));
            let enough = numbers.filter(|(place, _)| statement.counts(*place));
            counted.extend(enough.map(|(_, number)| number));
        }
        Ok(counted)
    }

    fn neighbourhood_among(
        &self,
        row: u32,
        passages: &[Neighbour],
        of_sentences: impl Iterator<Item = (u32, Vec<Neighbour>)>,
    ) -> Result<Neighbourhood, ParallelsError> {
        let sentences = self.sentences()?;
        let mut equivalents = Vec::new();
        let mut whole = Gathered::new(self);
        for neighbour in passages {
            let pair = self.wholes(row, neighbour.row, neighbour.score)?;
            equivalents.extend(whole.add(pair));
        }
        let mut around = vec![Around::default(); sentences.of_row(row).len()];
        for (number, neighbours) in of_sentences {
            let mut gathered = Gathered::new(self);
            for neighbour in neighbours {
                if let Some(pair) = self.sentence_pair(number, neighbour)? {
                    equivalents.extend(gathered.add(pair));
                }
            }
            let place = (number - sentences.of_row(row).start) as usize;
            around[place] = gathered.around();
        }
        let catalogue = self.snapshot.catalogue();
        equivalents.sort_by(|a, b| a.before(b, catalogue));
        Ok(Neighbourhood {
            whole: whole.around(),
            sentences: around.into(),
            equivalents: equivalents.into(),
        })
    }

    /// Two passages of a known cosine, compared as wholes. Passages of too few words say nothing.
    pub(super) fn wholes(
        &self,
        source: u32,
        target: u32,
        score: f32,
    ) -> Result<Pair, ParallelsError> {
        let (own, theirs) = (self.statement(source)?, self.statement(target)?);
        Ok(self.statements((source, &own), (target, &theirs), score))
    }

    fn statements(
        &self,
        (source, own): (u32, &Statement),
        (target, theirs): (u32, &Statement),
        score: f32,
    ) -> Pair {
        let words = own.words_in_common(theirs);
        let likeness = self.calibration.likeness(score, words);
        let says = own.says_something() && theirs.says_something();
        Pair {
            source,
            target,
            carrier: Carrier::Passages,
            score,
            words,
            likeness,
            confidence: if says {
                self.calibration.confidence(likeness)
            } else {
                0.0
            },
        }
    }

    /// A sentence and one that is near to it, as what may carry a pair of their passages; `None` if the
    /// other has too few words.
    pub(super) fn sentence_pair(
        &self,
        number: u32,
        neighbour: Neighbour,
    ) -> Result<Option<Pair>, ParallelsError> {
        let sentences = self.sentences()?;
        let owners = sentences.owner(number).zip(sentences.owner(neighbour.row));
        let ((source, own), (target, theirs)) = owners.ok_or(ParallelsError::OtherSnapshot)?;
        let (source_words, target_words) = (self.statement(source)?, self.statement(target)?);
        if !target_words.counts(theirs) {
            return Ok(None);
        }
        let words = source_words.words_of_sentences(own, &target_words, theirs);
        let likeness = self.calibration.likeness(neighbour.score, words);
        Ok(Some(Pair {
            source,
            target,
            carrier: Carrier::sentences(own, theirs),
            score: neighbour.score,
            words,
            likeness,
            confidence: self.calibration.confidence(likeness),
        }))
    }

    /// All that a passage's sentences are near to in other documents, from this cosine on.
    pub(super) fn near_sentences(&self, row: u32, floor: f32) -> Result<Vec<Pair>, ParallelsError> {
        let sentences = self.sentences()?;
        let place = self.snapshot.catalogue().place_of_row(row);
        let (place, _) = place.ok_or(ParallelsError::OtherSnapshot)?;
        let own = sentences.of_rows(self.snapshot.catalogue().rows_in(place as usize));
        let near = Near {
            floor,
            least: 0,
            exact: self.exact,
            allowed: None,
            excluded: &own,
        };
        let counted = self.counted(&[row])?;
        let mut pairs = Vec::new();
        for (number, found) in counted.iter().zip(sentences.near(&counted, &near)) {
            for neighbour in found {
                pairs.extend(self.sentence_pair(*number, neighbour)?);
            }
        }
        Ok(pairs)
    }

    /// Two passages, compared by themselves and by their sentences: whatever is more alike carries them.
    ///
    /// # Errors
    ///
    /// If there is no such passage, or the store cannot be read.
    pub fn compare(&self, source: u32, target: u32) -> Result<Pair, ParallelsError> {
        let (own, theirs) = (self.embedded(source)?, self.embedded(target)?);
        self.compare_embedded((source, &own), (target, &theirs))
    }

    /// A passage with all that [`Survey::compare`] needs of it, for whoever compares it with many.
    pub(super) fn embedded(&self, row: u32) -> Result<Embedded<'_>, ParallelsError> {
        let vectors = self.sentences()?.vectors(row);
        Ok(Embedded::new(self.statement(row)?, vectors))
    }

    /// The same as [`Survey::compare`], of passages that are at hand.
    pub(super) fn compare_embedded(
        &self,
        (source, own): (u32, &Embedded<'_>),
        (target, theirs): (u32, &Embedded<'_>),
    ) -> Result<Pair, ParallelsError> {
        let score = self.cosine(source, target)?;
        let both = ((source, own.statement()), (target, theirs.statement()));
        let whole = self.statements(both.0, both.1, score);
        let floor = if whole.confidence > 0.0 {
            whole.likeness
        } else {
            f32::MIN
        };
        let best = own.best_sentences(theirs, &self.calibration, floor);
        Ok(best.map_or(whole, |best| Pair {
            carrier: Carrier::sentences(best.source, best.target),
            score: best.score,
            words: best.words,
            likeness: best.likeness,
            confidence: self.calibration.confidence(best.likeness),
            ..whole
        }))
    }

    /// The cosine of two passages.
    ///
    /// # Errors
    ///
    /// If there is no such passage.
    pub fn cosine(&self, source: u32, target: u32) -> Result<f32, ParallelsError> {
        let vector = |row| {
            let vector = self.snapshot.vector_of(row);
            vector.ok_or(ParallelsError::OtherSnapshot)
        };
        Ok(similarity(vector(source)?, vector(target)?))
    }

    /// What is around that which carries a pair, on both sides.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn around(&self, pair: &Pair) -> Result<(Around, Around), ParallelsError> {
        let (source, target) = (
            self.neighbourhood(pair.source)?,
            self.neighbourhood(pair.target)?,
        );
        let Carrier::Sentences {
            source: own,
            target: theirs,
        } = pair.carrier
        else {
            return Ok((source.whole, target.whole));
        };
        let around = |of: &Neighbourhood, place: u16| {
            let around = of.sentences.get(usize::from(place)).copied();
            around.unwrap_or_default()
        };
        Ok((around(source, own), around(target, theirs)))
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

    /// In how many documents nearly what carries a pair is said, on the side where that is more.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn commonness(&self, pair: &Pair) -> Result<usize, ParallelsError> {
        let (source, target) = self.around(pair)?;
        Ok(source.common.documents.max(target.common.documents))
    }

    /// How far what carries a pair stands out from its neighbourhoods: the ratio of its likeness to the
    /// mean of theirs. 1 is as alike as each is to its nearest others.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn margin(&self, pair: &Pair) -> Result<Option<f32>, ParallelsError> {
        let (source, target) = self.around(pair)?;
        let both = source.likeness.zip(target.likeness);
        let mean = both.map(|(a, b)| f32::midpoint(a, b));
        let mean = mean.filter(|mean| *mean > 0.0);
        Ok(mean.map(|mean| pair.likeness / mean))
    }
}
