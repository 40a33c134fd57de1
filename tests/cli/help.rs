//! The `--help` of every command.

use std::fmt::Write;

use crate::support;

/// Appends the help of a command and of its subcommands, in which the global flags are not repeated.
fn append_help(text: &mut String, path: &str, command: &clap::Command) {
    let path = format!("{path}{}", command.get_name());
    let help = command
        .clone()
        .bin_name(&path)
        .render_long_help()
        .to_string();
    // Not comments for rustdoc.
    assert!(!help.contains("[`"), "{help}");
    writeln!(text, "$ {path} --help\n").unwrap();
    // clap pads some lines with blanks.
    for line in help.lines() {
        writeln!(text, "{}", line.trim_end()).unwrap();
    }
    text.push('\n');
    for subcommand in command.get_subcommands() {
        if subcommand.get_name() != "help" {
            let hide_global = |flag: clap::Arg| {
                let is_global = flag.is_global_set();
                flag.hide(is_global)
            };
            let subcommand = subcommand.clone().mut_args(hide_global);
            append_help(text, &format!("{path} "), &subcommand);
        }
    }
}

#[test]
fn help_changes_only_on_purpose() {
    let mut command = antiphon::cli::command().term_width(100);
    command.build();
    let mut text = String::new();
    append_help(&mut text, "", &command);
    support::assert_snapshot("help.txt", &text);
}
