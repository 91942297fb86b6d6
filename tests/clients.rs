//! `clients`: whom to chase.

use serde_json::Value;
use ssl_usage::bundle::{Scope, load};
use ssl_usage::clients::{By, Clients, FORMATS, Owners, Which};
use ssl_usage::progress::Silent;
use ssl_usage::report::{Format, Layout, Report};
use ssl_usage::verdict::Policy;
use ssl_usage::window::Window;
use tempfile::TempDir;

use crate::command::{Run, against, samples, ssl_usage};
use crate::fake_aws::FakeAws;
use crate::fleet::{WINDOW, small_fleet};
use crate::golden::reviewed;

fn clients(arguments: &[&str]) -> Run {
    let home = TempDir::new().expect("a folder");
    let run = Run::of(ssl_usage(home.path()).args(["clients", "--from", "fleet"]).args(WINDOW).args(arguments));
    assert_eq!((run.status, run.err.as_str()), (0, ""), "{run:?}");
    run
}

fn tasks(client: &Value) -> Vec<&str> {
    client["tasks"].as_array().expect("tasks").iter().filter_map(Value::as_str).collect()
}

#[test]
fn every_format_is_as_it_was_reviewed() {
    for (format, name) in [("table", "chase.txt"), ("csv", "chase.csv"), ("json", "chase.json")] {
        reviewed(name, &clients(&["--format", format]).out);
    }
}

