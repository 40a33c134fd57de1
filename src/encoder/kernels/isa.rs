//! The choice of instruction set, made at run time.

use std::{fmt, str::FromStr};

#[cfg(target_arch = "x86_64")]
use super::{
    avx2::{Avx2, AvxVnni},
    avx512::{Amx, Avx512},
};
use super::{portable::Portable, simd::Kernel};

/// An instruction set that this processor has, with the proof that it does.
#[derive(Clone, Copy, Debug)]
pub struct Isa(IsaToken);

#[derive(Clone, Copy, Debug)]
enum IsaToken {
    #[cfg(target_arch = "x86_64")]
    Amx(Amx),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(target_arch = "x86_64")]
    AvxVnni(AvxVnni),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    Portable(Portable),
}

/// A path of that name does not exist, or not on this processor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no kernel path {received:?} on this processor; available: {}", .available.join(", "))]
pub struct UnknownIsa {
    /// The name asked for.
    pub received: String,
    /// What this processor has, best first.
    pub available: Vec<&'static str>,
}

impl Isa {
    /// All that this processor has, the one to take first; the portable one is always there.
    pub fn available() -> Vec<Self> {
        let mut tokens = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            tokens.extend(Avx512::detect().map(IsaToken::Avx512));
            // Behind its elder sister until its tiles, laid out anew, have run on such a machine.
            tokens.extend(Amx::detect().map(IsaToken::Amx));
            tokens.extend(AvxVnni::detect().map(IsaToken::AvxVnni));
            tokens.extend(Avx2::detect().map(IsaToken::Avx2));
        }
        tokens.push(IsaToken::Portable(Portable));
        tokens.into_iter().map(Self).collect()
    }

    /// The one to take on this processor: the fastest that has been measured.
    #[must_use]
    pub fn best() -> Self {
        Self::available()[0]
    }

    /// Its name, as shown to users and understood by [`Path::from_str`].
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            IsaToken::Amx(_) => "amx",
            #[cfg(target_arch = "x86_64")]
            IsaToken::Avx512(_) => "avx512vnni",
            #[cfg(target_arch = "x86_64")]
            IsaToken::AvxVnni(_) => "avxvnni",
            #[cfg(target_arch = "x86_64")]
            IsaToken::Avx2(_) => "avx2",
            IsaToken::Portable(_) => "portable",
        }
    }

    /// Runs a kernel on it.
    pub fn run<K: Kernel>(self, kernel: K) -> K::Out {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            IsaToken::Amx(token) => token.run(kernel),
            #[cfg(target_arch = "x86_64")]
            IsaToken::Avx512(token) => token.run(kernel),
            #[cfg(target_arch = "x86_64")]
            IsaToken::AvxVnni(token) => token.run(kernel),
            #[cfg(target_arch = "x86_64")]
            IsaToken::Avx2(token) => token.run(kernel),
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
        let found = available.iter().copied().find(|path| path.name() == name);
        found.ok_or_else(|| UnknownIsa {
            received: name.to_owned(),
            available: available.iter().map(|path| path.name()).collect(),
        })
    }
}
