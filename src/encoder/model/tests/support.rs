//! A tiny model with its manifest, a local hub, and a fake pip.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::encoder::model::{FetchOptions, FetchProgress, FetchTimeouts, Manifest, ModelSource};

/// Contents by path in the model directory.
pub(super) type Tree = BTreeMap<String, Vec<u8>>;

pub(super) const REVISION: &str = "0123456789abcdef0123456789abcdef01234567";

/// Returns the files of a tiny BERT model.
pub(super) fn tiny() -> Tree {
    let mut tree = Tree::new();
    put_json(
        &mut tree,
        "config.json",
        &json!({
            "architectures": ["BertModel"], "model_type": "bert", "hidden_act": "gelu",
            "hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 1,
            "intermediate_size": 16, "vocab_size": 30, "max_position_embeddings": 64,
            "type_vocab_size": 2, "layer_norm_eps": 1e-12, "pad_token_id": 0,
            "position_embedding_type": "absolute",
        }),
    );
    put_json(
        &mut tree,
        "modules.json",
        &modules(&["Transformer", "Pooling", "Normalize"]),
    );
    put_json(
        &mut tree,
        "1_Pooling/config.json",
        &json!({
            "word_embedding_dimension": 8, "pooling_mode_cls_token": false,
            "pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": false,
            "pooling_mode_mean_sqrt_len_tokens": false,
        }),
    );
    put_json(
        &mut tree,
        "sentence_bert_config.json",
        &json!({"max_seq_length": 32, "do_lower_case": false}),
    );
    put_json(
        &mut tree,
        "tokenizer.json",
        &json!({"normalizer": {"type": "BertNormalizer", "lowercase": true}}),
    );
    tree.insert(
        "model.safetensors".to_owned(),
        (0..=255).cycle().take(300_000).collect(),
    );
    tree
}

pub(super) fn modules(kinds: &[&str]) -> Value {
    let list = kinds.iter().enumerate().map(|(idx, kind)| {
        let path = if idx == 0 {
            String::new()
        } else {
            format!("{idx}_{kind}")
        };
        json!({"idx": idx, "name": idx.to_string(), "path": path,
               "type": format!("sentence_transformers.models.{kind}")})
    });
    Value::Array(list.collect())
}

pub(super) fn put_json(tree: &mut Tree, path: &str, value: &Value) {
    tree.insert(path.to_owned(), value.to_string().into_bytes());
}

/// Sets a field of a JSON file.
pub(super) fn set_json_field(tree: &mut Tree, path: &str, field: &str, value: Value) {
    let mut json: Value = tree.get(path).map_or(json!({}), |contents| {
        serde_json::from_slice(contents).unwrap()
    });
    json[field] = value;
    put_json(tree, path, &json);
}

pub(super) fn write(tree: &Tree, dir: &Path) {
    for (path, contents) in tree {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }
}

pub(super) fn folder(tree: &Tree) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(tree, dir.path());
    dir
}

pub(super) fn manifest_text(tree: &Tree) -> String {
    use std::fmt::Write as _;
    let mut text = format!(
        "name = \"org/tiny\"\nrevision = \"{REVISION}\"\nlicence = \"Apache-2.0\"\ndimension = 8\n\
         pooling = \"mean\"\nnormalize = true\nmax_seq_length = 32\n\
         [wheel]\npackage = \"tiny-model\"\nversion = \"0.1.0\"\nprefix = \"tiny_model/model/\"\n"
    );
    for (path, contents) in tree {
        let sha256 = hex::encode(Sha256::digest(contents));
        let bytes = contents.len();
        writeln!(
            text,
            "[[files]]\npath = \"{path}\"\nsha256 = \"{sha256}\"\nbytes = {bytes}"
        )
        .unwrap();
    }
    text
}

pub(super) fn manifest(tree: &Tree) -> Manifest {
    Manifest::parse(&manifest_text(tree)).unwrap()
}

/// Returns options with these sources and short timeouts.
pub(super) fn options(cache_dir: &Path, sources: &[ModelSource]) -> FetchOptions {
    let mut options = FetchOptions::new(cache_dir);
    options.sources = sources.to_vec();
    options.timeouts = FetchTimeouts {
        hub_response: Duration::from_secs(5),
        hub_idle: Duration::from_secs(5),
        pip: Duration::from_secs(20),
        lock: Duration::from_secs(20),
    };
    options
}

/// Records the reported progress.
#[derive(Default)]
pub(super) struct RecordedProgress {
    pub sources: Mutex<Vec<String>>,
    pub failures: Mutex<Vec<String>>,
    pub last: Mutex<(u64, Option<u64>)>,
}

impl FetchProgress for RecordedProgress {
    fn source_started(&self, name: &str) {
        self.sources.lock().unwrap().push(name.to_owned());
    }
    fn bytes_received(&self, done: u64, total: Option<u64>) {
        *self.last.lock().unwrap() = (done, total);
    }
    fn source_failed(&self, name: &str, why: &str) {
        self.failures.lock().unwrap().push(format!("{name}: {why}"));
    }
}

/// Whether a cache directory contains no leftovers.
pub(super) fn is_tidy(cache_dir: &Path) -> bool {
    fs::read_dir(cache_dir).unwrap().all(|entry| {
        let name = entry.unwrap().file_name();
        name == ".lock" || name == "tiny"
    })
}

