//! What disturbs logs in practice changes no verdict, no coverage and no count of sessions: a fleet with it is judged as
//! the same fleet without it, from log files and from CloudWatch Logs.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{Run, against, ssl_usage};
use crate::fake_aws::{FakeAws, Fleet, Joins, LogFile};

/// 2026-11-23T00:00:00Z.
const NOW: i64 = 1_795_392_000;
const HOUR: i64 = 3_600;
/// Hours of the window, of which a file has six.
const HOURS: i64 = 72;
const FILE: i64 = 6;
/// The hour in which one client uses TLS, where one does.
const RARE: i64 = 40;

/// A fleet as it is, or with all disturbances.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Logs {
    Clean,
    Disturbed,
}

/// An instance.
struct Case {
    id: &'static str,
    engine: &'static str,
    version: &'static str,
    kind: Kind,
    /// One session uses TLS.
    tls: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// PostgreSQL, whose prefix becomes the long one.
    Prefix,
    /// PostgreSQL, at which an IAM login is refused every hour.
    Iam,
    /// Both.
    PrefixAndIam,
    /// The audit plugin of RDS for MySQL.
    MysqlAudit,
    /// The one of MariaDB.
    MariadbAudit,
    /// The one of Aurora MySQL.
    AuroraAudit,
    /// Oracle's listener.
    Listener,
}

const CASES: &[Case] = &[
    case("prefix", "postgres", "16.4", Kind::Prefix, false),
    case("prefix-tls", "postgres", "16.4", Kind::Prefix, true),
    case("iam", "postgres", "15.8", Kind::Iam, false),
    case("iam-tls", "postgres", "15.8", Kind::Iam, true),
    case("aurora", "aurora-postgresql", "16.4", Kind::PrefixAndIam, false),
    case("audit", "mysql", "8.0.40", Kind::MysqlAudit, false),
    case("audit-tls", "mysql", "8.0.40", Kind::MysqlAudit, true),
    case("plugin", "mariadb", "10.11.9", Kind::MariadbAudit, false),
    case("advanced", "aurora-mysql", "8.0.mysql_aurora.3.04.0", Kind::AuroraAudit, false),
    case("listener", "oracle-se2", "19.0.0.0.ru-2024-01.rur-2024-01.r1", Kind::Listener, false),
    case("listener-tls", "oracle-se2", "19.0.0.0.ru-2024-01.rur-2024-01.r1", Kind::Listener, true),
];

const fn case(id: &'static str, engine: &'static str, version: &'static str, kind: Kind, tls: bool) -> Case {
    Case { id, engine, version, kind, tls }
}

/// Who connects.
#[derive(Clone, Copy)]
struct Client {
    user: &'static str,
    address: &'static str,
    port: i64,
    tls: bool,
}

const OWN: Client = Client { user: "rdsadmin", address: "[local]", port: 0, tls: false };
const APP: Client = Client { user: "app", address: "10.0.0.7", port: 40_007, tls: false };

/// The sessions that begin in an hour, by second: AWS's own and those of clients. Each lasts for five seconds.
fn sessions(case: &Case, hour: i64) -> Vec<(i64, Client)> {
    let mut sessions = vec![(61, OWN), (600, APP), (1_800, Client { port: 40_008, ..APP }), (3_539, OWN)];
    if case.tls && hour == RARE {
        sessions.insert(2, (900, Client { user: "nightly", address: "10.0.0.8", port: 40_009, tls: true }));
    }
    sessions
}

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

fn stamp(second: i64, format: &str) -> String {
    time(second).strftime(format).to_string()
}

impl Case {
    fn is_postgres(&self) -> bool {
        self.engine.contains("postgres")
    }

    fn prefix(&self, logs: Logs) -> Prefix {
        match self.kind {
            Kind::Prefix | Kind::PrefixAndIam if logs == Logs::Disturbed => Prefix::Long,
            _ => Prefix::Default,
        }
    }

    /// The log of the hour that begins at `begun`, the hour number `hour` of the window.
    fn log(&self, logs: Logs, begun: i64, hour: i64) -> String {
        match self.kind {
            Kind::Prefix | Kind::Iam | Kind::PrefixAndIam => postgres(self, logs, begun, hour),
            Kind::MysqlAudit | Kind::MariadbAudit | Kind::AuroraAudit => audit(self, logs, begun, hour),
            Kind::Listener => listener(self, logs, begun, hour),
        }
    }

