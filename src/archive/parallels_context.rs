//! The context of comparisons, kept for as long as its snapshot is current.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use crate::engine::Snapshot;
use crate::parallels::{CorpusContext, SentenceIndex};

/// Caches the context of the current snapshot, and the sentences of the previous one.
#[derive(Default)]
pub(super) struct ContextCache {
    /// Context of the current snapshot, if parallels were requested.
    context: ArcSwapOption<CorpusContext>,
    /// The sentences of the previous context, which the next one reuses.
    sentences: ArcSwapOption<SentenceIndex>,
}

impl ContextCache {
    /// Returns the context of a snapshot; one for exact comparisons is not cached.
    pub(super) fn context_of(&self, snapshot: &Arc<Snapshot>, exact: bool) -> Arc<CorpusContext> {
        if exact {
            return Arc::new(self.new_context(snapshot, true));
        }
        if let Some(cached) = self.context.load_full()
            && Arc::ptr_eq(cached.snapshot(), snapshot)
        {
            return cached;
        }
        let new = Arc::new(self.new_context(snapshot, false));
        self.context.store(Some(Arc::clone(&new)));
        new
    }

    /// Drops the cached context if its snapshot has been replaced: its read transaction keeps the WAL from
    /// being truncated.
    pub(super) fn drop_stale(&self, current: &Arc<Snapshot>) {
        let cached = self.context.load();
        let is_stale = cached
            .as_ref()
            .is_some_and(|context| !Arc::ptr_eq(context.snapshot(), current));
        if is_stale {
            self.keep_sentences();
            self.context.store(None);
        }
    }

    /// Creates a context that reuses the sentences of the previous one.
    fn new_context(&self, snapshot: &Arc<Snapshot>, exact: bool) -> CorpusContext {
        self.keep_sentences();
        CorpusContext::reusing_sentences(Arc::clone(snapshot), exact, self.sentences.load_full())
    }

    /// Keeps the sentences that the cached context has read, for the next context.
    fn keep_sentences(&self) {
        let cached = self.context.load();
        let sentences = cached.as_ref().and_then(|c| c.cached_sentence_index());
        if let Some(sentences) = sentences {
            self.sentences.store(Some(sentences));
        }
    }
}
