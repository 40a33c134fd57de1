//! Validation of `config.json`.
//!
//! candle's BERT silently ignores some fields (decoder, kind of position embedding). Therefore every
//! field that affects the result is validated here, and rejected by name if it is not supported.

use serde::Deserialize;
use serde_json::Value;

use super::error::ModelError;
use super::json_file::{JsonFile, describe_value};

/// The configuration of a BERT encoder.
///
/// The encoders are configured from these fields instead of `config.json`, since the names of
/// activations differ between libraries.
#[derive(Debug, Clone, PartialEq)]
pub struct BertConfig {
    /// Rows of the word embedding.
    pub vocab_size: usize,
    /// Width of a token vector; the dimension of an embedding.
    pub hidden_size: usize,
    /// Transformer layers.
    pub num_hidden_layers: usize,
    /// Attention heads; divides `hidden_size`.
    pub num_attention_heads: usize,
    /// Width of the feed-forward layer.
    pub intermediate_size: usize,
    /// The feed-forward layer's activation.
    pub hidden_act: Activation,
    /// Rows of the position embedding; maximum input length.
    pub max_position_embeddings: usize,
    /// Rows of the token type embedding.
    pub type_vocab_size: usize,
    /// Added to the variance in layer normalization.
    pub layer_norm_eps: f64,
    /// The padding token.
    pub pad_token_id: usize,
}

/// An activation that candle's BERT supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `gelu`: exact, by the error function.
    Gelu,
    /// `gelu_new`, `gelu_pytorch_tanh`: the tanh approximation.
    GeluApproximate,
    /// `relu`.
    Relu,
}

/// The numbers in `config.json`, not yet validated.
#[derive(Debug, Deserialize)]
struct RawConfig {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    max_position_embeddings: usize,
    #[serde(default = "default_type_vocab_size")]
    type_vocab_size: usize,
    #[serde(default = "default_layer_norm_eps")]
    layer_norm_eps: f64,
    #[serde(default)]
    pad_token_id: Option<usize>,
}

// The defaults of transformers.
fn default_type_vocab_size() -> usize {
    2
}

fn default_layer_norm_eps() -> f64 {
    1e-12
}

const USE_BERT_REMEDY: &str = "choose a BERT model, such as sentence-transformers/all-MiniLM-L6-v2";

impl BertConfig {
    /// Reads `config.json`, and rejects what the encoder does not support by name.
    pub(super) fn read(file: &JsonFile) -> Result<Self, ModelError> {
        let get = |field: &str| file.value.get(field).filter(|value| !value.is_null());
        let unsupported = |what: &str, expected: &str, received: String| {
            file.unsupported(what, expected, received, USE_BERT_REMEDY)
        };

        let model_type = get("model_type");
        if model_type.and_then(Value::as_str) != Some("bert") {
            return Err(unsupported(
                "model_type",
                "\"bert\"",
                describe_value(model_type),
            ));
        }
        if let Some(architectures) = get("architectures") {
            let supported = ["BertModel", "BertForMaskedLM", "BertForPreTraining"];
            let is_supported = architectures.as_array().is_some_and(|names| {
                names
                    .iter()
                    .any(|name| name.as_str().is_some_and(|name| supported.contains(&name)))
            });
            if !is_supported {
                return Err(unsupported(
                    "architectures",
                    "one of BertModel, BertForMaskedLM, BertForPreTraining",
                    architectures.to_string(),
                ));
            }
        }
        let position = get("position_embedding_type");
        if position.is_some_and(|value| value != "absolute") {
            return Err(unsupported(
                "position_embedding_type",
                "\"absolute\"",
                describe_value(position),
            ));
        }
        for field in ["is_decoder", "add_cross_attention", "is_encoder_decoder"] {
            if get(field).is_some_and(|value| value != false) {
                return Err(unsupported(field, "false", describe_value(get(field))));
            }
        }
        if get("quantization_config").is_some() {
            return Err(file.unsupported(
                "quantization_config",
                "floating-point weights",
                "quantized weights".to_owned(),
                "export the model in float32",
            ));
        }
        let hidden_act = match get("hidden_act").map(|value| value.as_str().unwrap_or_default()) {
            None | Some("gelu") => Activation::Gelu,
            Some("gelu_new" | "gelu_pytorch_tanh") => Activation::GeluApproximate,
            Some("relu") => Activation::Relu,
            Some(_) => {
                return Err(unsupported(
                    "hidden_act",
                    "one of gelu, gelu_new, gelu_pytorch_tanh, relu",
                    describe_value(get("hidden_act")),
                ));
            }
        };
        Self::parse_and_validate(file, hidden_act)
    }

    /// Reads the numbers, and rejects those with which the encoder would divide by zero or overflow.
    fn parse_and_validate(file: &JsonFile, hidden_act: Activation) -> Result<Self, ModelError> {
        let raw: RawConfig = file.parse("the configuration of a BERT model")?;
        for (field, value) in [
            ("vocab_size", raw.vocab_size),
            ("hidden_size", raw.hidden_size),
            ("num_hidden_layers", raw.num_hidden_layers),
            ("num_attention_heads", raw.num_attention_heads),
            ("intermediate_size", raw.intermediate_size),
            ("max_position_embeddings", raw.max_position_embeddings),
            ("type_vocab_size", raw.type_vocab_size),
        ] {
            // Tensor sizes are multiplied; above this the product could overflow.
            if value == 0 || value > 1 << 24 {
                return Err(
                    file.malformed(&format!("{field} from 1 to {}", 1 << 24), value.to_string())
                );
            }
        }
        if !raw.hidden_size.is_multiple_of(raw.num_attention_heads) {
            return Err(file.malformed(
                "hidden_size to be a multiple of num_attention_heads",
                format!("{} and {}", raw.hidden_size, raw.num_attention_heads),
            ));
        }
        if !raw.layer_norm_eps.is_finite() || raw.layer_norm_eps <= 0.0 {
            return Err(file.malformed("layer_norm_eps above 0", raw.layer_norm_eps.to_string()));
        }
        Ok(Self {
            vocab_size: raw.vocab_size,
            hidden_size: raw.hidden_size,
            num_hidden_layers: raw.num_hidden_layers,
            num_attention_heads: raw.num_attention_heads,
            intermediate_size: raw.intermediate_size,
            hidden_act,
            max_position_embeddings: raw.max_position_embeddings,
            type_vocab_size: raw.type_vocab_size,
            layer_norm_eps: raw.layer_norm_eps,
            pad_token_id: raw.pad_token_id.unwrap_or(0),
        })
    }
}