    fn file(&self, begun: i64, newer: i64) -> String {
        match self.kind {
            Kind::Prefix | Kind::Iam | Kind::PrefixAndIam => stamp(begun, "error/postgresql.log.%Y-%m-%d-%H"),
            Kind::MysqlAudit | Kind::MariadbAudit if newer == 0 => "audit/server_audit.log".to_owned(),
            Kind::MysqlAudit | Kind::MariadbAudit => format!("audit/server_audit.log.{newer}"),
            Kind::AuroraAudit => stamp(begun, "audit/audit.log.0.%Y-%m-%d-%H-%M.0"),
            Kind::Listener => format!("listener/listener.log.{newer}"),
        }
    }

    fn files(&self, logs: Logs) -> BTreeMap<String, LogFile> {
        let files = HOURS / FILE;
        let file = |number: i64| {
            let first = NOW - HOURS * HOUR + number * FILE * HOUR;
            let text: String =
                (0..FILE).map(|hour| self.log(logs, first + hour * HOUR, number * FILE + hour)).collect();
            let ended = (first + FILE * HOUR).min(NOW) * 1000;
            (self.file(first, files - 1 - number), LogFile::new(text, ended))
        };
        (0..files).map(file).collect()
    }
}

/// A `log_line_prefix` of RDS ("RDS for PostgreSQL database log files" in the RDS user guide). What parameter groups take
/// for the long one, and what lines of real instances show, ends in a colon.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prefix {
    Default,
    Long,
}

impl Prefix {
    fn setting(self) -> &'static str {
        match self {
            Prefix::Default => "%t:%r:%u@%d:[%p]:",
            Prefix::Long => "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a:",
        }
    }

    /// What stands before a record. `number` is the process's, `line` that of the record within it.
    fn fill(self, at: i64, who: &str, number: i64, line: i64, code: &str) -> String {
        let (begun, hex) = (stamp(at, "%Y-%m-%d %H:%M:%S UTC"), format!("{at:08x}.{number:x}"));
        match self {
            Prefix::Default => format!("{begun}:{who}:[{number}]:"),
            Prefix::Long => {
                // None, so that gaps end at the same moments with either prefix.
                let milliseconds = stamp(at, "%Y-%m-%d %H:%M:%S.000 UTC");
                let transaction = if line == 1 { "" } else { "4/0" };
                // `%q` ends it for processes that are no sessions.
                let application = if who == ":@" { "" } else { "[unknown]:" };
                format!("{milliseconds}:{who}:[{number}]:{line}:{code}:{begun}:{transaction}:0:{hex}:{application}")
            }
        }
    }
}

/// What libcurl tells of a request that RDS makes for an IAM login, without any prefix. Seen in logs of RDS for PostgreSQL.
const CURL: &str = "*   Trying 127.0.0.1:1108...\n\
                    * Connected to rdsauthproxy (127.0.0.1) port 1108 (#0)\n\
                    > POST /authenticateRequest HTTP/1.1\n\
                    Host: rdsauthproxy:1108\n\
                    Accept: */*\n\
                    Content-Length: 1812\n\
                    Content-Type: multipart/form-data; boundary=------------------------41deee0aeeae0277\n\
                    \n\
                    * We are completely uploaded and fine\n\
                    * Mark bundle as not supporting multiuse\n\
                    < HTTP/1.1 403 Forbidden\n\
                    < Content-Type: text/html;charset=utf-8\n\
                    < Content-Length: 0\n\
                    < \n\
                    * Connection #0 to host rdsauthproxy left intact\n";

fn postgres(case: &Case, logs: Logs, begun: i64, hour: i64) -> String {
    let prefix = case.prefix(logs);
    let iam = logs == Logs::Disturbed && case.kind != Kind::Prefix;
    let mut text = String::new();
    for (second, client) in sessions(case, hour) {
        let (at, number) = (begun + second, 1000 + second);
        let Client { user, address, port, tls } = client;
        let from = if port == 0 { address.to_owned() } else { format!("{address}({port})") };
        let mark = if tls { " SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)" } else { "" };
        let (nobody, somebody) = (format!("{from}:[unknown]@[unknown]"), format!("{from}:{user}@shop"));
        let mut record = |at: i64, who: &str, line: i64, message: &str| {
            let _ = writeln!(text, "{}LOG:  {message}", prefix.fill(at, who, number, line, "00000"));
        };
        // A socket has no port.
        let from = if port == 0 { address.to_owned() } else { format!("{address} port={port}") };
        record(at, &nobody, 1, &format!("connection received: host={from}"));
        record(at, &somebody, 2, &format!("connection authorized: user={user} database=shop{mark}"));
        // Between two records of another session, and directly behind the one that tells the transport.
        if iam && user == "app" && port == APP.port {
            text += &refused_iam_login(prefix, at);
        }
        let end = format!("disconnection: session time: 0:00:05.020 user={user} database=shop host={address}");
        let end = if port == 0 { end } else { format!("{end} port={port}") };
        let _ = writeln!(text, "{}LOG:  {end}", prefix.fill(at + 5, &somebody, number, 3, "00000"));
    }
    let _ = writeln!(text, "{}LOG:  checkpoint starting: time", prefix.fill(begun + 3_590, ":@", 11, 9, "00000"));
    text
}

