//! Canonical bytes of filters and other parts of a query.

use super::filter::FilterValue;
use super::{Filter, GroupBy, Grouping, Include, Mode};
use crate::canonical::{Canonical, CanonicalBytes, Identity};

impl Canonical for Filter {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        match self {
            Self::All(filters) => bytes.tag("all").put(filters),
            Self::Not(filter) => bytes.tag("not").put(filter.as_ref()),
            Self::Field { name, any_of } => bytes.tag("field").put(name).put(any_of),
        };
    }
}

impl Identity for Filter {
    const DOMAIN: &'static str = "filter";
}

impl Canonical for FilterValue {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        match self {
            Self::Text(text) => bytes.tag("text").put(text),
            Self::DateRange(from, to) => bytes.tag("between").put(from).put(to),
        };
    }
}

impl Canonical for Mode {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        bytes.tag(match self {
            Self::Semantic => "semantic",
            Self::Keyword => "keyword",
            Self::Hybrid => "hybrid",
        });
    }
}

impl Canonical for Grouping {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        let Self { by, size } = self;
        bytes.put(by).put(size);
    }
}

impl Canonical for GroupBy {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        bytes.tag(match self {
            Self::Document => "document",
            Self::Speaker => "speaker",
        });
    }
}

impl Canonical for Include {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        let Self {
            context,
            embedding,
            explain,
        } = self;
        bytes.put(context).put(embedding).put(explain);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::store::ContentHash;

    fn filter(value: &Value) -> Filter {
        Filter::parse(value).unwrap()
    }

    #[test]
    fn the_identity_of_a_filter_is_pinned() {
        let filter = filter(&json!({
            "speaker": ["A", "B"],
            "date": {"from": "2015-10-23", "to": "2016"},
            "not": {"country": "USA"},
        }));
        assert_eq!(
            ContentHash::of_identity(&filter).to_string(),
            "0f4b10b8e6ac23db718d78487abbd5d286331b484f5d46c6f25a613e5ddf8e14"
        );
    }

    #[test]
    fn different_filters_have_different_bytes() {
        let filters = [
            json!({}),
            json!({"not": {}}),
            json!({"speaker": "A"}),
            json!({"country": "A"}),
            json!({"speaker": "AB"}),
            json!({"speaker": ["A", "B"]}),
            json!({"speaker": "A", "country": "B"}),
            json!({"speaker": "A", "not": {"country": "B"}}),
            json!({"not": {"speaker": "A"}}),
            json!({"not": {"not": {"speaker": "A"}}}),
            json!({"date": "2015"}),
            json!({"date": "2015-01"}),
            json!({"date": "2015-01-01"}),
            json!({"date": {"from": "2015"}}),
            json!({"date": {"to": "2015"}}),
            json!({"date": {}}),
            json!({"year": 2015}),
        ];
        let bytes: Vec<_> = filters
            .iter()
            .map(|f| filter(f).canonical_bytes())
            .collect();
        for (i, filter_bytes) in bytes.iter().enumerate() {
            assert!(!bytes[..i].contains(filter_bytes), "{}", filters[i]);
        }
    }

    #[test]
    fn the_order_of_values_does_not_matter() {
        let bytes = |value| filter(&value).canonical_bytes();
        assert_eq!(
            bytes(json!({"speaker": ["A", "B"]})),
            bytes(json!({"speaker": ["B", "A", "A"]}))
        );
    }
}
