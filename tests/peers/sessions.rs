//! Sessions of real servers. How many there are, and with what transport, is known from the clients that the tests start.

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::databases::{Database, fleet};
use super::install::skipped;
use crate::command::{Run, against, ssl_usage, wait_until};
use crate::fake_aws::LogFile;
use crate::network::tls::Ca;

/// An address of this machine that is not a loopback address: from there, sessions without TLS are not local.
fn address() -> String {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    socket.connect("192.0.2.1:9").expect("a network interface");
    socket.local_addr().expect("an address").ip().to_string()
}

/// Sessions of a user that stay open until they are dropped.
pub(super) struct Clients(Vec<Child>);

impl Drop for Clients {
    fn drop(&mut self) {
        for client in &mut self.0 {
            let _ = client.kill();
            let _ = client.wait();
        }
    }
}

impl Clients {
    /// So many sessions of the user `app` with and without TLS.
    pub fn connect(database: &Database, (tls, plaintext): (usize, usize)) -> Self {
        let before = open(database);
        let transports = (0..tls).map(|_| true).chain((0..plaintext).map(|_| false));
        let clients = Self(transports.map(|is_tls| client(database, is_tls, "orders\u{1b}[31m")).collect());
        wait_until("the clients", || open(database) == before + tls + plaintext);
        clients
    }
}

/// Sessions of the user `app` that are open, as the server counts them.
fn open(database: &Database) -> usize {
    let query = match database.is_postgres {
        true => "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND state = 'active'",
        false => "SELECT count(*) FROM information_schema.processlist WHERE user = 'app' AND command = 'Query'",
    };
    database.sql(query).trim().parse().expect("a count")
}

fn client(database: &Database, is_tls: bool, application: &str) -> Child {
    let mut command = if database.is_postgres {
        let mode = if is_tls { "require" } else { "disable" };
        let mut command = Command::new("psql");
        command.env("PGPASSWORD", "secret of app").env("PGAPPNAME", application).arg("-X").arg(format!(
            "host={} port={} user=app dbname=postgres sslmode={mode}",
            address(),
            database.port
        ));
        command.args(["-c", "SELECT pg_sleep(600)"]);
        command
    } else {
        let mut command = Command::new("mariadb");
        command.args(["--no-defaults", if is_tls { "--ssl" } else { "--skip-ssl" }, "-uapp", "-psecret of app"]);
        command.args([&format!("-h{}", address()), &format!("-P{}", database.port), "-e", "SELECT sleep(600)"]);
        command
    };
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a client")
}

/// Makes the users: of the clients, and of the probe.
pub(super) fn add_users(database: &Database) {
    for user in ["app", "monitor"] {
        if database.is_postgres {
            database.sql(&format!("CREATE USER {user} PASSWORD 'secret of {user}'"));
        } else {
            database.sql(&format!("CREATE USER {user}@'%' IDENTIFIED BY 'secret of {user}'"));
        }
    }
}

/// A machine from which servers are probed, with a fake AWS in front of one of them.
pub(super) struct Prober {
    pub home: TempDir,
    pub aws: crate::fake_aws::FakeAws,
}

impl Prober {
    pub fn new(database: &Database, ca: &Ca) -> Self {
        let (home, aws) = (TempDir::new().expect("a folder"), fleet(database));
        fs::write(home.path().join("ca.pem"), ca.pem()).expect("a file");
        let prober = Self { home, aws };
        prober.secret("pgpass", "localhost:*:postgres:monitor:secret of monitor\n");
        prober.secret("my.cnf", "[client]\nuser=monitor\npassword=\"secret of monitor\"\n");
        prober
    }

    /// Writes a file with a password.
    fn secret(&self, name: &str, text: &str) {
        let path = self.home.path().join(format!(".{name}"));
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("permissions");
    }

    pub fn bundle(&self) -> std::path::PathBuf {
        self.home.path().join("bundle")
    }

