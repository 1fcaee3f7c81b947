//! Reads which file of a crate uses which, and finds circular dependencies that span more than one folder. Files in
//! one folder are read together and may depend on each other. Two folders that need each other cannot be understood,
//! moved or tested separately.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Circles that are allowed for now: the files in each, and why.
const ALLOWED: [(&[&str], &str); 0] = [];

/// A module's place in its crate: `["dashboard", "guard"]`.
type Module = Vec<String>;

/// One Rust token. Comments, strings and lifetimes are left out.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    /// `::`
    Path,
    Sign(char),
}

fn tokens(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = text_length(rest) {
            length
        } else if first.is_alphanumeric() || first == '_' {
            let length = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..length].to_owned()));
            length
        } else if rest.starts_with("::") {
            tokens.push(Token::Path);
            2
        } else {
            if !first.is_whitespace() {
                tokens.push(Token::Sign(first));
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

/// The length of the string, raw string, character or lifetime that `rest` begins with.
fn text_length(rest: &str) -> Option<usize> {
    let raw = rest.strip_prefix('b').unwrap_or(rest);
    if let Some(raw) = raw.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = rest.len() - raw.len() + hashes + 1;
            return Some(start + rest[start..].find(&end)? + end.len());
        }
    }
    let quoted = |start: usize, quote: char| {
        let mut escaped = false;
        let end = rest[start..].find(|c: char| {
            let ends = c == quote && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        })?;
        Some(start + end + 1)
    };
    let mut chars = rest.chars();
    match (chars.next()?, chars.next(), chars.next()) {
        ('"', ..) => quoted(1, '"'),
        ('b', Some('"'), _) => quoted(2, '"'),
        ('\'', Some('\\'), _) => quoted(1, '\''),
        ('\'', Some(c), Some('\'')) => Some(2 + c.len_utf8()),
        ('\'', ..) => Some(1),
        _ => None,
    }
}

/// The names that one file uses and re-exports.
#[derive(Debug, Default)]
struct File {
    /// All paths that the file uses, from the crate's root.
    uses: Vec<Module>,
    /// The names that it re-exports: `pub use guard::Who` is `Who` of `["dashboard", "guard", "Who"]`.
    hands_on: BTreeMap<String, Module>,
    /// The modules from which it re-exports everything: `pub use guard::*`.
    hands_on_all: Vec<Module>,
}

/// Reads one file's tokens. `children` says whether a module has a child of that name.
struct Reader<'a> {
    tokens: Vec<Token>,
    at: usize,
    module: Module,
    is_module: &'a dyn Fn(&[String]) -> bool,
    file: File,
}