/// The behaviour of a fake hub.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum HubBehaviour {
    /// Like the real hub: relative redirects for small files, ranges, etags.
    Good,
    /// Accepts connections and sends nothing.
    Silent,
    /// Sends the beginning of the weights and stalls.
    Stalls,
    /// Responds with 404.
    NotFound,
    /// Declares the right length and sends without end.
    Endless,
    /// Sends a response that hf-hub does not expect.
    Nonsense,
}

/// Serves `tree` as `org/tiny` at [`REVISION`]; the receiver gets each path.
pub(super) fn hub(tree: Tree, manner: HubBehaviour) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (sender, requests) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (tree, sender) = (tree.clone(), sender.clone());
            std::thread::spawn(move || {
                // Some tests disconnect early.
                let _ = respond(&stream.unwrap(), &tree, manner, &sender);
            });
        }
    });
    (address, requests)
}

fn respond(
    mut stream: &TcpStream,
    tree: &Tree,
    manner: HubBehaviour,
    requests: &mpsc::Sender<String>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    while let Some(request) = lines.next() {
        let request = request?;
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut start = 0;
        let mut end = None;
        for header in lines.by_ref() {
            let header = header?.to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            assert!(!header.starts_with("authorization:"), "a token was sent");
            if let Some(range) = header.strip_prefix("range: bytes=") {
                let (from, to) = range.split_once('-').unwrap();
                start = from.parse().unwrap();
                end = to.parse::<usize>().ok();
            }
        }
        let _ = requests.send(path.clone());
        let prefix = format!("/org/tiny/resolve/{REVISION}/");
        let cached = "/api/resolve-cache/";
        let name = path
            .strip_prefix(&prefix)
            .or_else(|| path.strip_prefix(cached));
        let contents = name.and_then(|name| tree.get(name));
        let (Some(name), Some(contents)) = (name, contents) else {
            write!(
                stream,
                "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
            )?;
            continue;
        };
        match manner {
            HubBehaviour::Silent => std::thread::sleep(Duration::from_secs(30)),
            HubBehaviour::NotFound => {
                write!(
                    stream,
                    "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
                )?;
                continue;
            }
            HubBehaviour::Nonsense => {
                write!(
                    stream,
                    "HTTP/1.1 302 Found\r\netag: \"x\"\r\nx-repo-commit: {REVISION}\r\ncontent-length: 0\r\n\r\n"
                )?;
                continue;
            }
            _ => {}
        }
        if name == "config.json" && path.starts_with(&prefix) {
            write!(
                stream,
                "HTTP/1.1 307 Temporary Redirect\r\nlocation: {cached}{name}\r\ncontent-length: 0\r\n\r\n"
            )?;
            continue;
        }
        let length = contents.len();
        let last = end.map_or(length, |end| length.min(end + 1));
        let part = &contents[start.min(last)..last];
        let probe = end.is_some();
        let weights = name == "model.safetensors" && !probe;
        let framing = if weights && manner == HubBehaviour::Endless {
            "connection: close".to_owned()
        } else {
            format!("content-length: {}", part.len())
        };
        write!(
            stream,
            "HTTP/1.1 206 Partial Content\r\nx-repo-commit: {REVISION}\r\netag: \"{}\"\r\n\
             content-range: bytes {start}-{}/{length}\r\n{framing}\r\n\r\n",
            hex::encode(Sha256::digest(contents)),
            last.saturating_sub(1),
        )?;
        if weights && manner == HubBehaviour::Stalls {
            stream.write_all(&part[..1000])?;
            std::thread::sleep(Duration::from_secs(30));
        }
        if weights && manner == HubBehaviour::Endless {
            loop {
                stream.write_all(&[0; 4096])?;
            }
        }
        stream.write_all(part)?;
    }
    Ok(())
}

/// Writes a wheel with `tree` under the manifest's prefix.
pub(super) fn wheel(tree: &Tree, path: &Path) {
    let mut archive = zip::ZipWriter::new(File::create(path).unwrap());
    let stored = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated);
    archive.start_file("../../outside.txt", stored).unwrap();
    archive.write_all(b"never unpacked").unwrap();
    for (name, contents) in tree {
        archive
            .start_file(format!("tiny_model/model/{name}"), stored)
            .unwrap();
        archive.write_all(contents).unwrap();
    }
    archive.finish().unwrap();
}

/// Writes a `python3` that runs `body`, in which `$dest` is pip's `--dest`.
#[cfg(unix)]
pub(super) fn python(dir: &Path, body: &str) -> PathBuf {
    let path = dir.join("python3");
    let script = format!(
        "#!/bin/sh\nall=\"$*\"\nwhile [ $# -gt 0 ]; do\n  if [ \"$1\" = --dest ]; then dest=\"$2\"; fi\n  \
         shift\ndone\n{body}\n"
    );
    // Written by another process: if this one had the file open for writing, a child process that
    // another test starts meanwhile would inherit it, and executing the file would fail with "text
    // file busy".
    let mut writer = std::process::Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
        .arg(&path)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    writer
        .stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    assert!(writer.wait().unwrap().success());
    path
}
