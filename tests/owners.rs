//! Owners of addresses: what `clients` makes of network interfaces, and that no verdict rests on them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{Run, against, ssl_usage};
use crate::fake_aws::{Calls, FakeAws, Fault, FaultKind, Fleet, NetworkInterface, Proxy};
use crate::fleet::{WINDOW, small_fleet};
use crate::sealing::{copy_bundle, files, named};

const CALL: &str = "DescribeNetworkInterfaces";
/// The one client of the small fleet that must update its trust store.
const NIGHTLY: &str = "10.99.0.33";

/// An interface, as TOML adds to what every one has.
fn interface(toml: &str) -> NetworkInterface {
    toml::from_str(toml).unwrap_or_else(|error| panic!("{error}: {toml}"))
}

fn fleet_with(interfaces: &[&str]) -> Fleet {
    Fleet { network_interfaces: interfaces.iter().map(|toml| interface(toml)).collect(), ..small_fleet() }
}

/// The proxy `pool` with the address of the client, and whether it is one of the instance.
fn behind_proxy(more: &str, is_of_instance: bool) -> Fleet {
    let own = "id = \"eni-1\"\ndescription = \"Network interface for DBProxy pool\"\naddresses = [\"10.99.0.33\"]\n";
    let mut fleet = fleet_with(&[&format!("{own}{more}")]);
    fleet.instances.retain(|instance| ["orders-legacy", "ledger"].contains(&instance.id.as_str()));
    let instances = if is_of_instance { vec!["orders-legacy".to_owned()] } else { Vec::new() };
    fleet.proxies.push(Proxy { name: "pool".to_owned(), instances, cluster: None });
    fleet
}

fn run(aws: &FakeAws, home: &Path, arguments: &[&str]) -> Run {
    Run::of(against(aws, home).args(arguments).args(WINDOW))
}

/// The list of a run against AWS.
fn listed(fleet: Fleet, arguments: &[&str]) -> Value {
    let (aws, home) = (FakeAws::start(fleet), TempDir::new().expect("a folder"));
    let run = run(&aws, home.path(), &[&["clients", "--format", "json"], arguments].concat());
    assert_eq!((run.status, run.err.as_str()), (0, ""), "{run:?}");
    run.json()
}

fn clients(list: &Value) -> &[Value] {
    list["clients"].as_array().expect("clients")
}

fn at<'l>(list: &'l Value, address: &str) -> &'l Value {
    let found = clients(list).iter().find(|client| client["address"] == address);
    found.unwrap_or_else(|| panic!("{address}: {list:#}"))
}

/// Each with the address of a client of the small fleet, the interface, and what the owner must be.
const KINDS: &[(&str, &str, &str, Option<&str>, &str)] = &[
    (
        "10.99.0.31",
        "interface_type = 'lambda'\ndescription = 'AWS Lambda VPC ENI-orders-api-1a2b3c4d-5e6f-7081-92a3-b4c5d6e7f809'",
        "lambda",
        Some("orders-api"),
        "eni-1",
    ),
    (
        "10.99.0.32",
        "description = 'arn:aws:ecs:eu-west-1:123456789012:attachment/f6d9fc22'\ntags = { 'aws:ecs:serviceName' = 'web', Name = 'x' }",
        "ecs-task",
        Some("web"),
        "eni-1",
    ),
    ("10.99.0.21", "instance = 'i-1'\ndescription = 'Network interface for DBProxy pool'", "ec2-instance", None, "i-1"),
    ("10.99.0.22", "instance = 'i-2'\ntags = { Name = 'legacy' }", "ec2-instance", Some("legacy"), "i-2"),
    (
        "10.99.0.23",
        "interface_type = 'nat_gateway'\ndescription = 'Interface for NAT Gateway nat-1'",
        "nat-gateway",
        None,
        "nat-1",
    ),
    (
        "10.99.0.11",
        "description = 'ELB net/orders/50dc6c495c0c9188'\ninterface_type = 'network_load_balancer'",
        "load-balancer",
        Some("orders"),
        "eni-1",
    ),
    (
        "10.99.0.12",
        "instance = 'i-3'\ndescription = 'aws-K8S-i-3'\ntags = { 'cluster.k8s.amazonaws.com/name' = 'shop' }",
        "kubernetes-node",
        Some("shop"),
        "i-3",
    ),
    (
        "10.99.0.51",
        "description = 'aws-k8s-branch-eni'\ninterface_type = 'branch'\ntags = { 'kubernetes.io/cluster/ironman' = 'owned' }",
        "eks-pod",
        Some("ironman"),
        "eni-1",
    ),
    ("10.99.0.52", "description = 'RDSNetworkInterface'", "rds-database", None, "eni-1"),
    (
        "10.20.0.8",
        "description = 'Attached to Glue using role: arn:aws:iam::123456789012:role/jobs/nightly'",
        "glue",
        Some("nightly"),
        "eni-1",
    ),
    ("10.20.0.32", "description = 'DMSNetworkInterface'", "dms", None, "eni-1"),
    ("10.1.0.8", "description = 'what nobody has seen'", "network-interface", None, "eni-1"),
    (
        "10.40.0.7",
        "interface_type = 'vpc_endpoint'\ndescription = 'VPC Endpoint Interface vpce-1'",
        "vpc-endpoint",
        None,
        "vpce-1",
    ),
];

