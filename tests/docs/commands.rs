//! Commands in pages, parsed by the program's own parser.

use antiphon::cli;
use antiphon::config::Settings;

use super::{Page, pages};
use crate::support::root;

/// The program's names in commands.
const PROGRAM: &[&str] = &[
    "antiphon",
    "target/release/antiphon",
    "cargo run --release --",
];

/// Languages of blocks in which every line is a command.
const SHELL: &[&str] = &["sh", "bash", "shell"];

/// Returns the pages about the current version; the others keep the commands and names of theirs.
fn current_pages() -> impl Iterator<Item = Page> {
    let is_history = |page: &Page| {
        page.name() == "CHANGELOG.md" || page.path.starts_with(root().join("docs/decisions"))
    };
    pages().into_iter().filter(move |page| !is_history(page))
}

/// Returns the commands of a block: in a console those after a prompt, in a shell all lines. A backslash
/// at the end of a line continues it.
fn commands(language: &str, text: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim);
    let commands = lines.filter_map(|line| match language {
        "console" => line.strip_prefix("$ "),
        shell if SHELL.contains(&shell) => Some(line),
        _ => None,
    });
    commands.map(str::to_owned).collect()
}

/// Splits the first simple command of a line into words as a shell does.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in command.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '|' | '>' | '<' | '&' | ';') => break,
            (None, '#') if word.is_none() => break,
            (None, ' ') => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    // Variable assignments before the command.
    let is_variable = |word: &String| {
        let name = word.split_once('=').map_or("", |(name, _)| name);
        !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    };
    words.into_iter().skip_while(is_variable).collect()
}

/// Returns the words after the program's name, if the command runs the program.
fn arguments(words: &[String]) -> Option<&[String]> {
    PROGRAM.iter().find_map(|program| {
        let program: Vec<&str> = program.split(' ').collect();
        let (name, arguments) = words.split_at_checked(program.len())?;
        (name == program).then_some(arguments)
    })
}

#[test]
fn commands_are_split_like_in_a_shell() {
    let command = r#"A_B='x y' antiphon search "two words" it''s | head # why"#;
    assert_eq!(words(command), ["antiphon", "search", "two words", "its"]);
    assert_eq!(
        commands("console", "$ a \\\n  b\nprinted\n$ c"),
        ["a    b", "c"]
    );
}

#[test]
fn commands_parse() {
    let mut parsed = 0;
    for page in current_pages() {
        for (language, text) in &page.blocks {
            for command in commands(language, text) {
                let words = words(&command);
                if let Some(arguments) = arguments(&words) {
                    let line =
                        std::iter::once("antiphon").chain(arguments.iter().map(String::as_str));
                    if let Err(error) = cli::command().try_get_matches_from(line) {
                        panic!("{}: {command}\n{error}", page.name());
                    }
                    parsed += 1;
                } else if let Some(script) = words.first().filter(|word| word.starts_with(".ci/")) {
                    assert!(root().join(script).is_file(), "{}: {command}", page.name());
                }
            }
        }
    }
    assert!(parsed > 15, "only {parsed} commands were found");
}

/// Inline code has partial commands, such as `antiphon bench embed PATH [--profile]`: their subcommands
/// and flags exist.
#[test]
fn inline_commands_exist() {
    let mut command = cli::command();
    command.build();
    let mut found = 0;
    for page in current_pages() {
        for span in &page.spans {
            let words = words(span);
            let Some(arguments) = arguments(&words) else {
                continue;
            };
            let is_known = |word: &String| command.find_subcommand(word).is_some();
            let is_valid_start = |word: &String| word.starts_with("--") || is_known(word);
            let is_command = arguments.first().is_none_or(is_valid_start);
            assert!(is_command, "{}: `{span}` is not a command", page.name());
            let mut current = &command;
            for word in arguments {
                if let Some(next) = current.find_subcommand(word) {
                    current = next;
                }
                let flag = word.trim_matches(['[', ']']);
                if let Some(flag) = flag.strip_prefix("--") {
                    let name = flag.split('=').next();
                    let known = current.get_arguments().any(|a| a.get_long() == name);
                    assert!(known, "{}: `{span}` has no --{flag}", page.name());
                }
            }
            found += 1;
        }
    }
    assert!(found > 10, "only {found} commands were found");
}

#[test]
fn variables_are_settings() {
    let names = Settings::setting_names();
    for page in current_pages() {
        for rest in page.text.split("ANTIPHON_").skip(1) {
            let is_part = |c: &char| c.is_ascii_uppercase() || *c == '_';
            let name: String = rest.chars().take_while(is_part).collect();
            let known = name.is_empty() || names.contains(&name.to_lowercase());
            assert!(known, "{}: ANTIPHON_{name} is not a setting", page.name());
        }
    }
}

#[test]
fn the_readme_begins_with_two_commands() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    for command in ["cargo run --release -- serve", "cargo test --release"] {
        assert!(readme.contains(command), "{command}");
    }
    let docker = std::fs::read_to_string(root().join("Dockerfile")).unwrap();
    assert!(docker.contains("cargo build --release --locked"));
}
