use std::fs;

use serde_json::json;

use super::support::{Tree, folder, manifest, modules, put_json, set_json_field, tiny};
use crate::encoder::model::{Activation, ModelError, Pooling, open_folder, open_pinned};

fn error_message(tree: &Tree) -> String {
    open_folder(folder(tree).path()).unwrap_err().to_string()
}

#[test]
fn a_folder_opens_with_its_configuration() {
    let tree = tiny();
    let dir = folder(&tree);
    let model = open_folder(dir.path()).unwrap();
    assert_eq!(model.config.hidden_act, Activation::Gelu);
    assert_eq!((model.dimension, model.max_seq_length), (8, 32));
    assert_eq!((model.pooling, model.normalize), (Pooling::Mean, true));
    assert_eq!(model.weights, tree["model.safetensors"]);
    assert_eq!(model.tokenizer_json, tree["tokenizer.json"]);
    assert_eq!(model.config_json, tree["config.json"]);
    let name = dir.path().file_name().unwrap().to_str().unwrap();
    assert_eq!(model.identity.name, name);
    let short = &model.identity.weights_sha256[..12];
    assert_eq!(model.identity.revision, format!("sha256:{short}"));
}

#[test]
fn a_pinned_folder_opens_under_its_own_name() {
    let tree = tiny();
    let dir = folder(&tree);
    let model = open_pinned(&manifest(&tree), dir.path()).unwrap();
    assert_eq!(model.identity.name, "org/tiny");
    assert_eq!(model.identity.revision, super::support::REVISION);
}

#[test]
fn a_pinned_directory_with_a_changed_file_is_rejected_with_a_remedy() {
    let tree = tiny();
    let manifest = manifest(&tree);
    for path in tree.keys() {
        let dir = folder(&tree);
        let file = dir.path().join(path);
        for change in ["flip", "longer", "shorter", "gone", "folder"] {
            let mut contents = tree[path].clone();
            match change {
                "flip" => contents[3] ^= 1,
                "longer" => contents.push(b' '),
                "shorter" => drop(contents.pop()),
                _ => {}
            }
            fs::remove_file(&file).unwrap();
            match change {
                "gone" => {}
                "folder" => fs::create_dir(&file).unwrap(),
                _ => fs::write(&file, contents).unwrap(),
            }
            let error = open_pinned(&manifest, dir.path()).unwrap_err();
            match (change, &error) {
                ("gone", ModelError::Missing { .. }) | (_, ModelError::WrongHash { .. }) => {}
                other => panic!("{other:?}"),
            }
            let message = error.to_string();
            assert!(
                message.contains(path.as_str()) && message.contains("--force"),
                "{message}"
            );
            if change == "folder" {
                fs::remove_dir(&file).unwrap();
            }
            fs::write(&file, &tree[path]).unwrap();
        }
    }
}

#[test]
fn unlisted_files_in_a_pinned_folder_change_nothing() {
    let tree = tiny();
    let dir = folder(&tree);
    let settings = dir.path().join("config_sentence_transformers.json");
    fs::write(settings, r#"{"default_prompt_name": "query"}"#).unwrap();
    open_pinned(&manifest(&tree), dir.path()).unwrap();
    let message = open_folder(dir.path()).unwrap_err().to_string();
    assert!(
        message.contains("default_prompt_name is not supported"),
        "{message}"
    );
}

#[test]
fn a_manifest_that_contradicts_its_files_is_named() {
    let tree = tiny();
    let mut manifest = manifest(&tree);
    manifest.dimension = 9;
    let message = open_pinned(&manifest, folder(&tree).path())
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("dimension: expected 8") && message.contains("received 9"),
        "{message}"
    );
}

#[test]
fn unsupported_config_json_fields_are_rejected_by_name() {
    for (field, value) in [
        ("model_type", json!("xlm-roberta")),
        ("model_type", json!(null)),
        ("architectures", json!(["RobertaModel"])),
        ("position_embedding_type", json!("relative_key")),
        ("hidden_act", json!("silu")),
        ("hidden_act", json!({"gelu": 1})),
        ("is_decoder", json!(true)),
        ("quantization_config", json!({"bits": 4})),
    ] {
        let mut tree = tiny();
        set_json_field(&mut tree, "config.json", field, value.clone());
        let message = error_message(&tree);
        assert!(
            message.contains(&format!("{field} is not supported")),
            "{message}"
        );
        if let Some(text) = value.as_str() {
            assert!(
                message.contains(&format!("received \"{text}\"")),
                "{message}"
            );
        }
    }
}

