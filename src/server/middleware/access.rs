//! The inner layer: checks key, scope, rate limit and the admission queue.

use std::sync::Arc;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap};
use actix_web::http::uri::Authority;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse};

use super::api_keys::{ApiKey, ApiKeys, KeyScope};
use super::load_shedding::{rejection_reason, skip_body};
use super::{MiddlewareState, cors};
use crate::archive::QueueFull;
use crate::server::openai::OpenAiProblem;
use crate::server::page;
use crate::server::problem::Problem;
use crate::server::service::Service;

/// Routes, with everything below them, that only read although their method is POST.
const READ_ONLY_POST_ROUTES: &[&str] = &[
    "/v1/search",
    "/v1/embeddings",
    "/v1/passages",
    "/v1/facets",
    "/v1/parallels",
    "/v1/families",
];

/// The name of the key with which a request was authenticated.
pub(super) struct AuthenticatedKey(pub(super) Arc<str>);

/// Passes a request to its handler if its key permits it and the admission queue is not full.
pub(in crate::server) async fn authorize(
    service: Arc<Service>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let full = rejection_reason(&service, &request);
    match decide(service.middleware(), &request, full) {
        Verdict::Admitted => Ok(next.call(request).await?.map_into_boxed_body()),
        Verdict::Denied(problem) => Ok(reject(request, problem)),
        Verdict::QueueFull(full) => {
            skip_body(&service, &mut request).await;
            Ok(reject(request, full.into()))
        }
    }
}

/// The decision about a request before its body is read.
pub(super) enum Verdict {
    /// It is passed to its handler.
    Admitted,
    /// Its key is missing, unknown, without the scope, or at its rate limit; or its host or origin is not
    /// allowed.
    Denied(Problem),
    /// The admission queue is full.
    QueueFull(QueueFull),
}

/// Decides whether a request is admitted, where `full` is the state of the admission queue.
///
/// This function alone defines the order of the checks: key, scope, rate limit, queue. Clients without a
/// key do not learn how busy the service is, and for other clients even a rejected request counts towards
/// the rate limit. Both layers call it, so the order does not depend on which of them rejects a request.
/// As it takes a token from the key's bucket, it is called once per request that is admitted or meets a
/// full queue.
pub(super) fn decide(
    middleware: &MiddlewareState,
    request: &ServiceRequest,
    full: Option<QueueFull>,
) -> Verdict {
    match (check(middleware, request), full) {
        (Err(problem), _) => Verdict::Denied(problem),
        (Ok(()), Some(full)) => Verdict::QueueFull(full),
        (Ok(()), None) => Verdict::Admitted,
    }
}

/// Responds with a problem, in the format of the route.
pub(super) fn reject(request: ServiceRequest, problem: Problem) -> ServiceResponse<BoxBody> {
    let path = request.match_info().as_str();
    let response = if path == "/v1/embeddings" {
        HttpResponse::from_error(OpenAiProblem::from(problem))
    } else if page::is_page(path) {
        page::problem_page(&problem, request.request())
    } else {
        HttpResponse::from_error(problem)
    };
    request.into_response(response)
}

/// Checks key, scope and rate limit; if no keys are configured, the host and the origin of the request.
fn check(middleware: &MiddlewareState, request: &ServiceRequest) -> Result<(), Problem> {
    // The path as the router decodes it: `%61dmin` is `admin` there, and must be here.
    let path = request.match_info().as_str();
    let required = required_scope(request.method(), path);
    let Some(keys) = &middleware.keys else {
        // Probes may use any name, and learn nothing about the documents.
        if !matches!(path, "/livez" | "/readyz") {
            check_host(middleware, request)?;
        }
        return required.map_or(Ok(()), |scope| check_origin(middleware, scope, request));
    };
    let Some(required) = required else {
        return Ok(());
    };
    let accepts_cookie = page::is_page(path);
    let key = find_key(keys, request.headers(), accepts_cookie)?;
    request
        .extensions_mut()
        .insert(AuthenticatedKey(key.name()));
    request.extensions_mut().insert(Arc::clone(&key));
    if !key.allows(required) {
        let required = required.name();
        return Err(Problem::scope_missing(format!(
            "the scope {required} is required; the key {:?} does not have it",
            &*key.name()
        ))
        .challenge(format!(
            "Bearer realm=\"antiphon\", error=\"insufficient_scope\", scope=\"{required}\""
        )));
    }
    take_token(&key)
}

/// Returns the scope that a route requires, if any. A route that is not declared as reading or writing
/// documents requires `admin`, so that a new route is closed by default.
fn required_scope(method: &Method, path: &str) -> Option<KeyScope> {
    let below = |route: &str| {
        path.strip_prefix(route)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let reads = matches!(*method, Method::GET | Method::HEAD);
    if below("/v1/admin") || path == "/metrics" {
        Some(KeyScope::Admin)
    } else if page::is_public(path)
        || reads
            && (matches!(path, "/v1" | "/livez" | "/readyz" | "/openapi.json") || below("/docs"))
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

/// Finds the key of a request; only the page, which changes nothing, may have it in a cookie.
fn find_key(
    keys: &ApiKeys,
    headers: &HeaderMap,
    accepts_cookie: bool,
) -> Result<Arc<ApiKey>, Problem> {
    let challenge = "Bearer realm=\"antiphon\"";
    let cookie = || accepts_cookie.then(|| key_in_cookie(headers)).flatten();
    let Some(presented) = presented_key(headers).or_else(cookie) else {
        return Err(Problem::key_missing(
            "an API key is required; send it as Authorization: Bearer KEY or X-Api-Key: KEY",
        )
        .challenge(challenge));
    };
    keys.find(presented).ok_or_else(|| {
        Problem::key_unknown("unknown API key")
            .challenge(format!("{challenge}, error=\"invalid_token\""))
    })
}

/// Returns the key in `Authorization: Bearer`, or else in `X-Api-Key`.
fn presented_key(headers: &HeaderMap) -> Option<&[u8]> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, key) = value.as_bytes().split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"bearer ").then_some(key)
    });
    bearer
        .or_else(|| Some(headers.get("x-api-key")?.as_bytes()))
        .map(<[u8]>::trim_ascii)
        .filter(|key| !key.is_empty())
}

