//! Documentation is correct: links resolve, commands parse, settings exist.

mod commands;
mod links;

use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use crate::support::root;

/// One page, parsed.
struct Page {
    path: PathBuf,
    /// Headings as plain text, in order.
    headings: Vec<String>,
    /// Destinations of links and images.
    links: Vec<String>,
    /// Fenced blocks: the language and the text.
    blocks: Vec<(String, String)>,
    /// Inline code.
    spans: Vec<String>,
    text: String,
}

impl Page {
    fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap();
        let (mut headings, mut links) = (Vec::new(), Vec::new());
        let (mut blocks, mut spans) = (Vec::<(String, String)>::new(), Vec::new());
        let (mut heading, mut block) = (false, false);
        for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
            match event {
                Event::Start(Tag::Heading { .. }) => {
                    heading = true;
                    headings.push(String::new());
                }
                Event::End(TagEnd::Heading(_)) => heading = false,
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    links.push(dest_url.into_string());
                }
                Event::Start(Tag::CodeBlock(kind)) => {
                    block = true;
                    let language = match kind {
                        CodeBlockKind::Fenced(language) => language.into_string(),
                        CodeBlockKind::Indented => String::new(),
                    };
                    blocks.push((language, String::new()));
                }
                Event::End(TagEnd::CodeBlock) => block = false,
                Event::Text(part) if block => blocks.last_mut().unwrap().1.push_str(&part),
                Event::Text(part) if heading => headings.last_mut().unwrap().push_str(&part),
                Event::Code(part) => {
                    if heading {
                        headings.last_mut().unwrap().push_str(&part);
                    }
                    spans.push(part.into_string());
                }
                _ => {}
            }
        }
        Self {
            path,
            headings,
            links,
            blocks,
            spans,
            text,
        }
    }

    /// Returns its path within the package, for messages.
    fn name(&self) -> String {
        self.path
            .strip_prefix(root())
            .unwrap()
            .display()
            .to_string()
    }
}

/// Reads every page of the repository.
fn pages() -> Vec<Page> {
    let mut paths = Vec::new();
    for folder in [
        root().to_owned(),
        root().join("docs"),
        root().join(".github"),
    ] {
        add_pages(&folder, folder != root(), &mut paths);
    }
    assert!(paths.len() > 15, "only {} pages were found", paths.len());
    paths.sort();
    paths.into_iter().map(Page::read).collect()
}

fn add_pages(folder: &Path, with_folders: bool, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && with_folders {
            add_pages(&path, true, paths);
        } else if path.extension().is_some_and(|e| e == "md") {
            paths.push(path);
        }
    }
}
