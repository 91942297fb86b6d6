//! `ssl-usage probe`: which certificates do the servers present, and what follows from it?

mod server;
mod sessions;

use std::fs;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Run, against, peak, ssl_usage};
use crate::fake_aws::{FakeAws, Fleet};
use crate::fleet::{WINDOW, small_fleet};
use crate::json_schema::objection;
use crate::network::tls::Ca;
use server::{Presents, Server, Speaks};

const CA: &str = "Amazon RDS eu-west-1 Root CA RSA2048 G1";

/// Some instances of the small fleet without logs, each with its endpoint at an address, and a certificate until 2099 by the
/// API.
fn fleet(at: &[(&str, SocketAddr)]) -> Fleet {
    let mut fleet = small_fleet();
    fleet.instances.retain(|instance| at.iter().any(|(name, _)| *name == instance.id));
    fleet.pending_maintenance.clear();
    fleet.proxies.clear();
    for (name, address) in at {
        let instance = fleet.instance(name);
        instance.files.clear();
        instance.endpoint = Some(("localhost".to_owned(), address.port()));
        instance.cert_valid_till = Some("2099-01-01T00:00:00Z".parse().expect("a time"));
    }
    fleet
}

/// A probe into a bundle of its own, as JSON.
fn probe(aws: &FakeAws, bundle: &Path) -> Run {
    let home = TempDir::new().expect("a folder");
    let mut command = against(aws, home.path());
    Run::of(command.args(["probe", "--certificates", "--format", "json", "--bundle"]).arg(bundle).args(&WINDOW[2..]))
}

fn analyze(bundle: &Path) -> Value {
    let home = TempDir::new().expect("a folder");
    Run::of(ssl_usage(home.path()).args(["analyze", "--format", "json", "--from"]).arg(bundle).args(WINDOW)).json()
}

fn instance<'r>(report: &'r Value, name: &str) -> &'r Value {
    let all = report["instances"].as_array().expect("instances");
    all.iter().find(|row| row["instance"] == name).unwrap_or_else(|| panic!("{name}: {report:#}"))
}

fn reasons(row: &Value) -> Vec<&str> {
    row["reasons"].as_array().expect("reasons").iter().filter_map(|reason| reason["code"].as_str()).collect()
}

/// The servers of an instance at 127.0.0.1.
fn server<'r>(probe: &'r Value, name: &str) -> &'r Value {
    let all = probe["servers"].as_array().expect("servers");
    let is_it = |row: &&Value| row["instance"] == name && row["kind"] == "instance" && row["address"] == "127.0.0.1";
    all.iter().find(is_it).unwrap_or_else(|| panic!("{name}: {probe:#}"))
}

#[test]
fn each_protocol_leads_to_the_certificate() {
    let ca = Ca::new(CA);
    let presents = || Some(Presents(&["localhost"], (2020, 2099), &ca));
    let [postgres, mysql, mariadb, sqlserver, docdb, oracle] =
        [Speaks::Postgres, Speaks::Mysql, Speaks::Mysql, Speaks::SqlServer, Speaks::Tls, Speaks::Tls]
            .map(|speaks| Server::start(speaks, presents()));
    let mut fleet = fleet(&[
        ("orders-prod", postgres.address),
        ("shop", mysql.address),
        ("forum", mariadb.address),
        ("payroll", sqlserver.address),
        ("carts-1", docdb.address),
        // Without TLS; the port of TLS is that of the option.
        ("stock", "127.0.0.1:1".parse().expect("an address")),
    ]);
    let ssl = fleet.option_groups.iter_mut().find(|group| group.name == "oracle-ssl").expect("a group");
    ssl.ports.insert("SSL".to_owned(), oracle.address.port());
    let home = TempDir::new().expect("a folder");
    let run = probe(&FakeAws::start(fleet), home.path());
    let json = run.json();
    for name in ["orders-prod", "shop", "forum", "payroll", "carts-1", "stock"] {
        let row = server(&json, name);
        assert_eq!(row["finding"]["code"], "certificate-served", "{row:#}");
        let first = &row["presented"]["chain"][0];
        assert_eq!(
            (&first["valid_till"], &first["valid_from"]),
            (&"2099-01-01T00:00:00Z".into(), &"2020-01-01T00:00:00Z".into())
        );
        assert!(first["issuer"].as_str().is_some_and(|issuer| issuer.contains(CA)), "{row:#}");
        assert_eq!(first["serial"].as_str().map(str::len).map(|length| length % 2), Some(0), "{row:#}");
        assert!(row["presented"]["tls_version"].as_str().is_some_and(|version| version.starts_with("TLSv1.")));
    }
    // The endpoints of the cluster of carts-1 are in no zone here.
    assert_eq!(run.status, 3, "{run:?}");
    let schema = |document: &str| Run::of(ssl_usage(home.path()).args(["schema", document])).json();
    assert_eq!(objection(&schema("probe"), &json), None);
    let report = analyze(home.path());
    assert_eq!(objection(&schema("verdict"), &report), None);
    for name in ["orders-prod", "shop", "forum", "payroll", "carts-1", "stock"] {
        let row = instance(&report, name);
        assert!(reasons(row).contains(&"certificate-served"), "{row:#}");
    }
}

