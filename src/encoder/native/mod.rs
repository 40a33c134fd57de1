//! BERT on this processor: token ids in, unit vectors out.
//!
//! The model is that of Devlin et al. (arXiv:1810.04805) with mean pooling and L2 norm, as
//! sentence-transformers run it. A batch is a ragged list of tokens, never padded: linear layers
//! see all tokens of a portion as rows, attention runs inside each sequence. Every quantity that
//! quantisation derives belongs to one token or one sequence and every sum has one order, so an
//! embedding has the same bits whatever the batch, its order and the number of threads.
//!
//! [`FastBert`] is the door; `kernels` does the arithmetic.

mod calibration;
mod config;
mod error;
mod layer;
mod micro_batch;
mod profile;
mod scratch;
mod weights;

#[cfg(test)]
mod tests;

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use rayon::prelude::*;

pub use config::NetworkShape;
pub use error::NativeError;
pub use profile::{EncodeStage, EncodeStageTime};

use self::{
    layer::{LayerInput, LayerNorm, TransformerLayer},
    profile::{InputRanges, LayerObserver, StageTimer},
    scratch::Scratch,
    weights::Weights,
};
use crate::encoder::kernels::{F32Layer, Int8Layer, Isa, LayerNormQuantize, MeanPoolRows};

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
    Int8(Vec<TransformerLayer<Int8Layer>>),
    F32(Vec<TransformerLayer<F32Layer>>),
}

/// A BERT sentence encoder.
#[derive(Debug)]
pub struct NativeNetwork {
    config: NetworkShape,
    isa: Isa,
    /// One row a token id.
    token_embeddings: Vec<f32>,
    /// One row a position, the first token type added.
    position_embeddings: Vec<f32>,
    embedding_norm: LayerNorm,
    layers: Layers,
    /// Working memory that no thread is using.
    scratch_pool: Mutex<Vec<Scratch>>,
}

impl NativeNetwork {
    /// Loads the weights for a path of the kernels.
    ///
    /// # Errors
    ///
    /// [`FastError`] if the configuration or the file is not what the kernels can run.
    pub fn load(
        isa: Isa,
        config: &NetworkShape,
        weights: &[u8],
        precision: Precision,
    ) -> Result<Self, NativeError> {
        config.validate()?;
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
        let read = |index| TransformerLayer::read(&weights, index, config);
        let single = (0..config.num_hidden_layers)
            .into_par_iter()
            .map(|index| Ok::<_, NativeError>(read(index)?.to_f32()))
            .collect::<Result<_, _>>()?;
        let mut model = Self {
            config: *config,
            isa,
            token_embeddings: words,
            position_embeddings: positions,
            embedding_norm: LayerNorm::read(&weights, "embeddings.LayerNorm", config)?,
            layers: Layers::F32(single),
            scratch_pool: Mutex::new(Vec::new()),
        };
        if precision == Precision::Int8 {
            let ranges = model.calibrate();
            // Read once more rather than kept: another copy of the model would add to the most
            // memory that loading takes.
            let layers = ranges.par_iter().enumerate();
            let layers = layers.map(|(index, ranges)| Ok(read(index)?.to_int8(isa, ranges)));
            model.layers = Layers::Int8(layers.collect::<Result<_, NativeError>>()?);
        }
        Ok(model)
    }

    /// The ranges of all linear layers' inputs on the calibration sequences.
    fn calibrate(&self) -> Vec<InputRanges> {
        let sequences = calibration::calibration_sequences(
            self.config.vocab_size,
            self.config.max_position_embeddings,
        );
        let sequences: Vec<&[u32]> = sequences.iter().map(Vec::as_slice).collect();
        let none = || vec![InputRanges::default(); self.config.num_hidden_layers];
        let observe = |index| {
            let mut ranges = none();
            self.forward(&sequences, &[index], &mut ranges);
            ranges
        };
        let observed = (0..sequences.len()).into_par_iter().map(observe);
        observed.reduce(none, |mut a, b| {
            for (a, b) in a.as_flattened_mut().iter_mut().zip(b.as_flattened()) {
                profile::widen_ranges(a, b, b.len());
            }
            a
        })
    }

    /// The time that each stage takes for one sequence after another, on one thread.
    ///
    /// # Errors
    ///
    /// As [`FastBert::embed`].
    pub fn profile(&self, sequences: &[&[u32]]) -> Result<Vec<EncodeStageTime>, NativeError> {
        self.check_sequences(sequences)?;
        let mut timer = StageTimer::start();
        for index in 0..sequences.len() {
            timer.resume();
            self.forward(sequences, &[index], &mut timer);
        }
        let lengths: Vec<usize> = sequences.iter().map(|ids| ids.len()).collect();
        Ok(timer.stage_times(&self.config, &lengths))
    }

