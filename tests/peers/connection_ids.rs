//! Connection IDs of a real MariaDB that does not list its sessions, against those in its audit log.

use std::fs;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::databases::{Database, mariadb_plugins};
use super::install::{run, skipped};
use super::sessions::{Clients, Prober, add_users, codes};
use crate::command::{Run, against, wait_until};
use crate::fake_aws::{LogFile, Metric};
use crate::network::tls::Ca;

/// How much later than it was written a part of the audit log is said to be, and the end of the window: a login that counts comes
/// minutes after the logs begin.
const LATER: SignedDuration = SignedDuration::from_mins(6);

/// A log of the server from where it is said to begin.
struct Log<'d> {
    database: &'d Database,
    file: &'static str,
    begin: usize,
}

impl<'d> Log<'d> {
    /// From now on.
    fn begin(database: &'d Database, file: &'static str) -> Self {
        let length = fs::metadata(database.home.path().join(file)).expect("a log").len();
        Self { database, file, begin: usize::try_from(length).expect("a length") }
    }

    fn text(&self) -> String {
        let text = fs::read_to_string(self.database.home.path().join(self.file)).expect("a log");
        text[self.begin..].to_owned()
    }
}

/// Records of the audit log, said to be later than they were.
fn later(records: &str) -> String {
    const FORM: &str = "%Y%m%d %H:%M:%S";
    let later = |record: &str| {
        let (time, rest) = record.split_at(17);
        let time = jiff::civil::DateTime::strptime(FORM, time).expect("a time");
        format!("{}{rest}\n", (time + LATER).strftime(FORM))
    };
    records.lines().map(later).collect()
}

/// Has RDS count a session that is open in the hours before now.
fn count_a_session(prober: &Prober) {
    prober.aws.set(|fleet| {
        let at = |hours: i64| Timestamp::now() - SignedDuration::from_mins(60 * hours + 1);
        let instance = fleet.instances.first().expect("an instance").id.clone();
        fleet.metrics = vec![Metric {
            of: instance,
            namespace: "AWS/RDS".to_owned(),
            name: "DatabaseConnections".to_owned(),
            samples: (1..8).rev().map(|hours| (at(hours), 1.0)).collect(),
            status: None,
            message: None,
        }];
    });
}

/// The instance in a report of these logs, at the end of a window in which they were written.
fn instance(prober: &Prober, logs: &[(&str, String)]) -> Value {
    let now = Timestamp::now() + LATER + SignedDuration::from_secs(30);
    prober.aws.set(|fleet| {
        let instance = fleet.instances.first_mut().expect("an instance");
        instance.files.clear();
        for (name, text) in logs {
            instance.files.insert((*name).to_owned(), LogFile::new(text.clone(), now.as_millisecond()));
        }
    });
    let mut command = against(&prober.aws, prober.home.path());
    command.args(["analyze", "--format", "json", "--now", &now.to_string(), "--bundle"]).arg(prober.bundle());
    Run::of(&mut command).json()["instances"][0].clone()
}

#[test]
fn an_older_session_is_open_until_no_connection_id_is_as_low() {
    if skipped("MariaDB with its audit plugin") {
        return;
    }
    let ca = Ca::new("A private CA");
    let plugin = mariadb_plugins().join("server_audit.so");
    let options =
        ["--server-audit-logging=ON", "--server-audit-events=CONNECT", "--server-audit-file-path=../audit.log"];
    let folder = tempfile::TempDir::new().expect("a folder");
    run(std::process::Command::new("chmod").arg("755").arg(folder.path())).expect("permissions");
    fs::copy(&plugin, folder.path().join("server_audit.so")).expect("a copy");
    let plugins = [format!("--plugin-dir={}", folder.path().display()), "--plugin-load-add=server_audit".to_owned()];
    let database = Database::mariadb(&ca, &plugins.iter().map(String::as_str).chain(options).collect::<Vec<_>>());
    add_users(&database);
    database.sql("GRANT PROCESS ON *.* TO monitor@'%'");

    let older = Clients::connect(&database, (1, 0));
    let older_id = database.sql("SELECT id FROM information_schema.processlist WHERE user = 'app'").trim().to_owned();
    // From here on, logs are kept. A general log names a second once.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let (general, audit) = (Log::begin(&database, "general.log"), Log::begin(&database, "audit.log"));
    database.sql("SELECT 1");
    let early = audit.text();
    database.sql("SELECT 1");
    let newer = Clients::connect(&database, (0, 1));

    let prober = Prober::new(&database, &ca);
    count_a_session(&prober);
    let logs = || {
        let text = audit.text();
        let audit = early.clone() + &later(&text[early.len()..]);
        [("general/mysql-general.log", general.text()), ("audit/server_audit.log", audit)]
    };
    let is_settled = |prober: &Prober, logs: &[(&str, String)]| {
        let instance = instance(prober, logs);
        let codes = codes(&instance);
        let (open, ended) = (codes.contains(&"older-sessions-open"), codes.contains(&"older-sessions-ended"));
        assert!(open != ended, "{instance:#}");
        ended
    };
    let seen = prober.sessions();
    assert_eq!(seen["gap"]["code"], "performance-schema-off", "{seen:#}");
    assert!(!is_settled(&prober, &logs()), "the older session is open");

    database.sql(&format!("KILL {older_id}"));
    let left = || database.sql("SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'app'");
    wait_until("the end of the older session", || left().trim() == "1");
    database.sql("REVOKE PROCESS ON *.* FROM monitor@'%'");
    prober.sessions();
    assert!(!is_settled(&prober, &logs()), "the probe does not see the sessions of others");
    database.sql("GRANT PROCESS ON *.* TO monitor@'%'");
    prober.sessions();
    assert!(is_settled(&prober, &logs()), "the older session has ended");
    let other = Prober::new(&database, &ca);
    count_a_session(&other);
    other.sessions();
    assert!(!is_settled(&other, &logs()[..1]), "the IDs of the general log do not count");
    drop((older, newer));
}
