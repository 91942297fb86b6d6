//! The words of user-facing text: plain technical English, one term for each concept.

use std::fs;
use std::path::{Path, PathBuf};

/// Discouraged terms, and what to say instead. A term matches whole words, without regard to case and line breaks; `*` at
/// its end matches the rest of a word, and `|` separates alternatives.
const TERMS: &[(&str, &str)] = &[
    ("authority", "certificate authority (CA)"),
    ("authorities", "certificate authorities (CAs)"),
    ("are|is|was|were|be|been carried", "used TLS, without TLS, transport"),
    ("demand*", "required, minimum"),
    ("fits", "matches"),
    ("is|are of the same|another|other|no|bundle|layout", "belongs to, has"),
    ("is meant", "matches"),
    ("nobody|none can tell|say|know", "inconclusive, cannot be determined"),
    ("nobody knows", "unknown"),
    ("cannot tell", "does not show, does not record"),
    ("mute|telling", "log that records, or does not record, TLS"),
    ("tells|told", "shows, records, says"),
    ("arrived|arrives", "connected, connection attempt"),
    ("on the way", "during the run"),
    ("place|places", "account and region"),
    ("trouble|troubles", "error, problem"),
    ("reading|readings", "log read, log source"),
    ("hole|holes", "gap"),
    ("come|comes|came up again", "restart"),
    ("whoever|whomever|whom", "every client, the client that"),
    ("the word of", "attestation"),
    ("vouch*", "attest"),
];

/// Phrases in which a discouraged term is the right one.
const ALLOWED: &[&str] = &[
    "certificate authority",
    "certificate authorities",
    // Names of others.
    "NT AUTHORITY\\\\SYSTEM",
    "AddressInUse",
    // A field of plans.
    "\"authority\"",
    // Verbs.
    "reading a",
    "reading from",
    "reading the",
    "when reading",
    "in place of",
    "take place",
    "takes place",
    "rotates in place",
];

/// Files and folders whose texts are checked.
const CHECKED: &[&str] = &[
    "src",
    "parsers",
    "benches/README.md",
    "samples/README.md",
    "samples/deploy",
    "samples/spark/README.md",
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = path.read_dir().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    entries.flat_map(|entry| files(&entry.expect("an entry").path())).collect()
}

/// Whether a file holds user-facing text: not a picture or a table, and no code of tests.
fn holds_text(path: &Path) -> bool {
    let name = path.to_string_lossy();
    let is_test = name.ends_with("/tests.rs") || name.contains("/tests/") || name.ends_with("test_support.rs");
    let ends = [".md", ".txt", ".html", ".sh", ".json", ".ndjson", ".csv"];
    name.ends_with(".rs") && !is_test || ends.iter().any(|end| name.ends_with(end))
}

/// The user-facing texts of a file: string literals of Rust, with the doc comments of command-line options; all of the
/// rest.
fn texts(path: &Path) -> Vec<String> {
    let text = String::from_utf8_lossy(&fs::read(path).expect("a file")).into_owned();
    if path.extension().is_none_or(|end| end != "rs") {
        return prose(&text).split("\n\n").map(str::to_owned).collect();
    }
    let is_help = path.starts_with(root().join("src/cli"));
    let tests = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let mut found = literals(&text[..tests]);
    if is_help {
        let help = text[..tests].lines().filter_map(|line| line.trim_start().strip_prefix("///"));
        found.push(help.collect::<Vec<_>>().join("\n"));
    }
    // One word is a name or a code.
    found.retain(|text| text.contains(' '));
    found
}

/// A text without its code: backticks, indented blocks, tags and addresses of links.
fn prose(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("    "));
    let text = lines.collect::<Vec<_>>().join("\n");
    let text = text.split('`').step_by(2).collect::<Vec<_>>().join("`");
    without(&without(&text, "<", ">"), "](", ")")
}

/// A text without what stands between two marks.
fn without(text: &str, open: &str, close: &str) -> String {
    let mut parts = text.split(open);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once(close).map_or(part, |(_, rest)| rest))
}

