//! Embeds the commit that the program is built from.

#![allow(clippy::print_stdout)] // cargo reads the instructions of a build script from stdout

use std::path::Path;
use std::process::Command;

/// The environment variable that sets the commit if there is no Git checkout. Not `ANTIPHON_…`, since
/// a program started by cargo would read that as a setting.
const VARIABLE: &str = "BUILD_COMMIT";

/// The commit if neither the environment nor Git provides one.
const UNKNOWN: &str = "unknown";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    let from_environment = std::env::var(VARIABLE).ok();
    let commit = from_environment
        .filter(|commit| !commit.is_empty() && commit.chars().all(|c| c.is_ascii_alphanumeric()))
        .or_else(|| {
            watch();
            git(&["rev-parse", "--short=12", "HEAD"])
        });
    println!(
        "cargo::rustc-env={VARIABLE}={}",
        commit.as_deref().unwrap_or(UNKNOWN)
    );
}

/// Makes cargo rerun this script when another commit is checked out or created.
fn watch() {
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    for name in ["HEAD", "packed-refs"].into_iter().chain(branch.as_deref()) {
        // A path that does not exist, such as that of a packed branch, would make cargo rerun it every time.
        if let Some(path) = git(&["rev-parse", "--git-path", name])
            && Path::new(&path).exists()
        {
            println!("cargo::rerun-if-changed={path}");
        }
    }
}

/// Returns the output of a Git command, if Git is installed and this is the root of a checkout.
fn git(arguments: &[&str]) -> Option<String> {
    if !Path::new(".git").exists() {
        return None;
    }
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}
