//! Reads tensors from a safetensors file and validates name, type, shape and values.

use candle_core::{DType, Device, safetensors::SliceSafetensors};

use super::error::NativeError;

/// The tensors of a BERT network; in some files all names have the prefix `bert.`.
pub(super) struct Weights<'a> {
    tensors: SliceSafetensors<'a>,
    prefix: &'static str,
}

impl<'a> Weights<'a> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// [`NativeError::Safetensors`] if the file is invalid.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, NativeError> {
        let tensors = SliceSafetensors::new(bytes)?;
        let all = tensors.tensors();
        let prefixed = all.iter().any(|(name, _)| name.starts_with("bert."));
        let prefix = if prefixed { "bert." } else { "" };
        Ok(Self { tensors, prefix })
    }

    /// Reads an `f32` tensor of exactly this shape.
    ///
    /// # Errors
    ///
    /// [`NativeError::MissingTensor`], [`NativeError::TensorMismatch`] or [`NativeError::NotFinite`];
    /// [`NativeError::Safetensors`] if candle fails to read it for another reason.
    pub(super) fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, NativeError> {
        let name = format!("{}{name}", self.prefix);
        let Ok(view) = self.tensors.get(&name) else {
            return Err(NativeError::MissingTensor { name });
        };
        // Checked before candle reads it, since candle converts types, and supports fewer than the
        // format.
        if DType::try_from(view.dtype()).ok() != Some(DType::F32) || view.shape() != shape {
            return Err(NativeError::TensorMismatch {
                name,
                received: format!("{:?} {:?}", view.dtype(), view.shape()),
                expected: format!("{:?} {shape:?}", DType::F32),
            });
        }
        let tensor = self.tensors.load(&name, &Device::Cpu)?;
        let values = tensor.flatten_all()?.to_vec1::<f32>()?;
        if values.iter().all(|x| x.is_finite()) {
            Ok(values)
        } else {
            Err(NativeError::NotFinite { name })
        }
    }
}
