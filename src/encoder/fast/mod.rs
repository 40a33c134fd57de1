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
mod watch;
mod weights;

#[cfg(test)]
mod tests;

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use rayon::prelude::*;

pub use config::Shape;
pub use error::FastError;
pub use watch::{Stage, StageTime};

use self::{
    layer::{Layer, Norm, Tokens},
    scratch::Scratch,
    watch::{Ranges, Stopwatch, Watch},
    weights::Weights,
};
use crate::encoder::kernels::{ByteLayer, NormBytes, Path, PoolRows, SingleLayer};

/// The arithmetic of the linear layers and of attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Precision {
    /// Bytes: weights per output column, activations per token.
    Int8,
    /// `f32` throughout.
    F32,
}

/// The layers in one of the precisions.
#[derive(Debug)]
enum Layers {
    Bytes(Vec<Layer<ByteLayer>>),
    Single(Vec<Layer<SingleLayer>>),
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
    layers: Layers,
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
        // The largest first: while candle's copy of it lives, little else does.
        let words = table("word", config.vocab_size)?;
        let mut positions = table("position", config.max_position_embeddings)?;
        let types = table("token_type", config.type_vocab_size)?;
        for row in positions.chunks_exact_mut(hidden) {
            row.iter_mut().zip(&types).for_each(|(p, t)| *p += t);
        }
        let read = |index| Layer::read(&weights, index, config);
        let single = (0..config.num_hidden_layers)
            .into_par_iter()
            .map(|index| Ok::<_, FastError>(read(index)?.single()))
            .collect::<Result<_, _>>()?;
        let mut model = Self {
            config: *config,
            path,
            words,
            positions,
            norm: Norm::read(&weights, "embeddings.LayerNorm", config)?,
            layers: Layers::Single(single),
            spare: Mutex::new(Vec::new()),
        };
        if precision == Precision::Int8 {
            let ranges = model.calibrate();
            // Read once more rather than kept: another copy of the model would add to the most
            // memory that loading takes.
            let layers = ranges.par_iter().enumerate();
            let layers = layers.map(|(index, ranges)| Ok(read(index)?.bytes(path, ranges)));
            model.layers = Layers::Bytes(layers.collect::<Result<_, FastError>>()?);
        }
        Ok(model)
    }

    /// The ranges of all linear layers' inputs on the calibration sequences.
    fn calibrate(&self) -> Vec<Ranges> {
        let sequences =
            calibration::sequences(self.config.vocab_size, self.config.max_position_embeddings);
        let sequences: Vec<&[u32]> = sequences.iter().map(Vec::as_slice).collect();
        let none = || vec![Ranges::default(); self.config.num_hidden_layers];
        let observe = |index| {
            let mut ranges = none();
            self.forward(&sequences, &[index], &mut ranges);
            ranges
        };
        let observed = (0..sequences.len()).into_par_iter().map(observe);
        observed.reduce(none, |mut a, b| {
            for (a, b) in a.as_flattened_mut().iter_mut().zip(b.as_flattened()) {
                watch::widen(a, b, b.len());
            }
            a
        })
    }

    /// The time that each stage takes for one sequence after another, on one thread.
    ///
    /// # Errors
    ///
    /// As [`FastBert::embed`].
    pub fn profile(&self, sequences: &[&[u32]]) -> Result<Vec<StageTime>, FastError> {
        self.check(sequences)?;
        let mut watch = Stopwatch::start();
        for index in 0..sequences.len() {
            watch.resume();
            self.forward(sequences, &[index], &mut watch);
        }
        let lengths: Vec<usize> = sequences.iter().map(|ids| ids.len()).collect();
        Ok(watch.read(&self.config, &lengths))
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
                for (index, vector) in self.forward(sequences, portion, &mut ()) {
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
                        let vectors = self.forward(sequences, portion, &mut ());
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
        watch: &mut impl Watch,
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
        let stream = &mut scratch.hidden[..tokens * hidden];
        for ((position, &id), row) in ids.zip(stream.chunks_exact_mut(hidden)) {
            let word = &self.words[id as usize * hidden..][..hidden];
            let position = &self.positions[position * hidden..][..hidden];
            for ((x, word), position) in row.iter_mut().zip(word).zip(position) {
                *x = word + position;
            }
        }
        let at = |layer| Tokens {
            path: self.path,
            config: &self.config,
            lengths: &lengths,
            layer,
        };
        let norm = self.norm.of(stream);
        match &self.layers {
            Layers::Bytes(layers) => {
                self.path.run(NormBytes {
                    norm,
                    smoothing: layers[0].smoothing(),
                    to: &mut scratch.bytes,
                });
                watch.ended(Stage::Embed);
                for (index, layer) in layers.iter().enumerate() {
                    let next = layers.get(index + 1).map(Layer::<ByteLayer>::smoothing);
                    layer.apply(&at(index), next, &mut scratch, watch);
                }
            }
            Layers::Single(layers) => {
                self.path.run(norm);
                watch.ended(Stage::Embed);
                for (index, layer) in layers.iter().enumerate() {
                    layer.apply(&at(index), &mut scratch, watch);
                }
            }
        }

        let mut rows = &scratch.hidden[..tokens * hidden];
        let mut vectors = Vec::with_capacity(portion.len());
        for (&index, length) in portion.iter().zip(&lengths) {
            let mut out = vec![0.0; hidden];
            let (own, rest) = rows.split_at(length * hidden);
            self.path.run(PoolRows {
                rows: own,
                out: &mut out,
            });
            vectors.push((index, out));
            rows = rest;
        }
        watch.ended(Stage::Pool);
        spare().push(scratch);
        vectors
    }
}
