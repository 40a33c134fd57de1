//! Who is around a passage and around its sentences.

use roaring::RoaringBitmap;

use crate::index::{Near, Neighbour};
use crate::parallels::neighbourhood::{CHOSEN_AMONG, Gathered};
use crate::parallels::{Around, Neighbourhood, Pair, ParallelsError};

use super::{NEAR, Survey};

impl Survey {
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

    /// All that a passage's sentences are near to in other documents, from this cosine on.
    pub(in crate::parallels) fn near_sentences(
        &self,
        row: u32,
        floor: f32,
    ) -> Result<Vec<Pair>, ParallelsError> {
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
}
