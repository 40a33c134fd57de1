//! Reads tensors out of a safetensors file, checking name, type, shape and content.

use safetensors::{Dtype, SafeTensors};

use super::FastError;

/// The tensors of one BERT, with or without the `bert.` that some files put before every name.
pub struct Weights<'a> {
    tensors: SafeTensors<'a>,
    prefix: &'static str,
}

impl<'a> Weights<'a> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// [`FastError::Safetensors`] if the file is damaged.
    pub fn read(bytes: &'a [u8]) -> Result<Self, FastError> {
        let tensors = SafeTensors::deserialize(bytes)?;
        let prefixed = tensors.names().iter().any(|name| name.starts_with("bert."));
        let prefix = if prefixed { "bert." } else { "" };
        Ok(Self { tensors, prefix })
    }

    /// A tensor of exactly this shape, as `f32`.
    ///
    /// # Errors
    ///
    /// [`FastError::MissingTensor`], [`FastError::Tensor`] or [`FastError::NotFinite`].
    pub fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, FastError> {
        let name = format!("{}{name}", self.prefix);
        let Ok(tensor) = self.tensors.tensor(&name) else {
            return Err(FastError::MissingTensor { name });
        };
        if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
            return Err(FastError::Tensor {
                name,
                received: format!("{:?} {:?}", tensor.dtype(), tensor.shape()),
                expected: format!("{:?} {shape:?}", Dtype::F32),
            });
        }
        let quads = tensor.data().as_chunks::<4>().0;
        let numbers: Vec<f32> = quads.iter().map(|q| f32::from_le_bytes(*q)).collect();
        if numbers.iter().all(|x| x.is_finite()) {
            Ok(numbers)
        } else {
            Err(FastError::NotFinite { name })
        }
    }
}