#[test]
fn a_certificate_that_is_not_active_yet_keeps_the_rotation_open() {
    let ca = Ca::new(CA);
    let server = Server::start(Speaks::Postgres, Some(Presents(&["localhost"], (2020, 2027), &ca)));
    let mut fleet = fleet(&[("wiki", server.address)]);
    fleet.instance("wiki").engine = "postgres".to_owned();
    let home = TempDir::new().expect("a folder");
    let aws = FakeAws::start(fleet);
    let collected = Run::of(against(&aws, home.path()).args(["collect", "-o"]).arg(home.path().join("e")).args(WINDOW));
    assert!([0, 3].contains(&collected.status), "{collected:?}");
    let bundle = home.path().join("e");
    let before = analyze(&bundle);
    assert_eq!(instance(&before, "wiki")["rotation"], "optional", "by the API alone: {before:#}");

    assert_eq!(probe(&aws, &bundle).status, 0);
    let during = analyze(&bundle);
    let row = instance(&during, "wiki");
    assert_eq!(row["rotation"], "required", "{row:#}");
    assert!(reasons(row).contains(&"staged-not-served"), "{row:#}");
    assert_eq!(row["act_by"], "2027-01-01T00:00:00Z");
    let text = row["reasons"].to_string();
    assert!(
        text.contains(
            "presents an older certificate than AWS lists, valid until 2027-01-01 instead of 2099-01-01 (issued by "
        ),
        "{text}"
    );
    assert!(text.contains("Restart the instance before then."), "{text}");
    let alarm = |bundle: &Path| {
        let mut command = ssl_usage(home.path());
        let condition = ["analyze", "--fail-on", "expiring=60d", "--from"];
        Run::of(command.args(condition).arg(bundle).args(WINDOW)).status
    };
    assert_eq!(alarm(&bundle), 4, "the certificate that is active ends soon");
    assert_ne!(before["evidence"]["digest"], during["evidence"]["digest"]);

    server.present(&Presents(&["localhost"], (2020, 2099), &ca));
    assert_eq!(probe(&aws, &bundle).status, 0);
    let after = analyze(&bundle);
    let row = instance(&after, "wiki");
    assert_eq!((&row["rotation"], reasons(row).contains(&"certificate-served")), (&"optional".into(), true), "{row:#}");
    assert_eq!(alarm(&bundle), 0);
    let reports = [("during.json", &during), ("after.json", &after)];
    reports.iter().for_each(|(name, report)| fs::write(home.path().join(name), report.to_string()).expect("a file"));
    let mut command = ssl_usage(home.path());
    let diff =
        Run::of(command.args(["diff", "--format", "json", "during.json", "after.json"]).current_dir(home.path()));
    let change = &diff.json()["certificates"][0];
    assert_eq!((&change["before"]["active"], &change["now"]["active"]), (&false.into(), &true.into()), "{diff:?}");
    // Merged, the bundle says the same.
    let compacted = Run::of(ssl_usage(home.path()).arg("compact").arg(&bundle));
    assert_eq!(compacted.status, 0, "{compacted:?}");
    assert_eq!(analyze(&bundle), after);
}