/// The string literals of Rust code, without those of attributes.
fn literals(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find(['"', '\'', '/', '#', 'r']) {
        let from = &rest[at..];
        let raw = from.strip_prefix('r').map(|from| from.len() - from.trim_start_matches('#').len());
        let raw = raw.filter(|hashes| from[1 + hashes..].starts_with('"') && !ends_in_word(&rest[..at]));
        let length = match from.as_bytes() {
            [b'/', b'/', ..] => from.find('\n').unwrap_or(from.len()),
            [b'#', b'[', ..] | [b'#', b'!', b'[', ..] => from.find("]\n").unwrap_or(from.len()),
            [b'\'', b'\\', _, ..] => 3 + from[3..].find('\'').unwrap_or(0),
            [b'\'', b'"', b'\'', ..] => 3,
            [b'"', ..] => {
                let end = closing(from);
                found.push(unfolded(&from[1..end]));
                end + 1
            }
            _ => match raw {
                Some(hashes) => {
                    let end = format!("\"{}", "#".repeat(hashes));
                    let body = &from[hashes + 2..];
                    let length = body.find(&end).unwrap_or(body.len());
                    found.push(body[..length].to_owned());
                    hashes + 2 + length + end.len()
                }
                None => 1,
            },
        };
        rest = from.get(length..).unwrap_or_default();
    }
    found
}

fn ends_in_word(text: &str) -> bool {
    text.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_')
}

/// Where the quote stands that ends a literal.
fn closing(literal: &str) -> usize {
    let mut escaped = false;
    let ends = |(_, byte): &(usize, u8)| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    };
    literal.bytes().enumerate().skip(1).find(ends).map_or(literal.len() - 1, |(at, _)| at)
}

/// A literal with lines joined where a backslash ends them.
fn unfolded(literal: &str) -> String {
    let mut lines = literal.split("\\\n");
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |text, line| text + line.trim_start())
}

/// The terms that a text holds, each with what to say instead.
fn discouraged(text: &str) -> Vec<(&'static str, &'static str)> {
    let lower = text.to_lowercase();
    let plain = ALLOWED.iter().fold(lower, |text, allowed| text.replace(&allowed.to_lowercase(), ""));
    let is_word = |letter: char| letter.is_alphanumeric() || "_-".contains(letter);
    let words: Vec<&str> = plain.split(|letter: char| !is_word(letter)).filter(|word| !word.is_empty()).collect();
    let holds = |term: &str| {
        let pattern: Vec<&str> = term.split(' ').collect();
        words
            .windows(pattern.len())
            .any(|words| words.iter().zip(&pattern).all(|(word, pattern)| matches(word, pattern)))
    };
    TERMS.iter().filter(|(term, _)| holds(term)).copied().collect()
}

fn matches(word: &str, pattern: &str) -> bool {
    pattern.split('|').any(|one| match one.strip_suffix('*') {
        Some(start) => word.starts_with(start),
        None => word == one,
    })
}

#[test]
fn user_facing_texts_use_the_terms_of_the_field() {
    let (mut seen, mut wrong) = (0, Vec::new());
    for path in CHECKED.iter().flat_map(|part| files(&root().join(part))) {
        if !holds_text(&path) {
            continue;
        }
        for text in texts(&path) {
            seen += 1;
            let found = discouraged(&text).into_iter();
            let name = path.strip_prefix(root()).unwrap_or(&path).display().to_string();
            wrong.extend(found.map(|(term, instead)| format!("{name}: \"{term}\": say {instead}: {text:.200}")));
        }
    }
    assert!(seen > 200, "the texts were found: {seen}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn discouraged_terms_are_found_and_others_are_not() {
    let found = |text: &str| discouraged(text).first().map(|(term, _)| *term);
    assert_eq!(found("2 sessions were\ncarried somehow"), Some("are|is|was|were|be|been carried"));
    assert_eq!(found("and 24 are demanded"), Some("demand*"));
    assert_eq!(found("give them the new Authority"), Some("authority"));
    assert_eq!(found("its certificate authority (CA) in place of another"), None);
    let code = "// \"a comment\"\n#[doc = \"an attribute\"]\nlet it = ('\"', \"a \\\"text\\\" \\\n  here\", r#\"raw \"one\"\"#);";
    assert_eq!(literals(code), ["a \\\"text\\\" here", "raw \"one\""]);
    assert_eq!(prose("see `code` and [text](address) <b>bold</b>\n    block"), "see ` and [text bold");
}
