//! Settings from all sources, valid and invalid.

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
fn later_sources_override_earlier_ones() {
    let file = file("listen = \"127.0.0.1:1\"\ndata_dir = \"from-file\"\nqueue_capacity = 7\n");
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
fn unknown_settings_are_rejected_in_every_source() {
    let file = file("data_dri = \"x\"\n");
    let error = Settings::load(Some(file.path()), [], &Flags::default()).unwrap_err();
    assert!(error.to_string().contains("data_dri"), "{error}");
    assert!(error.to_string().contains("data_dir"), "{error}");
    let env = environment(&[("ANTIPHON_LISTN", "127.0.0.1:2")]);
    let error = Settings::load(None, env, &Flags::default()).unwrap_err();
    assert!(error.to_string().contains("listn"), "{error}");
}

#[test]
fn invalid_values_are_reported_with_the_setting() {
    for (variable, value, setting) in [
        ("ANTIPHON_QUEUE_CAPACITY", "many", "queue_capacity"),
        ("ANTIPHON_QUEUE_CAPACITY", "0", "queue_capacity"),
        ("ANTIPHON_LISTEN", "nowhere", "listen"),
        ("ANTIPHON_INDEX", "tree", "index"),
        ("ANTIPHON_HNSW_M", "1000", "hnsw_m"),
        ("ANTIPHON_MAX_CONNECTIONS", "0", "max_connections"),
        (
            "ANTIPHON_HEADER_TIMEOUT_SECONDS",
            "0",
            "header_timeout_seconds",
        ),
        ("ANTIPHON_BODY_TIMEOUT_SECONDS", "0", "body_timeout_seconds"),
        (
            "ANTIPHON_KEEP_ALIVE_TIMEOUT_SECONDS",
            "0",
            "keep_alive_timeout_seconds",
        ),
        (
            "ANTIPHON_SHUTDOWN_GRACE_SECONDS",
            "-1",
            "shutdown_grace_seconds",
        ),
        ("ANTIPHON_ALLOW_ANONYMOUS", "perhaps", "allow_anonymous"),
        ("ANTIPHON_TRACE_SAMPLE_RATIO", "1.5", "trace_sample_ratio"),
        (
            "ANTIPHON_STREAM_IDLE_TIMEOUT_SECONDS",
            "0",
            "stream_idle_timeout_seconds",
        ),
    ] {
        let error =
            Settings::load(None, environment(&[(variable, value)]), &Flags::default()).unwrap_err();
        assert!(
            error.to_string().contains(setting),
            "{variable}={value}: {error}"
        );
    }
}

#[test]
fn cors_origins_are_a_list_in_file_and_environment() {
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
fn certificate_and_key_require_each_other() {
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
fn an_explicit_settings_file_must_exist() {
    let missing = Path::new("/nonexistent/antiphon.toml");
    let error = Settings::load(Some(missing), [], &Flags::default()).unwrap_err();
    assert!(error.to_string().contains("antiphon.toml"), "{error}");
}
