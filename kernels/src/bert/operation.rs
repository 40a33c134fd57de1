//! The kernels that the encoder may run.

use super::{
    attention::{F32Attention, Int8Attention},
    isa::Isa,
    linear::{
        AddEpilogue, F32Linear, GeluEpilogue, Int8Layer, Int8Linear, PackInt8, StoreEpilogue,
    },
    peak::PeakProducts,
    rows::{
        Gelu, LayerNormQuantize, LayerNormRows, MeanPoolRows, QuantizeRows, QuantizeWithKnownRange,
    },
};

/// A kernel that was compiled for each instruction set in this crate.
pub trait Operation {
    /// The result.
    type Out;

    /// Runs the kernel; called by [`Isa::run`].
    fn run_on(self, isa: Isa) -> Self::Out;
}

/// Compiles kernels: the methods are not generic, so that the calling crate does not compile them again.
macro_rules! operations {
    ($($kernel:ty => $out:ty),* $(,)?) => {$(
        impl Operation for $kernel {
            type Out = $out;

            fn run_on(self, isa: Isa) -> $out {
                isa.run_kernel(self)
            }
        }
    )*};
}

operations! {
    PackInt8<'_> => Int8Layer,
    Int8Linear<'_, StoreEpilogue<'_>> => (),
    Int8Linear<'_, AddEpilogue<'_>> => (),
    Int8Linear<'_, GeluEpilogue<'_>> => (),
    F32Linear<'_, false> => (),
    F32Linear<'_, true> => (),
    Int8Attention<'_> => (),
    F32Attention<'_> => (),
    QuantizeRows<'_> => (),
    QuantizeWithKnownRange<'_> => (),
    LayerNormRows<'_> => (),
    LayerNormQuantize<'_> => (),
    Gelu<'_> => (),
    MeanPoolRows<'_> => (),
    PeakProducts => u64,
}
