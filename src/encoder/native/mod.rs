//! BERT on the kernels of this crate: token ids to unit vectors.
//!
//! The network is that of Devlin et al. (arXiv:1810.04805) with mean pooling and L2 normalization, as in
//! sentence-transformers. A batch is a ragged list of tokens without padding: linear layers process
//! all tokens of a micro-batch as rows, attention processes each sequence separately. The parameters of
//! quantization belong to one token or one sequence, and every sum has a fixed order, so the bits of an
//! embedding depend neither on the batch and its order nor on the number of threads.
//!
//! [`NativeNetwork`] is the entry point; [`antiphon_kernels::bert`] does the arithmetic.

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

use antiphon_kernels::bert::{F32Layer, Int8Layer, Isa, LayerNormQuantize, MeanPoolRows};
use rayon::prelude::*;

pub(super) use config::NetworkShape;
pub use error::NativeError;
pub use profile::{EncodeStage, EncodeStageTime};

use self::{
    layer::{LayerInput, LayerNorm, TransformerLayer},
    profile::{InputRanges, LayerObserver, StageTimer},
    scratch::Scratch,
    weights::Weights,
};

/// The arithmetic of the linear layers and of attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Precision {
    /// Bytes: weights quantized per output column, activations per token.
    Int8,
    /// `f32` throughout.
    F32,
}

/// The layers, in one of the precisions.
#[derive(Debug)]
enum Layers {
    Int8(Vec<TransformerLayer<Int8Layer>>),
    F32(Vec<TransformerLayer<F32Layer>>),
}

/// A BERT sentence encoder.
#[derive(Debug)]
pub(super) struct NativeNetwork {
    config: NetworkShape,
    isa: Isa,
    /// One row per token id.
    token_embeddings: Vec<f32>,
    /// One row per position, with that of the first token type added.
    position_embeddings: Vec<f32>,
    embedding_norm: LayerNorm,
    layers: Layers,
    /// Buffers that no thread is using.
    scratch_pool: Mutex<Vec<Scratch>>,
}

impl NativeNetwork {
    /// Loads the weights for an instruction set.
    ///
    /// # Errors
    ///
    /// [`NativeError`] if the kernels do not support the shape, or the file is invalid.
    pub(super) fn load(
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
        // The largest first: candle makes a temporary copy, and little else is loaded yet.
        let token_embeddings = table("word", config.vocab_size)?;
        let mut position_embeddings = table("position", config.max_position_embeddings)?;
        let types = table("token_type", config.type_vocab_size)?;
        for row in position_embeddings.chunks_exact_mut(hidden) {
            row.iter_mut().zip(&types).for_each(|(p, t)| *p += t);
        }
        let read = |index| TransformerLayer::read(&weights, index, config);
        let f32_layers = (0..config.num_hidden_layers)
            .into_par_iter()
            .map(|index| Ok::<_, NativeError>(read(index)?.to_f32()))
            .collect::<Result<_, _>>()?;
        let mut model = Self {
            config: *config,
            isa,
            token_embeddings,
            position_embeddings,
            embedding_norm: LayerNorm::read(&weights, "embeddings.LayerNorm", config)?,
            layers: Layers::F32(f32_layers),
            scratch_pool: Mutex::new(Vec::new()),
        };
        if precision == Precision::Int8 {
            let ranges = model.calibrate();
            // Reads the layers again, since keeping a copy of them would increase the peak memory of
            // loading.
            let layers = ranges.par_iter().enumerate();
            let layers = layers.map(|(index, ranges)| Ok(read(index)?.to_int8(isa, ranges)));
            model.layers = Layers::Int8(layers.collect::<Result<_, NativeError>>()?);
        }
        Ok(model)
    }

    /// Measures the ranges of all linear layers' inputs on the calibration sequences.
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

    /// Measures the time of each stage, for one sequence at a time on one thread.
    ///
    /// # Errors
    ///
    /// As [`Self::embed`].
    pub(super) fn profile(
        &self,
        sequences: &[&[u32]],
    ) -> Result<Vec<EncodeStageTime>, NativeError> {
        self.check_sequences(sequences)?;
        let mut timer = StageTimer::start();
        for index in 0..sequences.len() {
            timer.resume();
            self.forward(sequences, &[index], &mut timer);
        }
        let lengths: Vec<usize> = sequences.iter().map(|ids| ids.len()).collect();
        Ok(timer.stage_times(&self.config, &lengths))
    }

    /// Returns the instruction set in use.
    pub(super) fn isa(&self) -> Isa {
        self.isa
    }

    /// Computes a unit vector for each sequence of token ids (including special tokens), on up to
    /// `threads` threads of the current Rayon pool.
    ///
    /// # Errors
    ///
    /// [`NativeError::SequenceLength`] or [`NativeError::UnknownTokenId`]; nothing is truncated.
    pub(super) fn embed(
        &self,
        sequences: &[&[u32]],
        threads: usize,
    ) -> Result<Vec<Vec<f32>>, NativeError> {
        self.check_sequences(sequences)?;
        let lengths: Vec<usize> = sequences.iter().map(|ids| ids.len()).collect();
        let micro_batches = micro_batch::micro_batches(&lengths, threads);
        let mut out = vec![Vec::new(); sequences.len()];
        if threads <= 1 || micro_batches.len() <= 1 {
            for micro_batch in &micro_batches {
                for (index, vector) in self.forward(sequences, micro_batch, &mut ()) {
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
                    while let Some(micro_batch) =
                        micro_batches.get(next.fetch_add(1, Ordering::Relaxed))
                    {
                        let vectors = self.forward(sequences, micro_batch, &mut ());
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

    /// Checks that all lengths and token ids are within the tables.
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

    /// Runs the forward pass for a micro-batch; returns each sequence's index in the batch and its vector.
    fn forward(
        &self,
        sequences: &[&[u32]],
        micro_batch: &[usize],
        observer: &mut impl LayerObserver,
    ) -> Vec<(usize, Vec<f32>)> {
        let hidden = self.config.hidden_size;
        let lengths: Vec<usize> = micro_batch.iter().map(|&i| sequences[i].len()).collect();
        let tokens: usize = lengths.iter().sum();
        let scratch_pool = || {
            self.scratch_pool
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let mut scratch = scratch_pool().pop().unwrap_or_default();
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
        let layer_input = |layer_index| LayerInput {
            isa: self.isa,
            config: &self.config,
            lengths: &lengths,
            layer_index,
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
                    layer.apply(&layer_input(index), next, &mut scratch, observer);
                }
            }
            Layers::F32(layers) => {
                self.isa.run(norm);
                observer.stage_finished(EncodeStage::Embed);
                for (index, layer) in layers.iter().enumerate() {
                    layer.apply(&layer_input(index), &mut scratch, observer);
                }
            }
        }

        let mut rows = &scratch.hidden[..tokens * hidden];
        let mut vectors = Vec::with_capacity(micro_batch.len());
        for (&index, length) in micro_batch.iter().zip(&lengths) {
            let mut out = vec![0.0; hidden];
            let (sequence_rows, rest) = rows.split_at(length * hidden);
            self.isa.run(MeanPoolRows {
                rows: sequence_rows,
                out: &mut out,
            });
            vectors.push((index, out));
            rows = rest;
        }
        observer.stage_finished(EncodeStage::Pool);
        scratch_pool().push(scratch);
        vectors
    }
}
