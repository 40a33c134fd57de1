//! Validation of the sentence-transformers files next to the weights.
//!
//! `modules.json` defines a pipeline. One is supported: a transformer, mean pooling, and optionally
//! normalization. Any other would silently result in wrong embeddings, so it is rejected by the name
//! that the file uses.

use serde::Deserialize;
use serde_json::Value;

use super::bert_config::BertConfig;
use super::error::ModelError;
use super::json_file::{JsonFile, describe_value};
use super::manifest::{Pooling, is_safe_relative};

/// The pipeline of `modules.json`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pipeline {
    /// Directory of the transformer: empty, or ending with `/`.
    pub(super) transformer: String,
    /// Directory of the pooling module, likewise.
    pub(super) pooling: String,
    /// Whether the pipeline ends with L2 normalization.
    pub(super) normalize: bool,
}

#[derive(Debug, Deserialize)]
struct PipelineModule {
    idx: u64,
    #[serde(default)]
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

const SUPPORTED_PIPELINE: &str = "Transformer, Pooling and optionally Normalize";

impl Pipeline {
    pub(super) fn read(file: &JsonFile) -> Result<Self, ModelError> {
        let mut modules: Vec<PipelineModule> =
            file.parse("a list of modules with idx, path and type")?;
        modules.sort_by_key(|module| module.idx);
        let unsupported = |what: &str, received: String| {
            file.unsupported(
                what,
                SUPPORTED_PIPELINE,
                received,
                "choose a model with only these modules",
            )
        };
        let mut kinds = Vec::new();
        for module in &modules {
            // Releases of sentence-transformers have moved these classes between packages, but kept
            // their names.
            let is_known_package = module.kind.starts_with("sentence_transformers.");
            let class = module.kind.rsplit('.').next().unwrap_or_default();
            match class {
                "Transformer" | "Pooling" | "Normalize" if is_known_package => kinds.push(class),
                _ => {
                    return Err(unsupported(
                        &format!("the module {class}"),
                        module.kind.clone(),
                    ));
                }
            }
            if !is_safe_relative(module.path.trim_end_matches('/')) {
                return Err(file.malformed(
                    "each module's path inside the model's folder",
                    format!("{:?}", module.path),
                ));
            }
        }
        let (transformer, pooling, normalize) = match (modules.as_slice(), kinds.as_slice()) {
            ([transformer, pooling], ["Transformer", "Pooling"]) => (transformer, pooling, false),
            ([transformer, pooling, _], ["Transformer", "Pooling", "Normalize"]) => {
                (transformer, pooling, true)
            }
            _ => return Err(unsupported("this order of modules", kinds.join(", "))),
        };
        let directory = |module: &PipelineModule| match module.path.trim_end_matches('/') {
            "" => String::new(),
            path => format!("{path}/"),
        };
        Ok(Self {
            transformer: directory(transformer),
            pooling: directory(pooling),
            normalize,
        })
    }
}

/// Validates the pooling module's `config.json`: mean pooling over the whole width.
pub(super) fn read_pooling(file: &JsonFile, bert: &BertConfig) -> Result<Pooling, ModelError> {
    let unsupported = |what: &str, received: String| {
        file.unsupported(
            what,
            "mean pooling only",
            received,
            "choose a model with mean pooling",
        )
    };
    // Old files have a switch for each mode of pooling, new ones a name.
    let named = file
        .value
        .get("pooling_mode")
        .filter(|value| !value.is_null());
    if let Some(mode) = named
        && mode != "mean"
    {
        return Err(unsupported("pooling_mode", mode.to_string()));
    }
    let switches = file.value.as_object().into_iter().flatten();
    for (name, value) in switches {
        if name.starts_with("pooling_mode_")
            && name != "pooling_mode_mean_tokens"
            && value != &Value::Bool(false)
        {
            return Err(unsupported(name, value.to_string()));
        }
    }
    let mean = file.value.get("pooling_mode_mean_tokens");
    if mean != Some(&Value::Bool(true)) && (named.is_none() || mean.is_some()) {
        return Err(unsupported(
            "pooling_mode_mean_tokens",
            describe_value(mean),
        ));
    }
    let width = ["word_embedding_dimension", "embedding_dimension"]
        .iter()
        .find_map(|field| file.value.get(field));
    if let Some(width) = width
        && width.as_u64() != u64::try_from(bert.hidden_size).ok()
    {
        return Err(file.malformed(
            &format!(
                "word_embedding_dimension {} as in config.json",
                bert.hidden_size
            ),
            width.to_string(),
        ));
    }
    Ok(Pooling::Mean)
}

/// Returns the maximum input length, including special tokens: the one that the model was trained for, at
/// most its number of positions.
///
/// It is read from `sentence_bert_config.json` or else from `tokenizer_config.json`; the default is the
/// number of positions.
pub(super) fn read_max_seq_length(
    sentence_bert: Option<&JsonFile>,
    tokenizer_config: Option<&JsonFile>,
    bert: &BertConfig,
) -> Result<usize, ModelError> {
    let positions = bert.max_position_embeddings;
    let configured = sentence_bert
        .and_then(|file| Some((file, file.value.get("max_seq_length")?)))
        .filter(|(_, value)| !value.is_null());
    let Some((file, value)) = configured else {
        // "No limit" is written as 1e30 in this file, which is not an integer.
        let limit = tokenizer_config
            .and_then(|file| file.value.get("model_max_length")?.as_u64())
            .and_then(|limit| usize::try_from(limit).ok())
            .unwrap_or(positions);
        return Ok(limit.min(positions).max(MIN_SEQ_LENGTH));
    };
    let length = value
        .as_u64()
        .and_then(|length| usize::try_from(length).ok());
    let Some(length) = length.filter(|length| *length >= MIN_SEQ_LENGTH) else {
        return Err(file.malformed(
            &format!("max_seq_length of {MIN_SEQ_LENGTH} or more"),
            value.to_string(),
        ));
    };
    if length > positions {
        tracing::warn!(
            file = %file.path.display(),
            max_seq_length = length,
            max_position_embeddings = positions,
            "max_seq_length exceeds max_position_embeddings; using max_position_embeddings"
        );
    }
    Ok(length.min(positions))
}

/// `[CLS]`, one word piece, `[SEP]`.
const MIN_SEQ_LENGTH: usize = 3;

/// Checks that lowercasing is left to the tokenizer, as usual for BERT models; sentence-transformers can
/// also lowercase a text before it is tokenized.
pub(super) fn check_lower_case(
    sentence_bert: Option<&JsonFile>,
    tokenizer: &JsonFile,
) -> Result<(), ModelError> {
    let Some(file) = sentence_bert else {
        return Ok(());
    };
    let normalizer = tokenizer.value.get("normalizer");
    if file.is_true("do_lower_case") && !normalizer.is_some_and(lowercases) {
        return Err(file.unsupported(
            "do_lower_case",
            "false, or a tokenizer.json with a lowercasing normalizer",
            "true".to_owned(),
            "export tokenizer.json with a lowercasing normalizer",
        ));
    }
    Ok(())
}

fn lowercases(normalizer: &Value) -> bool {
    let parts = normalizer.get("normalizers").and_then(Value::as_array);
    normalizer.get("lowercase") == Some(&Value::Bool(true))
        || normalizer
            .get("type")
            .is_some_and(|kind| kind == "Lowercase")
        || parts.is_some_and(|parts| {
            // Exporters never nest deeper than one level.
            parts.iter().any(|part| {
                part.get("lowercase") == Some(&Value::Bool(true))
                    || part.get("type").is_some_and(|kind| kind == "Lowercase")
            })
        })
}

/// Validates `config_sentence_transformers.json`: a default prompt, or a similarity other than cosine or
/// dot product, is not supported.
pub(super) fn check_prompt_and_similarity(file: &JsonFile) -> Result<(), ModelError> {
    let prompt = file
        .value
        .get("default_prompt_name")
        .filter(|name| !name.is_null());
    if let Some(name) = prompt {
        return Err(file.unsupported(
            "default_prompt_name",
            "no prompt",
            name.to_string(),
            "choose a model without a default prompt",
        ));
    }
    let similarity = file
        .value
        .get("similarity_fn_name")
        .filter(|name| !name.is_null());
    if let Some(name) = similarity
        && name != "cosine"
        && name != "dot"
    {
        return Err(file.unsupported(
            "similarity_fn_name",
            "\"cosine\" or \"dot\"",
            name.to_string(),
            "choose a model trained for cosine similarity",
        ));
    }
    Ok(())
}