#[test]
fn invalid_numbers_are_rejected() {
    for (field, value) in [
        ("hidden_size", json!(0)),
        ("hidden_size", json!(9)),
        ("num_attention_heads", json!(0)),
        ("vocab_size", json!(u64::MAX)),
        ("vocab_size", json!(-1)),
        ("layer_norm_eps", json!(0)),
        ("intermediate_size", json!("16")),
    ] {
        let mut tree = tiny();
        set_json_field(&mut tree, "config.json", field, value);
        let message = error_message(&tree);
        assert!(
            message.contains("config.json is malformed: expected"),
            "{field}: {message}"
        );
    }
}

#[test]
fn every_activation_that_candle_has_is_accepted() {
    for (name, activation) in [
        ("gelu_new", Activation::GeluApproximate),
        ("gelu_pytorch_tanh", Activation::GeluApproximate),
        ("relu", Activation::Relu),
    ] {
        let mut tree = tiny();
        set_json_field(&mut tree, "config.json", "hidden_act", json!(name));
        assert_eq!(
            open_folder(folder(&tree).path()).unwrap().config.hidden_act,
            activation
        );
    }
}

#[test]
fn unsupported_modules_are_rejected_by_name() {
    for (kinds, named) in [
        (&["Transformer", "Pooling", "Dense"][..], "the module Dense"),
        (
            &["Transformer", "Pooling", "LayerNorm"],
            "the module LayerNorm",
        ),
        (&["Pooling", "Transformer"], "received Pooling, Transformer"),
        (&["Transformer"], "received Transformer"),
        (
            &["Transformer", "Pooling", "Normalize", "Normalize"],
            "this order",
        ),
        (&[], "this order"),
    ] {
        let mut tree = tiny();
        put_json(&mut tree, "modules.json", &modules(kinds));
        let message = error_message(&tree);
        assert!(message.contains(named), "{message}");
    }
    let mut tree = tiny();
    let mut list = modules(&["Transformer", "Pooling"]);
    list[0]["type"] = json!("my_package.Transformer");
    put_json(&mut tree, "modules.json", &list);
    assert!(error_message(&tree).contains("my_package.Transformer"));
    list = modules(&["Transformer", "Pooling"]);
    list[1]["path"] = json!("../../etc");
    put_json(&mut tree, "modules.json", &list);
    assert!(error_message(&tree).contains("inside the model's folder"));
}

#[test]
fn modules_are_ordered_by_idx_and_read_from_their_directories() {
    let mut tree = tiny();
    for name in [
        "config.json",
        "tokenizer.json",
        "model.safetensors",
        "sentence_bert_config.json",
    ] {
        let contents = tree.remove(name).unwrap();
        tree.insert(format!("0_Transformer/{name}"), contents);
    }
    let mut list = modules(&["Transformer", "Pooling", "Normalize"]);
    list[0]["path"] = json!("0_Transformer");
    list.as_array_mut().unwrap().reverse();
    put_json(&mut tree, "modules.json", &list);
    assert_eq!(
        open_folder(folder(&tree).path()).unwrap().max_seq_length,
        32
    );
}

#[test]
fn a_pipeline_without_normalization_is_reported() {
    let mut tree = tiny();
    put_json(
        &mut tree,
        "modules.json",
        &modules(&["Transformer", "Pooling"]),
    );
    assert!(!open_folder(folder(&tree).path()).unwrap().normalize);
}

#[test]
fn unsupported_pooling_is_rejected_by_name() {
    for name in [
        "pooling_mode_cls_token",
        "pooling_mode_max_tokens",
        "pooling_mode_mean_sqrt_len_tokens",
        "pooling_mode_weightedmean_tokens",
        "pooling_mode_lasttoken",
        "pooling_mode_of_tomorrow",
    ] {
        let mut tree = tiny();
        set_json_field(&mut tree, "1_Pooling/config.json", name, json!(true));
        let message = error_message(&tree);
        assert!(
            message.contains(&format!("{name} is not supported")),
            "{message}"
        );
    }
    let mut tree = tiny();
    set_json_field(
        &mut tree,
        "1_Pooling/config.json",
        "pooling_mode_mean_tokens",
        json!(false),
    );
    assert!(error_message(&tree).contains("pooling_mode_mean_tokens is not supported"));
    let mut tree = tiny();
    set_json_field(
        &mut tree,
        "1_Pooling/config.json",
        "word_embedding_dimension",
        json!(16),
    );
    assert!(error_message(&tree).contains("expected word_embedding_dimension 8"));
}

