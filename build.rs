//! Says where the checkout records its commits, for [`src/commit.rs`](src/commit.rs).
//!
//! The path, unlike the commit itself, is the same after each commit: only the program, which reads the
//! file, is compiled again, and not the library.

#![allow(clippy::print_stdout)] // cargo reads the instructions of a build script from stdout

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let folder = env::current_dir()?;
    let reflog = git(&["rev-parse", "--git-path", "logs/HEAD"])
        .map(|path| folder.join(path))
        .filter(|path| fs::metadata(path).is_ok_and(|reflog| reflog.len() > 0));
    let path = match reflog {
        Some(path) => path,
        None => write_commit()?,
    };
    println!("cargo::rustc-env=GIT_REFLOG={}", path.display());
    Ok(())
}

/// Writes a file like a reflog: empty outside of a checkout, and otherwise for one that keeps no reflog.
fn write_commit() -> io::Result<PathBuf> {
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    for name in ["HEAD", "packed-refs"].into_iter().chain(branch.as_deref()) {
        // A path that does not exist, such as that of a packed branch, would make cargo rerun it every time.
        if let Some(path) = git(&["rev-parse", "--git-path", name])
            && Path::new(&path).exists()
        {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let commit = git(&["rev-parse", "HEAD"]).unwrap_or_default();
    let path = Path::new(&env::var("OUT_DIR").unwrap_or_default()).join("reflog");
    fs::write(&path, format!("{commit} {commit} \n"))?;
    Ok(path)
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
