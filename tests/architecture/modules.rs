//! The module tree of the library as its source files declare it, and what each file imports.
//!
//! Files are parsed, not read by lines: an import inside braces, a renamed one or a path in the middle of a function
//! is seen as the compiler sees it. Test modules are left out; so are re-exports as imports, since they say where a
//! name can be found and not that a file needs it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::visit::{self, Visit};

/// A path from the root of the crate, without `crate`.
pub(super) type ModulePath = Vec<String>;

/// One module: a file, or an inline module inside one.
#[derive(Debug, Default)]
struct Module {
    /// Child modules, test modules excluded.
    children: BTreeSet<String>,
    /// Re-exported names and what they stand for.
    reexports: BTreeMap<String, ModulePath>,
    /// Modules all of whose names are re-exported.
    globs: Vec<ModulePath>,
    /// Everything named by a path from the root, from itself or from a parent.
    references: BTreeSet<ModulePath>,
    /// Names that are declared here.
    items: BTreeSet<String>,
}

/// All modules of the library.
#[derive(Debug, Default)]
pub(super) struct ModuleTree {
    modules: BTreeMap<ModulePath, Module>,
}

impl ModuleTree {
    /// Parses `lib.rs` and every file that it declares, directly or through others.
    pub(super) fn parse(source_folder: &Path) -> Self {
        let mut tree = Self::default();
        tree.parse_file(
            &source_folder.join("lib.rs"),
            source_folder,
            ModulePath::new(),
        );
        tree
    }

    /// Number of modules.
    pub(super) fn len(&self) -> usize {
        self.modules.len()
    }

    /// Every module whose path begins with this one, itself included.
    pub(super) fn paths(&self) -> impl Iterator<Item = &ModulePath> {
        self.modules.keys()
    }

    /// Pairs of modules of which the first imports something that the second declares.
    pub(super) fn imports(&self) -> BTreeSet<(ModulePath, ModulePath)> {
        let mut imports = BTreeSet::new();
        for (path, module) in &self.modules {
            for reference in &module.references {
                let target = self.declaring_module(reference);
                if target != *path {
                    imports.insert((path.clone(), target));
                }
            }
        }
        imports
    }

    /// The module that declares what this path names, re-exports followed.
    fn declaring_module(&self, reference: &[String]) -> ModulePath {
        let mut module = ModulePath::new();
        let mut rest: ModulePath = reference.to_vec();
        // Each re-export is followed once at most; the bound only guards against a circle of them.
        for _ in 0..64 {
            let Some(name) = rest.first().cloned() else {
                break;
            };
            let Some(declared) = self.modules.get(&module) else {
                break;
            };
            if declared.children.contains(&name) {
                module.push(rest.remove(0));
            } else if let Some(target) = declared.reexports.get(&name) {
                let followed: ModulePath = target.iter().chain(&rest[1..]).cloned().collect();
                (module, rest) = (ModulePath::new(), followed);
            } else if let Some(target) = self.glob_with(declared, &name) {
                let followed: ModulePath = target.iter().chain(&rest).cloned().collect();
                (module, rest) = (ModulePath::new(), followed);
            } else {
                break;
            }
        }
        module
    }

    fn glob_with(&self, module: &Module, name: &str) -> Option<ModulePath> {
        let has_name = |path: &&ModulePath| {
            (self.modules.get(*path)).is_some_and(|module| module.items.contains(name))
        };
        module.globs.iter().find(has_name).cloned()
    }

    fn parse_file(&mut self, file: &Path, folder: &Path, path: ModulePath) {
        let text = fs::read_to_string(file).unwrap();
        let parsed = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        self.add_module(&parsed.items, folder, path);
    }

    fn add_module(&mut self, items: &[syn::Item], folder: &Path, path: ModulePath) {
        let mut module = Module::default();
        for item in items.iter().filter(|item| !is_test(attributes(item))) {
            match item {
                syn::Item::Mod(child) => {
                    let name = child.ident.to_string();
                    module.children.insert(name.clone());
                    let child_path: ModulePath =
                        path.iter().cloned().chain([name.clone()]).collect();
                    if let Some((_, items)) = &child.content {
                        self.add_module(items, &folder.join(&name), child_path);
                    } else {
                        let alone = folder.join(format!("{name}.rs"));
                        let file = if alone.exists() {
                            alone
                        } else {
                            folder.join(&name).join("mod.rs")
                        };
                        self.parse_file(&file, &folder.join(&name), child_path);
                    }
                }
                syn::Item::Use(import) => module.add_use(import, &path),
                item => {
                    module.items.extend(declared_name(item));
                    let mut visitor = PathVisitor {
                        module: &path,
                        references: &mut module.references,
                    };
                    visitor.visit_item(item);
                }
            }
        }
        self.modules.insert(path, module);
    }
}

