//! The program in a process of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Arguments for serving the sample speeches.
pub(crate) const SAMPLES: [&str; 2] = ["--corpus", concat!(env!("CARGO_MANIFEST_DIR"), "/corpus")];

/// Returns a command that runs the program in `folder`, without the settings and stores of the
/// checkout.
pub(crate) fn antiphon(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ANTIPHON_") {
            command.env_remove(name);
        }
    }
    command
        .current_dir(folder.path())
        .env("ANTIPHON_MODEL_CACHE_DIR", super::root().join("models"))
        .env("ANTIPHON_OFFLINE", "true")
        .args(arguments);
    command
}

/// A running `antiphon serve` on a free port, and the lines it printed when it was ready.
pub(crate) struct ServeProcess {
    child: Child,
    pub address: SocketAddr,
    pub ready_lines: Vec<String>,
    log: PathBuf,
}

impl ServeProcess {
    /// Starts it with these arguments and settings in the environment.
    pub(crate) fn start(folder: &TempDir, arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        super::model_folder();
        // Logs are written to a file, since an unread pipe would fill up.
        let log = folder.path().join("stderr.txt");
        let mut child = antiphon(folder, &["serve", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready_lines: Vec<String> = lines.take(2).map(Result::unwrap).collect();
        let address = ready_lines
            .first()
            .and_then(|line| line.rsplit("//").next());
        let address = address.and_then(|address| address.trim().parse().ok());
        let Some(address) = address else {
            let _ = child.wait();
            panic!("{ready_lines:?}: {}", fs::read_to_string(&log).unwrap());
        };
        Self {
            child,
            address,
            ready_lines,
            log,
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its successful end; returns its stderr.
    pub(crate) fn wait_for_success(mut self) -> String {
        let ended = self.child.wait().unwrap();
        let stderr = fs::read_to_string(&self.log).unwrap();
        assert_eq!(ended.code(), Some(0), "{stderr}");
        stderr
    }
}

impl Drop for ServeProcess {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
