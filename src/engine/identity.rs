//! What tells an index file, and a snapshot, from others.

use crate::canonical::{Canonical, CanonicalBytes, Identity};
use crate::encoder::Fingerprint;
use crate::index::IndexKind;
use crate::store::ContentHash;

/// Whose an index file is: that of one store, with embeddings of one encoder.
pub(super) struct IndexStamp<'a> {
    /// The store's id; empty for a store that an older program wrote, which has no index yet.
    pub(super) store: &'a str,
    pub(super) encoder: &'a Fingerprint,
}

impl Canonical for IndexStamp<'_> {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        let Self { store, encoder } = self;
        bytes.put(store).put(encoder);
    }
}

impl Identity for IndexStamp<'_> {
    const DOMAIN: &'static str = "index";
}

/// What is equal in two snapshots that answer alike.
pub(super) struct SnapshotIdentity<'a> {
    pub(super) corpus: ContentHash,
    pub(super) encoder: &'a Fingerprint,
    pub(super) index: IndexKind,
    /// Tells graphs over the same rows from each other.
    pub(super) build: u64,
}

impl SnapshotIdentity<'_> {
    /// The snapshot's id: 16 hexadecimal digits.
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::tests::assert_each_counts;
    use crate::index::HnswParameters;

    #[test]
    fn the_stamp_of_an_index_stays() {
        let encoder = Fingerprint::of_nothing(384);
        let stamp = IndexStamp {
            store: "0123",
            encoder: &encoder,
        };
        assert_eq!(
            ContentHash::of_identity(&stamp).to_string(),
            "11f176c8197a9220c2f86de0481ae3d91f1788a97c1adee25715f66ccf3d6e6f"
        );
    }

    #[test]
    fn store_and_encoder_count_in_a_stamp() {
        let original = ("0123".to_owned(), Fingerprint::of_nothing(384));
        let changes: [fn(&mut (String, Fingerprint)); 2] = [
            |(store, _)| store.push('4'),
            |(_, encoder)| {
                encoder.arithmetic += 1;
            },
        ];
        assert_each_counts(&original, &changes, |(store, encoder)| {
            IndexStamp { store, encoder }.canonical_bytes()
        });
    }

    #[derive(Clone)]
    struct Moment {
        corpus: ContentHash,
        encoder: Fingerprint,
        index: IndexKind,
        build: u64,
    }

    impl Moment {
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

    fn moment() -> Moment {
        Moment {
            corpus: ContentHash::from_parts([]),
            encoder: Fingerprint::of_nothing(384),
            index: IndexKind::Hnsw(HnswParameters {
                m: 16,
                ef_construction: 200,
                ef_search: 256,
            }),
            build: 7,
        }
    }

    #[test]
    fn the_id_of_a_snapshot_stays() {
        assert_eq!(moment().identity().id(), "6e64375b549f8280");
        let scanned = Moment {
            index: IndexKind::Exact,
            build: 0,
            ..moment()
        };
        assert_eq!(scanned.identity().id(), "0075b2edda497123");
    }

    #[test]
    fn corpus_encoder_and_graph_count_in_a_snapshot() {
        let changes: [fn(&mut Moment); 7] = [
            |m| m.corpus = ContentHash::from_parts([b"a".as_slice()]),
            |m| m.encoder.precision = "f32".to_owned(),
            |m| m.index = IndexKind::Exact,
            |m| m.change_graph(|p| p.m += 1),
            |m| m.change_graph(|p| p.ef_construction += 1),
            |m| m.change_graph(|p| p.ef_search += 1),
            |m| m.build += 1,
        ];
        assert_each_counts(&moment(), &changes, |m| m.identity().canonical_bytes());
    }
}