    fn run(&self, options: &[&str]) -> Run {
        let mut command = against(&self.aws, self.home.path());
        command.args(["probe", "--bundle"]).arg(self.bundle());
        if options.contains(&"--sessions") {
            command.arg("--ca-bundle").arg(self.home.path().join("ca.pem"));
        }
        Run::of(command.args(options))
    }

    /// The sessions that a probe lists, as `monitor`.
    pub fn sessions(&self) -> Value {
        let run = self.run(&["--sessions", "--login", "file", "--format", "json"]);
        self.has_no_secret(&run);
        run.json()["sessions"][0].clone()
    }

    /// No password is in what a run prints, or in the bundle.
    fn has_no_secret(&self, run: &Run) {
        assert!(!run.out.contains("secret of") && !run.err.contains("secret of"), "{run:?}");
        fn files(folder: &Path, all: &mut Vec<std::path::PathBuf>) {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() { files(&path, all) } else { all.push(path) }
            }
        }
        let mut all = Vec::new();
        files(&self.bundle(), &mut all);
        for path in all {
            let text = fs::read(&path).expect("a file");
            assert!(!String::from_utf8_lossy(&text).contains("secret of"), "{}", path.display());
        }
    }

    /// The instance in a report of the bundle.
    fn instance(&self) -> Value {
        let mut command = ssl_usage(self.home.path());
        let run = Run::of(command.args(["analyze", "--format", "json", "--from"]).arg(self.bundle()));
        run.json()["instances"][0].clone()
    }
}

pub(super) fn codes(instance: &Value) -> Vec<&str> {
    let reasons = instance["reasons"].as_array().expect("reasons");
    reasons.iter().filter_map(|reason| reason["code"].as_str()).collect()
}

/// Counts by transport.
pub(super) fn counts(sessions: &Value) -> (u64, u64) {
    let count = |name: &str| sessions[name].as_u64().unwrap_or_else(|| panic!("{name}: {sessions:#}"));
    (count("tls"), count("plaintext"))
}

fn servers(ca: &Ca) -> Vec<Database> {
    let postgres = [12, 15, 18].map(|major| Database::postgres(major, ca));
    let others = [Database::mariadb(ca, &["--performance-schema=ON"]), Database::mysql(ca, &[])];
    postgres.into_iter().chain(others).collect()
}

#[test]
fn sessions_are_listed_by_a_user_with_the_privilege_and_unknown_without() {
    if skipped("PostgreSQL, MariaDB and MySQL") {
        return;
    }
    let ca = Ca::new("A private CA");
    for database in servers(&ca) {
        add_users(&database);
        let clients = Clients::connect(&database, (2, 3));
        let prober = Prober::new(&database, &ca);
        // Nobody is seen, and nothing is concluded of that.
        let blind = prober.sessions();
        assert_eq!(blind["gap"]["code"], "no-privilege", "{blind:#}");
        let instance = prober.instance();
        assert!(!codes(&instance).contains(&"no-tls-sessions-open"), "{instance:#}");
        assert!(codes(&instance).contains(&"sample-incomplete"), "{instance:#}");
        for statement in blind["gap"]["fix"].as_array().expect("statements") {
            database.sql(statement.as_str().expect("a statement"));
        }
        let seen = prober.sessions();
        assert_eq!((counts(&seen), &seen["gap"], &seen["failure"]), ((2, 3), &json!(null), &json!(null)), "{seen:#}");
        // The same sessions count once, however often they are listed.
        prober.sessions();
        let instance = prober.instance();
        assert_eq!(counts(&instance["sampled"]), (2, 3), "{:#}", instance["sampled"]);
        assert_eq!(counts(&instance["connections"]), (2, 3), "{:#}", instance["connections"]);
        assert_eq!(instance["usage"], "in_use", "{:#}", instance["reasons"]);
        assert!(codes(&instance).contains(&"tls-sessions-open"), "{:#}", instance["reasons"]);
        if database.is_postgres {
            // The sessions of a role stay when it is dropped.
            database.sql("DROP ROLE app");
            let seen = prober.sessions();
            assert_eq!((counts(&seen), &seen["gap"]), ((2, 3), &json!(null)), "{seen:#}");
        }
        // Escape sequences of a client reach no terminal.
        let table = prober.run(&["--sessions", "--login", "file"]);
        assert!(table.out.contains("Clients with TLS:") && !table.out.contains('\u{1b}'), "{}", table.out);
        drop(clients);
    }
}

