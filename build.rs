//! Tells the program which commit it is made from.

#![allow(clippy::print_stdout)] // that is how a build script speaks

use std::path::Path;
use std::process::Command;

/// Names the commit where there is no checkout. `ANTIPHON_…` would be taken for a setting by a program
/// that cargo starts.
const VARIABLE: &str = "BUILD_COMMIT";

/// What is written where neither the environment nor git knows.
const UNKNOWN: &str = "unknown";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    let given = std::env::var(VARIABLE).ok();
    let commit = given
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

/// Has cargo ask again when another commit is checked out or made.
fn watch() {
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    for name in ["HEAD", "packed-refs"].into_iter().chain(branch.as_deref()) {
        // A name without a file, such as a branch that is packed, would have cargo ask every time.
        if let Some(path) = git(&["rev-parse", "--git-path", name])
            && Path::new(&path).exists()
        {
            println!("cargo::rerun-if-changed={path}");
        }
    }
}

/// What git answers, if it is there and this is a checkout of its own.
fn git(arguments: &[&str]) -> Option<String> {
    if !Path::new(".git").exists() {
        return None;
    }
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}