/// The records of an IAM login that is refused, and what libcurl writes meanwhile.
fn refused_iam_login(prefix: Prefix, at: i64) -> String {
    let record = |who: &str, line: i64, code: &str, message: &str| {
        format!("{}{message}\n", prefix.fill(at, &format!("10.0.0.66(51066):{who}"), 2_066, line, code))
    };
    let mut text = CURL.to_owned();
    text += &record("[unknown]@[unknown]", 1, "00000", "LOG:  connection received: host=10.0.0.66 port=51066");
    text += CURL;
    text += &record("reader@shop", 2, "00000", "LOG:  pam_authenticate failed: Permission denied");
    text += &record("reader@shop", 3, "28000", "FATAL:  PAM authentication failed for user \"reader\"");
    let file = "/rdsdbdata/config/pg_hba.conf";
    let matched = format!("DETAIL:  Connection matched file \"{file}\" line 13: \"hostssl all +rds_iam all pam\"");
    text + &record("reader@shop", 4, "28000", &matched)
}

/// Records of an audit plugin. What is refused, and what does not speak the protocol, is followed by a `DISCONNECT` of the
/// same connection (run on MariaDB 10.11: samples/mariadb/10.11-usual).
fn audit(case: &Case, logs: Logs, begun: i64, hour: i64) -> String {
    let line = |at: i64, user: &str, address: &str, id: i64, what: &str, code: &str, transport: &str| {
        let time = match case.kind {
            Kind::AuroraAudit => format!("{at}000000"),
            _ => stamp(at, "%Y%m%d %H:%M:%S"),
        };
        let transport = if case.kind == Kind::MysqlAudit { format!(",{transport}") } else { String::new() };
        let database = if what == "FAILED_CONNECT" || user.is_empty() { "" } else { "shop" };
        format!("{time},ip-10-1-2-3,{user},{address},{id},0,{what},{database},,{code}{transport}\n")
    };
    let mut text = String::new();
    let mut id = hour * 100 + 10;
    let mut add = |at: i64, user: &str, address: &str, transport: &str, refused: Option<&str>| {
        id += 1;
        let first = if refused.is_some() { "FAILED_CONNECT" } else { "CONNECT" };
        text += &line(at, user, address, id, first, refused.unwrap_or("0"), transport);
        let ended = if refused.is_some() { at } else { at + 5 };
        text += &line(ended, user, address, id, "DISCONNECT", "0", transport);
    };
    for (second, client) in sessions(case, hour) {
        let at = begun + second;
        let (address, transport) = match client {
            Client { port: 0, .. } => ("localhost", "SOCKET"),
            Client { tls: true, address, .. } => (address, "SSL"),
            Client { address, .. } => (address, "TCP/IP"),
        };
        add(at, client.user, address, transport, None);
        if logs == Logs::Disturbed && client.port == APP.port {
            add(at + 20, "app", "10.0.0.66", "TCP/IP", Some("1045"));
            add(at + 25, "", "10.0.0.77", "UNDEFINED", Some("1158"));
        }
    }
    text
}

