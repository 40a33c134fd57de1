//! `/v1/embeddings`, as `OpenAI` defined it.

use actix_web::{HttpResponse, web};

use crate::encoder::{Encoder, Tokens};
use crate::server::extract::Body;
use crate::server::openai::{EmbeddingRequest, EmbeddingResponse, OpenAiProblem};
use crate::server::problem::{Problem, failed};
use crate::server::service::Service;

/// Most texts in one request.
const MAX_INPUTS: usize = 2048;

/// Longest text in characters, also where it is to be truncated: tokenising it must stay cheap.
const MAX_CHARACTERS: usize = 50_000;

/// Embeddings of texts, in the shape of `OpenAI`'s API.
#[utoipa::path(
    post, path = "/v1/embeddings", tag = "embeddings",
    request_body = EmbeddingRequest,
    responses((status = 200, body = EmbeddingResponse), (status = "4XX", description = "an error in OpenAI's shape"))
)]
pub(super) async fn embed(
    service: web::Data<Service>,
    body: Result<Body, Problem>,
) -> Result<HttpResponse, OpenAiProblem> {
    let request: EmbeddingRequest = body?.json()?;
    let (engine, _) = service.ready()?;
    let fingerprint = engine.encoder().fingerprint();
    check_model(request.model.as_deref(), &fingerprint.model)?;
    check_dimensions(request.dimensions, fingerprint.dimension)?;
    let model = fingerprint.model.clone();
    let texts = request.input.into_texts();
    check_count(texts.len())?;
    let ((embeddings, tokens), _) = service
        .admission()
        .run(move || {
            let encoder = engine.encoder();
            let tokens = tokenize(encoder, &texts, request.truncate)?;
            let sequences: Vec<&[u32]> = tokens.iter().map(|t| t.ids.as_slice()).collect();
            let embeddings = encoder.encode_tokens(&sequences).map_err(|e| failed(&e))?;
            let total: usize = sequences.iter().map(|s| s.len()).sum();
            Ok((embeddings, total))
        })
        .await?;
    let response = EmbeddingResponse::new(embeddings, request.encoding_format, model, tokens);
    Ok(HttpResponse::Ok().json(response))
}

fn tokenize(
    encoder: &dyn Encoder,
    texts: &[String],
    truncate: bool,
) -> Result<Vec<Tokens>, Problem> {
    let tokenizer = encoder.tokenizer();
    let mut all = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let field = || {
            if texts.len() == 1 {
                "input".to_owned()
            } else {
                format!("input[{index}]")
            }
        };
        if text.trim().is_empty() {
            return Err(Problem::empty_input("the text is empty; expected some words").at(field()));
        }
        let characters = text.chars().count();
        if characters > MAX_CHARACTERS {
            let detail = format!(
                "the text has {characters} characters; expected at most {MAX_CHARACTERS}, of which the model reads {} tokens",
                tokenizer.max_tokens()
            );
            return Err(Problem::input_too_long(detail).at(field()));
        }
        let tokens = tokenizer.tokenize(text).map_err(|e| failed(&e))?;
        if tokens.is_truncated() && !truncate {
            let detail = format!(
                "the text has {} tokens, the model reads {}; shorten it, or set \"truncate\": true",
                tokens.untruncated,
                tokenizer.max_tokens()
            );
            return Err(Problem::input_too_long(detail).at(field()));
        }
        all.push(tokens);
    }
    Ok(all)
}

/// The full name, or what follows its last slash, in any case.
fn check_model(asked: Option<&str>, served: &str) -> Result<(), Problem> {
    let short = served.rsplit('/').next().unwrap_or(served);
    match asked {
        Some(name) if !name.eq_ignore_ascii_case(served) && !name.eq_ignore_ascii_case(short) => {
            let detail = format!("the model {name:?} is not served here; expected {served:?}");
            Err(Problem::model_not_found(detail).at("model"))
        }
        _ => Ok(()),
    }
}

fn check_dimensions(asked: Option<usize>, served: usize) -> Result<(), Problem> {
    match asked {
        Some(asked) if asked != served => {
            let detail = format!("dimensions is {asked}; this model gives {served} and no others");
            Err(Problem::dimensions_unsupported(detail).at("dimensions"))
        }
        _ => Ok(()),
    }
}

fn check_count(count: usize) -> Result<(), Problem> {
    if count == 0 {
        return Err(Problem::empty_input("input is an empty list; expected texts").at("input"));
    }
    if count > MAX_INPUTS {
        let detail = format!("input has {count} texts; expected at most {MAX_INPUTS}");
        return Err(Problem::too_many_inputs(detail).at("input"));
    }
    Ok(())
}
