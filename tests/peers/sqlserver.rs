//! Sessions of SQL Server. No SQL Server can be had: Microsoft's test server speaks the protocol with TLS, and answers the queries
//! with rows as Microsoft's documentation describes them.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{fs, iter};

use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::databases::issue;
use super::install::{once, run, skipped};
use super::reasons;
use super::sessions::counts;
use crate::command::{Run, against, ssl_usage};
use crate::fake_aws::FakeAws;
use crate::fleet::small_fleet;
use crate::network::tls::Ca;

/// The queries of the probe.
const OWN: &str = include_str!("../../src/sessions/sqlserver/own.sql");
const SESSIONS: &str = include_str!("../../src/sessions/sqlserver/sessions.sql");
const LOGINS: &str = include_str!("../../src/sessions/sqlserver/logins.sql");
/// What the server is built of.
const SOURCES: [&str; 3] =
    [include_str!("sqlserver/Cargo.toml"), include_str!("sqlserver/Cargo.lock"), include_str!("sqlserver/main.rs")];

/// The program of the server.
fn program() -> PathBuf {
    let made = once("sqlserver", &SOURCES.concat(), |folder| {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/sqlserver/Cargo.toml");
        let build = || {
            let mut cargo = Command::new(env!("CARGO"));
            cargo.args(["build", "--quiet", "--locked", "--manifest-path"]).arg(&manifest);
            run(cargo.env_remove("CARGO_TARGET_DIR").arg("--target-dir").arg(folder)).map(drop)
        };
        build().or_else(|error| {
            // OpenSSL is linked.
            let install = |package| super::install::apt(package).map_err(|why| format!("{error}\n{why}"));
            install("pkg-config").and_then(|()| install("libssl-dev")).and_then(|()| build())
        })
    });
    made.unwrap_or_else(|reason| panic!("could not build the server: {reason}")).join("debug/sqlserver")
}

/// A running server. It ends when it is dropped.
struct Server(Child, u16);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    /// Presents a certificate for `localhost`, and answers the query of the sessions in this way.
    fn start(home: &Path, ca: &Ca, (sessions, logins): (&Value, &Value)) -> Self {
        issue(home, ca, 2027);
        let now = Timestamp::now().as_millisecond().to_string();
        let answers =
            json!({ OWN.trim(): [[now, "51", "10.0.0.9"]], SESSIONS.trim(): sessions, LOGINS.trim(): logins });
        fs::write(home.join("answers"), answers.to_string()).expect("a file");
        let files = ["server.crt", "server.key", "answers"].map(|name| home.join(name));
        let mut process = Command::new(program()).args(files).stdout(Stdio::piped()).spawn().expect("a server");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("stdout")).read_line(&mut line).expect("a port");
        Self(process, line.trim().parse().expect("a port"))
    }
}

/// A machine from which the server is probed into a bundle.
struct Prober {
    home: TempDir,
    aws: FakeAws,
    _server: Server,
}

impl Prober {
    fn new(ca: &Ca, sessions: &Value) -> Self {
        Self::with_logins(ca, sessions, &json!([]))
    }

    fn with_logins(ca: &Ca, sessions: &Value, logins: &Value) -> Self {
        let home = TempDir::new().expect("a folder");
        let server = Server::start(home.path(), ca, (sessions, logins));
        let mut fleet = small_fleet();
        fleet.instances.retain(|instance| instance.id == "payroll");
        fleet.instance("payroll").endpoint = Some(("localhost".to_owned(), server.1));
        Self { home, aws: FakeAws::start(fleet), _server: server }
    }

    fn probe(&self, options: &[&str]) -> Run {
        let mut command = against(&self.aws, self.home.path());
        command.args(["probe", "--sessions", "--bundle"]).arg(self.home.path().join("bundle"));
        command.arg("--ca-bundle").arg(self.home.path().join("ca.crt")).args(options);
        Run::of(command.env("SQLCMDUSER", "monitor").env("SQLCMDPASSWORD", "secret of monitor"))
    }

    fn sessions(&self, login: &str) -> Value {
        self.probe(&["--login", login, "--format", "json"]).json()["sessions"][0].clone()
    }

    fn instance(&self) -> Value {
        let mut command = ssl_usage(self.home.path());
        let run = Run::of(command.args(["analyze", "--format", "json", "--from"]).arg(self.home.path().join("bundle")));
        run.json()["instances"][0].clone()
    }
}

