//! Memory that begins on a cache line.
#![allow(unsafe_code)]

use std::ops::{Deref, DerefMut};

/// One cache line, which is also one 512-bit register.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// Numbers whose every bit pattern is valid and whose size divides a cache line.
pub trait Plain: Copy + sealed::Sealed {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for i8 {}
    impl Sealed for u8 {}
}

impl Plain for f32 {}
impl Plain for i8 {}
impl Plain for u8 {}

/// A slice of numbers, zero at first, that begins on a cache line.
#[derive(Clone, Debug)]
pub struct Buffer<T> {
    lines: Vec<Line>,
    len: usize,
    of: std::marker::PhantomData<T>,
}

impl<T: Plain> Buffer<T> {
    /// `len` zeros.
    #[must_use]
    pub fn new(len: usize) -> Self {
        Self {
            lines: vec![Line([0; 64]); (len * size_of::<T>()).div_ceil(64)],
            len,
            of: std::marker::PhantomData,
        }
    }

    /// Grows to at least `len` numbers; what it held is lost only where it grows.
    pub fn reserve(&mut self, len: usize) {
        if len > self.len {
            *self = Self::new(len);
        }
    }
}

impl<T: Plain> Default for Buffer<T> {
    fn default() -> Self {
        Self::new(0)
    }
}

impl<T: Plain> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: the lines hold at least `len * size_of::<T>()` initialised bytes, aligned to 64,
        // and every bit pattern is a `T`.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl<T: Plain> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above, and the lines are borrowed mutably for as long as the slice.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}
