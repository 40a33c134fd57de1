//! Links within the repository, checked by path and by anchor.

use std::collections::HashMap;
use std::path::Path;

use super::{Page, pages};

/// Returns the anchors that GitHub generates for a page's headings.
fn anchors(page: &Page) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let anchor = |heading: &String| {
        let slug = slug(heading);
        let count = seen.entry(slug.clone()).or_default();
        *count += 1;
        match *count {
            1 => slug,
            repeated => format!("{slug}-{}", repeated - 1),
        }
    };
    page.headings.iter().map(anchor).collect()
}

/// Lowercases a heading, replaces blanks by hyphens and removes other punctuation.
fn slug(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn anchors_match_github() {
    assert_eq!(slug("Where do I find …"), "where-do-i-find-");
    assert_eq!(slug("A setting, a route & more"), "a-setting-a-route--more");
    assert_eq!(slug("`/v1/search` in_short"), "v1search-in_short");
}

#[test]
fn links_resolve() {
    let pages = pages();
    let anchors_of: HashMap<&Path, Vec<String>> = pages
        .iter()
        .map(|page| (page.path.as_path(), anchors(page)))
        .collect();
    let mut checked = 0;
    for page in &pages {
        for link in &page.links {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            checked += 1;
            let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if target.is_empty() {
                page.path.clone()
            } else {
                page.path.parent().unwrap().join(target)
            };
            let resolved = target.canonicalize();
            let name = page.name();
            assert!(
                resolved.is_ok(),
                "{name} links to {link}, which does not exist"
            );
            if !anchor.is_empty() {
                let anchors = anchors_of.get(resolved.unwrap().as_path());
                let known = anchors.is_some_and(|anchors| anchors.iter().any(|a| a == anchor));
                assert!(known, "{name} links to {link}, which has no such heading");
            }
        }
    }
    assert!(checked > 100, "only {checked} links were found");
}

#[test]
fn the_readme_links_to_all_pages_of_docs() {
    let pages = pages();
    let readme = pages.iter().find(|page| page.name() == "README.md");
    let links = &readme.unwrap().links;
    for page in &pages {
        let path = page.path.strip_prefix(crate::support::root()).unwrap();
        if path.parent() == Some(Path::new("docs")) {
            let name = path.to_str().unwrap().replace('\\', "/");
            assert!(links.contains(&name), "README.md does not link to {name}");
        }
    }
}
