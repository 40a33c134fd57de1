//! The `antiphon` program: parse, run, map the error to an exit code.

#![forbid(unsafe_code)]

mod commit;

use std::process::ExitCode;

fn main() -> ExitCode {
    antiphon::cli::main(commit::COMMIT)
}
