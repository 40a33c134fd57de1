//! Stage times of a response: for the header `Server-Timing`, logs, metrics and traces.

use actix_web::HttpResponseBuilder;

use crate::wire::TimingMs;

/// Attaches the times to a response: as the header `Server-Timing` for the client, and as an extension
/// for metrics, traces and logs.
pub(super) fn attach_timing(timing: TimingMs, response: &mut HttpResponseBuilder) {
    response.insert_header(("Server-Timing", timing.to_string()));
    response.extensions_mut().insert(timing);
}