#[test]
fn pooling_may_be_configured_by_name() {
    let mut tree = tiny();
    put_json(
        &mut tree,
        "1_Pooling/config.json",
        &json!({"embedding_dimension": 8, "pooling_mode": "mean"}),
    );
    open_folder(folder(&tree).path()).unwrap();
    for mode in [json!("cls"), json!(["mean", "max"])] {
        put_json(
            &mut tree,
            "1_Pooling/config.json",
            &json!({"embedding_dimension": 8, "pooling_mode": mode}),
        );
        assert!(error_message(&tree).contains("pooling_mode is not supported"));
    }
}

#[test]
fn the_length_never_exceeds_the_positions() {
    for (stated, expected) in [(json!(32), 32), (json!(512), 64), (json!(null), 64)] {
        let mut tree = tiny();
        set_json_field(
            &mut tree,
            "sentence_bert_config.json",
            "max_seq_length",
            stated,
        );
        assert_eq!(
            open_folder(folder(&tree).path()).unwrap().max_seq_length,
            expected
        );
    }
    for nonsense in [json!(2), json!(-1), json!("long"), json!(1.5)] {
        let mut tree = tiny();
        set_json_field(
            &mut tree,
            "sentence_bert_config.json",
            "max_seq_length",
            nonsense,
        );
        assert!(error_message(&tree).contains("expected max_seq_length of 3 or more"));
    }
    let mut tree = tiny();
    tree.remove("sentence_bert_config.json");
    for (limit, expected) in [(json!(48), 48), (json!(1e30), 64), (json!(100), 64)] {
        put_json(
            &mut tree,
            "tokenizer_config.json",
            &json!({"model_max_length": limit}),
        );
        assert_eq!(
            open_folder(folder(&tree).path()).unwrap().max_seq_length,
            expected
        );
    }
}

#[test]
fn lowercasing_is_left_to_the_tokenizer() {
    let mut tree = tiny();
    set_json_field(
        &mut tree,
        "sentence_bert_config.json",
        "do_lower_case",
        json!(true),
    );
    open_folder(folder(&tree).path()).unwrap();
    put_json(
        &mut tree,
        "tokenizer.json",
        &json!({"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Lowercase"}]}}),
    );
    open_folder(folder(&tree).path()).unwrap();
    for normalizer in [
        json!(null),
        json!({"type": "BertNormalizer", "lowercase": false}),
    ] {
        put_json(
            &mut tree,
            "tokenizer.json",
            &json!({"normalizer": normalizer}),
        );
        assert!(error_message(&tree).contains("do_lower_case is not supported"));
    }
}

#[test]
fn a_missing_file_is_named_with_a_remedy() {
    for (name, remedy) in [
        ("config.json", "sentence-transformers layout"),
        ("modules.json", "sentence-transformers layout"),
        ("1_Pooling/config.json", "sentence-transformers layout"),
        ("tokenizer.json", "AutoTokenizer"),
        ("model.safetensors", "download all"),
    ] {
        let mut tree = tiny();
        tree.remove(name);
        let message = error_message(&tree);
        assert!(message.contains(&format!("{name} is missing")), "{message}");
        assert!(message.contains(remedy), "{message}");
    }
    let message = open_folder("/nowhere/at/all".as_ref())
        .unwrap_err()
        .to_string();
    assert!(message.contains("/nowhere/at/all is missing"), "{message}");
}

#[test]
fn weights_in_other_formats_are_rejected_by_name() {
    for (name, what) in [
        ("pytorch_model.bin", "PyTorch weights is not supported"),
        (
            "model.safetensors.index.json",
            "sharded safetensors is not supported",
        ),
    ] {
        let mut tree = tiny();
        tree.remove("model.safetensors");
        tree.insert(name.to_owned(), b"x".to_vec());
        let message = error_message(&tree);
        assert!(
            message.contains(what) && message.contains("save_pretrained"),
            "{message}"
        );
    }
}

#[test]
fn invalid_json_is_named() {
    for name in [
        "config.json",
        "modules.json",
        "1_Pooling/config.json",
        "tokenizer.json",
        "sentence_bert_config.json",
    ] {
        for contents in [&b""[..], b"{", b"\xff\xfe", b"[1,2]", b"null", b"3"] {
            let mut tree = tiny();
            tree.insert(name.to_owned(), contents.to_vec());
            // An error names the file; otherwise its content is not used.
            if let Err(error) = open_folder(folder(&tree).path()) {
                assert!(error.to_string().contains(name), "{error}");
            } else {
                assert!(matches!(
                    name,
                    "tokenizer.json" | "sentence_bert_config.json"
                ));
            }
        }
    }
}