/// The listener's log as text, from 12.2 on: a line with the time and its zone, then the records of that second in the
/// time of the server, which RDS's option `Timezone` sets.
fn listener(case: &Case, logs: Logs, begun: i64, hour: i64) -> String {
    let (east, zone) = if logs == Logs::Disturbed { (19_800, "+05:30") } else { (0, "+00:00") };
    let mut text = String::new();
    let mut add = |at: i64, records: &[String]| {
        let _ = writeln!(text, "{}{zone}", stamp(at + east, "%Y-%m-%dT%H:%M:%S.007919"));
        for record in records {
            let _ = writeln!(text, "{} * {record}", stamp(at + east, "%d-%b-%Y %H:%M:%S").to_uppercase());
        }
    };
    for (second, client) in sessions(case, hour) {
        let at = begun + second;
        let update = "service_update * ORCL * 0".to_owned();
        let Client { user, address, port, tls } = client;
        let (address, protocol) = match port {
            0 => ("127.0.0.1", "tcp"),
            _ => (address, if tls { "tcps" } else { "tcp" }),
        };
        let record = format!(
            "(CONNECT_DATA=(SERVICE_NAME=ORCL)(CID=(PROGRAM=shop)(HOST=web-1)(USER={user}))) * \
             (ADDRESS=(PROTOCOL={protocol})(HOST={address})(PORT={})) * establish * ORCL * 0",
            port.max(11_022)
        );
        add(at, &[record, update.clone()]);
        add(at + 7, &[update]);
    }
    // In the last second of the hour, which an agent may cut in two.
    let own = "(CONNECT_DATA=(SERVICE_NAME=ORCL)(CID=(PROGRAM=agent)(HOST=db-1)(USER=rdsdb))) * \
               (ADDRESS=(PROTOCOL=tcp)(HOST=127.0.0.1)(PORT=11022)) * establish * ORCL * 0";
    add(begun + 3_599, &[own.to_owned()]);
    text
}

/// Where logs are read, and which lines are one event where that is CloudWatch Logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Files,
    Export(Joins),
}

fn cases(kinds: &[Kind]) -> impl Iterator<Item = &'static Case> {
    CASES.iter().filter(|case| kinds.contains(&case.kind))
}

/// The fleet of the cases of some kinds.
fn fleet(logs: Logs, source: Source, kinds: &[Kind]) -> Fleet {
    let mut text = format!(
        "account = \"123456789012\"\nregion = \"eu-west-1\"\nnow = \"{}\"\n\
         [[certificate]]\nid = \"rds-ca-rsa2048-g1\"\nvalid_from = \"2021-05-25T22:34:57Z\"\n\
         valid_till = \"2061-05-25T23:34:57Z\"\ndefault = true\n\
         [[option_group]]\nname = \"audited\"\n[option_group.options.MARIADB_AUDIT_PLUGIN]\n\
         SERVER_AUDIT_EVENTS = \"CONNECT\"\n\
         [[option_group]]\nname = \"ssl\"\n[option_group.options.SSL]\n\
         [[parameter_group]]\nname = \"default\"\nfamily = \"default\"\n",
        time(NOW)
    );
    text.extend(cases(kinds).map(|case| case.toml(logs)));
    let mut fleet = Fleet::parse(&text, ".").expect("a fleet");
    for (case, instance) in cases(kinds).zip(&mut fleet.instances) {
        instance.files = case.files(logs);
        let exported = match source {
            Source::Export(joins) => Some(joins),
            // RDS serves no file of this log.
            Source::Files if case.kind == Kind::Listener => Some(Joins::Indented),
            Source::Files => None,
        };
        let Some(joins) = exported else { continue };
        let (log_type, prefix) = match case.kind {
            Kind::Listener => ("listener", "listener/"),
            _ if case.is_postgres() => ("postgresql", "error/"),
            _ => ("audit", "audit/"),
        };
        instance.export_joining(log_type, prefix, joins);
        instance.files.clear();
    }
    fleet
}

impl Case {
    fn parameters(&self, logs: Logs) -> Vec<(&'static str, &'static str)> {
        match self.kind {
            Kind::Prefix | Kind::Iam | Kind::PrefixAndIam => vec![
                ("log_connections", "1"),
                ("log_disconnections", "1"),
                ("log_rotation_age", "360"),
                ("ssl", "1"),
                ("rds.force_ssl", "0"),
                ("log_line_prefix", self.prefix(logs).setting()),
            ],
            Kind::AuroraAudit => vec![
                ("server_audit_logging", "1"),
                ("server_audit_events", "CONNECT"),
                ("require_secure_transport", "OFF"),
                ("general_log", "0"),
            ],
            Kind::MysqlAudit | Kind::MariadbAudit => vec![("require_secure_transport", "OFF"), ("general_log", "0")],
            Kind::Listener => Vec::new(),
        }
    }

