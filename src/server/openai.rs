//! Requests and responses of `OpenAI`'s embeddings API, whose clients work unchanged.

mod input;

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::Problem;
use crate::encoder::Embedding;

pub(super) use input::{EmbeddingInput, MAX_INPUTS};

/// A request for embeddings.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub(super) struct CreateEmbeddingRequest {
    /// One text or several, as text or as token ids.
    pub(super) input: EmbeddingInput,
    /// The model's name, or its last part; defaults to the model of this service.
    #[serde(default)]
    pub(super) model: Option<String>,
    /// Format of the vectors.
    #[serde(default)]
    pub(super) encoding_format: EncodingFormat,
    /// Must equal the model's dimension if set.
    #[serde(default)]
    pub(super) dimensions: Option<usize>,
    /// Accepted and ignored.
    #[serde(default)]
    #[allow(dead_code)] // clients send it
    pub(super) user: Option<String>,
    /// Truncate texts above the model's maximum length; otherwise they are rejected.
    #[serde(default)]
    pub(super) truncate: bool,
}

/// Format of a vector.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum EncodingFormat {
    /// An array of numbers.
    #[default]
    Float,
    /// Little-endian f32 as base64.
    Base64,
}

/// The embeddings.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct CreateEmbeddingResponse {
    object: &'static str,
    data: Vec<EmbeddingItem>,
    model: String,
    usage: Usage,
}

/// One embedding.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct EmbeddingItem {
    object: &'static str,
    /// Index of its input, from 0.
    index: usize,
    embedding: EncodedVector,
}

/// A vector in the requested format.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
enum EncodedVector {
    Float(Vec<f32>),
    Base64(String),
}

/// Token counts.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
struct Usage {
    /// Tokens of all inputs, special tokens included.
    prompt_tokens: usize,
    total_tokens: usize,
}

impl CreateEmbeddingResponse {
    pub(super) fn new(
        embeddings: Vec<Embedding>,
        format: EncodingFormat,
        model: String,
        tokens: usize,
    ) -> Self {
        let data = embeddings
            .into_iter()
            .enumerate()
            .map(|(index, embedding)| EmbeddingItem {
                object: "embedding",
                index,
                embedding: match format {
                    EncodingFormat::Float => EncodedVector::Float(embedding.into()),
                    EncodingFormat::Base64 => {
                        EncodedVector::Base64(to_base64(embedding.as_slice()))
                    }
                },
            })
            .collect();
        Self {
            object: "list",
            data,
            model,
            usage: Usage {
                prompt_tokens: tokens,
                total_tokens: tokens,
            },
        }
    }
}

fn to_base64(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

/// A [`Problem`] whose response has `OpenAI`'s format.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct OpenAiProblem(#[from] Problem);

/// An error in `OpenAI`'s format.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OpenAiError)]
pub(super) struct OpenAiErrorResponse {
    error: OpenAiErrorDetail,
}

/// The error itself.
#[derive(Debug, Serialize, ToSchema)]
struct OpenAiErrorDetail {
    /// Explanation of this occurrence and how to fix it.
    message: String,
    /// `invalid_request_error`, `rate_limit_error` or `server_error`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The field at fault.
    param: Option<String>,
    /// Stable code of the problem type, for programs.
    code: &'static str,
}

impl ResponseError for OpenAiProblem {
    fn status_code(&self) -> StatusCode {
        self.0.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        let kind = match self.0.status_code() {
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            status if status.is_client_error() => "invalid_request_error",
            _ => "server_error",
        };
        self.0.response().json(OpenAiErrorResponse {
            error: OpenAiErrorDetail {
                message: self.0.to_string(),
                kind,
                param: self.0.field().map(str::to_owned),
                code: self.0.code(),
            },
        })
    }
}
