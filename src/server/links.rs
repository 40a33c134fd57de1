//! Where the page shows documents and passages.

use actix_web::HttpRequest;
use percent_encoding::utf8_percent_encode;

use crate::wire::PATH_SEGMENT;

/// Returns scheme and host as the client sees them.
pub(super) fn origin(request: &HttpRequest) -> String {
    let connection = request.connection_info();
    format!("{}://{}", connection.scheme(), connection.host())
}

/// Returns the path of a document.
pub(super) fn document_path(id: &str) -> String {
    format!("/read/{}", utf8_percent_encode(id, PATH_SEGMENT))
}

/// Returns the path of a passage within its document.
pub(super) fn passage_path(document: &str, ordinal: u32) -> String {
    format!("{}#p{ordinal}", document_path(document))
}
