//! Which parts of a page are not its article.

use std::collections::{BTreeMap, HashMap, HashSet};

use ego_tree::iter::Edge;
use ego_tree::{NodeId, NodeRef};
use scraper::node::Element;
use scraper::{Html, Node};

/// The parts that are left out.
#[derive(Debug, Default)]
pub(super) struct Skipped {
    pub(super) nodes: HashSet<NodeId>,
    /// The element that the article is in, if not the whole page.
    pub(super) root: Option<NodeId>,
    /// Characters left out, by kind.
    pub(super) parts: BTreeMap<&'static str, usize>,
}

/// Text of an element: all of it, that of links, and the number of links.
#[derive(Debug, Default, Clone, Copy)]
struct Measure {
    chars: usize,
    link_chars: usize,
    links: usize,
}

/// A part with more of the page's text than this is not boilerplate, whatever its name.
const MAX_SHARE_PERCENT: usize = 50;

/// An element has to have this much of the text to be taken for the article.
const MIN_ARTICLE_PERCENT: usize = 30;

/// Lists with fewer links than this are part of a text.
const MIN_MENU_LINKS: usize = 4;

/// Finds the parts of a page that are not its article.
pub(super) fn boilerplate(page: &Html) -> Skipped {
    let measures = measure(page);
    let of = |node: NodeRef<'_, Node>| measures.get(&node.id()).copied().unwrap_or_default();
    let total = of(page.tree.root()).chars;
    let mut skipped = Skipped::default();
    for node in page.tree.root().descendants() {
        let Node::Element(element) = node.value() else {
            continue;
        };
        let share = of(node).chars;
        if share == 0 || share * 100 > total * MAX_SHARE_PERCENT {
            continue;
        }
        let Some(kind) = kind_of(node, element, of(node)) else {
            continue;
        };
        let inside = node
            .ancestors()
            .any(|ancestor| skipped.nodes.contains(&ancestor.id()));
        if !inside {
            skipped.nodes.insert(node.id());
            *skipped.parts.entry(kind).or_default() += share;
        }
    }
    let left_out: usize = skipped.parts.values().sum();
    let articles: Vec<_> = page
        .tree
        .root()
        .descendants()
        .filter(|node| matches!(node.value(), Node::Element(element) if is_article(element)))
        .filter(|node| {
            of(*node).chars * 100 >= total.saturating_sub(left_out) * MIN_ARTICLE_PERCENT
        })
        .filter(|node| !skipped.nodes.contains(&node.id()))
        .collect();
    // Nested ones are one article; several next to each other are a list of articles.
    if let Some(first) = articles.first()
        && articles
            .iter()
            .all(|node| node.id() == first.id() || node.ancestors().any(|a| a.id() == first.id()))
    {
        skipped.root = Some(first.id());
        let outside = total.saturating_sub(of(*first).chars);
        let counted: usize = skipped
            .nodes
            .iter()
            .filter_map(|id| page.tree.get(*id))
            .filter(|node| node.ancestors().any(|ancestor| ancestor.id() == first.id()))
            .map(|node| of(node).chars)
            .sum();
        let reported = left_out.saturating_sub(counted);
        if outside > reported {
            *skipped
                .parts
                .entry("text outside of the article")
                .or_default() += outside - reported;
        }
    }
    skipped
}

/// Measures all elements, from the leaves up.
fn measure(page: &Html) -> HashMap<NodeId, Measure> {
    let mut measures: HashMap<NodeId, Measure> = HashMap::new();
    let mut stack: Vec<Measure> = Vec::new();
    let (mut links, mut invisible) = (0_usize, 0_usize);
    for edge in page.tree.root().traverse() {
        match edge {
            Edge::Open(node) => {
                let mut own = Measure::default();
                match node.value() {
                    Node::Text(text) if invisible == 0 => {
                        own.chars = text
                            .split_whitespace()
                            .map(|word| word.chars().count() + 1)
                            .sum();
                        own.link_chars = if links > 0 { own.chars } else { 0 };
                    }
                    Node::Element(element) => {
                        invisible += usize::from(is_invisible(element));
                        let link = element.name() == "a" && element.attr("href").is_some();
                        links += usize::from(link);
                        own.links = usize::from(link);
                    }
                    _ => {}
                }
                stack.push(own);
            }
            Edge::Close(node) => {
                if let Node::Element(element) = node.value() {
                    invisible -= usize::from(is_invisible(element));
                    links -= usize::from(element.name() == "a" && element.attr("href").is_some());
                }
                let own = stack.pop().unwrap_or_default();
                if let Some(parent) = stack.last_mut() {
                    parent.chars += own.chars;
                    parent.link_chars += own.link_chars;
                    parent.links += own.links;
                }
                if !matches!(node.value(), Node::Text(_)) {
                    measures.insert(node.id(), own);
                }
            }
        }
    }
    measures
}

