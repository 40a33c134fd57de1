//! Who is around a passage and around its sentences.

use roaring::RoaringBitmap;

use crate::index::{Neighbour, RangeQuery};
use crate::parallels::neighbourhood::{NeighbourAccumulator, RERANK_DEPTH};
use crate::parallels::{LocalDensity, Neighbourhood, Pair, ParallelsError};

use super::{CorpusContext, MIN_COSINE};

impl CorpusContext {
    /// Who is around a passage.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn neighbourhood(&self, row: u32) -> Result<&Neighbourhood, ParallelsError> {
        let slot = self.neighbourhoods.get(row as usize);
        let slot = slot.ok_or(ParallelsError::SnapshotMismatch)?;
        if let Some(known) = slot.get() {
            return Ok(known);
        }
        let place = self.snapshot.document_table().location_of_row(row);
        let (document, _) = place.ok_or(ParallelsError::SnapshotMismatch)?;
        self.compute_neighbourhoods(document as usize)?;
        slot.get().ok_or(ParallelsError::SnapshotMismatch)
    }

    /// Surveys the passages of the document at a place, if that has not been done.
    fn compute_neighbourhoods(&self, place: usize) -> Result<(), ParallelsError> {
        let rows = self.snapshot.document_table().rows_of_document(place);
        let own: RoaringBitmap = rows.iter().copied().collect();
        let near = |excluded| RangeQuery {
            min_score: MIN_COSINE,
            min_neighbours: RERANK_DEPTH,
            exact: self.exact,
            allowed_rows: None,
            excluded_rows: excluded,
        };
        let passages = self.snapshot.range_search(rows, &near(&own));
        let sentences = self.sentence_index()?;
        let own = sentences.ids_of_passages(rows);
        let counted = self.comparable_sentences(rows)?;
        let found = sentences.range_search(&counted, &near(&own));
        let mut of_sentences = counted.into_iter().zip(found).peekable();
        for (row, passages) in rows.iter().zip(passages) {
            let numbers = sentences.ids_of_passage(*row);
            let own =
                std::iter::from_fn(|| of_sentences.next_if(|(number, _)| numbers.contains(number)));
            let neighbourhood = self.build_neighbourhood(*row, &passages, own)?;
            // Whoever was faster has found the same.
            let slot = self.neighbourhoods.get(*row as usize);
            let _ = slot.map(|slot| slot.set(neighbourhood));
        }
        Ok(())
    }

    /// The numbers of the sentences of these passages that have enough words, in their order.
    fn comparable_sentences(&self, rows: &[u32]) -> Result<Vec<u32>, ParallelsError> {
        let sentences = self.sentence_index()?;
        let mut counted = Vec::new();
        for row in rows {
            let statement = self.compared_passage(*row)?;
            let numbers = (0..).zip(sentences.ids_of_passage(*row));
            let enough = numbers.filter(|(place, _)| statement.is_informative_sentence(*place));
            counted.extend(enough.map(|(_, number)| number));
        }
        Ok(counted)
    }

    fn build_neighbourhood(
        &self,
        row: u32,
        passages: &[Neighbour],
        of_sentences: impl Iterator<Item = (u32, Vec<Neighbour>)>,
    ) -> Result<Neighbourhood, ParallelsError> {
        let sentences = self.sentence_index()?;
        let mut equivalents = Vec::new();
        let mut whole = NeighbourAccumulator::new(self);
        for neighbour in passages {
            let pair = self.score_whole_passages(row, neighbour.row, neighbour.score)?;
            equivalents.extend(whole.add(pair));
        }
        let mut around = vec![LocalDensity::default(); sentences.ids_of_passage(row).len()];
        for (number, neighbours) in of_sentences {
            let mut gathered = NeighbourAccumulator::new(self);
            for neighbour in neighbours {
                if let Some(pair) = self.score_sentences(number, neighbour)? {
                    equivalents.extend(gathered.add(pair));
                }
            }
            let place = (number - sentences.ids_of_passage(row).start) as usize;
            around[place] = gathered.finish();
        }
        let catalogue = self.snapshot.document_table();
        equivalents.sort_by(|a, b| a.by_target(b, catalogue));
        Ok(Neighbourhood {
            whole: whole.finish(),
            sentences: around.into(),
            equivalents: equivalents.into(),
        })
    }

    /// All that a passage's sentences are near to in other documents, from this cosine on.
    pub(in crate::parallels) fn sentence_pairs_in_range(
        &self,
        row: u32,
        min_score: f32,
    ) -> Result<Vec<Pair>, ParallelsError> {
        let sentences = self.sentence_index()?;
        let place = self.snapshot.document_table().location_of_row(row);
        let (place, _) = place.ok_or(ParallelsError::SnapshotMismatch)?;
        let own = sentences.ids_of_passages(
            self.snapshot
                .document_table()
                .rows_of_document(place as usize),
        );
        let near = RangeQuery {
            min_score,
            min_neighbours: 0,
            exact: self.exact,
            allowed_rows: None,
            excluded_rows: &own,
        };
        let counted = self.comparable_sentences(&[row])?;
        let mut pairs = Vec::new();
        for (number, found) in counted.iter().zip(sentences.range_search(&counted, &near)) {
            for neighbour in found {
                pairs.extend(self.score_sentences(*number, neighbour)?);
            }
        }
        Ok(pairs)
    }
}
