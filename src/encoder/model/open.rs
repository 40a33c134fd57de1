//! Opens a model directory: the pinned model, or the user's own.
//!
//! The pinned model is opened only if the hash of every file matches the manifest. A user's own
//! model is identified by the hash of its weights.

use std::path::Path;

use super::bert_config::BertConfig;
use super::error::ModelError;
use super::json_file::JsonFile;
use super::manifest::{Manifest, Pooling};
use super::model_dir::{HashedFile, ModelDir};
use super::sentence_transformers::{self, Pipeline};

/// The validated files of a model in memory.
#[derive(Debug)]
pub struct ModelFiles {
    /// The shape of the network.
    pub config: BertConfig,
    /// Content of `config.json`.
    pub config_json: Vec<u8>,
    /// Content of `tokenizer.json`.
    pub tokenizer_json: Vec<u8>,
    /// Content of `model.safetensors`.
    pub weights: Vec<u8>,
    /// How token vectors are pooled.
    pub pooling: Pooling,
    /// Whether the pipeline of the model ends with L2 normalization. Embeddings are unit vectors in any
    /// case: if this is false, scores are cosine similarities instead of the model's own dot products.
    pub normalize: bool,
    /// Maximum input length in tokens, including special tokens; at most
    /// `config.max_position_embeddings`.
    pub max_seq_length: usize,
    /// Number of components of an embedding.
    pub dimension: usize,
    /// Identity of the model.
    pub identity: ModelIdentity,
}

/// The identity of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelIdentity {
    /// Name of the pinned model, or of the directory.
    pub name: String,
    /// Hub commit of the pinned model, or `sha256:` and the first twelve digits of the weights' hash.
    pub revision: String,
    /// Hash of `model.safetensors`.
    pub weights_sha256: String,
    /// Hash of `tokenizer.json`.
    pub tokenizer_sha256: String,
}

/// Opens a directory that [`fetch`](super::fetch()) installed.
///
/// Every file is read and hashed in one pass. Files that are not in the manifest are ignored.
///
/// # Errors
///
/// [`ModelError::Missing`] or [`ModelError::WrongHash`] if the directory does not contain the
/// manifest's files; [`ModelError::Manifest`] if the manifest does not match them otherwise.
pub fn open_pinned(manifest: &Manifest, dir: &Path) -> Result<ModelFiles, ModelError> {
    let mut read = read_model(ModelDir::verified(dir, manifest)?)?;
    let model = &mut read.model;
    let mismatch = |what: &str, expected: String, received: String| ModelError::Manifest {
        what: what.to_owned(),
        expected: format!("{expected} as in the model's files"),
        received,
    };
    for (what, in_manifest, in_files) in [
        ("dimension", manifest.dimension, model.dimension),
        (
            "max_seq_length",
            manifest.max_seq_length,
            model.max_seq_length,
        ),
    ] {
        if in_manifest != in_files {
            let (expected, received) = (in_files.to_string(), in_manifest.to_string());
            return Err(mismatch(what, expected, received));
        }
    }
    if manifest.normalize != model.normalize {
        return Err(mismatch(
            "normalize",
            model.normalize.to_string(),
            manifest.normalize.to_string(),
        ));
    }
    if manifest.pooling != model.pooling {
        return Err(mismatch(
            "pooling",
            model.pooling.name().to_owned(),
            manifest.pooling.name().to_owned(),
        ));
    }
    model.identity.name.clone_from(&manifest.name);
    model.identity.revision.clone_from(&manifest.revision);
    Ok(read.model)
}

/// Opens any directory in sentence-transformers layout with a BERT model.
///
/// A copy of the pinned model is recognized by its hashes and gets the same identity, so that it can
/// be used with the same store.
///
/// # Errors
///
/// [`ModelError::Missing`] for a missing file, [`ModelError::Unsupported`] if the encoder does not
/// support the model, [`ModelError::Malformed`] for an invalid file.
pub fn open_folder(dir: &Path) -> Result<ModelFiles, ModelError> {
    if !dir.is_dir() {
        return Err(ModelError::Missing {
            path: dir.to_owned(),
            remedy: "pass --model-dir with a folder in sentence-transformers layout".to_owned(),
        });
    }
    let mut read = read_model(ModelDir::unverified(dir))?;
    let pinned = Manifest::built_in()?;
    let is_pinned = pinned.files.iter().all(|file| {
        read.hashes
            .iter()
            .any(|(name, sha256)| *name == file.path && *sha256 == file.sha256)
    });
    let identity = &mut read.model.identity;
    if is_pinned {
        identity.name = pinned.name;
        identity.revision = pinned.revision;
    } else {
        let short: String = identity.weights_sha256.chars().take(12).collect();
        identity.revision = format!("sha256:{short}");
        // Resolved, since "." and ".." have no name.
        identity.name = dir
            .canonicalize()
            .ok()
            .and_then(|full| Some(full.file_name()?.to_string_lossy().into_owned()))
            .unwrap_or_else(|| dir.display().to_string());
    }
    if !read.model.normalize {
        tracing::warn!(
            folder = %dir.display(),
            "the model does not normalize its embeddings; Antiphon normalizes them, so scores are cosine similarities"
        );
    }
    Ok(read.model)
}