/// What `ssl-usage clients` prints on a terminal of so many columns, or into a file.
fn written(width: u16, wide: bool) -> String {
    let evidence = load(&[samples().join("fleet")], Scope::All).expect("evidence");
    let window = Window::days_before("2026-11-23T00:00:00Z".parse().expect("a time"), 3);
    let report = Report::new(&evidence, window, Policy::default(), &Silent);
    let which = Which { tls: true, plaintext: true };
    let list = Clients::of(&report, &Owners::new(&evidence), which, By::Address);
    let table = Format::named(FORMATS, "table").expect("a format");
    let mut out = Vec::new();
    table.write(&list, &Layout { width, wide, ..Layout::default() }, &mut out).expect("text");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn a_table_fits_into_a_terminal_and_is_whole_in_a_file() {
    for width in [100, 120, 160] {
        let text = written(width, false);
        let table = text.split("\n\n").nth(1).expect("the table");
        let longest = table.lines().map(|line| line.chars().count()).max();
        assert!(longest.is_some_and(|longest| longest <= usize::from(width)), "{width}: {longest:?} {text}");
    }
    assert!(written(100, false).contains("Not shown in 100 columns: FIRST SEEN, LAST SEEN"));
    assert!(!written(100, true).contains("Not shown"));
}

/// By hand, from `samples/fleet/verdicts.toml` and what the clients counted.
#[test]
fn who_did_not_accept_the_certificate_is_asked_first_and_then_who_needs_another_trust_store() {
    let list = clients(&["--format", "json"]).json();
    let clients = list["clients"].as_array().expect("clients");
    let of = |client: &Value| format!("{} {}", client["instance"], client["address"]).replace('"', "");
    assert_eq!((of(&clients[0]).as_str(), tasks(&clients[0])), ("ledger 10.99.0.52", vec!["accept-certificate"]));
    assert_eq!(
        (of(&clients[1]).as_str(), tasks(&clients[1])),
        ("orders-legacy 10.99.0.33", vec!["update-trust-store"])
    );
    assert_eq!((&clients[1]["tls"], &clients[1]["last_seen"]), (&3.into(), &"2026-11-22T02:00:16.051Z".into()));
    let hiding: Vec<_> = list["may_hide"].as_array().expect("instances").iter().map(|one| &one["instance"]).collect();
    assert!(
        hiding.contains(&&Value::from("crm-quiet")) && !hiding.contains(&&Value::from("orders-prod")),
        "{hiding:?}"
    );
    let users = clients.iter().filter_map(|client| client["user"].as_str());
    assert!(users.clone().count() > 20 && users.clone().all(|user| !user.starts_with("rds")), "AWS's own never");
}

#[test]
fn a_table_names_the_ca_to_add_and_where_it_is() {
    let line = |run: Run| {
        let head = run.out.split("\n\n").next().unwrap_or_default().replace("\n  ", " ");
        head.lines().find(|line| line.starts_with("To add to trust stores: ")).map(str::to_owned)
    };
    let bundle = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem";
    let said = format!("To add to trust stores: CA rds-ca-rsa2048-g1. From: {bundle}");
    assert_eq!(line(clients(&[])), Some(said));
    assert_eq!(line(clients(&["--instance", "orders-prod"])), None, "no client must change");
    let list = clients(&["--instance", "orders-legacy", "--format", "json"]).json();
    for client in list["clients"].as_array().expect("clients") {
        let needed = tasks(client).contains(&"update-trust-store");
        let cas = if needed { serde_json::json!(["rds-ca-rsa2048-g1"]) } else { serde_json::json!([]) };
        assert_eq!(client["add_cas"], cas, "{client:#}");
    }
    assert_eq!(list["filter"], serde_json::json!(["--instance", "orders-legacy"]));
    // A partition of its own has a bundle of its own.
    let (aws, home) = (FakeAws::start(small_fleet()), TempDir::new().expect("a folder"));
    let mut command = against(&aws, home.path());
    let run = Run::of(command.args(["clients", "--region", "us-gov-west-1"]).args(WINDOW));
    assert!(run.status != 0 || line(run).is_none_or(|line| !line.contains(bundle)));
}

#[test]
fn a_list_by_owner_says_how_many_addresses_have_none() {
    let text = |arguments: &[&str]| clients(arguments).out.replace("\n  ", " ");
    let said = "No owner is known for 17 addresses (another account or region, on-premises, or not collected).";
    assert!(text(&["--by", "owner"]).contains(said), "{}", text(&["--by", "owner"]));
    for by in ["address", "application", "user"] {
        assert!(!text(&["--by", by]).contains("No owner is known"), "{by}");
    }
    assert!(text(&["--by", "owner", "--tls", "--instance", "stock"]).contains("No owner is known for 1 address ("));
}

#[test]
fn the_two_kinds_are_told_apart_and_who_may_be_either_is_in_both() {
    let all = clients(&["--format", "json"]).json();
    let (mut counts, mut either) = (Vec::new(), 0);
    for (option, sessions) in [("--tls", "tls"), ("--plaintext", "plaintext")] {
        let list = clients(&[option, "--format", "json"]).json();
        let clients = list["clients"].as_array().expect("clients");
        let told = |client: &&Value| client[sessions].as_u64() > Some(0) || client["certificate_rejected"] == 1;
        let untold: Vec<_> = clients.iter().filter(|client| !told(client)).collect();
        assert!(untold.iter().all(|client| tasks(client) == ["find-out"]), "{untold:#?}");
        (either, counts) = (untold.len(), [counts, vec![clients.len()]].concat());
    }
    assert_eq!(either, 2, "payroll's and loyalty-1's: their logs do not tell");
    assert_eq!(counts.iter().sum::<usize>() - either, all["clients"].as_array().expect("clients").len());
}

#[test]
fn old_protocols_are_marked_and_names_are_only_text() {
    const NAME: &str = "=1+1\u{1b}[31m\u{202e}";
    let mut fleet = small_fleet();
    fleet.instances.retain(|instance| instance.id == "orders-prod");
    for file in fleet.instance("orders-prod").files.values_mut() {
        let text = String::from_utf8(file.bytes.clone()).expect("UTF-8");
        file.bytes = text.replace("legacy", NAME).replace("TLSv1.2", "TLSv1.1").into_bytes();
    }
    let (aws, home) = (FakeAws::start(fleet), TempDir::new().expect("a folder"));
    let list = |format: &str| Run::of(against(&aws, home.path()).args(["clients", "--format", format]).args(WINDOW));
    let json = list("json").json();
    let hostile = json["clients"].as_array().expect("clients").iter().find(|client| client["user"] == NAME);
    let hostile = hostile.unwrap_or_else(|| panic!("{json:#}"));
    assert_eq!(hostile["old_protocols"], serde_json::json!(["TLSv1.1"]));
    assert_eq!(tasks(hostile), ["keep-trust-store", "old-protocol"]);
    let csv = list("csv").out;
    assert!(csv.contains(",'=1+1\\u{1b}[31m\\u{202e},"), "{csv}");
    let table = list("table").out;
    assert!(table.contains("=1+1\\u{1b}[31m\\u{202e}") && table.contains("TLSv1.1 (old!)"), "{table}");
    assert!(!table.contains(['\u{1b}', '\u{202e}']) && !csv.contains(['\u{1b}', '\u{202e}']));
}

#[test]
fn a_program_gets_a_whole_document_when_nothing_can_be_read() {
    let home = TempDir::new().expect("a folder");
    for command in ["clients", "plan"] {
        let run = Run::of(ssl_usage(home.path()).args([command, "--from", "missing", "--format", "json"]).args(WINDOW));
        assert_eq!(run.status, 1, "{run:?}");
        assert_eq!(run.json()["errors"].as_array().map(Vec::len), Some(1), "an empty list is not an answer: {run:?}");
    }
}
