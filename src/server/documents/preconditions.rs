//! `If-Match` and `If-None-Match` (RFC 9110, section 13).

use actix_web::HttpRequest;
use percent_encoding::utf8_percent_encode;

use crate::engine::{EntityTags, Precondition};
use crate::server::problem::Problem;
use crate::store::ContentHash;
use crate::wire::PATH_SEGMENT;

const IF_MATCH: &str = "If-Match";
const IF_NONE_MATCH: &str = "If-None-Match";

/// Returns the entity tag of a document: its content hash in quotation marks.
pub(in crate::server) fn etag(hash: impl std::fmt::Display) -> String {
    format!("\"{hash}\"")
}

/// Returns the path of a document.
pub(in crate::server) fn document_url(id: &str) -> String {
    format!("/v1/documents/{}", utf8_percent_encode(id, PATH_SEGMENT))
}

/// Parses the preconditions of a request.
pub(in crate::server) fn from_request(request: &HttpRequest) -> Result<Precondition, Problem> {
    Ok(Precondition {
        if_match: parse_entity_tags(request, IF_MATCH)?,
        if_none_match: parse_entity_tags(request, IF_NONE_MATCH)?,
    })
}

/// Rejects preconditions on routes without a single target document.
pub(in crate::server) fn reject_preconditions(request: &HttpRequest) -> Result<(), Problem> {
    for name in [IF_MATCH, IF_NONE_MATCH] {
        if request.headers().contains_key(name) {
            let detail = format!("{name} is not supported for POST; use PUT /v1/documents/{{id}}");
            return Err(Problem::bad_request(detail).at(name));
        }
    }
    Ok(())
}

/// Returns whether the client has cached this version of the document.
pub(in crate::server) fn is_not_modified(precondition: &Precondition, stored: ContentHash) -> bool {
    let if_none_match = Precondition {
        if_match: None,
        if_none_match: precondition.if_none_match.clone(),
    };
    !if_none_match.is_met_by(Some(stored))
}

fn parse_entity_tags(
    request: &HttpRequest,
    name: &'static str,
) -> Result<Option<EntityTags>, Problem> {
    let mut hashes = Vec::new();
    let mut is_present = false;
    for value in request.headers().get_all(name) {
        is_present = true;
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(Some(EntityTags::Any));
        }
        for tag in text.split(',').map(str::trim) {
            let weak = tag.strip_prefix("W/");
            let quoted = weak.unwrap_or(tag);
            let hash = quoted
                .strip_prefix('"')
                .and_then(|tag| tag.strip_suffix('"'));
            let Some(hash) = hash.filter(|_| quoted.len() > 1) else {
                return Err(invalid_entity_tag(name, tag));
            };
            // `If-Match` compares strongly, which a weak tag never satisfies.
            if weak.is_none() || name == IF_NONE_MATCH {
                hashes.push(hash.to_owned());
            }
        }
    }
    Ok(is_present.then_some(EntityTags::Hashes(hashes)))
}

fn invalid_entity_tag(name: &str, received: &str) -> Problem {
    let detail =
        format!("invalid {name} {received:?}; expected * or quoted entity tags as sent in ETag");
    Problem::bad_request(detail).at(name)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn parsed(name: &'static str, values: &[&str]) -> Result<Option<EntityTags>, Problem> {
        let mut request = TestRequest::default();
        for value in values {
            request = request.append_header((name, *value));
        }
        parse_entity_tags(&request.to_http_request(), name)
    }

    #[test]
    fn tags_of_repeated_headers_are_combined() {
        let tags = |hashes: &[&str]| {
            Ok(Some(EntityTags::Hashes(
                hashes.iter().map(|&hash| hash.to_owned()).collect(),
            )))
        };
        assert_eq!(parsed(IF_MATCH, &[]), Ok(None));
        assert_eq!(parsed(IF_MATCH, &["*"]), Ok(Some(EntityTags::Any)));
        assert_eq!(
            parsed(IF_MATCH, &["\"a\", \"b\"", "\"c\""]),
            tags(&["a", "b", "c"])
        );
        assert_eq!(parsed(IF_MATCH, &["W/\"a\""]), tags(&[]), "never strong");
        assert_eq!(parsed(IF_NONE_MATCH, &["W/\"a\""]), tags(&["a"]));
        for bad in ["a", "\"", "\"a", "", "W/a", "\"a\",", "é"] {
            let problem = parsed(IF_MATCH, &[bad]).unwrap_err();
            assert_eq!(problem.field(), Some(IF_MATCH), "{bad}");
        }
    }
}
