//! An array in memory or in a mapped file.

use std::ops::{Deref, Range};
use std::sync::Arc;

use antiphon_kernels::MappedFile;
use bytemuck::Pod;

/// An immutable array, owned or part of a mapped file.
#[derive(Debug, Clone)]
pub(super) enum SharedSlice<T> {
    Owned(Vec<T>),
    Mapped {
        map: Arc<MappedFile>,
        bytes: Range<usize>,
    },
}

impl<T: Pod> SharedSlice<T> {
    /// Borrows a part of a mapped file; `None` if the range exceeds the file, is not aligned for `T` or
    /// not a multiple of its size.
    pub(super) fn from_map(map: &Arc<MappedFile>, bytes: Range<usize>) -> Option<Self> {
        bytemuck::try_cast_slice::<u8, T>(map.get(bytes.clone())?).ok()?;
        Some(Self::Mapped {
            map: Arc::clone(map),
            bytes,
        })
    }
}

impl<T: Pod> Deref for SharedSlice<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Self::Owned(values) => values,
            // Checked by `from_map`; neither map nor range can change.
            Self::Mapped { map, bytes } => map
                .get(bytes.clone())
                .and_then(|bytes| bytemuck::try_cast_slice(bytes).ok())
                .unwrap_or_default(),
        }
    }
}

impl<T> From<Vec<T>> for SharedSlice<T> {
    fn from(values: Vec<T>) -> Self {
        Self::Owned(values)
    }
}
