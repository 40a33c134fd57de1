//! Reads tensors out of a safetensors file through candle, checking name, type, shape and content.

use candle_core::{DType, Device, safetensors::SliceSafetensors};

use super::NativeError;

/// The tensors of one BERT, with or without the `bert.` that some files put before every name.
pub struct Weights<'a> {
    tensors: SliceSafetensors<'a>,
    prefix: &'static str,
}

impl<'a> Weights<'a> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// [`FastError::Safetensors`] if the file is damaged.
    pub fn read(bytes: &'a [u8]) -> Result<Self, NativeError> {
        let tensors = SliceSafetensors::new(bytes)?;
        let all = tensors.tensors();
        let prefixed = all.iter().any(|(name, _)| name.starts_with("bert."));
        let prefix = if prefixed { "bert." } else { "" };
        Ok(Self { tensors, prefix })
    }

    /// A tensor of exactly this shape, as `f32`.
    ///
    /// # Errors
    ///
    /// [`FastError::MissingTensor`], [`FastError::Tensor`] or [`FastError::NotFinite`];
    /// [`FastError::Safetensors`] if candle cannot read it all the same.
    pub fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, NativeError> {
        let name = format!("{}{name}", self.prefix);
        let Ok(view) = self.tensors.get(&name) else {
            return Err(NativeError::MissingTensor { name });
        };
        // Before candle reads it: it converts, and knows fewer types than the format.
        if DType::try_from(view.dtype()).ok() != Some(DType::F32) || view.shape() != shape {
            return Err(NativeError::TensorMismatch {
                name,
                received: format!("{:?} {:?}", view.dtype(), view.shape()),
                expected: format!("{:?} {shape:?}", DType::F32),
            });
        }
        let tensor = self.tensors.load(&name, &Device::Cpu)?;
        let numbers = tensor.flatten_all()?.to_vec1::<f32>()?;
        if numbers.iter().all(|x| x.is_finite()) {
            Ok(numbers)
        } else {
            Err(NativeError::NotFinite { name })
        }
    }
}
