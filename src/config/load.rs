//! Reading and validation of settings from their four sources.

use std::collections::HashMap;
use std::path::Path;

use config::{Config, Environment, File, FileFormat};

use crate::corpus::ColumnMapping;

use super::{ConfigError, DEFAULT_FILE, Flags, Settings};

/// Prefix of environment variables that are settings.
const ENV_PREFIX: &str = "ANTIPHON_";

/// Prefixes of variables that Kubernetes sets for a service named `antiphon`; they are not settings.
const KUBERNETES_SERVICE_PREFIXES: &[&str] = &["ANTIPHON_SERVICE_", "ANTIPHON_PORT"];

impl Settings {
    /// Merges all four sources and validates the result. `file` must exist if it is given;
    /// `environment` holds the process's variables.
    ///
    /// # Errors
    ///
    /// If a source cannot be read, a setting is unknown or a value is invalid.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &Flags,
    ) -> Result<Self, ConfigError> {
        let (path, required) = match file {
            Some(path) => (path, true),
            None => (Path::new(DEFAULT_FILE), false),
        };
        let variables: HashMap<String, String> = environment
            .into_iter()
            .filter(|(name, _)| name.starts_with(ENV_PREFIX))
            .filter(|(name, _)| {
                !KUBERNETES_SERVICE_PREFIXES
                    .iter()
                    .any(|prefix| name.starts_with(prefix))
            })
            // An empty variable is how a shell or a compose file says "not set".
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let read = || -> Result<Self, config::ConfigError> {
            Config::builder()
                .add_source(Config::try_from(&Self::default())?)
                .add_source(File::from(path).format(FileFormat::Toml).required(required))
                .add_source(
                    Environment::with_prefix(ENV_PREFIX.trim_end_matches('_'))
                        .try_parsing(true)
                        .list_separator(",")
                        .with_list_parse_key("cors_origins")
                        .with_list_parse_key("columns")
                        .source(Some(variables)),
                )
                .add_source(Config::try_from(flags)?)
                .build()?
                .try_deserialize()
        };
        let settings = read().map_err(|e| ConfigError::Unreadable {
            reason: e.to_string(),
            known: Self::setting_names().join(", "),
        })?;
        settings.validate()?;
        Ok(settings)
    }

    /// Returns the names of all settings.
    #[must_use]
    pub fn setting_names() -> Vec<String> {
        match serde_json::to_value(Self::default()) {
            Ok(serde_json::Value::Object(table)) => {
                table.into_iter().map(|(name, _)| name).collect()
            }
            _ => Vec::new(),
        }
    }

    fn validate(&self) -> Result<(), ConfigError> {
        self.hnsw_parameters().validate()?;
        let out_of_range = |name, expected: &str, received: &dyn ToString| {
            Err(ConfigError::OutOfRange {
                name,
                expected: expected.to_owned(),
                received: received.to_string(),
            })
        };
        for column in &self.columns {
            if let Err(error) = column.parse::<ColumnMapping>() {
                return out_of_range(
                    "columns",
                    "FIELD=COLUMN, such as speaker=Name",
                    &error.received,
                );
            }
        }
        if !(1..=100_000).contains(&self.queue_capacity) {
            return out_of_range("queue_capacity", "1 to 100000", &self.queue_capacity);
        }
        if !(1024..=1 << 30).contains(&self.max_body_bytes) {
            return out_of_range("max_body_bytes", "1024 to 1073741824", &self.max_body_bytes);
        }
        if self.threads > 1024 {
            return out_of_range("threads", "0 to 1024", &self.threads);
        }
        if !(2..=1_000_000).contains(&self.max_connections) {
            return out_of_range("max_connections", "2 to 1000000", &self.max_connections);
        }
        for (name, seconds) in [
            ("header_timeout_seconds", self.header_timeout_seconds),
            ("body_timeout_seconds", self.body_timeout_seconds),
            (
                "stream_idle_timeout_seconds",
                self.stream_idle_timeout_seconds,
            ),
            (
                "keep_alive_timeout_seconds",
                self.keep_alive_timeout_seconds,
            ),
            ("shutdown_grace_seconds", self.shutdown_grace_seconds),
        ] {
            if !(1..=86_400).contains(&seconds) {
                return out_of_range(name, "1 to 86400", &seconds);
            }
        }
        if !(0.0..=1.0).contains(&self.trace_sample_ratio) {
            return out_of_range("trace_sample_ratio", "0 to 1", &self.trace_sample_ratio);
        }
        for (name, value, counterpart) in [
            ("tls_certificate", &self.tls_certificate, &self.tls_key),
            ("tls_key", &self.tls_key, &self.tls_certificate),
        ] {
            if value.is_none() && counterpart.is_some() {
                return out_of_range(
                    name,
                    "a file (tls_certificate and tls_key go together)",
                    &"unset",
                );
            }
        }
        Ok(())
    }
}
