//! `/v1/passages`.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::Value;

use super::url_params;
use crate::corpus::DocumentId;
use crate::export::Citation;
use crate::server::extract;
use crate::server::links;
use crate::server::problem::{Problem, ProblemDto};
use crate::server::service::Service;
use crate::server::wire::{CitationParameters, SearchParameters};
use crate::store::{InvalidPassageId, PassageId};
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

/// A citation of a passage, with its id, the range of its characters, its hash, and where it can be read.
#[utoipa::path(
    get, path = "/v1/passages/{id}/citation", tag = "documents", operation_id = "cite_passage",
    params(("id" = String, Path, description = "the passage's id, `{document}#p{ordinal}`, with `#` as `%23`", example = "un-cyber-statement-2015#p3"), CitationParameters),
    responses((status = 200, content(
        (String = "text/plain"), (String = "application/x-bibtex"), (String = "application/x-research-info-systems"),
        (Vec<Value> = "application/vnd.citationstyles.csl+json"),
    )), (status = "4XX", body = ProblemDto), (status = "5XX", body = ProblemDto))
)]
pub(super) async fn citation(
    service: web::Data<Service>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (document, ordinal) = parse_passage_id(&path)?;
    let fields = url_params::strings(extract::query_pairs(&request)?)?;
    let CitationParameters { style } = extract::from_value(&Value::Object(fields))?;
    let link = format!(
        "{}{}",
        links::origin(&request),
        links::passage_path(document.as_str(), ordinal)
    );
    let found = service.archive().passage(document, ordinal).await?;
    let citation = Citation {
        document: &found.document,
        passage: &found.passage,
        link: Some(&link),
    };
    Ok(HttpResponse::Ok()
        .content_type(style.media_type())
        .body(style.join(&[citation]) + "\n"))
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
    match text.parse() {
        Ok(PassageId { document, ordinal }) => Ok((document, ordinal)),
        Err(InvalidPassageId::Form) => Err(invalid_id()),
        Err(InvalidPassageId::Document(error)) => {
            let detail = format!("invalid document id in {text:?}: {error}");
            Err(Problem::invalid_id(detail).at("id"))
        }
    }
}
