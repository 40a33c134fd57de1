//! Examples of bodies. A test sends every example of the document and expects success.

use serde_json::{Value, json};
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::{OpenApi, RefOr};

/// Adds the examples to the operations that they belong to.
pub(super) fn add(document: &mut OpenApi) {
    for (path, name, summary, value) in request_bodies() {
        let operation = document.paths.paths.get_mut(path);
        let body = operation
            .and_then(|item| item.post.as_mut())
            .and_then(|operation| operation.request_body.as_mut());
        let Some(RefOr::T(body)) = body else { continue };
        // A stream has lines where the others have JSON.
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

/// Path, name, what it shows, body.
fn request_bodies() -> [(&'static str, &'static str, &'static str, Value); 12] {
    [
        (
            "/v1/search",
            "meaning",
            "The five passages nearest in meaning",
            json!({"query": "sovereignty in cyberspace", "limit": 5}),
        ),
        (
            "/v1/search",
            "exact",
            "The second page, compared with every passage",
            json!({"query": "an arms race in a new domain", "limit": 3, "offset": 3, "exact": true}),
        ),
        (
            "/v1/search",
            "words",
            "Words and meaning together, of some documents only, with counts of years",
            json!({
                "query": "\"zero sum\" secur*", "mode": "hybrid", "limit": 5, "facets": ["year"],
                "filter": {"date": {"from": "2015", "to": "2016"}, "not": {"language": "fr"}},
            }),
        ),
        (
            "/v1/search",
            "like",
            "Passages like one and unlike another text, with the passages around them",
            json!({
                "like": ["un-cyber-statement-2015#p4"], "unlike": ["trade and prices"], "limit": 3,
                "include": ["context"],
            }),
        ),
        (
            "/v1/search/batch",
            "two",
            "Two searches of one snapshot",
            json!({"searches": [{"query": "global village", "limit": 1}, {"query": "arms race", "limit": 1}]}),
        ),
        (
            "/v1/parallels",
            "later",
            "What was said before, in later documents of other speakers",
            json!({"source": {"date": "2015"}, "later_only": true, "exclude_same": ["speaker"], "min_confidence": 0.5}),
        ),
        (
            "/v1/families",
            "pairs",
            "Statements that are in at least two documents, with counts of speakers and years",
            json!({"min_confidence": 0.5, "min_members": 2, "fields": ["speaker", "year"], "limit": 5}),
        ),
        (
            "/v1/documents",
            "one",
            "A statement with all that is known of it",
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
            "Token ids instead of words: \"global village\"",
            json!({"input": [[3795, 2352]], "dimensions": 384}),
        ),
        (
            "/v1/embeddings",
            "truncate",
            "A text that may be cut off where the model stops reading",
            json!({"input": "Peace and security in cyberspace concern every state.", "truncate": true}),
        ),
    ]
}
