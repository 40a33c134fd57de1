//! Memory aligned to cache lines.
#![allow(unsafe_code)]

use std::{
    marker::PhantomData,
    ops::{Deref, DerefMut},
};

/// One cache line, which is also one 512-bit register.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct CacheLine([u8; 64]);

/// Numbers of which every bit pattern is valid and whose size divides a cache line.
pub trait Element: Copy + sealed::Sealed {}

/// An unsigned byte as its difference from 128, for instructions that multiply signed bytes.
#[cfg_attr(not(target_arch = "aarch64"), allow(dead_code))]
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(crate) struct Centered(pub i8);

impl From<u8> for Centered {
    #[inline]
    fn from(byte: u8) -> Self {
        Self((byte ^ 128).cast_signed())
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Centered {}
    impl Sealed for f32 {}
    impl Sealed for i8 {}
    impl Sealed for i16 {}
    impl Sealed for u8 {}
}

impl Element for Centered {}
impl Element for f32 {}
impl Element for i8 {}
impl Element for i16 {}
impl Element for u8 {}

/// Zero-initialized memory for numbers whose type depends on the instruction set.
#[derive(Clone, Debug, Default)]
pub(super) struct AlignedMemory(Vec<CacheLine>);

impl AlignedMemory {
    /// Allocates `len` zeros.
    #[must_use]
    pub(super) fn new<T: Element>(len: usize) -> Self {
        Self(vec![
            CacheLine([0; 64]);
            (len * size_of::<T>()).div_ceil(64)
        ])
    }

    /// Grows to at least `len` numbers; growing discards the content.
    pub(super) fn reserve<T: Element>(&mut self, len: usize) {
        if len * size_of::<T>() > 64 * self.0.len() {
            *self = Self::new::<T>(len);
        }
    }

    /// Returns all of the memory as numbers.
    #[must_use]
    pub(super) fn view<T: Element>(&self) -> &[T] {
        // SAFETY: the lines are initialized bytes, aligned to 64, and every bit pattern is a `T`,
        // whose size divides a line's.
        unsafe {
            std::slice::from_raw_parts(self.0.as_ptr().cast(), 64 * self.0.len() / size_of::<T>())
        }
    }

    /// Returns all of the memory as mutable numbers.
    #[must_use]
    pub(super) fn view_mut<T: Element>(&mut self) -> &mut [T] {
        // SAFETY: as in `view`, and the lines are borrowed mutably for as long as the slice.
        unsafe {
            std::slice::from_raw_parts_mut(
                self.0.as_mut_ptr().cast(),
                64 * self.0.len() / size_of::<T>(),
            )
        }
    }
}

/// A zero-initialized array that is aligned to cache lines.
#[derive(Clone, Debug)]
pub struct AlignedBuffer<T> {
    memory: AlignedMemory,
    len: usize,
    element: PhantomData<T>,
}

impl<T: Element> AlignedBuffer<T> {
    /// Allocates `len` zeros.
    #[must_use]
    pub fn new(len: usize) -> Self {
        Self {
            memory: AlignedMemory::new::<T>(len),
            len,
            element: PhantomData,
        }
    }

    /// Copies `numbers`.
    #[must_use]
    pub fn from_slice(numbers: &[T]) -> Self {
        let mut buffer = Self::new(numbers.len());
        buffer.copy_from_slice(numbers);
        buffer
    }

    /// Grows to at least `len` numbers; growing discards the content.
    pub fn reserve(&mut self, len: usize) {
        if len > self.len {
            *self = Self::new(len);
        }
    }
}

impl<T: Element> Default for AlignedBuffer<T> {
    fn default() -> Self {
        Self::new(0)
    }
}

impl<T: Element> Deref for AlignedBuffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.memory.view()[..self.len]
    }
}

impl<T: Element> DerefMut for AlignedBuffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.memory.view_mut()[..self.len]
    }
}
