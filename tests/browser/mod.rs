//! The HTML report in headless Chromium: looked at, searched and sorted by the keyboard, printed, and checked by axe, whose
//! rules of accessibility nobody here wrote.

use std::ffi::OsStr;
use std::fs;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{Run, samples, ssl_usage};
use crate::fleet::WINDOW;
use crate::formats::{hostile, large, named};
use crate::peers::install::{self, apt, once, run};

/// What is installed: the browser, what drives it, and axe.
const PACKAGES: &str = include_str!("package-lock.json");

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser").join(name)
}

fn node(folder: &Path) -> Command {
    let mut command = Command::new("node");
    // The browser is unpacked there, once.
    command.env("TMPDIR", folder).current_dir(folder);
    command
}

/// Installs the browser into the target folder.
fn browser() -> Result<PathBuf, String> {
    once("browser", PACKAGES, |folder| {
        let fail = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(folder).map_err(fail)?;
        for name in ["package.json", "package-lock.json"] {
            fs::copy(source(name), folder.join(name)).map_err(fail)?;
        }
        let ci = || run(Command::new("npm").args(["ci", "--silent", "--no-audit", "--no-fund"]).current_dir(folder));
        if let Err(missing) = ci() {
            apt("npm").and_then(|()| ci()).map_err(|error| format!("{missing}\n{error}"))?;
        }
        let unpack = "(await import('@sparticuz/chromium')).default.executablePath()";
        run(node(folder).args(["--input-type=module", "-e", unpack])).map(drop)
    })
}

/// The folder of the browser; none if peers are skipped.
fn installed() -> Option<PathBuf> {
    (!install::skipped("Chromium")).then(|| {
        browser().unwrap_or_else(|reason| {
            panic!("could not install Chromium: {reason}\nUnset {} to skip its tests.", install::OPT_IN)
        })
    })
}

/// What a browser sees of the report on a bundle, and the pictures that it took; none if peers are skipped.
fn look(bundle: &Path, pictures: &str, searched: &str) -> Option<Value> {
    let folder = installed()?;
    let home = TempDir::new().expect("a folder");
    let page = home.path().join("report.html");
    let mut command = ssl_usage(home.path());
    command.args(["analyze", "--format", "html", "-o"]).arg(&page).arg("--from").arg(bundle).args(WINDOW);
    assert_eq!(Run::of(&mut command).status, 0);
    let pictures = folder.join(pictures);
    fs::create_dir_all(&pictures).expect("a folder");
    Some(script(&folder, "look.mjs", &[page.as_os_str(), pictures.as_os_str(), searched.as_ref()]))
}

/// Runs a script, and takes the JSON that it prints.
fn script(folder: &Path, name: &str, arguments: &[&OsStr]) -> Value {
    // A module is looked for beside the script.
    let script = folder.join(name);
    fs::copy(source(name), &script).expect("a script");
    let seen = run(node(folder).arg(&script).args(arguments));
    serde_json::from_str(&seen.unwrap_or_else(|error| panic!("{error}"))).expect("JSON")
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().expect("an array").iter().map(|text| text.as_str().expect("a text")).collect()
}

/// What is so of every report.
fn stands(seen: &Value) {
    for nothing in ["requests", "dialogs", "errors"] {
        assert!(texts(&seen[nothing]).is_empty(), "{nothing}: {}", seen[nothing]);
    }
    for (picture, beyond) in seen["overflow"].as_object().expect("widths") {
        assert!(beyond.as_i64().is_some_and(|beyond| beyond <= 0), "{picture} is {beyond} pixels too wide");
    }
    for scheme in ["light", "dark"] {
        assert!(texts(&seen["inaccessible"][scheme]).is_empty(), "{scheme}: {}", seen["inaccessible"][scheme]);
    }
    for media in ["paper", "scriptless"] {
        assert_eq!(seen[media], json!({"tasks": true, "controls": false}), "{media}");
    }
    let chosen = seen["chosen"].as_array().expect("filters");
    assert_eq!(chosen.len(), 4);
    for filter in chosen {
        // Each option says how many instances have its value.
        let (rows, label) = (&filter["rows"], filter["label"].as_str().expect("a label"));
        assert!(rows != 0 && label.ends_with(&format!("({rows})")), "{filter}");
        assert_eq!(filter["said"], format!("{rows} of 24"), "{filter}");
    }
    assert_eq!(
        (&seen["reset"]["said"], &seen["reset"]["rows"], &seen["reset"]["full"]),
        (&json!(""), &json!(24), &json!(false))
    );
    let copied = seen["copied"].as_array().expect("copies");
    for copy in copied {
        assert_eq!((&copy["pasted"], &copy["said"]), (&copy["text"], &json!("Copied.")), "{copy}");
    }
    assert!(copied.len() >= 2, "{copied:?}");
    assert_eq!(seen["printed"], "%PDF-");
    assert_eq!((&seen["details"], &seen["printedDetails"]), (&json!(0), &json!(24)));
    assert_eq!(seen["linked"][0], 0, "the search hides all");
    let opened = json!({"name": seen["linked"][1], "open": true, "inSight": true, "focused": true});
    assert_eq!(seen["opened"], opened);
    let plain = &seen["plain"];
    assert_eq!((&plain["rows"], &plain["others"], &plain["left"]), (&json!(24), &json!(0), &json!(0)), "{plain}");
    assert!(plain["details"].as_u64() > Some(0) && plain["width"].as_i64() <= Some(0), "{plain}");
}

