//! What the sentence-transformers files beside the weights ask for.
//!
//! `modules.json` is a pipeline. We do exactly one: a transformer, mean pooling,
//! and normalisation. Anything else would give vectors that look right and are
//! not, so it is refused by the name that the file uses.

use std::path::PathBuf;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::bert_config::BertConfig;
use super::error::ModelError;
use super::manifest::{Pooling, is_safe_relative};

/// One JSON file with its path, so that a refusal can name it.
#[derive(Debug)]
pub(super) struct JsonFile {
    pub(super) path: PathBuf,
    pub(super) value: Value,
}

impl JsonFile {
    pub(super) fn new(path: PathBuf, contents: &[u8]) -> Result<Self, ModelError> {
        match serde_json::from_slice(contents) {
            Ok(value) => Ok(Self { path, value }),
            Err(error) => Err(ModelError::Malformed {
                path,
                expected: "JSON".to_owned(),
                received: error.to_string(),
            }),
        }
    }

    pub(super) fn parse<T: DeserializeOwned>(&self, expected: &str) -> Result<T, ModelError> {
        T::deserialize(&self.value).map_err(|error| self.malformed(expected, error.to_string()))
    }

    pub(super) fn malformed(&self, expected: &str, received: String) -> ModelError {
        ModelError::Malformed {
            path: self.path.clone(),
            expected: expected.to_owned(),
            received,
        }
    }

    pub(super) fn unsupported(
        &self,
        what: &str,
        expected: &str,
        received: String,
        remedy: &str,
    ) -> ModelError {
        ModelError::Unsupported {
            path: self.path.clone(),
            what: what.to_owned(),
            expected: expected.to_owned(),
            received,
            remedy: remedy.to_owned(),
        }
    }

    fn is_true(&self, field: &str) -> bool {
        self.value.get(field) == Some(&Value::Bool(true))
    }
}

/// A JSON value for a message, or the word for its absence.
pub(super) fn describe_value(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), Value::to_string)
}