/// Returns whether an element is never shown as text.
pub(super) fn is_invisible(element: &Element) -> bool {
    matches!(
        element.name(),
        "script"
            | "style"
            | "template"
            | "noscript"
            | "svg"
            | "iframe"
            | "object"
            | "head"
            | "button"
            | "select"
            | "textarea"
            | "datalist"
            | "canvas"
            | "audio"
            | "video"
            | "map"
            | "math"
    ) || element.attr("hidden").is_some()
        || element.attr("aria-hidden") == Some("true")
        || element.attr("style").is_some_and(|style| {
            let style: String = style.chars().filter(|c| !c.is_whitespace()).collect();
            style.contains("display:none") || style.contains("visibility:hidden")
        })
}

fn is_article(element: &Element) -> bool {
    matches!(element.name(), "main" | "article")
        || element.attr("role") == Some("main")
        || element.attr("itemprop") == Some("articleBody")
}

/// Returns what an element is, if it is not part of an article.
fn kind_of(node: NodeRef<'_, Node>, element: &Element, measure: Measure) -> Option<&'static str> {
    let in_article = || {
        node.ancestors().any(
            |ancestor| matches!(ancestor.value(), Node::Element(element) if is_article(element)),
        )
    };
    let by_name = match element.name() {
        "nav" => Some("menus"),
        "footer" if !in_article() => Some("footers"),
        "header" if !in_article() && measure.links >= 2 => Some("page headers"),
        "aside" => Some("side bars"),
        "form" if measure.chars < 400 => Some("forms"),
        _ => None,
    };
    let by_role = match element.attr("role") {
        Some("navigation" | "menu" | "menubar" | "tablist") => Some("menus"),
        Some("contentinfo") => Some("footers"),
        Some("banner") => Some("page headers"),
        Some("complementary" | "search" | "dialog" | "alert" | "alertdialog") => Some("side bars"),
        _ => None,
    };
    by_name
        .or(by_role)
        .or_else(|| by_class(element, measure))
        .or_else(|| {
            let is_list = matches!(
                element.name(),
                "ul" | "ol" | "div" | "p" | "table" | "td" | "section"
            );
            let links =
                measure.links >= MIN_MENU_LINKS && measure.link_chars * 10 >= measure.chars * 8;
            // Links of a few words each; a list of linked titles may be what the page is for.
            let short = measure.chars < measure.links * 40;
            (is_list && links && short).then_some("lists of links")
        })
}

/// Names of classes and ids that sites give to what is not the article.
fn by_class(element: &Element, measure: Measure) -> Option<&'static str> {
    if !matches!(
        element.name(),
        "div" | "section" | "ul" | "ol" | "p" | "span" | "td" | "header" | "table"
    ) {
        return None;
    }
    let names = element.attr("class").into_iter().chain(element.attr("id"));
    for name in names.flat_map(|names| names.split(|c: char| !c.is_ascii_alphanumeric())) {
        let name = name.to_ascii_lowercase();
        let kind = match name.as_str() {
            "nav" | "navbar" | "navigation" | "menu" | "submenu" | "breadcrumb" | "breadcrumbs"
            | "pagination" | "pager" | "toc" | "skip" | "skiplink" => "menus",
            "footer" | "copyright" | "colophon" => "footers",
            "sidebar" | "related" | "recommended" | "promo" | "widget" | "advertisement"
            | "advert" | "ads" => "side bars",
            "share" | "sharing" | "social" | "newsletter" | "subscribe" | "cookie" | "cookies"
            | "consent" | "gdpr" => "banners and sharing links",
            "comments" | "disqus" => "comments",
            _ => continue,
        };
        // A footer of an article in prose is read.
        if kind != "footers" || measure.links > 0 || measure.chars < 400 {
            return Some(kind);
        }
    }
    None
}