#[test]
fn a_page_is_used_without_a_network_or_a_mouse_on_any_screen() {
    let Some(seen) = look(&samples().join("fleet"), "fleet", "reports-batch deferrable") else { return };
    stands(&seen);
    assert_ne!(seen["grounds"]["light"], seen["grounds"]["dark"]);
    assert_eq!((&seen["first"], &seen["reached"]), (&"Skip to the instances".into(), &"search".into()));
    assert_eq!(seen["found"]["said"], "1 of 24");
    assert_eq!(texts(&seen["found"]["rows"]), ["reports-batch"]);
    assert_eq!(texts(&seen["found"]["sections"]), ["reports-batch"]);
    let header = seen["header"].as_str().expect("a header");
    for part in [
        "Account 123456789012 24 instances",
        "Region eu-west-1 24 instances",
        "Evidence collected 2026-11-23 00:00 UTC by arn:aws:iam::123456789012:user/test.",
        "Evidence verified: sha256:",
    ] {
        assert!(header.contains(part), "{part}: {header}");
    }
    let first = ["What to do", "Must rotate", "Find out", "Can wait", "Nothing to do", "When certificates end"];
    assert_eq!(texts(&seen["headings"])[..6], first);
    let chosen = |at: usize| (&seen["chosen"][at]["value"], &seen["chosen"][at]["rows"]);
    assert_eq!(chosen(0), (&json!("required"), &json!(7)));
    let quiet = json!(["crm-quiet", "loyalty-1"]);
    let by_reason = &seen["reason"];
    assert_eq!((&by_reason["value"], &by_reason["said"]), (&json!("logging-off"), &json!("2 of 24")));
    assert_eq!((&by_reason["rows"], &by_reason["sections"]), (&quiet, &quiet));
    assert_eq!((&seen["both"]["value"], &seen["both"]["said"]), (&json!("required?"), &json!("2 of 24")));
    assert_eq!((&seen["all"]["said"], &seen["all"]["rows"]), (&json!("1 of 24"), &json!(["crm-quiet"])));
    assert_eq!((&seen["full"], &seen["shown"]), (&json!(true), &json!(["required?", "6 of 24"])));
    let copied: Vec<_> = (0..3).filter_map(|at| seen["copied"][at]["text"].as_str()).collect();
    let starts = ["ssl-usage clients --from ", "ssl-usage preflight --from ", "SELECT "];
    assert!(copied.iter().zip(starts).all(|(text, start)| text.starts_with(start)), "{copied:?}");
    let mut rising = texts(&seen["rising"]);
    assert_eq!((rising.len(), rising.is_sorted()), (24, true), "{rising:?}");
    rising.reverse();
    assert_eq!((&seen["sorted"], texts(&seen["falling"])), (&"descending".into(), rising));
}

#[test]
fn hostile_names_run_nothing_in_a_page_and_break_no_layout() {
    let bundle = TempDir::new().expect("a folder");
    let mut names = hostile();
    names.push(("\"><img src=x onerror=alert(1)>".to_owned(), "<img src=x onerror=alert(1)>".to_owned()));
    names.push(("</script><svg/onload=alert(1)>".to_owned(), "</script><svg/onload=alert(1)>".to_owned()));
    named(bundle.path(), &names.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>());
    let Some(seen) = look(bundle.path(), "hostile", "onerror") else { return };
    stands(&seen);
    assert_eq!(seen["found"]["said"], "1 of 24");
    let text = seen["text"].as_str().expect("a text");
    for (_, readable) in &names {
        assert!(text.contains(readable), "{readable}");
    }
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "nothing turns the direction of writing");
}

/// Prints how long it takes, in milliseconds: `cargo test ten_thousand -- --nocapture`.
#[test]
fn a_page_of_ten_thousand_instances_opens_grows_and_is_searched() {
    use ssl_usage::report::{FORMATS, Format, Layout, Rows};
    let Some(folder) = installed() else { return };
    let home = TempDir::new().expect("a folder");
    let page = home.path().join("report.html");
    let layout =
        Layout { width: 80, wide: false, colours: false, group_by: None, rows: Rows::Instances, again: vec![] };
    let mut file = fs::File::create(&page).expect("a file");
    let html = Format::named(FORMATS, "html").expect("a format");
    html.write(&large(), &layout, &mut BufWriter::new(&mut file)).expect("a page");
    let seen = script(&folder, "open.mjs", &[page.as_os_str(), "ledger-9914".as_ref()]);
    println!("{} bytes: {seen}", file.metadata().expect("its size").len());
    assert_eq!((&seen["rows"], &seen["more"]), (&json!([100, 100]), &json!("100 of 10000 instances are shown. ")));
    assert_eq!(seen["grown"], json!([[200, 100], "carts-1-100"]), "{seen}");
    assert_eq!((&seen["said"], &seen["found"]), (&json!("1 of 10000"), &json!("ledger-9914")), "{seen}");
    assert_eq!((&seen["opened"], &seen["cut"][2]), (&json!(true), &json!(true)), "{seen}");
    assert!(seen["cut"][0].as_str().is_some_and(|said| said.starts_with("The page is incomplete")), "{seen}");
    assert_eq!((&seen["cut"][1], &seen["cut"][3]), (&json!(10_000), &json!(false)), "{seen}");
    // Ten times what it takes on an idle machine.
    let within = |what: &str, longest: u64| assert!(seen[what].as_u64() < Some(longest), "{what}: {seen}");
    within("opened_ms", 20_000);
    within("searched_ms", 5_000);
}
