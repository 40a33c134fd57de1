//! `If-Match` and `If-None-Match` (RFC 9110, section 13).

use actix_web::HttpRequest;
use percent_encoding::utf8_percent_encode;

use crate::engine::{EntityTags, Precondition};
use crate::server::problem::Problem;
use crate::server::wire::PATH_SEGMENT;
use crate::store::ContentHash;

const IF_MATCH: &str = "If-Match";
const IF_NONE_MATCH: &str = "If-None-Match";

/// The entity tag of a document: its content hash in quotation marks.
pub(in crate::server) fn etag(hash: impl std::fmt::Display) -> String {
    format!("\"{hash}\"")
}

/// The path of a document.
pub(in crate::server) fn document_url(id: &str) -> String {
    format!("/v1/documents/{}", utf8_percent_encode(id, PATH_SEGMENT))
}

/// What a request demands of the document that is stored.
pub(in crate::server) fn from_request(request: &HttpRequest) -> Result<Precondition, Problem> {
    Ok(Precondition {
        if_match: parse_entity_tags(request, IF_MATCH)?,
        if_none_match: parse_entity_tags(request, IF_NONE_MATCH)?,
    })
}

/// Refuses conditions where there is no one document for them.
pub(in crate::server) fn reject_preconditions(request: &HttpRequest) -> Result<(), Problem> {
    for name in [IF_MATCH, IF_NONE_MATCH] {
        if request.headers().contains_key(name) {
            let detail = format!("POST takes no {name}; PUT /v1/documents/{{id}} does");
            return Err(Problem::bad_request(detail).at(name));
        }
    }
    Ok(())
}

/// Whether the client has this document already.
pub(in crate::server) fn is_not_modified(condition: &Precondition, stored: ContentHash) -> bool {
    let unless = Precondition {
        if_match: None,
        if_none_match: condition.if_none_match.clone(),
    };
    !unless.is_met_by(Some(stored))
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
            // A weak tag is never the same where both must be strong.
            if weak.is_none() || name == IF_NONE_MATCH {
                hashes.push(hash.to_owned());
            }
        }
    }
    Ok(is_present.then_some(EntityTags::Hashes(hashes)))
}

fn invalid_entity_tag(name: &str, received: &str) -> Problem {
    let detail = format!(
        "{name} has {received:?}; expected * or content hashes in quotation marks, as ETag gives them"
    );
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
    fn tags_are_read_from_all_lines_of_a_header() {
        let of = |hashes: &[&str]| {
            Ok(Some(EntityTags::Hashes(
                hashes.iter().map(|&hash| hash.to_owned()).collect(),
            )))
        };
        assert_eq!(parsed(IF_MATCH, &[]), Ok(None));
        assert_eq!(parsed(IF_MATCH, &["*"]), Ok(Some(EntityTags::Any)));
        assert_eq!(
            parsed(IF_MATCH, &["\"a\", \"b\"", "\"c\""]),
            of(&["a", "b", "c"])
        );
        assert_eq!(parsed(IF_MATCH, &["W/\"a\""]), of(&[]), "never strong");
        assert_eq!(parsed(IF_NONE_MATCH, &["W/\"a\""]), of(&["a"]));
        for bad in ["a", "\"", "\"a", "", "W/a", "\"a\",", "é"] {
            let fault = parsed(IF_MATCH, &[bad]).unwrap_err();
            assert_eq!(fault.field(), Some(IF_MATCH), "{bad}");
        }
    }
}
