//! Request ids, which correlate a response with the logs of client and service.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::header::{HeaderMap, HeaderValue};

/// The header of ids in requests and responses.
pub(super) const HEADER: &str = "x-request-id";

/// Maximum length of a client's id.
const MAX_ID_CHARS: usize = 128;

/// Returns the client's id, or a new one if it is absent, too long or not printable ASCII.
pub(super) fn from_headers(headers: &HeaderMap) -> HeaderValue {
    headers
        .get(HEADER)
        .filter(|id| is_printable(id.as_bytes()))
        .cloned()
        .unwrap_or_else(generate)
}

fn is_printable(id: &[u8]) -> bool {
    (1..=MAX_ID_CHARS).contains(&id.len()) && id.iter().all(|byte| (b' '..=b'~').contains(byte))
}

/// Generates an id that is unique in this process, and almost certainly among processes.
fn generate() -> HeaderValue {
    // Without random bytes, ids are still unique in this process.
    static PROCESS: LazyLock<u64> = LazyLock::new(|| getrandom::u64().unwrap_or_default());
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let id = format!("{:016x}-{count:x}", *PROCESS);
    HeaderValue::from_str(&id).unwrap_or_else(|_| HeaderValue::from_static("unnamed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderName;

    fn headers_with(value: &[u8]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(
            HeaderName::from_static(HEADER),
            HeaderValue::from_bytes(value).unwrap(),
        );
        headers
    }

    #[test]
    fn valid_ids_are_kept_and_others_replaced() {
        for good in [&b"a"[..], b"trace 7/{x}\"", &[b'x'; 128]] {
            assert_eq!(from_headers(&headers_with(good)).as_bytes(), good);
        }
        for bad in [&b""[..], &[b'x'; 129], b"a\tb", "ü".as_bytes(), &[0xff]] {
            let id = from_headers(&headers_with(bad));
            assert_ne!(id.as_bytes(), bad);
            assert!(is_printable(id.as_bytes()));
        }
        assert_ne!(
            from_headers(&HeaderMap::new()),
            from_headers(&HeaderMap::new())
        );
    }
}