    /// The kernel path in use.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// One unit vector for each sequence of token ids (special tokens included), on up to
    /// `threads` threads of the current rayon pool.
    ///
    /// # Errors
    ///
    /// [`FastError::Length`] or [`FastError::Token`]; nothing is truncated.
    pub fn embed(
        &self,
        sequences: &[&[u32]],
        threads: usize,
    ) -> Result<Vec<Vec<f32>>, NativeError> {
        self.check_sequences(sequences)?;
        let lengths: Vec<usize> = sequences.iter().map(|ids| ids.len()).collect();
        let micro_batches = micro_batch::micro_batches(&lengths, threads);
        let mut out = vec![Vec::new(); sequences.len()];
        if threads <= 1 || micro_batches.len() <= 1 {
            for portion in &micro_batches {
                for (index, vector) in self.forward(sequences, portion, &mut ()) {
                    out[index] = vector;
                }
            }
            return Ok(out);
        }
        let next = AtomicUsize::new(0);
        let done = Mutex::new(&mut out);
        rayon::scope(|scope| {
            for _ in 0..threads.min(micro_batches.len()) {
                scope.spawn(|_| {
                    while let Some(portion) =
                        micro_batches.get(next.fetch_add(1, Ordering::Relaxed))
                    {
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
    fn check_sequences(&self, sequences: &[&[u32]]) -> Result<(), NativeError> {
        let (longest, vocabulary) = (self.config.max_position_embeddings, self.config.vocab_size);
        for (index, ids) in sequences.iter().enumerate() {
            if ids.is_empty() || ids.len() > longest {
                return Err(NativeError::SequenceLength {
                    index,
                    received: ids.len(),
                    longest,
                });
            }
            if let Some(&received) = ids.iter().find(|&&id| id as usize >= vocabulary) {
                return Err(NativeError::UnknownTokenId {
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
        micro_batch: &[usize],
        observer: &mut impl LayerObserver,
    ) -> Vec<(usize, Vec<f32>)> {
        let hidden = self.config.hidden_size;
        let lengths: Vec<usize> = micro_batch.iter().map(|&i| sequences[i].len()).collect();
        let tokens: usize = lengths.iter().sum();
        let spare = || {
            self.scratch_pool
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let mut scratch = spare().pop().unwrap_or_default();
        scratch.reserve(tokens, &self.config);

        let ids = micro_batch
            .iter()
            .flat_map(|&i| sequences[i].iter().enumerate());
        let stream = &mut scratch.hidden[..tokens * hidden];
        for ((position, &id), row) in ids.zip(stream.chunks_exact_mut(hidden)) {
            let word = &self.token_embeddings[id as usize * hidden..][..hidden];
            let position = &self.position_embeddings[position * hidden..][..hidden];
            for ((x, word), position) in row.iter_mut().zip(word).zip(position) {
                *x = word + position;
            }
        }
        let at = |layer| LayerInput {
            isa: self.isa,
            config: &self.config,
            lengths: &lengths,
            layer_index: layer,
        };
        let norm = self.embedding_norm.for_rows(stream);
        match &self.layers {
            Layers::Int8(layers) => {
                self.isa.run(LayerNormQuantize {
                    norm,
                    smoothing: layers[0].smoothing(),
                    to: &mut scratch.quantized,
                });
                observer.stage_finished(EncodeStage::Embed);
                for (index, layer) in layers.iter().enumerate() {
                    let next = layers
                        .get(index + 1)
                        .map(TransformerLayer::<Int8Layer>::smoothing);
                    layer.apply(&at(index), next, &mut scratch, observer);
                }
            }
            Layers::F32(layers) => {
                self.isa.run(norm);
                observer.stage_finished(EncodeStage::Embed);
                for (index, layer) in layers.iter().enumerate() {
                    layer.apply(&at(index), &mut scratch, observer);
                }
            }
        }

        let mut rows = &scratch.hidden[..tokens * hidden];
        let mut vectors = Vec::with_capacity(micro_batch.len());
        for (&index, length) in micro_batch.iter().zip(&lengths) {
            let mut out = vec![0.0; hidden];
            let (own, rest) = rows.split_at(length * hidden);
            self.isa.run(MeanPoolRows {
                rows: own,
                out: &mut out,
            });
            vectors.push((index, out));
            rows = rest;
        }
        observer.stage_finished(EncodeStage::Pool);
        spare().push(scratch);
        vectors
    }
}
