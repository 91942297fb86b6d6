//! Imports point one way only.

use std::fs;
use std::path::{Path, PathBuf};

/// What each part may import of the others; `error`, `problem`, `window`, `progress` and `text` are open to all.
const MAY: &[(&str, &[&str])] = &[
    ("aws", &[]),
    ("inventory", &["aws"]),
    ("logs", &["aws"]),
    ("handshake", &["inventory"]),
    ("sessions", &["aws", "handshake", "inventory"]),
    ("bundle", &["aws", "handshake", "inventory", "sessions"]),
    ("scan", &["logs"]),
    ("metrics", &["aws", "bundle", "inventory"]),
    ("events", &["aws", "bundle", "scan"]),
    ("collect", &["aws", "bundle", "events", "inventory", "logs", "metrics", "scan"]),
    ("usage", &["bundle", "inventory", "sessions"]),
    ("enable_logging", &["inventory"]),
    ("verdict", &["inventory", "enable_logging", "usage"]),
    ("report", &["bundle", "inventory", "sessions", "shell", "usage", "verdict"]),
    ("clients", &["bundle", "inventory", "report", "shell", "verdict"]),
    ("diff", &["inventory", "report", "verdict"]),
    ("plan", &["clients", "inventory", "report", "shell", "verdict"]),
    ("probe", &["bundle", "handshake", "inventory", "report", "sessions", "shell", "verdict"]),
    ("preflight", &["bundle", "inventory", "enable_logging", "report", "sessions", "shell", "usage", "verdict"]),
];

/// Words that no part may hold: what would make a verdict depend on more than its evidence, or parsing on more than text.
const MAY_NOT_HOLD: &[(&str, &[&str])] = &[
    ("src/verdict", &["polars", "tokio", "aws_sdk", "std::fs", "std::env", "Timestamp::now", "SystemTime"]),
    ("src/usage", &["tokio", "aws_sdk", "std::fs", "std::env", "Timestamp::now", "SystemTime"]),
    ("src/enable_logging", &["polars", "tokio", "aws_sdk", "std::fs", "std::env", "Timestamp::now", "SystemTime"]),
    ("src/report", &["polars", "tokio", "aws_sdk", "Timestamp::now", "SystemTime"]),
    ("src/probe", &["polars", "tokio", "aws_sdk", "std::fs", "std::env", "Timestamp::now", "SystemTime"]),
    ("src/preflight", &["polars", "tokio", "aws_sdk", "std::fs", "std::env", "Timestamp::now", "SystemTime"]),
    ("src/logs", &["postgres", "polars"]),
    ("parsers/src", &["polars", "tokio", "aws_sdk", "std::fs", "std::env", "Timestamp::now", "SystemTime"]),
];

/// What one file may hold all the same, for it is what the file is for.
const BUT_MAY: &[(&str, &str)] = &[("src/report/parquet.rs", "polars")];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(path: &Path) -> Vec<(PathBuf, String)> {
    if path.is_file() {
        let text = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        return vec![(path.to_owned(), String::from_utf8_lossy(&text).into_owned())];
    }
    let entries = path.read_dir().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.extension().is_none_or(|end| end != "md")).flat_map(|path| sources(&path)).collect()
}

/// The code of a source, without its tests and comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let tests = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    text[..tests].lines().filter(|line| !line.trim_start().starts_with("//"))
}

#[test]
fn a_part_imports_only_what_it_may() {
    let mut seen = 0;
    for (part, may) in MAY {
        let folder = root().join("src").join(part);
        let path = if folder.is_dir() { folder } else { folder.with_extension("rs") };
        for (path, text) in sources(&path) {
            for line in code(&text).filter(|line| line.contains("crate::")) {
                let Some(other) = line.split("crate::").nth(1).and_then(|rest| rest.split([':', ';']).next()) else {
                    continue;
                };
                let open = ["error", "problem", "window", "progress", "text", part].contains(&other);
                assert!(open || may.contains(&other), "{} imports {other}: {line}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 30, "the imports were found: {seen}");
}

/// The modules of each line of the diagram in `lib.rs`, from the top.
fn diagram() -> Vec<Vec<String>> {
    let lib = fs::read_to_string(root().join("src/lib.rs")).expect("lib.rs");
    let block = lib.split("//! ```text\n").nth(1).and_then(|rest| rest.split("//! ```").next()).expect("a diagram");
    let modules = |line: &str| {
        let names = line.trim_start_matches("//! ").split("  ").next().unwrap_or_default();
        names.split(", ").map(str::to_owned).collect()
    };
    block.lines().map(modules).collect()
}

#[test]
fn the_diagram_is_what_modules_may_import() {
    let diagram = diagram();
    let line_of = |module: &str| diagram.iter().position(|line| line.iter().any(|name| name == module));
    for (part, may) in MAY {
        let own = line_of(part).unwrap_or_else(|| panic!("{part} is in the diagram"));
        for other in may.iter().filter(|other| **other != "shell") {
            assert!(line_of(other).is_some_and(|line| line > own), "{part} may import {other}");
        }
    }
    let named = diagram.iter().flatten().filter(|module| *module != "cli");
    assert_eq!(named.count(), MAY.len(), "the diagram has every part, once");
    assert_eq!(diagram.first().map(Vec::as_slice), Some(&["cli".to_owned()][..]));
}

#[test]
fn the_command_line_and_its_parser_are_in_cli_alone() {
    let cli = root().join("src/cli");
    let others = sources(&root().join("src")).into_iter().filter(|(path, _)| !path.starts_with(&cli));
    for (path, text) in others.filter(|(path, _)| !path.ends_with("src/main.rs")) {
        for word in ["clap", "crate::cli::", "indicatif"] {
            let line = code(&text).find(|line| line.contains(word));
            assert_eq!(line, None, "{} holds {word}", path.display());
        }
    }
}

#[test]
fn a_part_holds_nothing_that_it_may_not() {
    for (part, words) in MAY_NOT_HOLD {
        for (path, text) in sources(&root().join(part)) {
            for line in code(&text) {
                let may = |word: &str| BUT_MAY.iter().any(|(file, may)| path == root().join(file) && *may == word);
                let word = words.iter().find(|word| line.contains(**word) && !may(word));
                assert_eq!(word, None, "{}: {line}", path.display());
            }
        }
    }
}

#[test]
fn there_is_no_unsafe_code() {
    for part in ["src", "parsers/src"] {
        let found = sources(&root().join(part)).into_iter().find(|(_, text)| text.contains("unsafe {"));
        assert_eq!(found.map(|(path, _)| path), None);
    }
}

/// Names of tests and files in backticks, which the table of guarantees rests on.
#[test]
fn every_test_that_the_security_policy_names_is_there() {
    let policy = fs::read_to_string(root().join("SECURITY.md")).expect("SECURITY.md");
    let code: String = ["src", "tests", "parsers/src", "parsers/tests"]
        .iter()
        .flat_map(|folder| sources(&root().join(folder)))
        .filter(|(path, _)| path.extension().is_some_and(|end| end == "rs"))
        .map(|(_, text)| text)
        .collect();
    let named = policy.split('`').skip(1).step_by(2);
    let (mut tests, mut files) = (0, 0);
    for name in named {
        if name.ends_with(".rs") || name.ends_with(".md") {
            assert!(root().join(name).exists(), "{name}");
            files += 1;
        } else if name.matches('_').count() > 2 && !name.contains(' ') {
            assert!(code.contains(&format!("fn {name}(")), "{name}");
            tests += 1;
        }
    }
    assert!(tests > 30 && files > 3, "{tests} tests and {files} files");
}