impl Reader<'_> {
    fn word(&self, ahead: usize) -> Option<&str> {
        match self.tokens.get(self.at + ahead) {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn is(&self, ahead: usize, token: &Token) -> bool {
        self.tokens.get(self.at + ahead) == Some(token)
    }

    /// Reads to the end, or to the brace that closes an inline module.
    fn read(&mut self) {
        let mut depth = 0_usize;
        while self.at < self.tokens.len() {
            if self.is_test_module() {
                self.skip_braces();
                continue;
            }
            match &self.tokens[self.at] {
                Token::Sign('{') => depth += 1,
                Token::Sign('}') if depth == 0 => return,
                Token::Sign('}') => depth -= 1,
                Token::Word(word) if word == "mod" && self.is(2, &Token::Sign('{')) => {
                    let name = self.word(1).unwrap_or_default().to_owned();
                    self.at += 3;
                    self.module.push(name);
                    self.read();
                    self.module.pop();
                }
                Token::Word(word) if word == "use" => {
                    let handed_on = self.at > 0 && self.is_public();
                    self.at += 1;
                    self.path(Vec::new(), Some(handed_on));
                    continue;
                }
                Token::Word(_) if self.is(1, &Token::Path) && !self.follows_a_path() => {
                    self.path(Vec::new(), None);
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    fn follows_a_path(&self) -> bool {
        self.at > 0 && self.tokens[self.at - 1] == Token::Path
    }

    /// Whether this token comes after `pub` or `pub(…)`.
    fn is_public(&self) -> bool {
        let before = &self.tokens[..self.at];
        let before = match before.last() {
            Some(Token::Sign(')')) => {
                let open = before.iter().rposition(|token| *token == Token::Sign('('));
                &before[..open.unwrap_or(0)]
            }
            _ => before,
        };
        before.last() == Some(&Token::Word("pub".to_owned()))
    }

    /// `#[cfg(test)] mod name {`. Tests may use anything.
    fn is_test_module(&self) -> bool {
        let attribute: Vec<_> = tokens("#[cfg(test)] mod");
        self.tokens[self.at..].starts_with(&attribute)
    }

    fn skip_braces(&mut self) {
        let mut depth = 0_usize;
        while let Some(token) = self.tokens.get(self.at) {
            self.at += 1;
            match token {
                Token::Sign('{') => depth += 1,
                Token::Sign('}') if depth == 1 => return,
                Token::Sign('}') => depth -= 1,
                Token::Sign(';') if depth == 0 => return,
                _ => {}
            }
        }
    }

    /// A path, with its braces if it is in a `use`. `handed_on` is `None` outside a `use`.
    fn path(&mut self, before: Vec<String>, handed_on: Option<bool>) {
        let mut said = before;
        loop {
            if let Some(word) = self.word(0) {
                said.push(word.to_owned());
                self.at += 1;
                if self.is(0, &Token::Path) {
                    self.at += 1;
                    continue;
                }
                let alias = self.word(0) == Some("as");
                let name = if alias { self.word(1) } else { None }.map(str::to_owned);
                self.at += if alias && handed_on.is_some() { 2 } else { 0 };
                self.note(&said, name, handed_on);
            } else if handed_on.is_some() && self.is(0, &Token::Sign('{')) {
                self.at += 1;
                while self.at < self.tokens.len() && !self.is(0, &Token::Sign('}')) {
                    self.path(said.clone(), handed_on);
                    self.at += usize::from(self.is(0, &Token::Sign(',')));
                }
                self.at += 1;
            } else if handed_on.is_some() && self.is(0, &Token::Sign('*')) {
                self.at += 1;
                said.push("*".to_owned());
                self.note(&said, None, handed_on);
            } else {
                // `Vec::<u8>`, `crate::a::$name`: the path up to here is enough.
                self.at += usize::from(handed_on.is_some());
                self.note(&said, None, handed_on);
            }
            return;
        }
    }

    fn note(&mut self, said: &[String], name: Option<String>, handed_on: Option<bool>) {
        let Some(mut full) = self.rooted(said) else {
            return;
        };
        if full.last().is_some_and(|last| last == "self") {
            full.pop();
        }
        let is_all = full.last().is_some_and(|last| last == "*");
        if is_all {
            full.pop();
        }
        match (handed_on, is_all) {
            (Some(true), true) => self.file.hands_on_all.push(full),
            (Some(true), false) => {
                let name = name.or_else(|| full.last().cloned()).unwrap_or_default();
                self.file.hands_on.insert(name, full);
            }
            _ => self.file.uses.push(full),
        }
    }

    /// `None` if it belongs to another crate.
    fn rooted(&self, said: &[String]) -> Option<Module> {
        let mut base = self.module.clone();
        let mut said = said.iter().peekable();
        match said.peek()?.as_str() {
            "crate" => {
                said.next();
                base.clear();
            }
            "self" => {
                said.next();
            }
            "super" => {
                while said.next_if(|word| *word == "super").is_some() {
                    base.pop();
                }
            }
            first => {
                let mut child = base.clone();
                child.push(first.to_owned());
                if !(self.is_module)(&child) {
                    return None;
                }
            }
        }
        base.extend(said.cloned());
        Some(base)
    }
}

/// The files of one crate.
struct Crate {
    files: BTreeMap<Module, (PathBuf, File)>,
}

impl Crate {
    fn read(source: &Path) -> Self {
        let mut paths = Vec::new();
        walk(source, &mut paths);
        let texts = paths.into_iter().map(|path| {
            let text = std::fs::read_to_string(&path).expect("a file that can be read");
            assert!(
                !text.contains("#[path"),
                "{} has a module elsewhere than its name says",
                path.display()
            );
            (
                path.strip_prefix(source)
                    .expect("a file of this crate")
                    .to_owned(),
                text,
            )
        });
        Self::of(texts.collect())
    }

    /// Builds the map from file names below `src` and their contents.
    fn of(texts: Vec<(PathBuf, String)>) -> Self {
        let has_lib = texts.iter().any(|(path, _)| path == Path::new("lib.rs"));
        let modules: BTreeMap<Module, (PathBuf, String)> = texts
            .into_iter()
            .map(|(path, text)| (module_of(&path, has_lib), (path, text)))
            .collect();
        let is_module = |module: &[String]| modules.contains_key(module);
        let files = modules
            .iter()
            .map(|(module, (path, text))| {
                let mut reader = Reader {
                    tokens: tokens(text),
                    at: 0,
                    module: module.clone(),
                    is_module: &is_module,
                    file: File::default(),
                };
                reader.read();
                (module.clone(), (path.clone(), reader.file))
            })
            .collect();
        Self { files }
    }

    /// The file that defines the item at this path, following re-exports.
    fn home(&self, path: &[String], steps: usize) -> Option<Module> {
        let known = (0..=path.len())
            .rev()
            .find(|end| self.files.contains_key(&path[..*end]))?;
        let (module, rest) = path.split_at(known);
        let (_, file) = &self.files[module];
        let Some((name, inner)) = rest.split_first() else {
            return Some(module.to_vec());
        };
        if steps > 0 {
            if let Some(further) = file.hands_on.get(name) {
                let further: Vec<_> = further.iter().chain(inner).cloned().collect();
                return self.home(&further, steps - 1);
            }
            // With one glob re-export the name must come from there. With several, this does not guess.
            if let [only] = &file.hands_on_all[..] {
                let further: Vec<_> = only.iter().chain(rest).cloned().collect();
                return self.home(&further, steps - 1);
            }
        }
        Some(module.to_vec())
    }

    /// Which file uses which.
    fn arrows(&self) -> BTreeMap<&Path, BTreeSet<&Path>> {
        let path = |module: &Module| self.files[module].0.as_path();
        let arrows = self.files.iter().map(|(module, (own, file))| {
            let used = file.uses.iter().filter_map(|used| self.home(used, 8));
            let used = used.filter(|used| used != module).filter_map(|used| {
                let (used, _) = self.files.get_key_value(&used)?;
                Some(path(used))
            });
            (own.as_path(), used.collect())
        });
        arrows.collect()
    }

    /// Groups of files that depend on each other and are in more than one folder.
    fn circles(&self) -> Vec<Vec<&Path>> {
        let arrows = self.arrows();
        let reached: BTreeMap<&Path, BTreeSet<&Path>> =
            arrows.keys().map(|from| (*from, reach(&arrows, from))).collect();
        let mut circles = BTreeSet::new();
        for (from, reached_from) in &reached {
            let circle: Vec<&Path> = reached_from
                .iter()
                .filter(|to| reached[*to].contains(from))
                .copied()
                .collect();
            let folders: BTreeSet<_> = circle.iter().map(|path| path.parent()).collect();
            if folders.len() > 1 {
                circles.insert(circle);
            }
        }
        circles.into_iter().collect()
    }
}

/// Everything that `from` uses, directly or indirectly.
fn reach<'a>(arrows: &BTreeMap<&'a Path, BTreeSet<&'a Path>>, from: &'a Path) -> BTreeSet<&'a Path> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&Path> = arrows[from].iter().copied().collect();
    while let Some(path) = next.pop() {
        if reached.insert(path) {
            next.extend(&arrows[path]);
        }
    }
    reached
}

fn module_of(path: &Path, has_lib: bool) -> Module {
    let mut module: Module = path
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    let is_root = module == ["lib"] || (module == ["main"] && !has_lib);
    if is_root || module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    module
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The `src` of every crate of the workspace.
fn sources(root: &Path) -> Vec<PathBuf> {
    let of_crates = std::fs::read_dir(root.join("crates")).expect("the crates");
    let of_crates = of_crates.map(|entry| entry.expect("an entry").path());
    let others = ["app", "frontend", "server", "xtask"].map(|name| root.join(name));
    let mut sources: Vec<_> = of_crates
        .chain(others)
        .map(|folder| folder.join("src"))
        .filter(|source| source.is_dir())
        .collect();
    sources.sort();
    sources
}

#[test]
fn no_circle_runs_through_two_folders() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap();
    let mut found: Vec<Vec<String>> = Vec::new();
    for source in sources(&root) {
        let own = source.strip_prefix(&root).unwrap().to_owned();
        let read = Crate::read(&source);
        let named = |path: &&Path| own.join(path).to_string_lossy().replace('\\', "/");
        found.extend(
            read.circles()
                .iter()
                .map(|circle| circle.iter().map(named).collect()),
        );
    }
    let (allowed, others): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|circle| ALLOWED.iter().any(|(files, _)| circle == files));
    assert!(
        others.is_empty(),
        "files in different folders depend on each other: {others:#?}"
    );
    assert_eq!(
        allowed.len(),
        ALLOWED.len(),
        "a listed circle no longer exists: remove it from the list"
    );
}

fn crate_of(files: &[(&str, &str)]) -> Crate {
    let texts = files
        .iter()
        .map(|(path, text)| (PathBuf::from(path), (*text).to_owned()));
    Crate::of(texts.collect())
}

#[test]
fn a_circle_is_found_through_every_way_to_name_a_file() {
    let there = "use crate::b::Thing;\nstruct Own;";
    for back in [
        "use crate::a::c::Own;",
        "use crate::{x::{self, Other}, a::c::Own as Else};",
        "use super::super::a::c::Own;",
        "fn f() -> crate::a::c::Own { todo() }",
        "use crate::a::Own;",
        "use crate::a::*;\nfn f() { crate::a::c::own() }",
        "mod inner { use super::super::super::a::c::Own; }",
    ] {
        let read = crate_of(&[
            ("lib.rs", "mod a; mod b;"),
            ("a/mod.rs", "mod c; pub use c::Own;"),
            ("a/c.rs", there),
            ("b/mod.rs", "pub(crate) use self::d::Thing; mod d;"),
            ("b/d.rs", back),
        ]);
        let circle: Vec<&Path> = vec![Path::new("a/c.rs"), Path::new("b/d.rs")];
        assert_eq!(read.circles(), [circle], "{back}");
    }
}

#[test]
fn mentions_in_comments_strings_and_tests_do_not_count() {
    let quiet = [
        "// use crate::a::c::Own;",
        "/* crate::a::c::Own */ fn f<'a>(x: &'a str) -> char { '\"' }",
        "const T: &str = \"use crate::a::c::Own \\\" crate::a::c::Own\";",
        "const T: &str = r#\"crate::a::c::Own \" crate::a::c::Own\"#;",
        "#[cfg(test)]\nmod tests { use crate::a::c::Own; }\nuse std::fmt;",
        "use other::a::c::Own;",
    ];
    for text in quiet {
        let read = crate_of(&[
            ("lib.rs", "mod a; mod b;"),
            ("a/mod.rs", "mod c;"),
            ("a/c.rs", "use crate::b::Thing;"),
            ("b.rs", text),
        ]);
        assert!(read.circles().is_empty(), "{text}: {:?}", read.circles());
    }
}

#[test]
fn files_in_one_folder_may_use_each_other() {
    let read = crate_of(&[
        ("lib.rs", "mod a;"),
        ("a/mod.rs", "mod b; mod c; pub struct State; fn f() { b::f() }"),
        ("a/b.rs", "use super::c::C; use super::State;"),
        ("a/c.rs", "use super::b::B;"),
    ]);
    assert!(read.circles().is_empty());
}
