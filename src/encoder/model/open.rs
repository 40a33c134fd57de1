//! Opening a folder of model files: the pinned model, or one of the user's own.
//!
//! Both ways end in the same [`ModelFiles`]. They differ in what is trusted: the
//! pinned folder only after every file's hash agrees with the manifest, a user's
//! folder for what it is, under the hash of its weights.

use std::path::Path;

use super::bert_config::BertConfig;
use super::error::ModelError;
use super::manifest::{Manifest, Pooling};
use super::model_dir::{HashedFile, ModelDir};
use super::sentence_transformers::{self, JsonFile, Pipeline};

/// A model in memory, checked and ready to be made into an encoder.
#[derive(Debug)]
pub struct ModelFiles {
    /// The shape of the network.
    pub config: BertConfig,
    /// `config.json`, as it was read.
    pub config_json: Vec<u8>,
    /// `tokenizer.json`, as it was read.
    pub tokenizer_json: Vec<u8>,
    /// `model.safetensors`, as it was read.
    pub weights: Vec<u8>,
    /// How token vectors become one.
    pub pooling: Pooling,
    /// Whether the model itself ends in L2 normalisation. Antiphon's embeddings
    /// are unit vectors either way: where this is false, the encoder still
    /// normalises, and a score is the cosine rather than the model's own dot
    /// product.
    pub normalize: bool,
    /// Longest input in word pieces, special tokens included; never more than
    /// `config.max_position_embeddings`.
    pub max_seq_length: usize,
    /// Coordinates of an embedding.
    pub dimension: usize,
    /// Which model this is.
    pub identity: ModelIdentity,
}

/// Which model made an embedding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelIdentity {
    /// The pinned model's name, or the folder's.
    pub name: String,
    /// The pinned model's hub commit, or `sha256:` and the first twelve digits
    /// of the weights' hash.
    pub revision: String,
    /// Hash of `model.safetensors`.
    pub weights_sha256: String,
    /// Hash of `tokenizer.json`.
    pub tokenizer_sha256: String,
}

/// Opens a folder that [`fetch`](super::fetch()) put in place.
///
/// Every file is hashed as it is read, and what was hashed is what is returned.
/// Files that the manifest does not name are not looked at.
///
/// # Errors
///
/// [`ModelError::Missing`] or [`ModelError::WrongHash`] for a folder that is not
/// the manifest's model, with the remedy; [`ModelError::Manifest`] if the
/// manifest describes its own files wrongly.
pub fn open_pinned(manifest: &Manifest, dir: &Path) -> Result<ModelFiles, ModelError> {
    let mut read = read_model(ModelDir::verified(dir, manifest)?)?;
    let model = &mut read.model;
    let disagree = |what: &str, expected: String, received: String| ModelError::Manifest {
        what: what.to_owned(),
        expected: format!("{expected} as in the model's files"),
        received,
    };
    for (what, ours, theirs) in [
        ("dimension", manifest.dimension, model.dimension),
        (
            "max_seq_length",
            manifest.max_seq_length,
            model.max_seq_length,
        ),
    ] {
        if ours != theirs {
            return Err(disagree(what, theirs.to_string(), ours.to_string()));
        }
    }
    if manifest.normalize != model.normalize {
        return Err(disagree(
            "normalize",
            model.normalize.to_string(),
            manifest.normalize.to_string(),
        ));
    }
    if manifest.pooling != model.pooling {
        return Err(disagree(
            "pooling",
            model.pooling.name().to_owned(),
            manifest.pooling.name().to_owned(),
        ));
    }
    model.identity.name.clone_from(&manifest.name);
    model.identity.revision.clone_from(&manifest.revision);
    Ok(read.model)
}

/// Opens any folder in sentence-transformers layout that holds a BERT model.
///
/// A folder that holds the pinned model byte for byte is recognised as such, so
/// that the way to the files does not change what a store remembers of them.
///
/// # Errors
///
/// [`ModelError::Missing`] names a file that is not there,
/// [`ModelError::Unsupported`] what the model asks for and the encoder does not
/// do, [`ModelError::Malformed`] a file that makes no sense.
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
        // "." and ".." have no name of their own until they are resolved.
        identity.name = dir
            .canonicalize()
            .ok()
            .and_then(|full| Some(full.file_name()?.to_string_lossy().into_owned()))
            .unwrap_or_else(|| dir.display().to_string());
    }
    if !read.model.normalize {
        tracing::warn!(
            folder = %dir.display(),
            "the model does not normalise its vectors; Antiphon does, so scores are cosines"
        );
    }
    Ok(read.model)
}

/// A model whose identity has its hashes but no name yet.
struct UnnamedModel {
    model: ModelFiles,
    /// Each file that was read, with its hash.
    hashes: Vec<(String, String)>,
}

fn read_model(mut model_dir: ModelDir) -> Result<UnnamedModel, ModelError> {
    let mut hashes = Vec::new();
    let mut read_optional =
        |model_dir: &mut ModelDir, name: &str| -> Result<Option<HashedFile>, ModelError> {
            let item = model_dir.read(name)?;
            if let Some(item) = &item {
                hashes.push((name.to_owned(), item.sha256.clone()));
            }
            Ok(item)
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
        "make it with transformers: AutoTokenizer.from_pretrained(DIR, use_fast=True).save_pretrained(DIR)",
    )?;
    let tokenizer_settings = JsonFile::new(model_dir.path(&name), &tokenizer.contents)?;

    let mut read_json = |model_dir: &mut ModelDir, name: &str| {
        read_optional(model_dir, name)?
            .map(|item| JsonFile::new(model_dir.path(name), &item.contents))
            .transpose()
    };
    let sentence_bert = read_json(&mut model_dir, &within("sentence_bert_config.json"))?;
    let tokenizer_config = read_json(&mut model_dir, &within("tokenizer_config.json"))?;
    if let Some(similarity) = read_json(&mut model_dir, "config_sentence_transformers.json")? {
        sentence_transformers::check_prompt_and_similarity(&similarity)?;
    }
    sentence_transformers::check_lower_case(sentence_bert.as_ref(), &tokenizer_settings)?;
    let max_seq_length = sentence_transformers::read_max_seq_length(
        sentence_bert.as_ref(),
        tokenizer_config.as_ref(),
        &bert,
    )?;

    // Last, because it is the one that takes time.
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

/// The file is missing; people often have the same weights in another form.
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