/// A row: number, user, address, transport, encryption, program.
fn row(id: u64, of: [&str; 5]) -> Value {
    let [user, address, transport, encrypted, program] = of;
    let (begun, started) = ("1795392000000", "1795000000000");
    json!([id.to_string(), begun, user, "payroll", address, transport, encrypted, program, started])
}

/// Rows, each with their number.
fn rows(rows: impl IntoIterator<Item = Value>) -> Value {
    let mut rows: Vec<Value> = rows.into_iter().collect();
    let count = rows.len().to_string();
    rows.iter_mut().filter_map(Value::as_array_mut).for_each(|row| row.push(count.clone().into()));
    rows.into()
}

#[test]
fn connections_of_sql_server_are_listed_with_their_encryption() {
    if skipped("the test server of Microsoft's client for SQL Server") {
        return;
    }
    let ca = Ca::new("A private CA");
    let own = iter::once(row(51, ["monitor", "10.0.0.9", "TCP", "TRUE", "ssl-usage"]));
    let tls = [52, 53].map(|id| row(id, ["app", "10.0.0.7", "TCP", "TRUE", "orders\u{1b}[31m"]));
    let plaintext = [54, 55, 56].map(|id| row(id, ["report", "10.0.0.8", "TCP", "FALSE", "Excel"]));
    let of_aws = [
        row(57, ["rdsadmin", "<local machine>", "Shared memory", "FALSE", "agent"]),
        row(58, ["NT AUTHORITY\\SYSTEM", "<local machine>", "TCP", "TRUE", "agent"]),
    ];
    let prober = Prober::new(&ca, &rows(own.chain(tls).chain(plaintext).chain(of_aws)));
    for _ in 0..2 {
        let seen = prober.sessions("env");
        let counts = ["tls", "plaintext", "local", "unknown", "system"].map(|name| seen[name].as_u64());
        assert_eq!(counts, [Some(2), Some(3), Some(0), Some(0), Some(2)], "{seen:#}");
        assert_eq!((&seen["gap"], &seen["failure"]), (&json!(null), &json!(null)), "{seen:#}");
    }
    let instance = prober.instance();
    assert_eq!(instance["usage"], "in_use", "{instance:#}");
    assert!(reasons(&instance).contains(&"tls-sessions-open"), "{instance:#}");
    assert_eq!(instance["sampled"]["tls"], 2, "the same sessions count once: {:#}", instance["sampled"]);
    let table = prober.probe(&["--login", "env"]);
    assert!(table.out.contains("Clients with TLS:") && !table.out.contains('\u{1b}'), "{}", table.out);
    // There are no other logins.
    for login in ["file", "iam"] {
        let failure = prober.probe(&["--login", login, "--user", "monitor", "--format", "json"]).json();
        let failure = &failure["sessions"][0]["failure"];
        assert_eq!(failure["code"], "no-credentials", "{failure:#}");
        assert!(failure["message"].as_str().is_some_and(|text| text.contains("--login secret or env")), "{failure:#}");
    }
    fs::write(prober.home.path().join("ca.crt"), Ca::new("Another CA").pem()).expect("a file");
    assert_eq!(prober.sessions("env")["failure"]["code"], "untrusted");
}

#[test]
fn without_the_privilege_nothing_is_concluded_of_sql_server() {
    if skipped("the test server of Microsoft's client for SQL Server") {
        return;
    }
    let ca = Ca::new("A private CA");
    let message = "VIEW SERVER STATE permission was denied on object 'server', database 'master'.";
    let prober = Prober::new(&ca, &json!({ "number": 300, "message": message }));
    let seen = prober.sessions("env");
    assert_eq!(seen["gap"]["code"], "no-privilege", "{seen:#}");
    assert_eq!(seen["gap"]["fix"], json!(["USE master; GRANT VIEW SERVER STATE TO [monitor];"]), "{seen:#}");
    let instance = prober.instance();
    assert!(reasons(&instance).contains(&"sample-incomplete"), "{instance:#}");
    assert!(!reasons(&instance).contains(&"no-tls-sessions-open"), "{instance:#}");

    // A list without the own session, or with an encryption that nobody knows, is not complete.
    let others = rows([row(60, ["app", "10.0.0.7", "TCP", "FALSE", "orders"])]);
    assert_eq!(Prober::new(&ca, &others).sessions("env")["gap"]["code"], "own-session-missing");
    let own = row(51, ["monitor", "10.0.0.9", "TCP", "TRUE", "ssl-usage"]);
    let unknown = rows([own.clone(), row(60, ["app", "10.0.0.7", "TCP", "OPTIONAL", "orders"])]);
    assert_eq!(Prober::new(&ca, &unknown).sessions("env")["gap"]["code"], "transport-unknown");

    // Nor is one that is cut, one with a session that cannot be read, and one with another session of the own number.
    let tls = row(60, ["app", "10.0.0.7", "TCP", "TRUE", "orders"]);
    let mut cut = rows([own.clone(), tls.clone()]);
    cut.as_array_mut().expect("rows").pop();
    assert_eq!(Prober::new(&ca, &cut).sessions("env")["gap"]["code"], "unreadable");
    let mut unreadable = rows([own.clone(), tls]);
    unreadable[1][0] = "sixty".into();
    assert_eq!(Prober::new(&ca, &unreadable).sessions("env")["gap"]["code"], "unreadable");
    let twice = rows([own, row(51, ["app", "10.0.0.7", "TCP", "TRUE", "orders"])]);
    assert_eq!(Prober::new(&ca, &twice).sessions("env")["tls"], 1, "it counts");
}