/// Rejects requests to names that are not the service's own, if it listens on loopback: a page of a site
/// whose owner points its name to this machine (DNS rebinding) could read all responses, and no key
/// prevents it.
fn check_host(middleware: &MiddlewareState, request: &ServiceRequest) -> Result<(), Problem> {
    let local_address = request.app_config().local_addr().ip().to_canonical();
    if !local_address.is_loopback() {
        return Ok(());
    }
    // HTTP/2 has the host in its target only. Without any host no browser sent it.
    let target = request.uri().authority().map(Authority::as_str);
    let headers = request.headers().get_all(header::HOST);
    let named = headers.map(|host| host.to_str().unwrap_or("unreadable"));
    match named
        .chain(target)
        .find(|host| !cors::is_own_host(middleware, host))
    {
        None => Ok(()),
        Some(host) => Err(Problem::host_not_allowed(format!(
            "this service has no API keys and answers only to localhost and its own addresses, not to the host {host:.100?}; set keys_file, or add the origin to the setting cors_origins"
        ))),
    }
}

/// Returns the key in the cookie of the page.
fn key_in_cookie(headers: &HeaderMap) -> Option<&[u8]> {
    let cookies = headers
        .get_all(header::COOKIE)
        .filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';'));
    let value = pairs.find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == page::KEY_COOKIE).then_some(value)
    });
    value.map(str::as_bytes).filter(|key| !key.is_empty())
}

/// Rejects writes from pages of other sites, which browsers would send and no key prevents.
fn check_origin(
    middleware: &MiddlewareState,
    required: KeyScope,
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
    let local_address = request.app_config().local_addr().ip().to_canonical();
    let is_own_host = !local_address.is_loopback() || cors::is_loopback_host(&host);
    let page = cors::BrowserOrigin {
        origin: &origin,
        host: is_own_host.then_some(host.as_str()),
    };
    if required == KeyScope::Search || cors::may_write(middleware, &page) {
        return Ok(());
    }
    Err(Problem::origin_not_allowed(format!(
        "the origin {origin:?} is not allowed to write; add it to the setting cors_origins"
    )))
}

fn take_token(key: &ApiKey) -> Result<(), Problem> {
    let Some(bucket) = key.bucket() else {
        return Ok(());
    };
    bucket.take(Instant::now()).map_err(|wait| {
        let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX);
        Problem::rate_limited(format!(
            "the key {:?} is limited to {} requests per second",
            &*key.name(),
            bucket.per_second()
        ))
        // Rounded up to whole seconds, after which a token is available.
        .retry_after(seconds.saturating_add(u32::from(wait.subsec_nanos() > 0)))
    })
}

/// Charges the request's key, if it has a rate limit, for further requests that this one contains. They are
/// not rejected: the key's next request waits for them.
pub(in crate::server) fn charge_rate(request: &HttpRequest, requests: usize) {
    let extensions = request.extensions();
    let key = extensions.get::<Arc<ApiKey>>();
    if let Some(bucket) = key.and_then(|key| key.bucket()) {
        bucket.charge(requests);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    #[test]
    fn each_route_requires_its_scope() {
        let (get, post) = (Method::GET, Method::POST);
        let (search, write, admin) = (
            Some(KeyScope::Search),
            Some(KeyScope::Write),
            Some(KeyScope::Admin),
        );
        for (method, path, expected) in [
            (&get, "/", search),
            (&get, "/read/a", search),
            (&get, "/v1", None),
            (&get, "/key", None),
            (&post, "/key", None),
            (&post, "/", admin),
            (&get, "/assets/0123/page.css", None),
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
    fn keys_are_read_from_two_headers() {
        let presented = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                );
            }
            presented_key(&headers).map(|key| String::from_utf8_lossy(key).into_owned())
        };
        assert_eq!(
            presented(&[("authorization", "Bearer k")]).as_deref(),
            Some("k")
        );
        assert_eq!(
            presented(&[("authorization", "bEARER  k ")]).as_deref(),
            Some("k")
        );
        assert_eq!(presented(&[("x-api-key", "k")]).as_deref(), Some("k"));
        let both = [("x-api-key", "x"), ("authorization", "Bearer b")];
        assert_eq!(presented(&both).as_deref(), Some("b"));
        let basic = [("x-api-key", "x"), ("authorization", "Basic b")];
        assert_eq!(presented(&basic).as_deref(), Some("x"));
        for none in ["Bearer", "Bearer ", "Bearer    ", "Basic k", "k", ""] {
            assert_eq!(presented(&[("authorization", none)]), None, "{none}");
        }
        assert_eq!(presented(&[("x-api-key", "  ")]), None);
        assert_eq!(presented(&[]), None);
    }
}