#[test]
fn endpoints_of_a_cluster_are_probed_for_each_member() {
    let ca = Ca::new(CA);
    let [own, writer] =
        [2099, 2099].map(|until| Server::start(Speaks::Tls, Some(Presents(&["localhost"], (2020, until), &ca))));
    let reader = Server::start(Speaks::Tls, Some(Presents(&["localhost"], (2020, 2021), &ca)));
    let mut fleet = fleet(&[("carts-1", own.address)]);
    let cluster =
        fleet.clusters.iter_mut().find(|cluster| cluster.members.contains(&"carts-1".to_owned())).expect("it");
    // Both have the port of the cluster: the reader is told apart by the spelling of its name.
    cluster.endpoints = Some(("localhost".to_owned(), "nowhere.invalid".to_owned(), writer.address.port()));
    let home = TempDir::new().expect("a folder");
    let json = probe(&FakeAws::start(fleet.clone()), home.path()).json();
    let of = |json: &Value, kind: &str| {
        let all = json["servers"].as_array().expect("servers").clone();
        all.into_iter()
            .find(|row| row["kind"] == kind && row["address"] != "::1")
            .unwrap_or_else(|| panic!("{kind}: {json:#}"))
    };
    assert!(of(&json, "writer")["presented"].is_object() && of(&json, "writer")["finding"].is_null(), "{json:#}");
    assert_eq!(
        (&of(&json, "reader")["failure"]["code"], &json["summary"]["not_compared"]),
        (&"unknown-host".into(), &1.into())
    );
    let cluster = fleet.clusters.iter_mut().find(|cluster| cluster.endpoints.is_some()).expect("it");
    cluster.endpoints = Some(("nowhere.invalid".to_owned(), "localhost".to_owned(), reader.address.port()));
    let home = TempDir::new().expect("a folder");
    let json = probe(&FakeAws::start(fleet), home.path()).json();
    assert_eq!(of(&json, "reader")["finding"]["code"], "expired-certificate-served", "{json:#}");
    let report = analyze(home.path());
    assert!(reasons(instance(&report, "carts-1")).contains(&"expired-certificate-served"), "{report:#}");
}

#[test]
fn what_another_ca_signed_is_a_change_of_the_root() {
    let old = Ca::new("Amazon RDS eu-west-1 2019 CA");
    let server = Server::start(Speaks::Postgres, Some(Presents(&["localhost"], (2020, 2027), &old)));
    let home = TempDir::new().expect("a folder");
    let aws = FakeAws::start(fleet(&[("wiki", server.address)]));
    assert_eq!(probe(&aws, home.path()).status, 0);
    let report = analyze(home.path());
    let row = instance(&report, "wiki");
    assert_eq!((&row["certificate"]["change"], &row["rotation"]), (&"root".into(), &"required".into()), "{row:#}");
}

#[test]
fn what_is_expired_or_of_another_host_or_not_listed_is_told() {
    let ca = Ca::new(CA);
    let expired = Server::start(Speaks::Postgres, Some(Presents(&["localhost"], (2020, 2021), &ca)));
    let foreign = Server::start(Speaks::Postgres, Some(Presents(&["\u{1b}[31mother.example"], (2020, 2099), &ca)));
    let newer = Server::start(Speaks::Postgres, Some(Presents(&["localhost"], (2020, 2150), &ca)));
    let at = [("wiki", expired.address), ("reports-batch", foreign.address), ("orders-prod", newer.address)];
    let home = TempDir::new().expect("a folder");
    let aws = FakeAws::start(fleet(&at));
    let run = probe(&aws, home.path());
    assert_eq!(run.status, 0, "{run:?}");
    let report = analyze(home.path());
    let failing = ["probe", "--certificates", "--fail-on", "not-listed", "--from"];
    let failing = Run::of(ssl_usage(home.path()).args(failing).arg(home.path()));
    let met = "ssl-usage: condition met: not-listed (instances orders-prod, reports-batch, wiki)\n";
    assert_eq!((failing.status, failing.err.as_str()), (4, met));
    assert!(failing.out.contains("If you rotated since then, read the list again: use --bundle "), "{}", failing.out);
    for (name, code) in [
        ("wiki", "expired-certificate-served"),
        ("reports-batch", "certificate-differs"),
        ("orders-prod", "certificate-differs"),
    ] {
        assert_eq!(server(&run.json(), name)["finding"]["code"], code);
        let row = instance(&report, name);
        assert!(reasons(row).contains(&code) && row["rotation"] == "required", "{name}: {row:#}");
    }
    let mut command = against(&aws, home.path());
    let table = Run::of(command.args(["probe", "--certificates"]).args(&WINDOW[2..]));
    let text = table.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(!text.contains('\u{1b}') && text.contains("presents a certificate for another host, "), "{}", table.out);
    assert!(
        table.out.contains(
            "\nNext:\n  Print the commands, review and run them, and probe again:\n    ssl-usage plan --from "
        ),
        "{}",
        table.out
    );
}

