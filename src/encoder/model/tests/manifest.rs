use super::support::{manifest, manifest_text, tiny};
use crate::encoder::model::{Manifest, Pooling};

#[test]
fn the_built_in_manifest_pins_the_documented_model() {
    let manifest = Manifest::built_in().unwrap();
    assert_eq!(manifest.name, "sentence-transformers/all-MiniLM-L6-v2");
    assert_eq!(manifest.revision.len(), 40);
    assert_eq!((manifest.dimension, manifest.max_seq_length), (384, 256));
    assert_eq!(manifest.pooling, Pooling::Mean);
    assert!(manifest.normalize);
    assert_eq!(
        manifest.file("model.safetensors").unwrap().sha256,
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    );
    assert_eq!(
        manifest.file("tokenizer.json").unwrap().sha256,
        "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
    );
}

#[test]
fn the_folder_has_name_and_revision() {
    let folder = manifest(&tiny()).folder("models".as_ref());
    assert_eq!(folder, std::path::Path::new("models/tiny/0123456789ab"));
}

#[test]
fn an_invalid_manifest_is_rejected_by_field() {
    let valid = manifest_text(&tiny());
    for (from, to, field) in [
        ("name = \"org/tiny\"", "name = \"../tiny\"", "name"),
        ("revision = \"0", "revision = \"/", "revision"),
        ("tiny-model", "--index-url=x", "wheel.package"),
        ("0.1.0", "0.1 0", "wheel.version"),
        ("tiny_model/model/", "tiny_model", "wheel.prefix"),
        ("dimension = 8", "dimension = 0", "dimension"),
        (
            "path = \"config.json\"",
            "path = \"../config.json\"",
            "files.path",
        ),
        (
            "path = \"config.json\"",
            "path = \"/config.json\"",
            "files.path",
        ),
        (
            "path = \"config.json\"",
            "path = \"modules.json\"",
            "files.path",
        ),
        ("path = \"config.json\"", "path = \"other.json\"", "files"),
        ("sha256 = \"", "sha256 = \"A", "files.sha256"),
        ("pooling = \"mean\"", "pooling = \"cls\"", "syntax"),
        ("licence", "license", "syntax"),
    ] {
        let invalid = valid.replacen(from, to, 1);
        assert_ne!(invalid, valid, "{from}");
        let message = Manifest::parse(&invalid).unwrap_err().to_string();
        assert!(
            message.contains(&format!("manifest.toml: {field}: expected")),
            "{from}: {message}"
        );
    }
}
