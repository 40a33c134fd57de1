//! Identities of index files and snapshots.

use crate::canonical::{Canonical, CanonicalBytes, Identity};
use crate::encoder::Fingerprint;
use crate::index::IndexKind;
use crate::store::ContentHash;

/// The owner of an index file: one store, with embeddings of one encoder.
pub(super) struct IndexOwner<'a> {
    /// The store's id; empty for a store of an older program, which has no index file yet.
    pub(super) store: &'a str,
    pub(super) encoder: &'a Fingerprint,
}

impl Canonical for IndexOwner<'_> {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        let Self { store, encoder } = self;
        bytes.put(store).put(encoder);
    }
}

impl Identity for IndexOwner<'_> {
    const DOMAIN: &'static str = "index";
}

/// Equal for two snapshots that return the same results.
pub(super) struct SnapshotIdentity<'a> {
    pub(super) corpus: ContentHash,
    pub(super) encoder: &'a Fingerprint,
    pub(super) index: IndexKind,
    /// Distinguishes graphs over the same rows.
    pub(super) build: u64,
}

impl SnapshotIdentity<'_> {
    /// Returns the snapshot's id: 16 hexadecimal digits.
    pub(super) fn id(&self) -> String {
        let hash = ContentHash::of_identity(self).to_string();
        hash.chars().take(16).collect()
    }
}

impl Canonical for SnapshotIdentity<'_> {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        let Self {
            corpus,
            encoder,
            index,
            build,
        } = self;
        bytes.put(corpus).put(encoder).put(index).put(build);
    }
}

impl Identity for SnapshotIdentity<'_> {
    const DOMAIN: &'static str = "snapshot";

    /// 2: scores count the best sentence of a passage.
    const VERSION: u32 = 2;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::tests::assert_each_counts;
    use crate::index::HnswParameters;

    #[test]
    fn the_identity_of_an_index_owner_is_pinned() {
        let encoder = Fingerprint::for_tests(384);
        let owner = IndexOwner {
            store: "0123",
            encoder: &encoder,
        };
        assert_eq!(
            ContentHash::of_identity(&owner).to_string(),
            "11f176c8197a9220c2f86de0481ae3d91f1788a97c1adee25715f66ccf3d6e6f"
        );
    }

    #[test]
    fn an_index_owner_depends_on_store_and_encoder() {
        let original = ("0123".to_owned(), Fingerprint::for_tests(384));
        let changes: [fn(&mut (String, Fingerprint)); 2] = [
            |(store, _)| store.push('4'),
            |(_, encoder)| {
                encoder.arithmetic += 1;
            },
        ];
        assert_each_counts(&original, &changes, |(store, encoder)| {
            IndexOwner { store, encoder }.canonical_bytes()
        });
    }

    #[derive(Clone)]
    struct Parts {
        corpus: ContentHash,
        encoder: Fingerprint,
        index: IndexKind,
        build: u64,
    }

    impl Parts {
        fn identity(&self) -> SnapshotIdentity<'_> {
            SnapshotIdentity {
                corpus: self.corpus,
                encoder: &self.encoder,
                index: self.index,
                build: self.build,
            }
        }

        fn change_graph(&mut self, change: fn(&mut HnswParameters)) {
            if let IndexKind::Hnsw(parameters) = &mut self.index {
                change(parameters);
            }
        }
    }

    fn parts() -> Parts {
        Parts {
            corpus: ContentHash::from_parts([]),
            encoder: Fingerprint::for_tests(384),
            index: IndexKind::Hnsw(HnswParameters {
                m: 16,
                ef_construction: 200,
                ef_search: 256,
            }),
            build: 7,
        }
    }

    #[test]
    fn the_id_of_a_snapshot_is_pinned() {
        assert_eq!(parts().identity().id(), "25351232acaca937");
        let scanned = Parts {
            index: IndexKind::Exact,
            build: 0,
            ..parts()
        };
        assert_eq!(scanned.identity().id(), "fd1299a09ac2e231");
    }

    #[test]
    fn a_snapshot_id_depends_on_corpus_encoder_and_graph() {
        let changes: [fn(&mut Parts); 7] = [
            |p| p.corpus = ContentHash::from_parts([b"a".as_slice()]),
            |p| p.encoder.precision = "f32".to_owned(),
            |p| p.index = IndexKind::Exact,
            |p| p.change_graph(|graph| graph.m += 1),
            |p| p.change_graph(|graph| graph.ef_construction += 1),
            |p| p.change_graph(|graph| graph.ef_search += 1),
            |p| p.build += 1,
        ];
        assert_each_counts(&parts(), &changes, |p| p.identity().canonical_bytes());
    }
}
