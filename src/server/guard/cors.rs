//! Which pages may use the service from a browser.

use actix_cors::Cors;
use actix_web::http::Uri;
use actix_web::http::header::{self, HeaderName};
use actix_web::middleware::Condition;

use super::{Guard, GuardError, request_id};

/// Stands for every origin.
const ANY: &str = "*";

/// Seconds for which a browser need not ask again.
const REMEMBER_SECONDS: usize = 3600;

/// Answers for the configured origins; without any it is as if it were not there.
pub(in crate::server) fn layer(guard: &Guard) -> Condition<Cors> {
    let origins = &guard.cors_origins;
    let mut cors = Cors::default()
        .allowed_methods(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
        .allowed_headers([
            header::AUTHORIZATION,
            header::CACHE_CONTROL,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            HeaderName::from_static("x-api-key"),
            HeaderName::from_static(request_id::HEADER),
        ])
        .expose_headers([
            header::ETAG,
            header::RETRY_AFTER,
            header::WWW_AUTHENTICATE,
            HeaderName::from_static("server-timing"),
            HeaderName::from_static(request_id::HEADER),
        ])
        .max_age(REMEMBER_SECONDS);
    if allows_any(origins) {
        cors = cors.allow_any_origin().send_wildcard();
    } else {
        for origin in origins {
            cors = cors.allowed_origin(origin);
        }
    }
    Condition::new(!origins.is_empty(), cors)
}

/// Whether a page of this origin may change what is stored where no key is needed: its own pages,
/// served from the host that was asked, and the configured ones. A browser would let any page on
/// the web send such a request to this machine.
pub(super) fn may_change(guard: &Guard, origin: &str, host: &str) -> bool {
    let own = origin
        .split_once("://")
        .is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host));
    own || allows_any(&guard.cors_origins) || guard.cors_origins.iter().any(|o| o == origin)
}

fn allows_any(origins: &[String]) -> bool {
    origins.iter().any(|origin| origin == ANY)
}

/// Sees that each is a scheme and an authority and nothing else, as browsers write them.
pub(super) fn check(origins: &[String]) -> Result<(), GuardError> {
    for origin in origins {
        if origin != ANY && !is_origin(origin) {
            return Err(GuardError::Origin {
                received: origin.clone(),
            });
        }
    }
    Ok(())
}

fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else {
        return false;
    };
    match (uri.scheme_str(), uri.authority()) {
        (Some(scheme), Some(authority)) => {
            // Browsers write both in small letters; what is written otherwise would never match.
            matches!(scheme, "http" | "https")
                && !authority.as_str().contains(['@', '*'])
                && text == format!("{scheme}://{authority}").to_ascii_lowercase()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        let checked = |origin: &str| check(&[origin.to_owned()]).is_ok();
        for good in ["*", "https://example.org", "http://localhost:3000"] {
            assert!(checked(good), "{good}");
        }
        for bad in [
            "",
            "example.org",
            "https://example.org/",
            "https://Example.org",
            "https://a@example.org",
            "https://example.org/path",
            "file:///x",
            "null",
            "https://*.example.org:",
        ] {
            assert!(!checked(bad), "{bad}");
        }
    }
}