#[test]
fn a_server_without_a_certificate_is_a_failure_and_never_no_tls() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let blocked = b"\x26\0\0\0\xff\x69\x04#HY000Host '10.0.0.1' is blocked\x1b[m";
    let cases: Vec<(&str, &str, SocketAddr)> = vec![
        ("orders-prod", "refused", free),
        ("wiki", "declined", Server::start(Speaks::Postgres, None).address),
        ("shop", "rejected", Server::start(Speaks::Only(blocked, false), None).address),
        (
            "reports-batch",
            "other-protocol",
            Server::start(Speaks::Only(b"HTTP/1.1 400 Bad Request\r\n\r\n", false), None).address,
        ),
        ("forum", "declined", Server::start(Speaks::Mysql, None).address),
        ("kiosk", "other-protocol", Server::start(Speaks::Only(b"SSH-2.0-OpenSSH_9.6\r\n", false), None).address),
        ("payroll", "declined", Server::start(Speaks::SqlServer, None).address),
        ("carts-1", "old-tls-only", Server::start(Speaks::Only(b"\x15\x03\x01\0\x02\x02\x46", true), None).address),
        ("ledger", "timed-out", Server::start(Speaks::Only(b"", true), None).address),
        ("crm-quiet", "closed", Server::start(Speaks::Only(b"", false), None).address),
    ];
    let at: Vec<_> = cases.iter().map(|(name, _, address)| (*name, *address)).collect();
    let mut fleet = fleet(&at);
    let mut nowhere = fleet.instance("wiki").clone();
    "nowhere".clone_into(&mut nowhere.id);
    nowhere.endpoint = Some(("nowhere.invalid".to_owned(), 5432));
    fleet.instances.push(nowhere);
    let aws = FakeAws::start(fleet);
    let home = TempDir::new().expect("a folder");
    let began = Instant::now();
    let run = probe(&aws, home.path());
    assert!(began.elapsed() < Duration::from_secs(30), "one that waits keeps no other from being asked");
    assert_eq!(run.status, 3, "{run:?}");
    let json = run.json();
    for (name, code, _) in &cases {
        let row = server(&json, name);
        assert_eq!(row["failure"]["code"], *code, "{row:#}");
        assert!(row["finding"].is_null() && row["presented"].is_null(), "{row:#}");
    }
    let failed = json["servers"].as_array().expect("servers").iter().find(|row| row["instance"] == "nowhere");
    assert_eq!(failed.expect("a row")["failure"]["code"], "unknown-host");
    let schema = Run::of(ssl_usage(home.path()).args(["schema", "probe"])).json();
    assert_eq!(objection(&schema, &json), None);
    // No verdict becomes milder, nor another in any way.
    let probed = analyze(home.path());
    let other = TempDir::new().expect("a folder");
    Run::of(against(&aws, other.path()).args(["preflight", "--bundle"]).arg(other.path().join("b")).args(WINDOW));
    let without = analyze(&other.path().join("b"));
    for row in without["instances"].as_array().expect("instances") {
        let name = row["instance"].as_str().expect("a name");
        assert_eq!(
            (&row["rotation"], &row["reasons"]),
            (&instance(&probed, name)["rotation"], &instance(&probed, name)["reasons"])
        );
    }
    let mut command = against(&aws, home.path());
    let table = Run::of(command.args(["probe", "--certificates", "--instance", "shop"]).args(&WINDOW[2..])).out;
    assert!(table.contains("No certificate (this is no evidence about clients):"), "{table}");
    let text = table.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("the server rejected the connection (Host '10.0.0.1' is blocked\\u{1b}[m)"), "{table}");
    assert!(!table.contains('\u{1b}'), "{table}");
}

