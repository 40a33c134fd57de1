//! BERT on this processor: token ids in, unit vectors out.
//!
//! The model is that of Devlin et al. (arXiv:1810.04805) with mean pooling and L2 norm, as
//! sentence-transformers run it. A batch is a ragged list of tokens, never padded: linear layers
//! see all tokens of a portion as rows, attention runs inside each sequence. Every quantity that
//! quantisation derives belongs to one token or one sequence and every sum has one order, so an
//! embedding has the same bits whatever the batch, its order and the number of threads.
//!
//! [`FastBert`] is the door; `kernels` does the arithmetic.

mod batch;
mod calibration;
mod config;
mod error;
mod layer;
mod scratch;
mod weights;

#[cfg(test)]
mod tests;

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

pub use config::Shape;
pub use error::FastError;

use self::{
    layer::{Layer, Norm, Ranges},
    scratch::Scratch,
    weights::Weights,
};
use crate::encoder::kernels::{Path, PoolRows};

/// The arithmetic of the linear layers and of attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Precision {
    /// Bytes: weights per output column, activations per token.
    Int8,
    /// `f32` throughout.
    F32,
}

/// A BERT sentence encoder.
#[derive(Debug)]
pub struct FastBert {
    config: Shape,
    path: Path,
    /// One row a token id.
    words: Vec<f32>,
    /// One row a position, the first token type added.
    positions: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
    /// Working memory that no thread is using.
    spare: Mutex<Vec<Scratch>>,
}

impl FastBert {
    /// Loads the weights for a path of the kernels.
    ///
    /// # Errors
    ///
    /// [`FastError`] if the configuration or the file is not what the kernels can run.
    pub fn load_on(
        path: Path,
        config: &Shape,
        weights: &[u8],
        precision: Precision,
    ) -> Result<Self, FastError> {
        config.check()?;
        let weights = Weights::read(weights)?;
        let hidden = config.hidden_size;
        let table = |name: &str, rows| {
            weights.tensor(
                &format!("embeddings.{name}_embeddings.weight"),
                &[rows, hidden],
            )
        };
        let mut positions = table("position", config.max_position_embeddings)?;
        let types = table("token_type", config.type_vocab_size)?;
        for row in positions.chunks_exact_mut(hidden) {
            row.iter_mut().zip(&types).for_each(|(p, t)| *p += t);
        }
        let read = |ranges: &[Ranges]| {
            (0..config.num_hidden_layers)
                .map(|index| Layer::read(&weights, index, config, ranges.get(index)))
                .collect::<Result<Vec<_>, _>>()
        };
        let mut model = Self {
            config: *config,
            path,
            words: table("word", config.vocab_size)?,
            positions,
            norm: Norm::read(&weights, "embeddings.LayerNorm", config)?,
            layers: read(&[])?,
            spare: Mutex::new(Vec::new()),
        };
        if precision == Precision::Int8 {
            let ranges = model.calibrate();
            model.layers = read(&ranges)?;
        }
        Ok(model)
    }

    /// The ranges of all linear layers' inputs on the calibration sequences.
    fn calibrate(&self) -> Vec<Ranges> {
        let sequences =
            calibration::sequences(self.config.vocab_size, self.config.max_position_embeddings);
        let sequences: Vec<&[u32]> = sequences.iter().map(Vec::as_slice).collect();
        let mut ranges = vec![Ranges::default(); self.layers.len()];
        for index in 0..sequences.len() {
            self.forward(&sequences, &[index], Some(&mut ranges));
        }
        ranges
    }

    /// The kernel path in use.
    pub fn path(&self) -> Path {
        self.path
    }

    /// One unit vector for each sequence of token ids (special tokens included), on up to
    /// `threads` threads of the current rayon pool.
    ///
    /// # Errors
    ///
    /// [`FastError::Length`] or [`FastError::Token`]; nothing is truncated.
    pub fn embed(&self, sequences: &[&[u32]], threads: usize) -> Result<Vec<Vec<f32>>, FastError> {
        self.check(sequences)?;
        let lengths: Vec<usize> = sequences.iter().map(|ids| ids.len()).collect();
        let portions = batch::portions(&lengths, threads);
        let mut out = vec![Vec::new(); sequences.len()];
        if threads <= 1 || portions.len() <= 1 {
            for portion in &portions {
                for (index, vector) in self.forward(sequences, portion, None) {
                    out[index] = vector;
                }
            }
            return Ok(out);
        }
        let next = AtomicUsize::new(0);
        let done = Mutex::new(&mut out);
        rayon::scope(|scope| {
            for _ in 0..threads.min(portions.len()) {
                scope.spawn(|_| {
                    while let Some(portion) = portions.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let vectors = self.forward(sequences, portion, None);
                        let mut out = done.lock().unwrap_or_else(PoisonError::into_inner);
                        for (index, vector) in vectors {
                            out[index] = vector;
                        }
                    }
                });
            }
        });
        Ok(out)
    }

    /// Refuses what would read outside the tables.
    fn check(&self, sequences: &[&[u32]]) -> Result<(), FastError> {
        let (longest, vocabulary) = (self.config.max_position_embeddings, self.config.vocab_size);
        for (index, ids) in sequences.iter().enumerate() {
            if ids.is_empty() || ids.len() > longest {
                return Err(FastError::Length {
                    index,
                    received: ids.len(),
                    longest,
                });
            }
            if let Some(&received) = ids.iter().find(|&&id| id as usize >= vocabulary) {
                return Err(FastError::Token {
                    index,
                    received,
                    vocabulary,
                });
            }
        }
        Ok(())
    }

    /// One portion through the model: each sequence's place in the batch and its vector.
    fn forward(
        &self,
        sequences: &[&[u32]],
        portion: &[usize],
        mut ranges: Option<&mut Vec<Ranges>>,
    ) -> Vec<(usize, Vec<f32>)> {
        let hidden = self.config.hidden_size;
        let lengths: Vec<usize> = portion.iter().map(|&i| sequences[i].len()).collect();
        let tokens: usize = lengths.iter().sum();
        let spare = || self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scratch = spare().pop().unwrap_or_default();
        scratch.reserve(tokens, &self.config);

        let ids = portion
            .iter()
            .flat_map(|&i| sequences[i].iter().enumerate());
        let streams = scratch.hidden.chunks_exact_mut(hidden);
        let updates = scratch.update.chunks_exact_mut(hidden);
        for (((position, &id), stream), update) in ids.zip(streams).zip(updates) {
            stream.copy_from_slice(&self.words[id as usize * hidden..][..hidden]);
            update.copy_from_slice(&self.positions[position * hidden..][..hidden]);
        }
        let size = tokens * hidden;
        self.norm.apply(
            self.path,
            &mut scratch.hidden[..size],
            &scratch.update[..size],
        );
        for (index, layer) in self.layers.iter().enumerate() {
            let ranges = ranges.as_mut().map(|ranges| &mut ranges[index]);
            layer.apply(self.path, &self.config, &lengths, &mut scratch, ranges);
        }

        let mut start = 0;
        let mut vectors = Vec::with_capacity(portion.len());
        for (&index, length) in portion.iter().zip(&lengths) {
            let mut out = vec![0.0; hidden];
            let rows = &scratch.hidden[start * hidden..(start + length) * hidden];
            self.path.run(PoolRows {
                rows,
                out: &mut out,
            });
            vectors.push((index, out));
            start += length;
        }
        spare().push(scratch);
        vectors
    }
}