/// `modules.json`, understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pipeline {
    /// Folder of the transformer: empty, or ending in `/`.
    pub(super) transformer: String,
    /// Folder of the pooling module, likewise.
    pub(super) pooling: String,
    /// Whether the pipeline ends in L2 normalisation.
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
    pub(super) fn read(settings: &JsonFile) -> Result<Self, ModelError> {
        let mut modules: Vec<PipelineModule> =
            settings.parse("a list of modules with idx, path and type")?;
        modules.sort_by_key(|module| module.idx);
        let refuse = |what: &str, received: String| {
            settings.unsupported(
                what,
                SUPPORTED_PIPELINE,
                received,
                "choose a model whose modules are only these",
            )
        };
        let mut kinds = Vec::new();
        for module in &modules {
            // Releases of sentence-transformers have moved these classes
            // between packages; the class name has stayed.
            let ours = module.kind.starts_with("sentence_transformers.");
            let class = module.kind.rsplit('.').next().unwrap_or_default();
            match class {
                "Transformer" | "Pooling" | "Normalize" if ours => kinds.push(class),
                _ => {
                    return Err(refuse(&format!("the module {class}"), module.kind.clone()));
                }
            }
            if !is_safe_relative(module.path.trim_end_matches('/')) {
                return Err(settings.malformed(
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
            _ => return Err(refuse("this order of modules", kinds.join(", "))),
        };
        let folder = |module: &PipelineModule| match module.path.trim_end_matches('/') {
            "" => String::new(),
            path => format!("{path}/"),
        };
        Ok(Self {
            transformer: folder(transformer),
            pooling: folder(pooling),
            normalize,
        })
    }
}

/// Reads the pooling module's `config.json`: the mean, over the whole width.
pub(super) fn read_pooling(settings: &JsonFile, bert: &BertConfig) -> Result<Pooling, ModelError> {
    let refuse = |what: &str, received: String| {
        settings.unsupported(
            what,
            "mean pooling alone",
            received,
            "choose a model with mean pooling",
        )
    };
    // Old files have one switch for each way of pooling, new ones a name.
    let named = settings
        .value
        .get("pooling_mode")
        .filter(|value| !value.is_null());
    if let Some(mode) = named
        && mode != "mean"
    {
        return Err(refuse("pooling_mode", mode.to_string()));
    }
    let switches = settings.value.as_object().into_iter().flatten();
    for (name, value) in switches {
        if name.starts_with("pooling_mode_")
            && name != "pooling_mode_mean_tokens"
            && value != &Value::Bool(false)
        {
            return Err(refuse(name, value.to_string()));
        }
    }
    let mean = settings.value.get("pooling_mode_mean_tokens");
    if mean != Some(&Value::Bool(true)) && (named.is_none() || mean.is_some()) {
        return Err(refuse("pooling_mode_mean_tokens", describe_value(mean)));
    }
    let width = ["word_embedding_dimension", "embedding_dimension"]
        .iter()
        .find_map(|field| settings.value.get(field));
    if let Some(width) = width
        && width.as_u64() != u64::try_from(bert.hidden_size).ok()
    {
        return Err(settings.malformed(
            &format!(
                "word_embedding_dimension {} as in config.json",
                bert.hidden_size
            ),
            width.to_string(),
        ));
    }
    Ok(Pooling::Mean)
}

/// The longest input, special tokens included: what the model was tuned for,
/// never more than it has positions for.
///
/// `sentence_bert_config.json` comes first, then `tokenizer_config.json`, then
/// the number of positions.
pub(super) fn read_max_seq_length(
    sentence_bert: Option<&JsonFile>,
    tokenizer_config: Option<&JsonFile>,
    bert: &BertConfig,
) -> Result<usize, ModelError> {
    let positions = bert.max_position_embeddings;
    let stated = sentence_bert
        .and_then(|settings| Some((settings, settings.value.get("max_seq_length")?)))
        .filter(|(_, value)| !value.is_null());
    let Some((settings, value)) = stated else {
        // Here "no limit" is written as 1e30, which is no integer.
        let limit = tokenizer_config
            .and_then(|settings| settings.value.get("model_max_length")?.as_u64())
            .and_then(|limit| usize::try_from(limit).ok())
            .unwrap_or(positions);
        return Ok(limit.min(positions).max(MIN_SEQ_LENGTH));
    };
    let length = value
        .as_u64()
        .and_then(|length| usize::try_from(length).ok());
    let Some(length) = length.filter(|length| *length >= MIN_SEQ_LENGTH) else {
        return Err(settings.malformed(
            &format!("max_seq_length of {MIN_SEQ_LENGTH} or more"),
            value.to_string(),
        ));
    };
    if length > positions {
        tracing::warn!(
            file = %settings.path.display(),
            max_seq_length = length,
            max_position_embeddings = positions,
            "max_seq_length is more than the model has positions for; using the latter"
        );
    }
    Ok(length.min(positions))
}

/// `[CLS]`, one word piece, `[SEP]`.
const MIN_SEQ_LENGTH: usize = 3;

/// sentence-transformers can lower the case of a text before tokenising it. We
/// leave that to the tokenizer, which for BERT models does it itself.
pub(super) fn check_lower_case(
    sentence_bert: Option<&JsonFile>,
    tokenizer: &JsonFile,
) -> Result<(), ModelError> {
    let Some(settings) = sentence_bert else {
        return Ok(());
    };
    let normalizer = tokenizer.value.get("normalizer");
    if settings.is_true("do_lower_case") && !normalizer.is_some_and(lowers_case) {
        return Err(settings.unsupported(
            "do_lower_case",
            "false, or a tokenizer.json whose normalizer lowers the case",
            "true".to_owned(),
            "export tokenizer.json with a lower-casing normalizer",
        ));
    }
    Ok(())
}

fn lowers_case(normalizer: &Value) -> bool {
    let parts = normalizer.get("normalizers").and_then(Value::as_array);
    normalizer.get("lowercase") == Some(&Value::Bool(true))
        || normalizer
            .get("type")
            .is_some_and(|kind| kind == "Lowercase")
        || parts.is_some_and(|parts| {
            // One level is what exporters write; a deeper nest is not ours to follow.
            parts.iter().any(|part| {
                part.get("lowercase") == Some(&Value::Bool(true))
                    || part.get("type").is_some_and(|kind| kind == "Lowercase")
            })
        })
}

/// `config_sentence_transformers.json`: a prompt put before every text, or a
/// similarity other than the cosine, would make our scores mean something else.
pub(super) fn check_prompt_and_similarity(settings: &JsonFile) -> Result<(), ModelError> {
    let prompt = settings
        .value
        .get("default_prompt_name")
        .filter(|name| !name.is_null());
    if let Some(name) = prompt {
        return Err(settings.unsupported(
            "default_prompt_name",
            "no prompt",
            name.to_string(),
            "choose a model that embeds the text alone",
        ));
    }
    let similarity = settings
        .value
        .get("similarity_fn_name")
        .filter(|name| !name.is_null());
    if let Some(name) = similarity
        && name != "cosine"
        && name != "dot"
    {
        return Err(settings.unsupported(
            "similarity_fn_name",
            "\"cosine\" or \"dot\"",
            name.to_string(),
            "choose a model that is compared by the cosine",
        ));
    }
    Ok(())
}
