//! The inner layer: a key, its scope, its share, and whether there is room.

use std::sync::Arc;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse};

use super::api_keys::{ApiKey, ApiKeys, KeyScope};
use super::load_shedding::{shed, skip_body};
use super::{MiddlewareState, cors};
use crate::server::admission::QueueFull;
use crate::server::openai::OpenAiProblem;
use crate::server::problem::Problem;
use crate::server::service::Service;

/// Routes that read although they are asked by POST, with all below them.
const READ_ONLY_POST_ROUTES: &[&str] = &[
    "/v1/search",
    "/v1/embeddings",
    "/v1/passages",
    "/v1/facets",
    "/v1/parallels",
    "/v1/families",
];

/// Whose key a request came with.
pub(super) struct AuthenticatedKey(pub(super) Arc<str>);

/// Lets a request through to its handler if its key allows it and a core may be waited for.
pub(in crate::server) async fn authorize(
    service: Arc<Service>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match decide(service.middleware(), &request, shed(&service, &request)) {
        Verdict::Admitted => Ok(next.call(request).await?.map_into_boxed_body()),
        Verdict::NotAllowed(problem) => Ok(refuse(request, problem)),
        Verdict::NoRoom(full) => {
            skip_body(&service, &mut request).await;
            Ok(refuse(request, full.problem()))
        }
    }
}

/// What becomes of a request before it is read.
pub(super) enum Verdict {
    /// It goes on to its handler.
    Admitted,
    /// It lacks a key, a scope or a share, or comes from another site's page.
    NotAllowed(Problem),
    /// It would have to wait where no more may.
    NoRoom(QueueFull),
}

/// Decides what becomes of a request for which there is room, unless the queue is `full`.
///
/// This is the one place that knows the order: key, scope, share, room. A stranger need not know how
/// busy the service is, and who is told has paid for it out of a share. Both layers ask here, so the
/// order is the same wherever a request is turned away. A share is taken of a request that is admitted
/// or finds no room, so it is asked once for each of those.
pub(super) fn decide(
    guard: &MiddlewareState,
    request: &ServiceRequest,
    full: Option<QueueFull>,
) -> Verdict {
    match (check(guard, request), full) {
        (Err(problem), _) => Verdict::NotAllowed(problem),
        (Ok(()), Some(full)) => Verdict::NoRoom(full),
        (Ok(()), None) => Verdict::Admitted,
    }
}

/// An answer in the shape that the route's clients read.
pub(super) fn refuse(request: ServiceRequest, problem: Problem) -> ServiceResponse<BoxBody> {
    let response = if request.match_info().as_str() == "/v1/embeddings" {
        HttpResponse::from_error(OpenAiProblem::from(problem))
    } else {
        HttpResponse::from_error(problem)
    };
    request.into_response(response)
}

/// Checks the key, its scope and its share; without keys, where the request comes from.
fn check(guard: &MiddlewareState, request: &ServiceRequest) -> Result<(), Problem> {
    // The path as the router reads it: `%61dmin` is `admin` there, and so it must be here.
    let Some(needed) = required_scope(request.method(), request.match_info().as_str()) else {
        return Ok(());
    };
    let Some(keys) = &guard.keys else {
        return check_origin(guard, needed, request);
    };
    let key = find(keys, request.headers())?;
    request
        .extensions_mut()
        .insert(AuthenticatedKey(key.name()));
    if !key.allows(needed) {
        let needed = needed.name();
        return Err(Problem::scope_missing(format!(
            "this needs the scope {needed}, which the key {:?} does not have",
            &*key.name()
        ))
        .challenge(format!(
            "Bearer realm=\"antiphon\", error=\"insufficient_scope\", scope=\"{needed}\""
        )));
    }
    take_share(&key)
}

/// The scope that a route needs, if it needs any. What is not known to read needs the scope
/// `admin`, so a route that nobody has thought of here is closed rather than open.
fn required_scope(method: &Method, path: &str) -> Option<KeyScope> {
    let below = |route: &str| {
        path.strip_prefix(route)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let reads = matches!(*method, Method::GET | Method::HEAD);
    if below("/v1/admin") || path == "/metrics" {
        Some(KeyScope::Admin)
    } else if reads
        && (matches!(path, "/" | "/livez" | "/readyz" | "/openapi.json") || below("/docs"))
    {
        None
    } else if reads || READ_ONLY_POST_ROUTES.iter().any(|route| below(route)) {
        Some(KeyScope::Search)
    } else if below("/v1/documents") {
        Some(KeyScope::Write)
    } else {
        Some(KeyScope::Admin)
    }
}

fn find(keys: &ApiKeys, headers: &HeaderMap) -> Result<Arc<ApiKey>, Problem> {
    let challenge = "Bearer realm=\"antiphon\"";
    let Some(shown) = shown_key(headers) else {
        return Err(Problem::key_missing(
            "this needs a key; send it as Authorization: Bearer KEY or X-Api-Key: KEY",
        )
        .challenge(challenge));
    };
    keys.find(shown).ok_or_else(|| {
        Problem::key_unknown("this key is not known here")
            .challenge(format!("{challenge}, error=\"invalid_token\""))
    })
}

/// The key in `Authorization: Bearer`, or else in `X-Api-Key`.
fn shown_key(headers: &HeaderMap) -> Option<&[u8]> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, key) = value.as_bytes().split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"bearer ").then_some(key)
    });
    bearer
        .or_else(|| Some(headers.get("x-api-key")?.as_bytes()))
        .map(<[u8]>::trim_ascii)
        .filter(|key| !key.is_empty())
}

