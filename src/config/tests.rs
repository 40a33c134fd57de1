//! Settings from all places, good and bad.

use std::path::Path;

use super::*;

fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[test]
fn later_places_win() {
    let file = file("listen = \"127.0.0.1:1\"\ndata_dir = \"from-file\"\nqueue = 7\n");
    let flags = Flags {
        data_dir: Some("from-flag".into()),
        ..Flags::default()
    };
    let env = environment(&[
        ("ANTIPHON_LISTEN", "127.0.0.1:2"),
        ("ANTIPHON_DATA_DIR", "from-environment"),
        ("ANTIPHON_OFFLINE", "true"),
        ("HOME", "/root"),
        ("ANTIPHON_MODEL_DIR", ""),
        ("ANTIPHON_SERVICE_HOST", "10.0.0.1"),
        ("ANTIPHON_PORT", "tcp://10.0.0.1:80"),
    ]);
    let settings = Settings::load(Some(file.path()), env, &flags).unwrap();
    assert_eq!(settings.data_dir, Path::new("from-flag"));
    assert_eq!(settings.listen.port(), 2);
    assert_eq!(settings.queue_capacity, 7);
    assert!(settings.offline);
    assert_eq!(settings.corpus, None);
    assert_eq!(settings.model_dir, None);
}

#[test]
fn unknown_keys_are_refused_wherever_they_stand() {
    let file = file("data_dri = \"x\"\n");
    let error = Settings::load(Some(file.path()), [], &Flags::default()).unwrap_err();
    assert!(error.to_string().contains("data_dri"), "{error}");
    assert!(error.to_string().contains("data_dir"), "{error}");
    let env = environment(&[("ANTIPHON_LISTN", "127.0.0.1:2")]);
    let error = Settings::load(None, env, &Flags::default()).unwrap_err();
    assert!(error.to_string().contains("listn"), "{error}");
}

#[test]
fn wrong_types_and_ranges_are_named() {
    for (name, value, named) in [
        ("ANTIPHON_QUEUE", "many", "queue"),
        ("ANTIPHON_QUEUE", "0", "queue"),
        ("ANTIPHON_LISTEN", "nowhere", "listen"),
        ("ANTIPHON_INDEX", "tree", "index"),
        ("ANTIPHON_HNSW_M", "1000", "hnsw_m"),
        ("ANTIPHON_MAX_CONNECTIONS", "0", "max_connections"),
        ("ANTIPHON_BODY_SECONDS", "0", "body_seconds"),
        ("ANTIPHON_SHUTDOWN_SECONDS", "-1", "shutdown_seconds"),
        ("ANTIPHON_INSECURE", "perhaps", "insecure"),
        ("ANTIPHON_TRACE_SHARE", "1.5", "trace_share"),
        ("ANTIPHON_SILENCE_SECONDS", "0", "silence_seconds"),
    ] {
        let error =
            Settings::load(None, environment(&[(name, value)]), &Flags::default()).unwrap_err();
        assert!(error.to_string().contains(named), "{name}={value}: {error}");
    }
}

#[test]
fn origins_come_as_a_list_in_file_and_environment() {
    let list = ["https://a.org", "https://b.org"];
    let file = file("cors_origins = [\"https://a.org\", \"https://b.org\"]\n");
    let settings = Settings::load(Some(file.path()), [], &Flags::default()).unwrap();
    assert_eq!(settings.cors_origins, list);
    let env = environment(&[
        ("ANTIPHON_CORS_ORIGINS", "https://a.org,https://b.org"),
        ("ANTIPHON_DATA_DIR", "with,comma"),
    ]);
    let settings = Settings::load(None, env, &Flags::default()).unwrap();
    assert_eq!(settings.cors_origins, list);
    assert_eq!(settings.data_dir, Path::new("with,comma"));
}

#[test]
fn a_certificate_needs_its_key() {
    for (name, missing) in [
        ("ANTIPHON_TLS_KEY", "tls_certificate"),
        ("ANTIPHON_TLS_CERTIFICATE", "tls_key"),
    ] {
        let env = environment(&[(name, "a.pem")]);
        let error = Settings::load(None, env, &Flags::default()).unwrap_err();
        assert!(error.to_string().contains(missing), "{error}");
    }
}

#[test]
fn a_named_file_must_exist() {
    let missing = Path::new("/nonexistent/antiphon.toml");
    let error = Settings::load(Some(missing), [], &Flags::default()).unwrap_err();
    assert!(error.to_string().contains("antiphon.toml"), "{error}");
}
