//! An encoder that somebody looks on at.

use std::sync::{Arc, OnceLock};

use super::{Embedding, EncodeError, Encoder, Fingerprint, Tokenizer};

/// How much is encoded at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodeStats {
    /// Sequences that were given together.
    pub texts: usize,
    /// Tokens of all of them, special ones included.
    pub tokens: usize,
}

type EncodeObserver = Box<dyn Fn(EncodeStats) + Send + Sync>;

/// Passes everything on, and tells of each call that gave embeddings.
pub struct InstrumentedEncoder {
    inner: Arc<dyn Encoder>,
    observer: OnceLock<EncodeObserver>,
}

impl InstrumentedEncoder {
    /// Nobody looks on yet.
    #[must_use]
    pub fn new(inner: Arc<dyn Encoder>) -> Self {
        Self {
            inner,
            observer: OnceLock::new(),
        }
    }

    /// Has `watch` told of every call from now on; the first one that asks for it stays.
    pub fn set_observer(&self, observer: impl Fn(EncodeStats) + Send + Sync + 'static) {
        self.observer.get_or_init(|| Box::new(observer));
    }
}

impl Encoder for InstrumentedEncoder {
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
        if let Some(watch) = self.observer.get() {
            watch(EncodeStats {
                texts: sequences.len(),
                tokens: sequences.iter().map(|sequence| sequence.len()).sum(),
            });
        }
        Ok(encoded)
    }
}