    /// The instance as a fleet's TOML has it, with its groups and its cluster.
    fn toml(&self, logs: Logs) -> String {
        let Case { id, engine, version, .. } = self;
        let clustered = engine.starts_with("aurora");
        let mut text = format!(
            "[[engine_version]]\nengine = \"{engine}\"\nversion = \"{version}\"\nrotates_without_restart = false\n\
             [[parameter_group]]\nname = \"{id}\"\nfamily = \"{engine}\"\ncluster = {clustered}\n"
        );
        for (name, value) in self.parameters(logs) {
            let _ = writeln!(text, "[[parameter_group.parameter]]\nname = \"{name}\"\nvalue = \"{value}\"");
        }
        let own = if clustered { "default" } else { id };
        let _ = writeln!(
            text,
            "[[instance]]\nid = \"{id}\"\nengine = \"{engine}\"\nversion = \"{version}\"\nparameter_group = \"{own}\"\n\
             created = \"2020-01-01T00:00:00Z\"\nca = \"rds-ca-rsa2048-g1\"\ncert_valid_till = \"2027-01-30T10:00:00Z\""
        );
        match self.kind {
            Kind::MysqlAudit | Kind::MariadbAudit => text += "option_group = \"audited\"\n",
            Kind::Listener => text += "option_group = \"ssl\"\n",
            _ => {}
        }
        if clustered {
            let _ = write!(
                text,
                "cluster = \"c-{id}\"\n[[cluster]]\nid = \"c-{id}\"\nengine = \"{engine}\"\nversion = \"{version}\"\n\
                 members = [\"{id}\"]\nparameter_group = \"{id}\"\n"
            );
        }
        text
    }
}

fn analyze(logs: Logs, source: Source, kinds: &[Kind]) -> Run {
    let (aws, home) = (FakeAws::start(fleet(logs, source, kinds)), TempDir::new().expect("a folder"));
    let now = time(NOW).to_string();
    Run::of(against(&aws, home.path()).args(["analyze", "--format", "json", "--days", "3", "--now", &now]))
}

/// What must not change of an instance's row, beside the sessions and the gaps.
const VERDICT: &[&str] =
    &["usage", "rotation", "restart", "enforcement", "act_by", "unproven", "not_examined", "commands"];
const CONNECTIONS: &[&str] = &[
    "tls",
    "plaintext",
    "local",
    "unknown",
    "gss",
    "system",
    "by_day",
    "tls_versions",
    "ciphers",
    "tls_share_at_most",
    "unaccounted",
    "oldest_unseen",
    "certificate_rejected_by",
];
const COVERAGE: &[&str] = &["asked", "share", "gaps", "files_failed", "files_mute", "unparsed"];

/// What must not change, by instance.
fn judged(run: &Run) -> BTreeMap<String, Value> {
    let pick = |value: &Value, names: &[&str]| -> Value {
        names.iter().map(|name| ((*name).to_owned(), value[*name].clone())).collect()
    };
    let row = |instance: &Value| {
        let codes = instance["reasons"].as_array().into_iter().flatten().map(|reason| reason["code"].clone());
        json!({
            "verdict": pick(instance, VERDICT),
            "reasons": codes.collect::<Value>(),
            "connections": pick(&instance["connections"], CONNECTIONS),
            "coverage": pick(&instance["coverage"], COVERAGE),
        })
    };
    let report = run.json();
    let instances = report["instances"].as_array().expect("instances").iter();
    instances.map(|instance| (instance["instance"].as_str().expect("a name").to_owned(), row(instance))).collect()
}

/// What of a row is not as it should be.
fn changed(found: &Value, expected: &Value) -> Vec<String> {
    let parts =
        expected.as_object().expect("an object").iter().flat_map(|(part, expected)| match expected.as_object() {
            Some(inner) => {
                inner.iter().map(|(name, value)| (found[part][name].clone(), value, format!("{part} {name}"))).collect()
            }
            None => vec![(found[part].clone(), expected, part.clone())],
        });
    let differ = parts.filter(|(found, expected, _)| found != *expected);
    differ.map(|(found, expected, name)| format!("{name}: {found}, not {expected}")).collect()
}