/// A row of logins: protocol, success, application, and how many.
fn logins(protocol: Option<&str>, success: &str, application: &str, count: &str) -> Value {
    json!([protocol, "AES256", success, application, "10.0.0.7", count, "1795392000000", "1795395600000"])
}

#[test]
fn logins_in_extended_events_are_shown_and_decide_nothing() {
    if skipped("the test server of Microsoft's client for SQL Server") {
        return;
    }
    let ca = Ca::new("A private CA");
    let own = row(51, ["monitor", "10.0.0.9", "TCP", "TRUE", "ssl-usage"]);
    let sessions = rows([own, row(54, ["report", "10.0.0.8", "TCP", "FALSE", "Excel"])]);
    let hostile = "orders\u{1b}[31m\n<script>";
    let recorded = rows([
        logins(Some("TLS1.2"), "true", hostile, "41"),
        logins(Some("TLS1.3"), "true", "web", "2"),
        logins(None, "false", "old", "7"),
    ]);
    let without = Prober::new(&ca, &sessions);
    without.sessions("env");
    let without = without.instance();
    let prober = Prober::with_logins(&ca, &sessions, &recorded);
    assert_eq!(prober.sessions("env")["logins"], Value::Null, "nobody asked");
    let probe = |prober: &Prober, format| prober.probe(&["--login", "env", "--extended-events", "--format", format]);
    let run = probe(&prober, "json");
    let seen = run.json()["sessions"][0].clone();
    let schema = Run::of(ssl_usage(prober.home.path()).args(["schema", "probe"])).json();
    assert_eq!(crate::json_schema::objection(&schema, &run.json()), None);
    let groups = seen["logins"]["groups"].as_array().expect("groups");
    let seen_groups: Vec<_> =
        groups.iter().map(|of| (of["tls_version"].as_str(), of["accepted"].as_bool(), of["count"].as_u64())).collect();
    let expected =
        [(Some("TLS1.2"), Some(true), Some(41)), (Some("TLS1.3"), Some(true), Some(2)), (None, Some(false), Some(7))];
    assert_eq!((seen_groups.as_slice(), &seen["logins"]["note"]), (expected.as_slice(), &json!(null)), "{seen:#}");
    let table = probe(&prober, "table");
    assert!(table.out.contains("TLS1.2 (41 logins)") && !table.out.contains('\u{1b}'), "{}", table.out);
    let instance = prober.instance();
    assert!(reasons(&instance).contains(&"tls-logins-recorded"), "{instance:#}");
    for name in ["usage", "rotation", "enforcement", "unproven", "act_by"] {
        assert_eq!(instance[name], without[name], "{name}");
    }
    assert_eq!(counts(&instance["connections"]), counts(&without["connections"]));

    // What fails is a note, and the sessions are listed all the same.
    let mut unreadable = recorded.clone();
    unreadable[1][5] = "two".into();
    let denied = json!({ "number": 300, "message": "VIEW SERVER STATE permission was denied on object 'server'." });
    for (logins, groups, words) in [
        (denied, 0, "permission was denied"),
        (unreadable, 2, "could not be read"),
        (json!([]), 0, "no running event session"),
    ] {
        let prober = Prober::with_logins(&ca, &sessions, &logins);
        let seen = probe(&prober, "json").json()["sessions"][0].clone();
        assert_eq!((seen["plaintext"].as_u64(), &seen["failure"], &seen["gap"]), (Some(1), &json!(null), &json!(null)));
        assert_eq!(seen["logins"]["groups"].as_array().map(Vec::len), Some(groups), "{seen:#}");
        assert!(seen["logins"]["note"].as_str().is_some_and(|note| note.contains(words)), "{seen:#}");
    }
}