/// TLS logins of clients, which come and go.
fn log_in(database: &Database) {
    let mut client = Command::new("mariadb");
    client.args(["--no-defaults", "--ssl", "-uapp", "-psecret of app", &format!("-h{}", address())]);
    let status = client.args([&format!("-P{}", database.port), "-e", "SELECT 1"]).stdout(Stdio::null()).status();
    assert!(status.expect("a client").success());
}

#[test]
fn the_counter_of_handshakes_shows_clients_between_samples_and_resets() {
    if skipped("MariaDB and MySQL") {
        return;
    }
    let ca = Ca::new("A private CA");
    let servers = [
        (Database::mariadb(&ca, &["--performance-schema=ON"]), ["FLUSH SSL", "FLUSH STATUS", "FLUSH LOGS"]),
        (Database::mysql(&ca, &[]), ["ALTER INSTANCE RELOAD TLS"; 3]),
    ];
    for (database, resets) in servers {
        add_users(&database);
        for table in ["threads", "status_by_thread"] {
            database.sql(&format!("GRANT SELECT ON performance_schema.{table} TO monitor@'%'"));
        }
        let (clients, prober) = (Clients::connect(&database, (0, 2)), Prober::new(&database, &ca));
        let quiet = |prober: &Prober| prober.instance()["sampled"]["no_handshakes_in"].as_array().expect("spans").len();
        // Certificates and sessions in one run, sessions alone, and nobody else.
        let both = ["--certificates", "--sessions", "--login", "file"];
        let run = prober.run(&both);
        assert!(run.out.contains("Sessions of 1 instance"), "{run:?}");
        prober.sessions();
        let instance = prober.instance();
        assert_eq!(instance["sampled"]["handshakes"], json!(null), "{:#}", instance["sampled"]);
        assert_eq!(quiet(&prober), 1, "{:#}", instance["sampled"]);
        // A reset covers nothing, whatever is counted after it.
        for reset in resets {
            let before = prober.instance()["sampled"]["no_handshakes_in"][0]["to"].clone();
            database.sql(reset);
            prober.sessions();
            let sampled = prober.instance()["sampled"].clone();
            assert_eq!(
                (&sampled["no_handshakes_in"][0]["to"], &sampled["handshakes"]),
                (&before, &json!(null)),
                "{reset}"
            );
            // Time is covered again between the next two.
            prober.sessions();
        }
        log_in(&database);
        prober.sessions();
        let instance = prober.instance();
        assert_eq!(instance["sampled"]["handshakes"]["count"], 1, "{:#}", instance["sampled"]);
        assert!(codes(&instance).contains(&"tls-handshakes-counted"), "{:#}", instance["reasons"]);
        drop(clients);
    }
}

