//! `/v1/embeddings`, as `OpenAI` defined it.

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

/// Longest text in characters, also where it is to be truncated: tokenising it must stay cheap.
const MAX_TEXT_CHARS: usize = 50_000;

/// Tokens that are encoded at a time. A large request waits for its turn again after so many, so
/// that a search need not wait for all of it.
const BATCH_TOKENS: usize = 4096;

/// Embeddings of texts, as unit vectors.
///
/// A text that is longer than the model reads is refused, or truncated with `truncate`. A list of
/// token ids stands for one text; the model's special tokens are put around it, unless it begins
/// and ends with them already. They count.
#[utoipa::path(
    post, path = "/v1/embeddings", tag = "embeddings",
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
    let reader = Arc::clone(&engine);
    let (sequences, _) = service
        .admission()
        .run(move || tokenize(reader.encoder().tokenizer(), &input, truncate))
        .await?;
    let tokens = sequences.iter().map(Vec::len).sum();
    let mut embeddings = Vec::with_capacity(sequences.len());
    for batch in batches(sequences) {
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

/// The sequences in their order, in runs of at most [`BATCH_TOKENS`].
fn batches(sequences: Vec<Vec<u32>>) -> Vec<Vec<Vec<u32>>> {
    let mut batches: Vec<Vec<Vec<u32>>> = Vec::new();
    let mut room = 0;
    for sequence in sequences {
        match batches.last_mut() {
            Some(batch) if sequence.len() <= room => {
                room -= sequence.len();
                batch.push(sequence);
            }
            _ => {
                room = BATCH_TOKENS.saturating_sub(sequence.len());
                batches.push(vec![sequence]);
            }
        }
    }
    batches
}

/// Every input as the model reads it.
fn tokenize(
    tokenizer: &Tokenizer,
    input: &EmbeddingInput,
    truncate: bool,
) -> Result<Vec<Vec<u32>>, Problem> {
    let in_place = |index, read: Result<Tokens, Problem>| {
        read.map_err(|problem| problem.at(input.field_name(index)))
    };
    let all: Vec<Tokens> = match input {
        EmbeddingInput::Text(text) => vec![in_place(0, tokenize_text(tokenizer, text))?],
        EmbeddingInput::Tokens(ids) => vec![in_place(0, validate_token_ids(tokenizer, ids))?],
        EmbeddingInput::Texts(texts) => (0..)
            .zip(texts)
            .map(|(index, text)| in_place(index, tokenize_text(tokenizer, text)))
            .collect::<Result<_, _>>()?,
        EmbeddingInput::ManyTokens(lists) => (0..)
            .zip(lists)
            .map(|(index, ids)| in_place(index, validate_token_ids(tokenizer, ids)))
            .collect::<Result<_, _>>()?,
    };
    for (index, tokens) in all.iter().enumerate() {
        if tokens.is_truncated() && !truncate {
            let detail = format!(
                "the text has {} tokens, the model reads {}, its special tokens included; shorten it, or set \"truncate\": true",
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
        return Err(Problem::empty_input(
            "the text is empty; expected some words",
        ));
    }
    let characters = text.chars().count();
    if characters > MAX_TEXT_CHARS {
        return Err(Problem::input_too_long(format!(
            "the text has {characters} characters; expected at most {MAX_TEXT_CHARS}, of which the model reads {} tokens",
            tokenizer.max_tokens()
        )));
    }
    tokenizer.tokenize(text).map_err(|e| failed(&e))
}

fn validate_token_ids(tokenizer: &Tokenizer, ids: &[u32]) -> Result<Tokens, Problem> {
    let tokens = tokenizer.add_special_tokens(ids);
    if tokens == tokenizer.add_special_tokens(&[]) {
        return Err(Problem::empty_input(
            "the array holds no token ids beside special ones; expected some",
        ));
    }
    let vocabulary = tokenizer.vocab_size();
    let stranger = |id: &&u32| usize::try_from(**id).map_or(true, |id| id >= vocabulary);
    if let Some(id) = ids.iter().find(stranger) {
        return Err(Problem::unknown_token(format!(
            "{id} is no token of the model; its ids are 0 to {}",
            vocabulary.saturating_sub(1)
        )));
    }
    Ok(tokens)
}

/// The full name, or what follows its last slash, in any case.
fn check_model(requested: Option<&str>, served: &str) -> Result<(), Problem> {
    let short = served.rsplit('/').next().unwrap_or(served);
    match requested {
        Some(name) if !name.eq_ignore_ascii_case(served) && !name.eq_ignore_ascii_case(short) => {
            let detail = format!("the model {name:?} is not served here; expected {served:?}");
            Err(Problem::model_not_found(detail).at("model"))
        }
        _ => Ok(()),
    }
}

fn check_dimensions(requested: Option<usize>, served: usize) -> Result<(), Problem> {
    match requested {
        Some(asked) if asked != served => {
            let detail = format!("dimensions is {asked}; this model gives {served} and no others");
            Err(Problem::dimensions_unsupported(detail).at("dimensions"))
        }
        _ => Ok(()),
    }
}

fn check_count(count: usize) -> Result<(), Problem> {
    if count == 0 {
        return Err(
            Problem::empty_input("input is an empty array; expected texts or token ids")
                .at("input"),
        );
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
    fn batches_keep_the_order_and_their_size() {
        let sequences: Vec<Vec<u32>> = (0..100).map(|n| vec![n; 100]).collect();
        let split = batches(sequences.clone());
        assert!(split.len() > 1);
        for batch in &split {
            assert!(batch.iter().map(Vec::len).sum::<usize>() <= BATCH_TOKENS);
        }
        assert_eq!(split.concat(), sequences);
        assert_eq!(batches(vec![vec![0; 2 * BATCH_TOKENS]]).len(), 1);
    }
}