impl Module {
    fn add_use(&mut self, import: &syn::ItemUse, path: &[String]) {
        let is_reexport = !matches!(import.vis, syn::Visibility::Inherited);
        let mut leaves = Vec::new();
        flatten(&import.tree, &mut Vec::new(), &mut leaves);
        for (segments, alias) in leaves {
            let Some(target) = self.absolute(&segments, path) else {
                continue;
            };
            match (is_reexport, alias) {
                (true, Some(alias)) => {
                    self.reexports.insert(alias, target);
                }
                (true, None) => self.globs.push(target),
                (false, _) => {
                    self.references.insert(target);
                }
            }
        }
    }

    /// A path from the root; none if it names another crate.
    fn absolute(&self, segments: &[String], path: &[String]) -> Option<ModulePath> {
        let child = segments.first().is_some_and(|s| self.children.contains(s));
        if child {
            return Some(path.iter().chain(segments).cloned().collect());
        }
        absolute(segments, path)
    }
}

/// Resolves `crate`, `self` and `super` at the beginning of a path inside a module.
fn absolute(segments: &[String], module: &[String]) -> Option<ModulePath> {
    let mut base: ModulePath = module.to_vec();
    let mut rest = segments;
    match rest.first()?.as_str() {
        "crate" => {
            base.clear();
            rest = &rest[1..];
        }
        "self" => rest = &rest[1..],
        "super" => {
            while rest.first().is_some_and(|segment| segment == "super") {
                base.pop();
                rest = &rest[1..];
            }
        }
        _ => return None,
    }
    Some(base.into_iter().chain(rest.iter().cloned()).collect())
}

/// The leaves of a `use`: segments, and the name that they get here; none for a glob.
fn flatten(
    tree: &syn::UseTree,
    prefix: &mut Vec<String>,
    leaves: &mut Vec<(Vec<String>, Option<String>)>,
) {
    let with = |prefix: &[String], name: &syn::Ident| -> Vec<String> {
        prefix.iter().cloned().chain([name.to_string()]).collect()
    };
    match tree {
        syn::UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            flatten(&path.tree, prefix, leaves);
            prefix.pop();
        }
        syn::UseTree::Name(name) if name.ident == "self" => {
            leaves.push((prefix.clone(), prefix.last().cloned()));
        }
        syn::UseTree::Name(name) => {
            leaves.push((with(prefix, &name.ident), Some(name.ident.to_string())));
        }
        syn::UseTree::Rename(rename) => {
            leaves.push((with(prefix, &rename.ident), Some(rename.rename.to_string())));
        }
        syn::UseTree::Glob(_) => leaves.push((prefix.clone(), None)),
        syn::UseTree::Group(group) => {
            for tree in &group.items {
                flatten(tree, prefix, leaves);
            }
        }
    }
}

/// Collects paths that begin with `crate`, `self` or `super`, wherever they are used.
struct PathVisitor<'a> {
    module: &'a [String],
    references: &'a mut BTreeSet<ModulePath>,
}

impl PathVisitor<'_> {
    fn add(&mut self, segments: &[String]) {
        if segments.len() > 1
            && let Some(path) = absolute(segments, self.module)
        {
            self.references.insert(path);
        }
    }

    /// Paths inside the arguments of a macro, which are only tokens.
    fn add_tokens(&mut self, tokens: proc_macro2::TokenStream) {
        let mut segments: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                proc_macro2::TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.add(&segments);
                        segments.clear();
                    }
                    segments.push(ident.to_string());
                    colons = 0;
                }
                proc_macro2::TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                proc_macro2::TokenTree::Group(group) => {
                    self.add(&segments);
                    segments.clear();
                    colons = 0;
                    self.add_tokens(group.stream());
                }
                _ => {
                    self.add(&segments);
                    segments.clear();
                    colons = 0;
                }
            }
        }
        self.add(&segments);
    }
}

impl<'ast> Visit<'ast> for PathVisitor<'_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        self.add(&segments);
        visit::visit_path(self, path);
    }

    fn visit_item_use(&mut self, import: &'ast syn::ItemUse) {
        let mut leaves = Vec::new();
        flatten(&import.tree, &mut Vec::new(), &mut leaves);
        for (segments, _) in leaves {
            self.add(&segments);
        }
    }

    fn visit_macro(&mut self, invoked: &'ast syn::Macro) {
        self.add_tokens(invoked.tokens.clone());
        visit::visit_macro(self, invoked);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.add_tokens(list.tokens.clone());
        }
    }
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// True if it is compiled for tests only.
fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) => {
            list.path.is_ident("cfg") && list.tokens.to_string().starts_with("test")
        }
        _ => false,
    })
}

fn declared_name(item: &syn::Item) -> Option<String> {
    let ident = match item {
        syn::Item::Const(item) => &item.ident,
        syn::Item::Enum(item) => &item.ident,
        syn::Item::Fn(item) => &item.sig.ident,
        syn::Item::Static(item) => &item.ident,
        syn::Item::Struct(item) => &item.ident,
        syn::Item::Trait(item) => &item.ident,
        syn::Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}
