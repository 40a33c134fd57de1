//! `/v1/passages`.

use actix_web::{HttpRequest, HttpResponse, web};

use super::documents::parse_document_id;
use crate::corpus::DocumentId;
use crate::server::problem::{Problem, ProblemDto};
use crate::server::service::Service;
use crate::server::wire::SearchParameters;
use crate::wire::{PassageResponse, SearchResponse};

/// A passage with its neighbours and its document.
#[utoipa::path(
    get, path = "/v1/passages/{id}", tag = "documents", operation_id = "read_passage",
    params(("id" = String, Path, description = "the passage's id, `{document}#p{ordinal}`, with `#` as `%23`", example = "un-cyber-statement-2015#p3")),
    responses((status = 200, body = PassageResponse), (status = "4XX", body = ProblemDto), (status = "5XX", body = ProblemDto))
)]
pub(super) async fn read(
    service: web::Data<Service>,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (document, ordinal) = parse_passage_id(&path)?;
    let found = service.archive().passage(document, ordinal).await?;
    let response = PassageResponse::new(found.passage, found.previous, found.next, &found.document);
    Ok(HttpResponse::Ok().json(response))
}

/// Passages similar to this one, which is excluded: a search `like` it, with the same parameters.
#[utoipa::path(
    get, path = "/v1/passages/{id}/similar", tag = "search", operation_id = "similar_passages",
    params(("id" = String, Path, description = "the passage's id, `{document}#p{ordinal}`, with `#` as `%23`", example = "un-cyber-statement-2015#p4"), super::url_params::FilterParameters, SearchParameters),
    responses((status = 200, body = SearchResponse), (status = "4XX", body = ProblemDto), (status = "5XX", body = ProblemDto))
)]
pub(super) async fn similar(
    service: web::Data<Service>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    parse_passage_id(&path)?;
    super::search::search_like(&service, &path, &request)
        .await
        .map_err(|problem| match (problem.code(), problem.field()) {
            // The missing example is the passage in the path.
            ("passage_not_found", Some("like")) => problem.at("id"),
            _ => problem,
        })
}

/// Parses the passage id in a path.
pub(in crate::server) fn parse_passage_id(text: &str) -> Result<(DocumentId, u32), Problem> {
    let invalid_id = || {
        Problem::invalid_id(format!(
            "invalid passage id {text:?}; expected {{document}}#p{{ordinal}} with the # written as %23, e.g. un-cyber-statement-2015%23p3"
        ))
        .at("id")
    };
    let (document, ordinal) = text.rsplit_once("#p").ok_or_else(invalid_id)?;
    // A passage has exactly one id: no sign, no leading zero.
    if !ordinal.starts_with(|c: char| ('1'..='9').contains(&c)) {
        return Err(invalid_id());
    }
    Ok((
        parse_document_id(document, "id")?,
        ordinal.parse().map_err(|_| invalid_id())?,
    ))
}
