//! Holds the table of levels against the code, and the habits of the tree against every file in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The levels of design.md §3. A module uses modules of lower levels only; those of one level do not see each other.
///
/// Where this table says more than that one:
/// - `http` (0) is the accept loop that `admin` and `gateway`, which may not see each other, share.
/// - `config`, `daemon`, `cli` stand there on one level, but each needs the one before: the daemon is wired from a
///   configuration, the command line starts the daemon. They are 6, 7 and 8 here.
const LEVELS: &[(u8, &[&str])] = &[
    (0, &["idn", "zone", "tsig", "telemetry", "http"]),
    (1, &["registry", "zonefile", "query", "transfer"]),
    (2, &["publication", "dnssec"]),
    (3, &["journal", "store", "snapshot"]),
    (4, &["update"]),
    (5, &["server", "gateway", "admin", "notify", "outbox"]),
    (6, &["config"]),
    (7, &["daemon"]),
    (8, &["cli"]),
];

/// Crates, and the only modules that may name them.
const CONFINED: &[(&str, &[&str])] = &[
    ("arc_swap", &["snapshot"]),
    ("axum", &["admin", "gateway", "http"]),
    ("clap", &["cli", "config"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("hmac", &["admin", "outbox", "tsig"]),
    ("csv", &["admin"]),
    ("ferrous_opencc", &["idn"]),
    ("h3", &["server"]),
    ("h3_quinn", &["server"]),
    ("idna", &["idn"]),
    ("libc", &["server"]),
    ("listenfd", &["http"]),
    ("nix", &["config"]),
    ("postcard", &["store"]),
    ("prometheus", &["telemetry"]),
    ("quick_xml", &["idn"]),
    ("quinn", &["server"]),
    ("quinn_udp", &["server"]),
    ("rcgen", &["daemon"]),
    ("rustls", &["daemon", "http", "server"]),
    // Core types carry no file format: each edge has its own versioned types (design.md §3).
    ("serde", &["config", "store", "journal", "admin", "cli", "outbox"]),
    ("serde_json", &["config", "store", "journal", "admin", "cli", "outbox"]),
    ("sled", &["store"]),
    ("thread_priority", &["update"]),
    ("tokio_rustls", &["http", "server"]),
    ("toml", &["config"]),
    ("tracing_subscriber", &["telemetry"]),
    ("utoipa", &["admin"]),
    ("utoipa_axum", &["admin"]),
    ("utoipa_swagger_ui", &["admin"]),
];

/// The one file with system calls of the UDP loop, and the one that names the allocator and its options.
const UNSAFE_FILES: &[&str] = &["src/main.rs", "src/server/sys.rs"];

/// Longest file in lines. A goal of 300 is kept by reading; this stops a giant.
const FILE_LINES_MAX: usize = 800;

/// Calls that are banned, where they are allowed after all, and why they are banned.
const BANNED_IN_SRC: &[(&str, &[&str], &str)] = &[
    (".unwrap()", &[], "`expect` with the invariant in its message, or an error"),
    ("println!", &["src/cli/"], "only the command line talks to standard output"),
    ("eprintln!", &["src/cli/"], "only the command line talks to standard error; the rest logs"),
    ("thread::sleep", &[], "wait for the event, not for the time"),
    ("SystemTime::now", &["src/update/clock.rs", "src/telemetry/"], "time is an argument, or comes from the clock"),
    ("Utc::now", &[], "time is an argument, or comes from the clock"),
    ("Timestamp::now", &["src/update/clock.rs"], "time is an argument, or comes from the clock"),
];

/// Marks of unfinished work, banned in every Rust file of the tree.
const BANNED_EVERYWHERE: &[&str] = &["todo!", "unimplemented!", "dbg!", "#[ignore"];

#[test]
fn arrows_point_down_the_levels() {
    let levels = level_of();
    let mut faults = Faults::default();
    for file in rust_files("src") {
        let Some(module) = module_of(&file.path) else { continue };
        let Some(own) = levels.get(module.as_str()) else {
            faults.add(&file.path, 1, format!("module `{module}` is in no level; add it to LEVELS"));
            continue;
        };
        for (line, used) in file.modules_used() {
            let Some(level) = levels.get(used.as_str()) else { continue };
            if used != module && level >= own {
                faults.add(&file.path, line, format!("`{module}` (level {own}) uses `{used}` (level {level})"));
            }
        }
    }
    faults.check();
}

#[test]
fn crates_stay_in_their_modules() {
    let mut faults = Faults::default();
    for file in rust_files("src") {
        let module = module_of(&file.path).unwrap_or_default();
        for (name, homes) in CONFINED {
            if !homes.contains(&module.as_str()) {
                for line in file.lines_naming_crate(name) {
                    faults.add(&file.path, line, format!("`{name}` belongs to {}", homes.join(", ")));
                }
            }
        }
    }
    faults.check();
}

#[test]
fn unsafe_code_is_where_it_has_to_be() {
    let mut faults = Faults::default();
    for file in rust_files("src") {
        if UNSAFE_FILES.contains(&file.path.as_str()) {
            continue;
        }
        for line in file.lines_with_word("unsafe") {
            faults.add(&file.path, line, format!("unsafe code stands in {} only", UNSAFE_FILES.join(", ")));
        }
    }
    faults.check();
}

#[test]
fn files_begin_with_their_purpose_and_stay_short() {
    let mut faults = Faults::default();
    for file in all_rust_files() {
        if !file.text.starts_with("//! ") {
            faults.add(&file.path, 1, "the first line is not a `//!` line that says what the file owns".into());
        }
        let lines = file.text.lines().count();
        if lines > FILE_LINES_MAX {
            faults.add(&file.path, lines, format!("{lines} lines; split it (at most {FILE_LINES_MAX})"));
        }
    }
    faults.check();
}

#[test]
fn nothing_is_left_unfinished() {
    let fix_me = concat!("FIX", "ME");
    let mut faults = Faults::default();
    for file in all_rust_files() {
        for mark in BANNED_EVERYWHERE {
            for line in file.lines_containing(&file.code, mark) {
                faults.add(&file.path, line, format!("`{mark}` is banned"));
            }
        }
        for line in file.lines_containing(&file.text, fix_me) {
            faults.add(&file.path, line, format!("{fix_me}: a debt has an owner, or goes"));
        }
    }
    faults.check();
}

#[test]
fn banned_calls_are_not_made() {
    let mut faults = Faults::default();
    for file in rust_files("src") {
        let code = file.code_without_tests();
        for (call, allowed, why) in BANNED_IN_SRC {
            if allowed.iter().any(|prefix| file.path.starts_with(prefix)) {
                continue;
            }
            for line in file.lines_containing(&code, call) {
                faults.add(&file.path, line, format!("`{call}` is banned: {why}"));
            }
        }
    }
    faults.check();
}

#[test]
fn the_tour_names_every_module() {
    let root = fs::read_to_string(tree().join("src/lib.rs")).expect("src/lib.rs");
    let levels = level_of();
    let modules: BTreeSet<&str> =
        root.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert!(modules.len() > 10, "no modules found in src/lib.rs: {modules:?}");
    let tour: String = root.lines().filter(|line| line.starts_with("//!")).collect::<Vec<_>>().join("\n");
    let untold: Vec<_> = modules.iter().filter(|module| !tour.contains(&format!("[`{module}`]"))).collect();
    assert!(untold.is_empty(), "the tour in src/lib.rs says nothing of {untold:?}");
    let unknown: Vec<_> = modules.iter().filter(|module| !levels.contains_key(**module)).collect();
    assert!(unknown.is_empty(), "in no level: {unknown:?}");
}

// ------------------------------------------------------------------------------------------------ what finds the faults

/// The checks themselves can fail: each finds what it looks for, and not what only looks like it.
#[test]
fn the_checks_find_what_they_look_for() {
    let source = r##"//! A file.
use crate::store;
use crate::{zone::Name, /* update */ journal::{self, Journal}};
// use crate::admin;
const TEXT: &str = "use crate::gateway; todo!() \" .unwrap()";
const RAW: &str = r#"crate::server "quoted" "#;
const QUOTE: char = '"';
fn life<'a>(x: &'a str) -> sled::Db { x.lines().next().unwrap() }
#[cfg(test)]
mod tests { fn t() { unsafe { None.unwrap() } } }
fn after() { other::sled(); todo!() }
"##;
    let file = Source::new("src/example/mod.rs".into(), source.into());
    let used: Vec<_> = file.modules_used();
    let expected = [(2, "store"), (3, "zone"), (3, "journal")];
    assert_eq!(used, expected.map(|(line, name)| (line, name.to_owned())));
    assert_eq!(file.lines_naming_crate("sled"), [8]);
    assert_eq!(file.lines_with_word("unsafe"), [10]);
    assert_eq!(file.lines_containing(&file.code_without_tests(), ".unwrap()"), [8]);
    assert_eq!(file.lines_containing(&file.code, "todo!"), [11]);
}

/// What is wrong in the tree, one line each.
#[derive(Default)]
struct Faults(String);

impl Faults {
    fn add(&mut self, path: &str, line: usize, what: String) {
        let _ = writeln!(self.0, "{path}:{line}: {what}");
    }

    fn check(&self) {
        assert!(self.0.is_empty(), "\n{}", self.0);
    }
}

/// One Rust file: its text, and its code with comments and literals blanked out.
struct Source {
    path: String,
    text: String,
    code: String,
}

impl Source {
    fn new(path: String, text: String) -> Self {
        let code = blank(&text);
        Self { path, text, code }
    }

    /// Modules of this crate named by `crate::`, or by `super::` from the top of a module.
    fn modules_used(&self) -> Vec<(usize, String)> {
        let mut used = Vec::new();
        for (at, _) in self.code.match_indices("crate::") {
            let whole_word = self.code[..at].chars().next_back().is_none_or(|c| !is_word(c) && c != '$');
            if whole_word {
                let after = at + "crate::".len();
                used.extend(
                    first_segments(&self.code[after..]).map(|(offset, name)| (self.line(after + offset), name)),
                );
            }
        }
        for (at, _) in self.code.match_indices("super::") {
            let after = at + "super::".len();
            used.extend(
                first_segments(&self.code[after..])
                    .filter(|(_, name)| self.is_top_of_module() && !self.has_submodule(name))
                    .map(|(offset, name)| (self.line(after + offset), name)),
            );
        }
        used
    }

    fn is_top_of_module(&self) -> bool {
        self.path.ends_with("/mod.rs") && self.path.split('/').count() == 3
    }

    fn has_submodule(&self, name: &str) -> bool {
        let directory = tree().join(&self.path);
        let directory = directory.parent().expect("a file is in a directory");
        directory.join(format!("{name}.rs")).exists() || directory.join(name).is_dir()
    }

    /// Lines where `name` begins a path or is imported.
    fn lines_naming_crate(&self, name: &str) -> Vec<usize> {
        let begins_path = |at: usize| {
            let before = self.code[..at].trim_end_matches(' ');
            let after = self.code[at + name.len()..].trim_start();
            let first = !before.ends_with("::") && !before.ends_with('.') || before.ends_with(" ::");
            first && (after.starts_with("::") || before.ends_with("use") || before.ends_with("extern crate"))
        };
        self.words(name).filter(|at| begins_path(*at)).map(|at| self.line(at)).collect()
    }

    fn lines_with_word(&self, word: &str) -> Vec<usize> {
        self.words(word).map(|at| self.line(at)).collect()
    }

    fn lines_containing(&self, text: &str, needle: &str) -> Vec<usize> {
        let begins_word = needle.starts_with(is_word);
        let whole = |at: usize| !begins_word || !text[..at].ends_with(is_word);
        let line = |at: usize| text[..at].matches('\n').count() + 1;
        text.match_indices(needle).filter(|(at, _)| whole(*at)).map(|(at, _)| line(at)).collect()
    }

    fn words<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        let free =
            |at: usize| !self.code[..at].ends_with(is_word) && !self.code[at + word.len()..].starts_with(is_word);
        self.code.match_indices(word).map(|(at, _)| at).filter(move |at| free(*at))
    }

    /// The code with `#[cfg(test)]` items blanked out; nothing is left of a file that is a test as a whole.
    fn code_without_tests(&self) -> String {
        if self.path.ends_with("/tests.rs") || self.path.contains("/tests/") {
            return String::new();
        }
        let mut code = self.code.clone().into_bytes();
        for (at, _) in self.code.match_indices("#[cfg(test)]") {
            let end = at + item_length(&self.code[at..]);
            code[at..end].iter_mut().filter(|octet| **octet != b'\n').for_each(|octet| *octet = b' ');
        }
        String::from_utf8(code).expect("whole items were blanked")
    }

    fn line(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The first segments of the path, or group of paths, that `code` begins with, with their offsets.
fn first_segments(code: &str) -> impl Iterator<Item = (usize, String)> {
    let mut found = Vec::new();
    let (mut depth, mut expecting) = (0, true);
    let mut chars = code.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' => expecting = depth == 1,
            c if is_word(c) => {
                let mut name = String::from(c);
                while let Some((_, c)) = chars.next_if(|(_, c)| is_word(*c)) {
                    name.push(c);
                }
                if expecting && depth <= 1 {
                    found.push((at, name));
                }
                expecting = false;
            }
            _ => {}
        }
        if depth <= 0 && !found.is_empty() {
            break;
        }
    }
    found.into_iter()
}

