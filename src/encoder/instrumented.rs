//! An encoder that reports its calls to an observer.

use std::sync::{Arc, OnceLock};

use super::{Embedding, EncodeError, Encoder, Fingerprint, Tokenizer};

/// The size of one call to an encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodeStats {
    /// Number of sequences in the call.
    pub texts: usize,
    /// Number of their tokens, including special tokens.
    pub tokens: usize,
}

type EncodeObserver = Box<dyn Fn(EncodeStats) + Send + Sync>;

/// Delegates to another encoder, and reports each successful call to an observer.
pub struct InstrumentedEncoder {
    inner: Arc<dyn Encoder>,
    observer: OnceLock<EncodeObserver>,
}

impl InstrumentedEncoder {
    /// Wraps an encoder, without an observer.
    #[must_use]
    pub fn new(inner: Arc<dyn Encoder>) -> Self {
        Self {
            inner,
            observer: OnceLock::new(),
        }
    }

    /// Sets the observer of all subsequent calls; has no effect if one is already set.
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
        if let Some(observer) = self.observer.get() {
            observer(EncodeStats {
                texts: sequences.len(),
                tokens: sequences.iter().map(|sequence| sequence.len()).sum(),
            });
        }
        Ok(encoded)
    }
}
