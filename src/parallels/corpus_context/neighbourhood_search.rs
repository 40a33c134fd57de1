//! The neighbours of passages and sentences.

use roaring::RoaringBitmap;

use crate::index::{Neighbour, RangeQuery};
use crate::parallels::error::ParallelsError;
use crate::parallels::neighbourhood::{
    LocalDensity, MIN_COSINE, NeighbourAccumulator, Neighbourhood, RERANK_DEPTH,
};
use crate::parallels::pair::Pair;

use super::CorpusContext;

impl CorpusContext {
    /// Returns the neighbourhood of a passage, computed on first use for its whole document.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn neighbourhood(&self, row: u32) -> Result<&Neighbourhood, ParallelsError> {
        let slot = self.neighbourhoods.get(row as usize);
        let slot = slot.ok_or(ParallelsError::SnapshotMismatch)?;
        if let Some(cached) = slot.get() {
            return Ok(cached);
        }
        let location = self.snapshot.document_table().location_of_row(row);
        let (document, _) = location.ok_or(ParallelsError::SnapshotMismatch)?;
        self.compute_neighbourhoods(document as usize)?;
        slot.get().ok_or(ParallelsError::SnapshotMismatch)
    }

    /// Computes the neighbourhoods of a document's passages.
    fn compute_neighbourhoods(&self, document: usize) -> Result<(), ParallelsError> {
        let rows = self.snapshot.document_table().rows_of_document(document);
        let own: RoaringBitmap = rows.iter().copied().collect();
        let query = |excluded| RangeQuery {
            min_score: MIN_COSINE,
            min_neighbours: RERANK_DEPTH,
            exact: self.exact,
            allowed_rows: None,
            excluded_rows: excluded,
        };
        let passages = self.snapshot.range_search(rows, &query(&own));
        let sentences = self.sentence_index()?;
        let own = sentences.ids_of_passages(rows);
        let comparable = self.comparable_sentences(rows)?;
        let found = sentences.range_search(&comparable, &query(&own));
        let mut sentence_neighbours = comparable.into_iter().zip(found).peekable();
        for (row, passages) in rows.iter().zip(passages) {
            let ids = sentences.ids_of_passage(*row);
            let own =
                std::iter::from_fn(|| sentence_neighbours.next_if(|(id, _)| ids.contains(id)));
            let neighbourhood = self.build_neighbourhood(*row, &passages, own)?;
            // A concurrent thread computed the same value.
            let slot = self.neighbourhoods.get(*row as usize);
            let _ = slot.map(|slot| slot.set(neighbourhood));
        }
        Ok(())
    }

    /// Returns the ids of these passages' sentences that have enough words, in order.
    fn comparable_sentences(&self, rows: &[u32]) -> Result<Vec<u32>, ParallelsError> {
        let sentences = self.sentence_index()?;
        let mut comparable = Vec::new();
        for row in rows {
            let passage = self.compared_passage(*row)?;
            let ids = (0..).zip(sentences.ids_of_passage(*row));
            let informative = ids.filter(|(index, _)| passage.is_informative_sentence(*index));
            comparable.extend(informative.map(|(_, id)| id));
        }
        Ok(comparable)
    }

    fn build_neighbourhood(
        &self,
        row: u32,
        passages: &[Neighbour],
        sentence_neighbours: impl Iterator<Item = (u32, Vec<Neighbour>)>,
    ) -> Result<Neighbourhood, ParallelsError> {
        let sentences = self.sentence_index()?;
        let table = self.snapshot.document_table();
        let mut equivalents = Vec::new();
        let mut whole = NeighbourAccumulator::new(table);
        for neighbour in passages {
            let pair = self.score_whole_passages(row, neighbour.row, neighbour.score)?;
            equivalents.extend(whole.add(pair));
        }
        let mut densities = vec![LocalDensity::default(); sentences.ids_of_passage(row).len()];
        for (id, neighbours) in sentence_neighbours {
            let mut accumulator = NeighbourAccumulator::new(table);
            for neighbour in neighbours {
                if let Some(pair) = self.score_sentences(id, neighbour)? {
                    equivalents.extend(accumulator.add(pair));
                }
            }
            let index = (id - sentences.ids_of_passage(row).start) as usize;
            densities[index] = accumulator.finish();
        }
        equivalents.sort_by(|a, b| a.by_target(b, table));
        Ok(Neighbourhood {
            whole: whole.finish(),
            sentences: densities.into(),
            equivalents: equivalents.into(),
        })
    }

    /// Returns the pairs of a passage's sentences with sentences of other documents from this cosine on.
    pub(in crate::parallels) fn sentence_pairs_in_range(
        &self,
        row: u32,
        min_score: f32,
    ) -> Result<Vec<Pair>, ParallelsError> {
        let sentences = self.sentence_index()?;
        let location = self.snapshot.document_table().location_of_row(row);
        let (document, _) = location.ok_or(ParallelsError::SnapshotMismatch)?;
        let own = sentences.ids_of_passages(
            self.snapshot
                .document_table()
                .rows_of_document(document as usize),
        );
        let query = RangeQuery {
            min_score,
            min_neighbours: 0,
            exact: self.exact,
            allowed_rows: None,
            excluded_rows: &own,
        };
        let comparable = self.comparable_sentences(&[row])?;
        let mut pairs = Vec::new();
        for (id, found) in comparable
            .iter()
            .zip(sentences.range_search(&comparable, &query))
        {
            for neighbour in found {
                pairs.extend(self.score_sentences(*id, neighbour)?);
            }
        }
        Ok(pairs)
    }
}
