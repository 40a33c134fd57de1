//! Run-time detection and choice of the instruction set.

use std::{fmt, str::FromStr};

#[cfg(target_arch = "aarch64")]
use super::neon::{NeonDotprod, NeonI8mm, NeonWidening};
#[cfg(target_arch = "x86_64")]
use super::{
    avx2::{Avx2, AvxVnni},
    avx512::{Amx, Avx512Bw, Avx512Vnni},
};
use super::{operation::Operation, portable::Portable, simd::Kernel};

/// An instruction set that this processor supports.
#[derive(Clone, Copy, Debug)]
pub struct Isa(IsaToken);

#[derive(Clone, Copy, Debug)]
enum IsaToken {
    #[cfg(target_arch = "x86_64")]
    Amx(Amx),
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni(Avx512Vnni),
    #[cfg(target_arch = "x86_64")]
    AvxVnni(AvxVnni),
    #[cfg(target_arch = "x86_64")]
    Avx512Bw(Avx512Bw),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "aarch64")]
    NeonI8mm(NeonI8mm),
    #[cfg(target_arch = "aarch64")]
    NeonDotprod(NeonDotprod),
    #[cfg(target_arch = "aarch64")]
    NeonWidening(NeonWidening),
    Portable(Portable),
}

/// An instruction set does not exist, or this processor does not support it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "instruction set {received:?} is not available on this processor; available: {}",
    .available.join(", ")
)]
pub struct UnknownIsa {
    /// The requested name.
    pub received: String,
    /// The instruction sets of this processor, fastest first.
    pub available: Vec<&'static str>,
}

impl Isa {
    /// Returns the instruction sets of this processor, fastest first; the portable one is always
    /// included.
    pub fn available() -> Vec<Self> {
        let mut tokens = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            tokens.extend(Avx512Vnni::detect().map(IsaToken::Avx512Vnni));
            // After plain AVX-512 until the current layout of its tiles is measured on such a machine.
            tokens.extend(Amx::detect().map(IsaToken::Amx));
            tokens.extend(AvxVnni::detect().map(IsaToken::AvxVnni));
            tokens.extend(Avx512Bw::detect().map(IsaToken::Avx512Bw));
            tokens.extend(Avx2::detect().map(IsaToken::Avx2));
        }
        #[cfg(target_arch = "aarch64")]
        {
            tokens.extend(NeonI8mm::detect().map(IsaToken::NeonI8mm));
            tokens.extend(NeonDotprod::detect().map(IsaToken::NeonDotprod));
            tokens.extend(NeonWidening::detect().map(IsaToken::NeonWidening));
        }
        tokens.push(IsaToken::Portable(Portable));
        tokens.into_iter().map(Self).collect()
    }

    /// Returns the fastest instruction set of this processor, by our measurements.
    #[must_use]
    pub fn best() -> Self {
        Self::available()[0]
    }

    /// Returns the name, as shown to users and parsed by [`Isa::from_str`].
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            IsaToken::Amx(_) => "amx",
            #[cfg(target_arch = "x86_64")]
            IsaToken::Avx512Vnni(_) => "avx512vnni",
            #[cfg(target_arch = "x86_64")]
            IsaToken::AvxVnni(_) => "avxvnni",
            #[cfg(target_arch = "x86_64")]
            IsaToken::Avx512Bw(_) => "avx512bw",
            #[cfg(target_arch = "x86_64")]
            IsaToken::Avx2(_) => "avx2",
            #[cfg(target_arch = "aarch64")]
            IsaToken::NeonI8mm(_) => "i8mm",
            #[cfg(target_arch = "aarch64")]
            IsaToken::NeonDotprod(_) => "dotprod",
            #[cfg(target_arch = "aarch64")]
            IsaToken::NeonWidening(_) => "neon",
            IsaToken::Portable(_) => "portable",
        }
    }

    /// Runs an operation in this instruction set.
    pub fn run<O: Operation>(self, operation: O) -> O::Out {
        operation.run_on(self)
    }

    /// Compiles a kernel for all instruction sets and runs it in this one.
    pub(super) fn run_kernel<K: Kernel>(self, kernel: K) -> K::Out {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            IsaToken::Amx(token) => token.run(kernel),
            #[cfg(target_arch = "x86_64")]
            IsaToken::Avx512Vnni(token) => token.run(kernel),
            #[cfg(target_arch = "x86_64")]
            IsaToken::AvxVnni(token) => token.run(kernel),
            #[cfg(target_arch = "x86_64")]
            IsaToken::Avx512Bw(token) => token.run(kernel),
            #[cfg(target_arch = "x86_64")]
            IsaToken::Avx2(token) => token.run(kernel),
            #[cfg(target_arch = "aarch64")]
            IsaToken::NeonI8mm(token) => token.run(kernel),
            #[cfg(target_arch = "aarch64")]
            IsaToken::NeonDotprod(token) => token.run(kernel),
            #[cfg(target_arch = "aarch64")]
            IsaToken::NeonWidening(token) => token.run(kernel),
            IsaToken::Portable(token) => token.run(kernel),
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Isa {
    type Err = UnknownIsa;

    fn from_str(name: &str) -> Result<Self, UnknownIsa> {
        let available = Self::available();
        let found = available.iter().copied().find(|isa| isa.name() == name);
        found.ok_or_else(|| UnknownIsa {
            received: name.to_owned(),
            available: available.iter().map(|isa| isa.name()).collect(),
        })
    }
}
