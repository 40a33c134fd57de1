//! An encoder that somebody looks on at.

use std::sync::{Arc, OnceLock};

use super::{Embedding, EncodeError, Encoder, Fingerprint, Tokenizer};

/// How much is encoded at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Sequences that were given together.
    pub texts: usize,
    /// Tokens of all of them, special ones included.
    pub tokens: usize,
}

type Watch = Box<dyn Fn(Call) + Send + Sync>;

/// Passes everything on, and tells of each call that gave embeddings.
pub struct Watched {
    inner: Arc<dyn Encoder>,
    watch: OnceLock<Watch>,
}

impl Watched {
    /// Nobody looks on yet.
    #[must_use]
    pub fn new(inner: Arc<dyn Encoder>) -> Self {
        Self {
            inner,
            watch: OnceLock::new(),
        }
    }

    /// Has `watch` told of every call from now on; the first one that asks for it stays.
    pub fn tell(&self, watch: impl Fn(Call) + Send + Sync + 'static) {
        self.watch.get_or_init(|| Box::new(watch));
    }
}

impl Encoder for Watched {
    fn fingerprint(&self) -> &Fingerprint {
        self.inner.fingerprint()
    }

    fn tokenizer(&self) -> &Tokenizer {
        self.inner.tokenizer()
    }

    fn kernel(&self) -> &'static str {
        self.inner.kernel()
    }

    fn encode_tokens(&self, sequences: &[&[u32]]) -> Result<Vec<Embedding>, EncodeError> {
        let encoded = self.inner.encode_tokens(sequences)?;
        if let Some(watch) = self.watch.get() {
            watch(Call {
                texts: sequences.len(),
                tokens: sequences.iter().map(|sequence| sequence.len()).sum(),
            });
        }
        Ok(encoded)
    }
}