/// Octets of the item that `code` begins with: to its semicolon, or to the brace that closes it.
fn item_length(code: &str) -> usize {
    let mut depth = 0;
    for (at, c) in code.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// `text` with comments and the insides of literals replaced by blanks; every line stays where it was.
fn blank(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let word_before = code.ends_with(is_word);
        let length = literal_or_comment(rest, word_before);
        if length == 0 {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            code.extend(rest[..length].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = &rest[length..];
        }
    }
    code
}

/// Octets of the comment or literal that `rest` begins with; 0 if it begins with neither.
fn literal_or_comment(rest: &str, word_before: bool) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment_length(rest);
    }
    if rest.starts_with('"') {
        return quoted_length(rest);
    }
    if !word_before {
        let prefix = ["br", "cr", "r"].into_iter().find(|prefix| rest.starts_with(prefix)).unwrap_or_default();
        let hashes = rest[prefix.len()..].bytes().take_while(|octet| *octet == b'#').count();
        if !prefix.is_empty() && rest[prefix.len() + hashes..].starts_with('"') {
            let close = format!("\"{}", "#".repeat(hashes));
            let inside = prefix.len() + hashes + 1;
            return rest[inside..].find(&close).map_or(rest.len(), |at| inside + at + close.len());
        }
    }
    if let Some(inside) = rest.strip_prefix('\'') {
        // A character literal closes after one (perhaps escaped) character; anything else is a lifetime.
        let mut chars = inside.char_indices();
        return match chars.next() {
            Some((_, '\\')) => inside[2..].find('\'').map_or(0, |at| at + 4),
            Some((_, _)) => chars.next().filter(|(_, c)| *c == '\'').map_or(0, |(at, _)| at + 2),
            None => 0,
        };
    }
    0
}

fn block_comment_length(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                break;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

fn quoted_length(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn level_of() -> BTreeMap<&'static str, u8> {
    LEVELS.iter().flat_map(|(level, modules)| modules.iter().map(|module| (*module, *level))).collect()
}

/// The top-level module that the file at `path` belongs to; none for the crate's two roots.
fn module_of(path: &str) -> Option<String> {
    let inside = path.strip_prefix("src/")?;
    let first = inside.split('/').next()?;
    let module = first.strip_suffix(".rs").unwrap_or(first);
    (module != "lib" && module != "main").then(|| module.to_owned())
}

fn tree() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn all_rust_files() -> Vec<Source> {
    ["src", "tests", "benches", "examples"].into_iter().flat_map(rust_files).collect()
}

fn rust_files(directory: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut waiting = vec![tree().join(directory)];
    while let Some(directory) = waiting.pop() {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for path in entries.map(|entry| entry.expect("a readable directory").path()) {
            if path.is_dir() && !path.ends_with("target") {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(source(path));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn source(path: PathBuf) -> Source {
    let text = fs::read_to_string(&path).expect("a readable file");
    let inside = path.strip_prefix(tree()).expect("a file of the tree");
    Source::new(inside.to_string_lossy().into_owned(), text)
}