#[test]
fn what_keeps_a_server_from_listing_its_sessions_is_named() {
    if skipped("PostgreSQL and MariaDB") {
        return;
    }
    let ca = Ca::new("A private CA");
    for database in [Database::postgres(15, &ca), Database::mariadb(&ca, &[])] {
        add_users(&database);
        let prober = Prober::new(&database, &ca);
        let failure = |options: &[&str]| {
            let run = prober.run(&[&["--sessions", "--format", "json"], options].concat());
            prober.has_no_secret(&run);
            assert_eq!(run.status, 3, "{run:?}");
            run.json()["sessions"][0]["failure"]["code"].as_str().map(str::to_owned)
        };
        assert_eq!(failure(&["--login", "env", "--user", "monitor"]).as_deref(), Some("no-credentials"));
        if !database.is_postgres {
            let seen = prober.sessions();
            assert_eq!(seen["gap"]["code"], "performance-schema-off", "{seen:#}");
            assert!(!codes(&prober.instance()).contains(&"no-tls-sessions-open"));
        }
        prober.secret("pgpass", "*:*:*:monitor:secret of another\n");
        prober.secret("my.cnf", "[client]\nuser=monitor\npassword=secret of another\n");
        assert_eq!(failure(&["--login", "file"]).as_deref(), Some("login-rejected"));
        // More failed logins than the server allows failed connections.
        for _ in 0..6 {
            failure(&["--login", "file"]);
        }
        prober.secret("pgpass", "*:*:*:monitor:secret of monitor\n");
        prober.secret("my.cnf", "[client]\nuser=monitor\npassword=secret of monitor\n");
        assert_eq!(prober.sessions()["failure"], json!(null), "the host is not blocked");
        fs::write(prober.home.path().join("ca.pem"), Ca::new("Another CA").pem()).expect("a file");
        assert_eq!(failure(&["--login", "file"]).as_deref(), Some("untrusted"));
        fs::set_permissions(prober.home.path().join(".pgpass"), fs::Permissions::from_mode(0o644))
            .expect("permissions");
        fs::set_permissions(prober.home.path().join(".my.cnf"), fs::Permissions::from_mode(0o644))
            .expect("permissions");
        assert_eq!(failure(&["--login", "file"]).as_deref(), Some("no-credentials"));
    }
}

#[test]
fn the_logins_of_a_probe_in_a_log_are_no_clients_with_tls() {
    if skipped("PostgreSQL and MariaDB") {
        return;
    }
    let ca = Ca::new("A private CA");
    for database in [Database::postgres(18, &ca), Database::mariadb(&ca, &["--performance-schema=ON"])] {
        add_users(&database);
        let prober = Prober::new(&database, &ca);
        for _ in 0..3 {
            prober.sessions();
        }
        let name = if database.is_postgres { "error/postgresql.log" } else { "general/mysql-general.log" };
        let read = || {
            let log = database.home.path().join(if database.is_postgres { "postgresql.log" } else { "general.log" });
            let text = fs::read_to_string(log).expect("a log");
            let now = jiff::Timestamp::now();
            prober.aws.set(|fleet| {
                let instance = fleet.instances.first_mut().expect("an instance");
                instance.files.clear();
                instance.files.insert(name.to_owned(), LogFile::new(text, now.as_millisecond()));
            });
            let mut command = against(&prober.aws, prober.home.path());
            let run = Run::of(command.args(["analyze", "--format", "json", "--bundle"]).arg(prober.bundle()));
            run.json()["instances"][0].clone()
        };
        let instance = read();
        assert!(instance["coverage"]["files"].as_u64() > Some(0), "the log was read: {instance:#}");
        assert_eq!(
            (&instance["connections"]["tls"], &instance["connections"]["rejected"]),
            (&json!(0), &json!(0)),
            "{instance:#}"
        );
        // One that logs in as the probe does, and is none.
        let mut client = if database.is_postgres {
            let mut client = Command::new("psql");
            client.env("PGPASSWORD", "secret of monitor").env("PGAPPNAME", "ssl-usage").args(["-X", "-c", "SELECT 1"]);
            client.arg(format!("host=localhost port={} user=monitor dbname=postgres sslmode=require", database.port));
            client
        } else {
            let mut client = Command::new("mariadb");
            client.args([
                "--no-defaults",
                "--ssl",
                "-umonitor",
                "-psecret of monitor",
                "-h127.0.0.1",
                "-e",
                "SELECT 1",
            ]);
            client.arg(format!("-P{}", database.port));
            client
        };
        assert!(client.stdout(Stdio::null()).status().expect("a client").success());
        assert_eq!(read()["connections"]["tls"], 1, "it counts");
    }
}
