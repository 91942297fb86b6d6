//! What CloudWatch is asked for by its terms shows every session that the whole log shows.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test panics")]

use std::fs;
use std::path::{Path, PathBuf};

use ssl_usage_parsers::{ENGINES, Engine, HEAD, Hints, RecordParser, Scanner, Tally, detect};

/// Folders of samples by engine.
const FOLDERS: &[(&str, &str)] = &[
    ("postgres", "postgres"),
    ("mysql", "mysql"),
    ("mysql", "aurora-mysql"),
    ("mariadb", "mariadb"),
    ("oracle", "oracle"),
    ("sqlserver", "sqlserver"),
    ("docdb", "docdb"),
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let found = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    found
        .filter(|path| !path.extension().is_some_and(|end| ["py", "c", "md", "toml"].iter().any(|it| end == *it)))
        .collect()
}

/// The terms by which the kind of log is asked for that a file of the samples is.
fn terms(engine: &Engine, file: &Path) -> Option<&'static [&'static str]> {
    let name = file.file_name().expect("a name").to_string_lossy().into_owned();
    let is = |prefix: &str| prefix.rsplit('/').next().is_some_and(|start| start.is_empty() || name.starts_with(start));
    engine.logs.iter().find(|logs| is(logs.prefix.unwrap_or_default()))?.export.as_ref()?.terms
}

/// A scan of the events that hold a term, an event a line; and how many of them are torn.
fn filtered(parser: &dyn RecordParser, engine: &'static Engine, text: &[u8], terms: &[&str]) -> (Tally, u64) {
    let holds = |line: &[u8], term: &str| line.windows(term.len()).any(|window| window == term.as_bytes());
    let (mut kept, mut torn) = (Vec::new(), 0);
    for line in text.split(|byte| *byte == b'\n').filter(|line| terms.iter().any(|term| holds(line, term))) {
        if parser.is_torn(line) {
            torn += 1;
        } else {
            kept.extend_from_slice(line);
            kept.push(b'\n');
        }
    }
    let mut tally = Tally::of(engine);
    Scanner::new(parser, 1).scan(&kept, &mut tally);
    (tally, torn)
}

#[test]
fn the_terms_of_an_export_hide_no_session() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples");
    let (mut seen, mut same) = (0, 0);
    for (folder, id) in FOLDERS {
        let engine = Engine::named(id).expect("an engine");
        for file in files(&samples.join(folder)) {
            let text = fs::read(&file).expect("a log");
            let hints = Hints { engine: Some(engine), ..Hints::default() };
            let Some(parser) = detect(&text[..text.len().min(HEAD)], &hints) else { continue };
            let Some(terms) = terms(engine, &file) else { continue };
            let mut whole = Tally::of(engine);
            let scanned = Scanner::new(parser.as_ref(), 1).scan(&text, &mut whole);
            let (part, torn) = filtered(parser.as_ref(), engine, &text, terms);
            let name = file.display();
            let sessions = |tally: &Tally| {
                let all = [tally.connections, tally.system];
                all.map(|of| [of.tls, of.gss, of.plaintext, of.local, of.unknown]).concat()
            };
            let lost = |of: fn(&Tally) -> u64| of(&whole).saturating_sub(of(&part));
            let all = |tally: &Tally| tally.connections.sum() + tally.system.sum();
            if scanned.unsupported_language.is_none() {
                let told = torn + part.unparsed();
                // Of what a name makes to look like TLS, more may be believed: that hides nothing.
                assert!(lost(all) <= told, "{name}: {} sessions lost", lost(all));
                assert!(lost(|tally| tally.connections.tls) <= told, "{name}: TLS lost");
                same += u64::from(sessions(&whole) == sessions(&part) && whole.unparsed() == part.unparsed() + torn);
            }
            seen += 1;
        }
    }
    assert!(seen > 100 && same > 90, "{same} of {seen}");
}

#[test]
fn no_log_type_stands_for_two_kinds() {
    for engine in ENGINES {
        for logs in engine.logs {
            let Some(export) = logs.export.as_ref() else {
                assert!(!logs.logs_every_session, "{}: what holds every session is read wherever it is", engine.id);
                continue;
            };
            let found = engine.exported_as(export.log_type).map(|at| engine.logs[at].kind);
            assert_eq!(found, Some(logs.kind), "{}", engine.id);
            assert!(export.groups.iter().all(|group| group.ends_with(export.log_type)), "{}", engine.id);
            let pattern: usize = export.terms.iter().flat_map(|terms| terms.iter()).map(|term| term.len() + 4).sum();
            assert!(pattern <= 1024, "the longest pattern that FilterLogEvents takes");
        }
    }
}
