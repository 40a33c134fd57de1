//! Examples of request bodies. A test sends each of them and expects success.

use serde_json::{Value, json};
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::{OpenApi, RefOr};

/// Adds the examples to their operations.
pub(super) fn add(document: &mut OpenApi) {
    for (path, name, summary, value) in request_bodies() {
        let operation = document.paths.paths.get_mut(path);
        let body = operation
            .and_then(|item| item.post.as_mut())
            .and_then(|operation| operation.request_body.as_mut());
        let Some(RefOr::T(body)) = body else { continue };
        // Not to the JSON lines of an upload stream.
        let content = body
            .content
            .iter_mut()
            .filter(|(kind, _)| *kind == "application/json");
        for (_, content) in content {
            if let RefOr::T(content) = content {
                let example = ExampleBuilder::new()
                    .summary(summary)
                    .value(Some(value.clone()));
                content
                    .examples
                    .insert(name.to_owned(), example.build().into());
            }
        }
    }
}

/// Returns path, name, summary and body of each example.
fn request_bodies() -> [(&'static str, &'static str, &'static str, Value); 12] {
    [
        (
            "/v1/search",
            "meaning",
            "Semantic search for five passages",
            json!({"query": "sovereignty in cyberspace", "limit": 5}),
        ),
        (
            "/v1/search",
            "exact",
            "Exact search, second page",
            json!({"query": "an arms race in a new domain", "limit": 3, "offset": 3, "exact": true}),
        ),
        (
            "/v1/search",
            "words",
            "Hybrid search with a filter and year facets",
            json!({
                "query": "\"zero sum\" secur*", "mode": "hybrid", "limit": 5, "facets": ["year"],
                "filter": {"date": {"from": "2015", "to": "2016"}, "not": {"language": "fr"}},
            }),
        ),
        (
            "/v1/search",
            "like",
            "Positive and negative examples, with context",
            json!({
                "like": ["un-cyber-statement-2015#p4"], "unlike": ["trade and prices"], "limit": 3,
                "include": ["context"],
            }),
        ),
        (
            "/v1/search/batch",
            "two",
            "Two searches on one snapshot",
            json!({"searches": [{"query": "global village", "limit": 1}, {"query": "arms race", "limit": 1}]}),
        ),
        (
            "/v1/parallels",
            "later",
            "Restatements in later documents by other speakers",
            json!({"source": {"date": "2015"}, "later_only": true, "exclude_same": ["speaker"], "min_confidence": 0.5}),
        ),
        (
            "/v1/families",
            "pairs",
            "Families found in at least two documents, with speakers and years",
            json!({"min_confidence": 0.5, "min_members": 2, "fields": ["speaker", "year"], "limit": 5}),
        ),
        (
            "/v1/documents",
            "one",
            "A document with all metadata",
            json!({
                "id": "general-debate-2015-mdv", "title": "Statement at the General Debate",
                "speaker": "A. Speaker", "country": "MDV", "date": "2015-09-30", "session": 70,
                "text": "Small island states are threatened by rising seas.",
            }),
        ),
        (
            "/v1/embeddings",
            "text",
            "One text",
            json!({"input": "sovereignty in cyberspace", "model": "all-MiniLM-L6-v2"}),
        ),
        (
            "/v1/embeddings",
            "texts",
            "Several texts, as base64",
            json!({"input": ["sovereignty in cyberspace", "the price of bread"], "encoding_format": "base64"}),
        ),
        (
            "/v1/embeddings",
            "tokens",
            "Token ids instead of text: \"global village\"",
            json!({"input": [[3795, 2352]], "dimensions": 384}),
        ),
        (
            "/v1/embeddings",
            "truncate",
            "Truncation to the model's maximum length",
            json!({"input": "Peace and security in cyberspace concern every state.", "truncate": true}),
        ),
    ]
}