/// Compares a disturbed fleet with a clean one, of some kinds of instances.
fn compare(source: Source, kinds: &[Kind]) {
    let (clean, disturbed) = (analyze(Logs::Clean, source, kinds), analyze(Logs::Disturbed, source, kinds));
    assert_eq!((clean.status, disturbed.status), (0, 0), "{} {}", clean.err, disturbed.err);
    let (expected, found) = (judged(&clean), judged(&disturbed));
    for case in cases(kinds) {
        let (id, what) = (case.id, format!("{} {source:?}: {}", case.id, disturbed.err));
        // The comparison is of logs that say something.
        let (tls, all) = (u64::from(case.tls), 2 * HOURS as u64 + u64::from(case.tls));
        let sessions = &expected[id]["connections"];
        let untold = matches!(case.kind, Kind::MariadbAudit | Kind::AuroraAudit);
        let due = if untold { [0, 0, all] } else { [tls, all - tls, 0] };
        let due = due.map(Value::from);
        assert_eq!([&sessions["tls"], &sessions["plaintext"], &sessions["unknown"]], due.each_ref(), "clean: {what}");
        assert_eq!(changed(&found[id], &expected[id]), Vec::<String>::new(), "{what}");
        let report = disturbed.json();
        let instances = report["instances"].as_array().expect("instances");
        let row = instances.iter().find(|instance| instance["instance"] == id).expect("the instance");
        if !matches!(case.kind, Kind::Prefix | Kind::Listener) {
            let rejected = row["connections"]["rejected"].as_u64().expect("a number");
            assert!(rejected >= HOURS as u64, "every refused login is seen: {rejected}, {what}");
        }
    }
}

const POSTGRES: &[Kind] = &[Kind::Prefix, Kind::Iam, Kind::PrefixAndIam];
const AUDIT: &[Kind] = &[Kind::MysqlAudit, Kind::MariadbAudit, Kind::AuroraAudit];

#[test]
fn long_prefixes_and_refused_iam_logins_change_nothing_in_log_files() {
    compare(Source::Files, POSTGRES);
}

#[test]
fn long_prefixes_and_refused_iam_logins_change_nothing_in_cloudwatch_logs() {
    // How the lines of libcurl come is not known: as events of their own, or as the end of the record before them.
    compare(Source::Export(Joins::Indented), POSTGRES);
    compare(Source::Export(Joins::Untimed), POSTGRES);
}

#[test]
fn refused_logins_and_port_probes_in_audit_logs_change_nothing() {
    compare(Source::Files, AUDIT);
    compare(Source::Export(Joins::Indented), AUDIT);
}

#[test]
fn the_time_zone_of_oracles_listener_changes_nothing() {
    compare(Source::Export(Joins::Indented), &[Kind::Listener]);
}

/// A log of PostgreSQL whose `log_timezone` is `east` seconds east of UTC, as servers elsewhere than on RDS write it.
fn zoned(east: i64, zone: &str) -> String {
    let case = &CASES[3];
    let begun = NOW - HOUR * HOURS;
    let log: String = (RARE - 4..RARE + 4).map(|hour| case.log(Logs::Disturbed, begun + hour * HOUR, hour)).collect();
    let shifted = |line: &str| {
        let time = line.get(..19).and_then(|stamp| format!("{}T{}Z", &stamp[..10], &stamp[11..]).parse().ok());
        match (time, line.get(19..23)) {
            (Some(time), Some(" UTC")) => {
                let time: Timestamp = time;
                format!("{} {zone}{}\n", stamp(time.as_second() + east, "%Y-%m-%d %H:%M:%S"), &line[23..])
            }
            _ => format!("{line}\n"),
        }
    };
    log.lines().map(shifted).collect()
}

#[test]
fn zones_that_are_numbers_change_nothing_offline() {
    let home = TempDir::new().expect("a folder");
    let scan = |east: i64, zone: &str| {
        let file = home.path().join(format!("postgresql{east}.log"));
        std::fs::write(&file, zoned(east, zone)).expect("a file");
        let run = Run::of(ssl_usage(home.path()).args(["scan", "--format", "json"]).arg(&file));
        let (mut shown, file) = (run.json()["total"].clone(), run.json()["files"][0].clone());
        // Names of zones are not of one length.
        shown.as_object_mut().expect("an object").remove("bytes");
        for time in ["first_at", "last_at"] {
            shown[time] = file[time].clone();
        }
        (run.status, shown)
    };
    let utc = scan(0, "UTC");
    assert_eq!((utc.0, &utc.1["connections"]["tls"], &utc.1["connections"]["plaintext"]), (0, &1.into(), &16.into()));
    // As `%t` prints America/Sao_Paulo, Asia/Kathmandu and Asia/Dubai.
    for (east, zone) in [(-10_800, "-03"), (20_700, "+0545"), (14_400, "+04")] {
        assert_eq!(scan(east, zone), utc, "{zone}");
    }
}