#[test]
fn every_address_of_a_host_counts() {
    let addresses: Vec<SocketAddr> = ("localhost", 0).to_socket_addrs().expect("addresses").collect();
    let ca = Ca::new(CA);
    let first = Server::start(Speaks::Postgres, Some(Presents(&["localhost"], (2020, 2099), &ca)));
    let port = first.address.port();
    let has_two = addresses.iter().any(SocketAddr::is_ipv6) && TcpListener::bind(("::1", port)).is_ok();
    if has_two {
        Server::start_at(&format!("[::1]:{port}"), Speaks::Postgres, Some(Presents(&["localhost"], (2020, 2027), &ca)));
    }
    let home = TempDir::new().expect("a folder");
    let run = probe(&FakeAws::start(fleet(&[("wiki", first.address)])), home.path());
    let rows = run.json()["servers"].as_array().expect("servers").len();
    let mut distinct: Vec<_> = addresses.iter().map(SocketAddr::ip).collect();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(rows, distinct.len(), "{run:?}");
    let report = analyze(home.path());
    let codes = reasons(instance(&report, "wiki"));
    assert_eq!(codes.contains(&"staged-not-served"), has_two, "{report:#}");
    assert_eq!(codes.contains(&"certificate-served"), !has_two, "{report:#}");
}

#[test]
fn programs_get_a_whole_document_whatever_happens() {
    let home = TempDir::new().expect("a folder");
    let run = Run::of(ssl_usage(home.path()).args(["probe", "--certificates", "--format", "json"]));
    assert_eq!((run.status, run.json()["servers"].as_array().map(Vec::len)), (1, Some(0)), "{run:?}");
    assert!(run.json()["errors"].as_array().is_some_and(|errors| !errors.is_empty()) && !run.err.is_empty(), "{run:?}");
    let schema = Run::of(ssl_usage(home.path()).args(["schema", "probe"])).json();
    assert_eq!(objection(&schema, &run.json()), None);
}

#[test]
fn a_thousand_endpoints_take_less_than_a_minute_and_little_memory() {
    let ca = Ca::new(CA);
    let server = Server::start_at("0.0.0.0:0", Speaks::Postgres, Some(Presents(&["localhost"], (2020, 2099), &ca)));
    let mut fleet = fleet(&[("wiki", server.address)]);
    let one = fleet.instance("wiki").clone();
    fleet.instances.clear();
    fleet.instances.extend((0..1000).map(|number| {
        // All of them are addresses of this machine.
        let host = format!("127.0.{}.{}", 1 + number / 250, 1 + number % 250);
        let endpoint = Some((host, server.address.port()));
        crate::fake_aws::Instance { id: format!("wiki-{number}"), endpoint, ..one.clone() }
    }));
    let (aws, home) = (FakeAws::start(fleet), TempDir::new().expect("a folder"));
    let bundle = home.path().join("e");
    Run::of(against(&aws, home.path()).args(["preflight", "--bundle"]).arg(&bundle).args(WINDOW));
    let began = Instant::now();
    let mut command = ssl_usage(home.path());
    let (run, memory) = peak(command.args(["probe", "--certificates", "--format", "json", "--from"]).arg(&bundle));
    let took = began.elapsed();
    let summary = &run.json()["summary"];
    assert_eq!((&summary["failed"], &summary["not_as_listed"]), (&0.into(), &1000.into()), "{}", run.err);
    assert!(took < Duration::from_secs(60), "{took:?}");
    assert!(memory.is_none_or(|kilobytes| kilobytes < 300_000), "{memory:?}");
}

#[test]
fn a_damaged_probe_is_an_error_and_makes_nothing_milder() {
    let ca = Ca::new(CA);
    let server = Server::start(Speaks::Postgres, Some(Presents(&["localhost"], (2020, 2027), &ca)));
    let home = TempDir::new().expect("a folder");
    assert_eq!(probe(&FakeAws::start(fleet(&[("wiki", server.address)])), home.path()).status, 0);
    let folder = home.path().join("probes");
    let file = folder.read_dir().expect("a folder").next().expect("a file").expect("an entry").path();
    let whole = fs::read(&file).expect("bytes");
    let damaged = [
        whole[..whole.len() / 2].to_vec(),
        Vec::new(),
        String::from_utf8_lossy(&whole).replace("2027", "2099").into_bytes(),
    ];
    for bytes in damaged {
        fs::write(&file, bytes).expect("written");
        let report = analyze(home.path());
        let row = instance(&report, "wiki");
        assert_eq!((&row["rotation"], reasons(row)[0]), (&"required".into(), "evidence-damaged"), "{row:#}");
    }
    fs::remove_file(&file).expect("removed");
    let report = analyze(home.path());
    assert_eq!(reasons(instance(&report, "wiki"))[0], "evidence-damaged", "a record lists it: {report:#}");
    assert!(report["errors"].to_string().contains("probes/"), "{report:#}");
}