#[test]
fn every_kind_of_owner_is_recognised_on_every_page() {
    let interfaces: Vec<String> = KINDS
        .iter()
        .map(|(address, toml, ..)| format!("id = \"eni-1\"\naddresses = [\"{address}\"]\n{toml}"))
        .collect();
    let interfaces: Vec<&str> = interfaces.iter().map(String::as_str).collect();
    let (aws, home) =
        (FakeAws::start(Fleet { page_records: Some(2), ..fleet_with(&interfaces) }), TempDir::new().expect("a folder"));
    let list = run(&aws, home.path(), &["clients", "--format", "json"]).json();
    for (address, toml, kind, name, id) in KINDS {
        let owner = &at(&list, address)["owner"];
        let found = (&owner["kind"], &owner["name"], &owner["id"], &owner["seen_at"]);
        assert_eq!(
            found,
            (&json!(kind), &json!(name), &json!(id), &json!("2026-11-23T00:00:00Z")),
            "{toml}: {owner:#}"
        );
        assert_eq!(
            owner["shared"],
            ["lambda", "kubernetes-node", "nat-gateway", "load-balancer", "vpc-endpoint"].contains(kind)
        );
    }
    assert_eq!(at(&list, "10.99.0.13")["owner"], Value::Null, "nobody has it");
    let calls = aws.calls().iter().filter(|call| call.action == CALL).count();
    assert_eq!(calls, KINDS.len().div_ceil(2), "each page once, and for no instance apart");
    let text = run(&aws, home.path(), &["clients"]).out;
    for line in [
        "NAT gateway nat-1: all clients behind the gateway",
        "Lambda orders-api: all functions with the same subnets and security groups",
        "eni-1 (what nobody has seen)",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let csv = run(&aws, home.path(), &["clients", "--format", "csv"]).out;
    assert!(csv.contains(",ECS web,ecs-task,web,eni-1,2026-11-23T00:00:00Z,false,1,10.99.0.32"), "{csv}");
}

#[test]
fn an_address_is_recognised_in_every_spelling() {
    let secondary = "id = 'eni-1'\naddresses = ['10.0.0.1', '10.99.0.31', '2001:db8::1']\ninstance = 'i-1'";
    let range = "id = 'eni-2'\naddresses = ['10.0.0.2']\nprefixes = ['10.99.0.32/31']\ninstance = 'i-2'";
    let public = "id = 'eni-3'\naddresses = ['10.0.0.3']\npublic = '10.99.0.21'\ninstance = 'i-3'";
    let list = listed(fleet_with(&[secondary, range, public]), &[]);
    let ids =
        ["10.99.0.31", "10.99.0.32", NIGHTLY, "10.99.0.21"].map(|address| at(&list, address)["owner"]["id"].clone());
    assert_eq!(ids, ["i-1", "i-2", "i-2", "i-3"]);
    let elsewhere = "id = 'eni-1'\nregion = 'us-east-1'\naddresses = ['10.99.0.31']";
    assert_eq!(at(&listed(fleet_with(&[elsewhere]), &[]), "10.99.0.31")["owner"], Value::Null, "another region's");
}

#[test]
fn a_proxy_of_the_instance_needs_no_trust_store_and_nothing_that_only_looks_like_one_is_spared() {
    let tasks = |fleet: Fleet| at(&listed(fleet, &[]), NIGHTLY)["tasks"].clone();
    assert_eq!(
        tasks(Fleet { network_interfaces: Vec::new(), ..behind_proxy("", true) }),
        json!(["update-trust-store"])
    );
    assert_eq!(tasks(behind_proxy("", true)), json!(["behind-proxy"]));
    assert_eq!(tasks(behind_proxy("attached_at = '2026-11-19T00:00:00Z'", true)), json!(["behind-proxy"]));
    let lookalikes = [
        // The inventory knows no such proxy of the instance.
        behind_proxy("", false),
        // A customer's instance may be called anything.
        behind_proxy("instance = 'i-1'", true),
        // The client was seen before the proxy had the address.
        behind_proxy("attached_at = '2026-11-21T00:00:00Z'", true),
    ];
    for fleet in lookalikes {
        let said = format!("{:?}", fleet.network_interfaces);
        assert_eq!(tasks(fleet), json!(["update-trust-store"]), "{said}");
    }
    let mut two = behind_proxy("", true);
    two.network_interfaces.push(interface("id = 'eni-2'\nvpc = 'vpc-2'\naddresses = ['10.99.0.33']"));
    let client = at(&listed(two, &[]), NIGHTLY).clone();
    assert_eq!((&client["tasks"], &client["owner"]["kind"]), (&json!(["update-trust-store"]), &json!("ambiguous")));
    assert_eq!(client["owner"]["id"], "eni-1, eni-2");
    let late = behind_proxy("attached_at = '2026-11-22T12:00:00Z'", true);
    let client = at(&listed(late, &[]), NIGHTLY).clone();
    assert_eq!((&client["tasks"], &client["owner"]), (&json!(["update-trust-store"]), &Value::Null), "another had it");
    // The rest of the plan stays: what is spared is the change of a client, and no rotation.
    let (aws, home) = (FakeAws::start(behind_proxy("", true)), TempDir::new().expect("a folder"));
    let report = run(&aws, home.path(), &["analyze", "--format", "json"]).json();
    let legacy =
        report["instances"].as_array().expect("instances").iter().find(|row| row["instance"] == "orders-legacy");
    assert_eq!(legacy.map(|row| &row["rotation"]), Some(&json!("required")));
    let text = run(&aws, home.path(), &["clients"]).out;
    assert!(
        text.contains("nothing (RDS Proxy trusts the RDS CAs itself)") && text.contains("1 behind RDS Proxy"),
        "{text}"
    );
}

/// What may happen to the call.
const FAILURES: &[(FaultKind, &str)] = &[
    (FaultKind::AccessDenied, "AWS denied the call. Grant the permission ec2:DescribeNetworkInterfaces."),
    (FaultKind::InternalError, "AWS returned InternalFailure"),
    (FaultKind::Reset, "the connection broke (Connection reset by peer)"),
    (FaultKind::CutXml(0.5), "the response was truncated at every attempt"),
    (FaultKind::EmptyBody, "the response was truncated at every attempt"),
    (FaultKind::Html200, "the response was truncated at every attempt"),
    (FaultKind::SameMarker, "the endpoint repeated the marker \"stuck\""),
    (FaultKind::Result(""), "the response contains no list, not even an empty one"),
    (
        FaultKind::Result("<networkInterfaceSet><item/></networkInterfaceSet>"),
        "the response is not a complete response of the EC2 API. Check AWS_ENDPOINT_URL_EC2",
    ),
    (
        FaultKind::Result("<networkInterfaceSet><XX><YY/></XX></networkInterfaceSet>"),
        "the response contains only records of an unknown kind",
    ),
];

#[test]
fn whatever_happens_to_the_call_no_report_changes_and_clients_says_what_to_do() {
    let report = |fault: Option<FaultKind>| {
        let (aws, home) = (FakeAws::start(behind_proxy("", true)), TempDir::new().expect("a folder"));
        fault.into_iter().for_each(|kind| aws.fault(Fault::new(kind).on(CALL)));
        let report = run(&aws, home.path(), &["analyze", "--format", "json"]);
        assert_eq!((report.status, report.err.as_str()), (0, ""), "{fault:?}: {report:?}");
        let list = run(&aws, home.path(), &["clients", "--format", "json"]);
        assert_eq!((list.status, list.err.as_str()), (0, ""), "{fault:?}: {list:?}");
        let text = run(&aws, home.path(), &["clients"]);
        assert_eq!((text.status, text.err.as_str()), (0, ""), "{fault:?}: {text:?}");
        (report.out, list.json(), text.out)
    };
    let (clean, list, text) = report(None);
    assert_eq!(
        (&list["owner_errors"], at(&list, NIGHTLY)["tasks"].as_array()),
        (&json!([]), Some(&vec![json!("behind-proxy")]))
    );
    assert!(!text.contains("Owners of addresses"), "{text}");
    for (kind, said) in FAILURES {
        let (report, list, text) = report(Some(*kind));
        assert_eq!(report, clean, "{kind:?}");
        let errors = list["owner_errors"].as_array().expect("errors");
        let [error] = errors.as_slice() else { panic!("{kind:?}: {errors:?}") };
        assert_eq!((&error["call"], &error["region"]), (&json!("ec2:DescribeNetworkInterfaces"), &json!("eu-west-1")));
        let message = error["message"].as_str().expect("a message");
        assert!(message.contains(said), "{kind:?}: {message}");
        assert_eq!(at(&list, NIGHTLY)["tasks"], json!(["update-trust-store"]), "{kind:?}");
        assert!(text.contains("Owners of addresses could not be read, which changes no verdict:"), "{text}");
    }
}

#[test]
fn a_call_that_is_throttled_or_cut_is_made_again() {
    for kind in [FaultKind::Throttle, FaultKind::CutXml(0.5), FaultKind::ServiceUnavailable] {
        let (aws, home) = (FakeAws::start(behind_proxy("", true)), TempDir::new().expect("a folder"));
        aws.fault(Fault::new(kind).on(CALL).at(Calls::First(1)));
        let list = run(&aws, home.path(), &["clients", "--format", "json"]).json();
        assert_eq!(
            (&list["owner_errors"], &at(&list, NIGHTLY)["owner"]["name"]),
            (&json!([]), &json!("pool")),
            "{kind:?}"
        );
    }
}

#[test]
fn the_call_has_an_endpoint_of_its_own_and_is_made_only_for_clients() {
    let (aws, ec2) = (FakeAws::start(behind_proxy("", true)), FakeAws::start(behind_proxy("", true)));
    let home = TempDir::new().expect("a folder");
    let mut command = against(&aws, home.path());
    command.env("AWS_ENDPOINT_URL_EC2", ec2.url()).args(["clients", "--format", "json"]).args(WINDOW);
    assert_eq!(at(&Run::of(&mut command).json(), NIGHTLY)["owner"]["name"], "pool");
    let actions = |aws: &FakeAws| aws.calls().iter().map(|call| call.action.clone()).collect::<Vec<_>>();
    assert_eq!(actions(&ec2), [CALL]);
    assert!(!actions(&aws).contains(&CALL.to_owned()));
    let fresh = TempDir::new().expect("a folder");
    run(&aws, fresh.path(), &["preflight"]);
    assert!(!actions(&aws).contains(&CALL.to_owned()), "without logs there are no clients");
}

/// The small fleet with 36 pods of one application.
fn pods(interfaces: &[&str]) -> Fleet {
    let mut fleet = fleet_with(interfaces);
    fleet.instances.retain(|instance| instance.id == "orders-prod");
    for (number, file) in fleet.instance("orders-prod").files.values_mut().enumerate() {
        let text = String::from_utf8(file.bytes.clone()).expect("UTF-8");
        file.bytes = text.replace("10.99.0.21", &format!("10.7.0.{}", number % 36)).into_bytes();
    }
    fleet
}

#[test]
fn addresses_of_one_application_are_one_line_for_people_and_where_that_is_asked_for() {
    let of_api = |list: &Value| -> Vec<Value> {
        clients(list).iter().filter(|client| client["application"] == "orders-api").cloned().collect()
    };
    let each = listed(pods(&[]), &[]);
    assert_eq!((of_api(&each).len(), &each["by"]), (36, &json!("address")));
    let grouped = listed(pods(&[]), &["--by", "application"]);
    let [api] = of_api(&grouped).try_into().unwrap_or_else(|found| panic!("{found:?}"));
    let sum = |key: &str| of_api(&each).iter().filter_map(|client| client[key].as_u64()).sum::<u64>();
    assert_eq!((api["tls"].as_u64(), api["address"].is_null()), (Some(sum("tls")), true));
    assert_eq!((api["addresses"].as_array().map(Vec::len), &api["members"]["clients"]), (Some(36), &json!(36)));
    let times = |key: &str| {
        of_api(&each).iter().map(|client| client[key].as_str().expect("a time").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(api["first_seen"].as_str(), times("first_seen").iter().min().map(String::as_str));
    assert_eq!(api["last_seen"].as_str(), times("last_seen").iter().max().map(String::as_str));
    let (aws, home) = (FakeAws::start(pods(&[])), TempDir::new().expect("a folder"));
    let text = run(&aws, home.path(), &["clients"]).out;
    let line = text.lines().find(|line| line.contains("orders-api")).expect("a line");
    assert!(line.contains("36 addresses") && text.matches("orders-api").count() == 1, "{text}");
    assert!(text.contains("`--by address` lists each address"), "{text}");
    let all = run(&aws, home.path(), &["clients", "--by", "address"]).out;
    assert!(all.matches("orders-api").count() == 36 && all.contains("10.7.0.35 "), "{all}");
}

#[test]
fn groups_hold_all_sessions_addresses_and_tasks() {
    let interfaces = [
        "id = 'eni-1'\naddresses = ['10.99.0.31', '10.99.0.21', '10.99.0.11']\ninstance = 'i-1'",
        "id = 'eni-2'\naddresses = ['10.99.0.22']\ninstance = 'i-2'\ntags = { Name = 'legacy' }",
    ];
    let (aws, home) = (FakeAws::start(fleet_with(&interfaces)), TempDir::new().expect("a folder"));
    let list = |by: &str| run(&aws, home.path(), &["clients", "--format", "json", "--by", by]).json();
    let each = list("address");
    let shares = ["tls", "plaintext", "local", "unknown", "gss"];
    let totals = |list: &Value| -> BTreeMap<String, u64> {
        let mut totals = BTreeMap::new();
        for client in clients(list) {
            let sessions: u64 = shares.iter().filter_map(|share| client[*share].as_u64()).sum();
            *totals.entry(client["instance"].as_str().expect("a name").to_owned()).or_insert(0) += sessions;
        }
        totals
    };
    let pairs = |list: &Value, inner: &str| -> std::collections::BTreeSet<String> {
        let of = |client: &Value| -> Vec<String> {
            client[inner].as_array().expect(inner).iter().map(|one| format!("{} {one}", client["instance"])).collect()
        };
        clients(list).iter().flat_map(of).collect()
    };
    for by in ["application", "user", "owner"] {
        let grouped = list(by);
        assert_eq!(totals(&grouped), totals(&each), "{by}");
        assert_eq!(pairs(&grouped, "addresses"), pairs(&each, "addresses"), "{by}");
        assert_eq!(pairs(&grouped, "tasks"), pairs(&each, "tasks"), "{by}");
        let order: Vec<_> = clients(&grouped).iter().map(|client| client["tasks"][0].clone()).collect();
        assert_eq!(order[..2], [json!("accept-certificate"), json!("update-trust-store")], "{by}");
    }
    let by_owner = list("owner");
    let owned = clients(&by_owner).iter().filter(|client| client["owner"]["id"] == "i-1").count();
    let instances: std::collections::BTreeSet<_> = clients(&each)
        .iter()
        .filter(|client| client["owner"]["id"] == "i-1")
        .map(|client| client["instance"].to_string())
        .collect();
    assert_eq!(owned, instances.len(), "one line for each instance");
}

#[test]
fn the_owner_is_the_one_that_was_seen_nearest_to_the_last_session() {
    let home = TempDir::new().expect("a folder");
    let bundle = home.path().join("bundle");
    let collect = |aws: &FakeAws, now: &str| {
        let mut command = against(aws, home.path());
        let run = Run::of(command.args(["collect", "--days", "3", "--now", now, "-o"]).arg(&bundle));
        assert_eq!((run.status, run.err.contains("ssl-usage:")), (0, false), "{run:?}");
    };
    let at_one = "id = 'eni-1'\naddresses = ['10.99.0.33']\ninstance = 'i-1'";
    let aws = FakeAws::start(Fleet { network_interfaces: vec![interface(at_one)], ..behind_proxy("", true) });
    collect(&aws, "2026-11-22T03:00:00Z");
    aws.set(|fleet| fleet.network_interfaces = behind_proxy("", true).network_interfaces);
    collect(&aws, "2026-11-23T00:00:00Z");
    let list = || {
        Run::of(ssl_usage(home.path()).args(["clients", "--format", "json", "--from"]).arg(&bundle).args(WINDOW)).json()
    };
    let (before, owner) = (list(), |list: &Value| at(list, NIGHTLY)["owner"].clone());
    // Last seen at two o'clock on the 22nd.
    let found = owner(&before);
    assert_eq!((&found["id"], &found["seen_at"]), (&json!("i-1"), &json!("2026-11-22T03:00:00Z")));
    // Compaction changes nothing, and the next collection asks for the address again.
    let compacted = Run::of(ssl_usage(home.path()).arg("compact").arg(&bundle));
    assert_eq!((compacted.status, named(&bundle, &["network"]).len()), (0, 1), "{compacted:?}");
    assert_eq!(list(), before);
    aws.set(|fleet| fleet.network_interfaces = vec![interface(at_one)]);
    collect(&aws, "2026-11-23T01:00:00Z");
    assert_eq!(owner(&list())["id"], "i-1");
    assert_eq!(named(&bundle, &["network"]).len(), 2);
}

#[test]
fn a_file_of_owners_that_is_lost_or_damaged_is_reported_and_changes_no_verdict() {
    let (aws, home) = (FakeAws::start(behind_proxy("", true)), TempDir::new().expect("a folder"));
    let bundle = home.path().join("bundle");
    let run = Run::of(against(&aws, home.path()).args(["collect", "-o"]).arg(&bundle).args(WINDOW));
    assert_eq!(run.status, 0, "{run:?}");
    let verdicts = |bundle: &Path| {
        let mut command = ssl_usage(home.path());
        let run = Run::of(command.args(["analyze", "--format", "json", "--from"]).arg(bundle).args(WINDOW));
        let mut report = run.json();
        let (errors, digest) = (report["errors"].take(), report["evidence"]["digest"].take());
        report["summary"]["errors"].take();
        report["evidence"].take();
        (run.status, report, errors, digest)
    };
    let digest = |bundle: &Path| Run::of(ssl_usage(home.path()).arg("digest").arg(bundle));
    let (status, clean, ..) = verdicts(&bundle);
    assert_eq!((status, digest(&bundle).status), (0, 0));
    let lost = home.path().join("lost");
    copy_bundle(&bundle, &lost, |path| !path.to_string_lossy().contains("/network/"));
    let damaged = home.path().join("damaged");
    copy_bundle(&bundle, &damaged, |_| true);
    let [file] = named(&damaged, &["/network/"]).try_into().expect("one file");
    let text = fs::read_to_string(&file).expect("text");
    fs::write(&file, text.replace("pool", "puul")).expect("a file");
    for bundle in [lost, damaged] {
        let (status, report, errors, none) = verdicts(&bundle);
        assert_eq!((status, &report, none), (3, &clean, Value::Null), "{bundle:?}");
        assert!(errors.to_string().contains("/network/"), "{errors}");
        assert_eq!(digest(&bundle).status, 3);
        let mut command = ssl_usage(home.path());
        let list = Run::of(command.args(["clients", "--format", "json", "--from"]).arg(&bundle).args(WINDOW)).json();
        assert_eq!(at(&list, NIGHTLY)["tasks"], json!(["update-trust-store"]), "what is lost spares nobody");
    }
}

#[test]
fn owners_are_no_part_of_the_digest_and_only_addresses_of_clients_are_kept() {
    let (owned, plain) = (FakeAws::start(behind_proxy("", true)), FakeAws::start(behind_proxy("", true)));
    owned.set(|fleet| {
        fleet.network_interfaces.push(interface("id = 'eni-9'\naddresses = ['10.0.0.9']\ndescription = 'secret'"))
    });
    plain.set(|fleet| fleet.network_interfaces.clear());
    let home = TempDir::new().expect("a folder");
    let digest = |aws: &FakeAws, name: &str| {
        let bundle = home.path().join(name);
        Run::of(against(aws, home.path()).args(["collect", "-o"]).arg(&bundle).args(WINDOW));
        Run::of(ssl_usage(home.path()).arg("digest").arg(&bundle)).out.split(' ').next().map(str::to_owned)
    };
    let digests = (digest(&owned, "owned"), digest(&plain, "plain"));
    assert!(digests.0.is_some() && digests.0 == digests.1, "{digests:?}");
    let texts: String = files(&home.path().join("owned/"))
        .iter()
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .map(|path| fs::read_to_string(path).expect("text"))
        .collect();
    assert!(texts.contains("eni-1") && !texts.contains("eni-9") && !texts.contains("secret"));
}
