//! CORS, and the origins whose pages may write without a key.

use std::net::IpAddr;

use actix_cors::Cors;
use actix_web::http::Uri;
use actix_web::http::header::{self, HeaderName};
use actix_web::http::uri::Authority;
use actix_web::middleware::Condition;

use super::{MiddlewareState, ServerSetupError, request_id};

/// Matches every origin.
const ANY_ORIGIN: &str = "*";

/// Seconds for which a browser may cache the response to a preflight request.
const PREFLIGHT_MAX_AGE_SECONDS: usize = 3600;

/// Creates the CORS layer for the configured origins; without any it is disabled.
pub(in crate::server) fn layer(middleware: &MiddlewareState) -> Condition<Cors> {
    let origins = &middleware.cors_origins;
    let mut cors = Cors::default()
        .allowed_methods(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
        .allowed_headers([
            header::AUTHORIZATION,
            header::CACHE_CONTROL,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            HeaderName::from_static("traceparent"),
            HeaderName::from_static("x-api-key"),
            HeaderName::from_static(request_id::HEADER),
        ])
        .expose_headers([
            header::ETAG,
            header::LOCATION,
            header::RETRY_AFTER,
            header::WWW_AUTHENTICATE,
            HeaderName::from_static("server-timing"),
            HeaderName::from_static(request_id::HEADER),
        ])
        .max_age(PREFLIGHT_MAX_AGE_SECONDS);
    if allows_any(origins) {
        cors = cors.allow_any_origin().send_wildcard();
    } else {
        for origin in origins {
            cors = cors.allowed_origin(origin);
        }
    }
    Condition::new(!origins.is_empty(), cors)
}

/// The page that sent a request.
pub(super) struct BrowserOrigin<'a> {
    pub(super) origin: &'a str,
    /// The header `Host`, if it can be a name of this service.
    pub(super) host: Option<&'a str>,
}

/// Returns whether a page may write when no keys are configured: pages of the service itself, whose origin
/// is the requested host, and pages of configured origins. Browsers allow any page on the web to send such a
/// request to this machine.
pub(super) fn may_write(middleware: &MiddlewareState, page: &BrowserOrigin<'_>) -> bool {
    let origins = &middleware.cors_origins;
    let authority = page
        .origin
        .split_once("://")
        .map(|(_, authority)| authority);
    let own = authority
        .zip(page.host)
        .is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host));
    own || allows_any(origins) || origins.iter().any(|origin| origin == page.origin)
}

/// Returns whether a `Host` is a name of this service on loopback: a loopback name, or the host of a
/// configured origin.
pub(super) fn is_own_host(middleware: &MiddlewareState, host: &str) -> bool {
    let origins = &middleware.cors_origins;
    let of_origin = |origin: &String| {
        let authority = origin
            .split_once("://")
            .map_or("", |(_, authority)| authority);
        host_name(authority).is_some_and(|name| host_name(host) == Some(name))
    };
    is_loopback_host(host) || allows_any(origins) || origins.iter().any(of_origin)
}

/// Returns the name in an authority, without its port, in lower case.
fn host_name(authority: &str) -> Option<String> {
    let authority = authority.parse::<Authority>().ok()?;
    Some(authority.host().to_ascii_lowercase())
}

/// Returns whether a `Host` is a loopback name. The owner of any other name can point it to this machine
/// (DNS rebinding), and that site's pages would then seem to be the service's own.
pub(super) fn is_loopback_host(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority
        .host()
        .trim_matches(['[', ']'])
        .to_ascii_lowercase();
    let address = name.parse::<IpAddr>();
    address.is_ok_and(|address| address.to_canonical().is_loopback())
        || name == "localhost"
        || name.ends_with(".localhost")
}

fn allows_any(origins: &[String]) -> bool {
    origins.iter().any(|origin| origin == ANY_ORIGIN)
}

/// Checks that each origin is a scheme and an authority and nothing else, as browsers write them.
pub(super) fn validate_origins(origins: &[String]) -> Result<(), ServerSetupError> {
    for origin in origins {
        if origin != ANY_ORIGIN && !is_origin(origin) {
            return Err(ServerSetupError::Origin {
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
            // Browsers send both in lower case; anything else would never match.
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
    fn loopback_names_are_recognized() {
        for ours in [
            "localhost:8080",
            "LOCALHOST",
            "127.0.0.1:1",
            "[::1]:8080",
            "a.localhost",
            "127.8.0.1",
        ] {
            assert!(is_loopback_host(ours), "{ours}");
        }
        for other in [
            "",
            "evil.org",
            "localhost.evil.org",
            "127.0.0.1.evil.org",
            "10.0.0.1",
            "[::2]",
            "@",
        ] {
            assert!(!is_loopback_host(other), "{other}");
        }
    }

    #[test]
    fn the_hosts_of_configured_origins_are_its_own() {
        let middleware = MiddlewareState {
            cors_origins: vec!["https://search.example.org".to_owned()],
            ..MiddlewareState::default()
        };
        for (host, own) in [
            ("search.example.org", true),
            ("SEARCH.example.org:8080", true),
            ("localhost", true),
            ("example.org", false),
            ("", false),
            ("search.example.org.evil.org", false),
        ] {
            assert_eq!(is_own_host(&middleware, host), own, "{host}");
        }
        let any = MiddlewareState {
            cors_origins: vec!["*".to_owned()],
            ..MiddlewareState::default()
        };
        assert!(is_own_host(&any, "example.org"));
    }

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        let checked = |origin: &str| validate_origins(&[origin.to_owned()]).is_ok();
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
