//! `/v1/embeddings`, compatible with `OpenAI`'s API.

use actix_web::{HttpResponse, web};

use crate::archive::{ArchiveError, EmbedError};
use crate::server::extract::Body;
use crate::server::openai::{
    CreateEmbeddingRequest, CreateEmbeddingResponse, MAX_INPUTS, OpenAiErrorResponse, OpenAiProblem,
};
use crate::server::problem::Problem;
use crate::server::service::Service;

/// Embeddings of texts, as unit vectors.
///
/// A text above the model's maximum length is rejected, or truncated with `truncate`. An array of token ids
/// is one text; the model's special tokens are added unless it already begins and ends with them. They
/// count towards the length.
#[utoipa::path(
    post, path = "/v1/embeddings", tag = "embeddings", operation_id = "create_embeddings",
    request_body = CreateEmbeddingRequest,
    responses((status = 200, body = CreateEmbeddingResponse), (status = "4XX", body = OpenAiErrorResponse), (status = "5XX", body = OpenAiErrorResponse))
)]
pub(super) async fn embed(
    service: web::Data<Service>,
    body: Result<Body, Problem>,
) -> Result<HttpResponse, OpenAiProblem> {
    let request: CreateEmbeddingRequest = body?.json()?;
    let archive = service.archive();
    let fingerprint = archive.encoder_fingerprint().map_err(Problem::from)?;
    check_model(request.model.as_deref(), &fingerprint.model)?;
    check_dimensions(request.dimensions, fingerprint.dimension)?;
    let CreateEmbeddingRequest {
        input, truncate, ..
    } = request;
    check_count(input.len())?;
    let names = input.names();
    let embedded = archive.embed(input.into(), truncate).await;
    let embedded = embedded.map_err(|error| match &error {
        ArchiveError::Embed(EmbedError { index, .. }) => {
            let field = names.of(*index);
            Problem::from(error).at(field)
        }
        _ => error.into(),
    })?;
    let response = CreateEmbeddingResponse::new(
        embedded.embeddings,
        request.encoding_format,
        fingerprint.model,
        embedded.tokens,
    );
    Ok(HttpResponse::Ok().json(response))
}

/// Accepts the full name or its part after the last slash, ignoring case.
fn check_model(requested: Option<&str>, served: &str) -> Result<(), Problem> {
    let short = served.rsplit('/').next().unwrap_or(served);
    match requested {
        Some(name) if !name.eq_ignore_ascii_case(served) && !name.eq_ignore_ascii_case(short) => {
            let detail = format!("model {name:?} is not available; expected {served:?}");
            Err(Problem::model_not_found(detail).at("model"))
        }
        _ => Ok(()),
    }
}

fn check_dimensions(requested: Option<usize>, served: usize) -> Result<(), Problem> {
    match requested {
        Some(requested) if requested != served => {
            let detail =
                format!("dimensions = {requested} is not supported; the model has {served}");
            Err(Problem::dimensions_unsupported(detail).at("dimensions"))
        }
        _ => Ok(()),
    }
}

fn check_count(count: usize) -> Result<(), Problem> {
    if count == 0 {
        return Err(Problem::empty_input("input is an empty array").at("input"));
    }
    if count > MAX_INPUTS {
        let detail = format!("input has {count} items; expected at most {MAX_INPUTS}");
        return Err(Problem::too_many_inputs(detail).at("input"));
    }
    Ok(())
}