/// A model whose identity has no name and revision yet.
struct UnnamedModel {
    model: ModelFiles,
    /// The name and hash of each file that was read.
    hashes: Vec<(String, String)>,
}

fn read_model(mut model_dir: ModelDir) -> Result<UnnamedModel, ModelError> {
    let mut hashes = Vec::new();
    let mut read_optional =
        |model_dir: &mut ModelDir, name: &str| -> Result<Option<HashedFile>, ModelError> {
            let file = model_dir.read(name)?;
            if let Some(file) = &file {
                hashes.push((name.to_owned(), file.sha256.clone()));
            }
            Ok(file)
        };
    let mut read_required = |model_dir: &mut ModelDir, name: &str, remedy: &str| {
        read_optional(model_dir, name)?.ok_or_else(|| ModelError::Missing {
            path: model_dir.path(name),
            remedy: remedy.to_owned(),
        })
    };

    let layout = "the folder must be in sentence-transformers layout: download all of the model's files, \
                  or save it with SentenceTransformer.save()";
    let modules = read_required(&mut model_dir, "modules.json", layout)?;
    let pipeline = Pipeline::read(&JsonFile::new(
        model_dir.path("modules.json"),
        &modules.contents,
    )?)?;
    let within = |name: &str| format!("{}{name}", pipeline.transformer);

    let name = within("config.json");
    let config = read_required(&mut model_dir, &name, layout)?;
    let bert = BertConfig::read(&JsonFile::new(model_dir.path(&name), &config.contents)?)?;

    let name = format!("{}config.json", pipeline.pooling);
    let pooling = read_required(&mut model_dir, &name, layout)?;
    let pooling = sentence_transformers::read_pooling(
        &JsonFile::new(model_dir.path(&name), &pooling.contents)?,
        &bert,
    )?;

    let name = within("tokenizer.json");
    let tokenizer = read_required(
        &mut model_dir,
        &name,
        "create it with transformers: AutoTokenizer.from_pretrained(DIR, use_fast=True).save_pretrained(DIR)",
    )?;
    let tokenizer_json = JsonFile::new(model_dir.path(&name), &tokenizer.contents)?;

    let mut read_json = |model_dir: &mut ModelDir, name: &str| {
        read_optional(model_dir, name)?
            .map(|file| JsonFile::new(model_dir.path(name), &file.contents))
            .transpose()
    };
    let sentence_bert = read_json(&mut model_dir, &within("sentence_bert_config.json"))?;
    let tokenizer_config = read_json(&mut model_dir, &within("tokenizer_config.json"))?;
    if let Some(similarity) = read_json(&mut model_dir, "config_sentence_transformers.json")? {
        sentence_transformers::check_prompt_and_similarity(&similarity)?;
    }
    sentence_transformers::check_lower_case(sentence_bert.as_ref(), &tokenizer_json)?;
    let max_seq_length = sentence_transformers::read_max_seq_length(
        sentence_bert.as_ref(),
        tokenizer_config.as_ref(),
        &bert,
    )?;

    // Last, since it takes the longest.
    let name = within("model.safetensors");
    let weights = read_optional(&mut model_dir, &name)?
        .ok_or_else(|| missing_weights_error(&model_dir, &pipeline.transformer, &name))?;

    Ok(UnnamedModel {
        model: ModelFiles {
            pooling,
            normalize: pipeline.normalize,
            max_seq_length,
            dimension: bert.hidden_size,
            identity: ModelIdentity {
                name: String::new(),
                revision: String::new(),
                weights_sha256: weights.sha256,
                tokenizer_sha256: tokenizer.sha256,
            },
            config: bert,
            config_json: config.contents,
            tokenizer_json: tokenizer.contents,
            weights: weights.contents,
        },
        hashes,
    })
}

/// Returns the error for missing weights; with a remedy if they exist in another format.
fn missing_weights_error(model_dir: &ModelDir, folder: &str, name: &str) -> ModelError {
    let convert = "convert them with transformers: \
                   AutoModel.from_pretrained(DIR).save_pretrained(DIR, safe_serialization=True, max_shard_size=\"50GB\")";
    for (other, what) in [
        ("model.safetensors.index.json", "sharded safetensors"),
        ("pytorch_model.bin", "PyTorch weights"),
        ("pytorch_model.bin.index.json", "sharded PyTorch weights"),
        ("tf_model.h5", "TensorFlow weights"),
        (
            "adapter_config.json",
            "a PEFT adapter without its base model",
        ),
    ] {
        let other = format!("{folder}{other}");
        if model_dir.contains(&other) {
            return ModelError::Unsupported {
                path: model_dir.path(&other),
                what: what.to_owned(),
                expected: "one model.safetensors".to_owned(),
                received: other,
                remedy: convert.to_owned(),
            };
        }
    }
    ModelError::Missing {
        path: model_dir.path(name),
        remedy: "download all of the model's files".to_owned(),
    }
}