/// Turns other sites' pages away where they could change something and no key stops them.
fn check_origin(
    guard: &MiddlewareState,
    needed: KeyScope,
    request: &ServiceRequest,
) -> Result<(), Problem> {
    let headers = request.headers();
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let text = |value: Option<&header::HeaderValue>| {
        value.and_then(|v| v.to_str().ok()).unwrap_or("").to_owned()
    };
    let (origin, host) = (text(Some(origin)), text(headers.get(header::HOST)));
    let listens = request.app_config().local_addr().ip().to_canonical();
    let own = !listens.is_loopback() || cors::is_loopback_host(&host);
    let page = cors::BrowserOrigin {
        origin: &origin,
        host: own.then_some(host.as_str()),
    };
    if needed == KeyScope::Search || cors::may_write(guard, &page) {
        return Ok(());
    }
    Err(Problem::origin_not_allowed(format!(
        "pages of {origin:?} may not change anything here; the setting cors_origins lists those that may"
    )))
}

fn take_share(key: &ApiKey) -> Result<(), Problem> {
    let Some(bucket) = key.bucket() else {
        return Ok(());
    };
    bucket.take(Instant::now()).map_err(|wait| {
        let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX);
        Problem::rate_limited(format!(
            "the key {:?} may send {} requests a second",
            &*key.name(),
            bucket.per_second()
        ))
        // In whole seconds, rounded up: who comes back then is let in.
        .retry_after(seconds.saturating_add(u32::from(wait.subsec_nanos() > 0)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    #[test]
    fn each_route_needs_its_scope() {
        let (get, post) = (Method::GET, Method::POST);
        let (search, write, admin) = (
            Some(KeyScope::Search),
            Some(KeyScope::Write),
            Some(KeyScope::Admin),
        );
        for (method, path, expected) in [
            (&get, "/", None),
            (&get, "/livez", None),
            (&Method::HEAD, "/readyz", None),
            (&get, "/openapi.json", None),
            (&get, "/docs/index.css", None),
            (&get, "/docsearch", search),
            (&get, "/v1/search", search),
            (&post, "/v1/search", search),
            (&post, "/v1/search/batch", search),
            (&post, "/v1/searches", admin),
            (&post, "/v1/embeddings", search),
            (&get, "/v1/passages/a%2Fb/similar", search),
            (&get, "/v1/documents", search),
            (&post, "/v1/documents", write),
            (&Method::PUT, "/v1/documents/a", write),
            (&Method::PATCH, "/v1/documents/a", write),
            (&Method::DELETE, "/v1/documents/a", write),
            (&post, "/v1/documents2", admin),
            (&get, "/metrics", admin),
            (&get, "/v1/admin/reload", admin),
            (&post, "/v1/admin/reload", admin),
            (&post, "/livez", admin),
            (&get, "/v1/nothing", search),
            (&Method::TRACE, "/v1/nothing", admin),
        ] {
            assert_eq!(required_scope(method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn keys_come_in_two_headers() {
        let shown = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                );
            }
            shown_key(&headers).map(|key| String::from_utf8_lossy(key).into_owned())
        };
        assert_eq!(
            shown(&[("authorization", "Bearer k")]).as_deref(),
            Some("k")
        );
        assert_eq!(
            shown(&[("authorization", "bEARER  k ")]).as_deref(),
            Some("k")
        );
        assert_eq!(shown(&[("x-api-key", "k")]).as_deref(), Some("k"));
        let both = [("x-api-key", "x"), ("authorization", "Bearer b")];
        assert_eq!(shown(&both).as_deref(), Some("b"));
        let basic = [("x-api-key", "x"), ("authorization", "Basic b")];
        assert_eq!(shown(&basic).as_deref(), Some("x"));
        for none in ["Bearer", "Bearer ", "Bearer    ", "Basic k", "k", ""] {
            assert_eq!(shown(&[("authorization", none)]), None, "{none}");
        }
        assert_eq!(shown(&[("x-api-key", "  ")]), None);
        assert_eq!(shown(&[]), None);
    }
}
