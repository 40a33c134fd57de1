//! `/v1/embeddings`, compatible with `OpenAI`'s API.

use std::sync::Arc;

use actix_web::{HttpResponse, web};

use crate::encoder::{Tokenizer, Tokens};
use crate::server::extract::Body;
use crate::server::openai::{
    CreateEmbeddingRequest, CreateEmbeddingResponse, EmbeddingInput, MAX_INPUTS,
    OpenAiErrorResponse, OpenAiProblem,
};
use crate::server::problem::{Problem, failed};
use crate::server::service::Service;

/// Maximum length of a text, also with `truncate`: tokenizing it must stay cheap.
const MAX_TEXT_CHARS: usize = 50_000;

/// Tokens per batch. A large request returns to the queue after each batch, so that searches need not wait
/// for all of it.
const BATCH_TOKENS: usize = 4096;

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
    let (engine, _) = service.engine_and_snapshot()?;
    let fingerprint = engine.encoder().fingerprint();
    check_model(request.model.as_deref(), &fingerprint.model)?;
    check_dimensions(request.dimensions, fingerprint.dimension)?;
    let model = fingerprint.model.clone();
    let CreateEmbeddingRequest {
        input, truncate, ..
    } = request;
    check_count(input.len())?;
    let tokenizing = Arc::clone(&engine);
    let (sequences, _) = service
        .admission()
        .run(move || tokenize(tokenizing.encoder().tokenizer(), &input, truncate))
        .await?;
    let tokens = sequences.iter().map(Vec::len).sum();
    let mut embeddings = Vec::with_capacity(sequences.len());
    for batch in split_into_batches(sequences) {
        let engine = Arc::clone(&engine);
        let encode = move || {
            let sequences: Vec<&[u32]> = batch.iter().map(Vec::as_slice).collect();
            let encoded = engine.encoder().encode_tokens(&sequences);
            encoded.map_err(|e| failed(&e))
        };
        embeddings.extend(service.admission().run(encode).await?.0);
    }
    let response = CreateEmbeddingResponse::new(embeddings, request.encoding_format, model, tokens);
    Ok(HttpResponse::Ok().json(response))
}

/// Splits sequences, in order, into batches of at most [`BATCH_TOKENS`].
fn split_into_batches(sequences: Vec<Vec<u32>>) -> Vec<Vec<Vec<u32>>> {
    let mut batches: Vec<Vec<Vec<u32>>> = Vec::new();
    let mut tokens_left = 0;
    for sequence in sequences {
        match batches.last_mut() {
            Some(batch) if sequence.len() <= tokens_left => {
                tokens_left -= sequence.len();
                batch.push(sequence);
            }
            _ => {
                tokens_left = BATCH_TOKENS.saturating_sub(sequence.len());
                batches.push(vec![sequence]);
            }
        }
    }
    batches
}

/// Tokenizes every input.
fn tokenize(
    tokenizer: &Tokenizer,
    input: &EmbeddingInput,
    truncate: bool,
) -> Result<Vec<Vec<u32>>, Problem> {
    let named = |index, tokens: Result<Tokens, Problem>| {
        tokens.map_err(|problem| problem.at(input.field_name(index)))
    };
    let all: Vec<Tokens> = match input {
        EmbeddingInput::Text(text) => vec![named(0, tokenize_text(tokenizer, text))?],
        EmbeddingInput::Tokens(ids) => vec![named(0, validate_token_ids(tokenizer, ids))?],
        EmbeddingInput::Texts(texts) => (0..)
            .zip(texts)
            .map(|(index, text)| named(index, tokenize_text(tokenizer, text)))
            .collect::<Result<_, _>>()?,
        EmbeddingInput::ManyTokens(lists) => (0..)
            .zip(lists)
            .map(|(index, ids)| named(index, validate_token_ids(tokenizer, ids)))
            .collect::<Result<_, _>>()?,
    };
    for (index, tokens) in all.iter().enumerate() {
        if tokens.is_truncated() && !truncate {
            let detail = format!(
                "the text has {} tokens, above the model's {} (special tokens included); shorten it, or set \"truncate\": true",
                tokens.untruncated_len,
                tokenizer.max_tokens()
            );
            return Err(Problem::input_too_long(detail).at(input.field_name(index)));
        }
    }
    Ok(all.into_iter().map(|tokens| tokens.ids).collect())
}

fn tokenize_text(tokenizer: &Tokenizer, text: &str) -> Result<Tokens, Problem> {
    if text.trim().is_empty() {
        return Err(Problem::empty_input("the text is empty"));
    }
    let characters = text.chars().count();
    if characters > MAX_TEXT_CHARS {
        return Err(Problem::input_too_long(format!(
            "the text has {characters} characters; expected at most {MAX_TEXT_CHARS} (the model reads {} tokens)",
            tokenizer.max_tokens()
        )));
    }
    tokenizer.tokenize(text).map_err(|e| failed(&e))
}

fn validate_token_ids(tokenizer: &Tokenizer, ids: &[u32]) -> Result<Tokens, Problem> {
    let tokens = tokenizer.add_special_tokens(ids);
    if tokens == tokenizer.add_special_tokens(&[]) {
        return Err(Problem::empty_input(
            "the array contains only special tokens",
        ));
    }
    let vocabulary = tokenizer.vocab_size();
    let is_unknown = |id: &&u32| usize::try_from(**id).map_or(true, |id| id >= vocabulary);
    if let Some(id) = ids.iter().find(is_unknown) {
        return Err(Problem::unknown_token(format!(
            "{id} is not in the model's vocabulary (0 to {})",
            vocabulary.saturating_sub(1)
        )));
    }
    Ok(tokens)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_keep_order_and_size() {
        let sequences: Vec<Vec<u32>> = (0..100).map(|n| vec![n; 100]).collect();
        let batches = split_into_batches(sequences.clone());
        assert!(batches.len() > 1);
        for batch in &batches {
            assert!(batch.iter().map(Vec::len).sum::<usize>() <= BATCH_TOKENS);
        }
        assert_eq!(batches.concat(), sequences);
        let long = vec![vec![0; 2 * BATCH_TOKENS]];
        assert_eq!(split_into_batches(long).len(), 1);
    }
}
